"""Sending by Microsoft Graph: written down as a draft first, then sent, so that a try that was cut off is gone on with.

https://learn.microsoft.com/graph/outlook-send-mime-message and /graph/outlook-immutable-id: what is sent keeps its draft's
id. A draft is no mail yet: everything before the last request may be repeated.
"""

import base64
from email.utils import parseaddr
from http import HTTPStatus
from typing import Any

from outrider.core.egress import (
    Answer,
    EgressBlocked,
    EgressFailed,
    EgressUnreached,
    EgressUnresolved,
    Limits,
)
from outrider.providers.mail.answers import malformed, object_of
from outrider.providers.mail.graph_api import LONGEST_WAIT, SERVER, ApiError, GraphApi, Refusal
from outrider.providers.mail.graph_sent import look, message_id_of, receipt_of
from outrider.providers.mail.interface import ConnectFailed, Deadline, Outcome, ReadFailed, Receipt, SendFailed, Step

LIMITS = Limits(read=120, total=180)
MOST_WAITS = 4
NO_TIME = "There was too little time left to hand the message over."
# (code of Microsoft's, outcome, SMTP's reply code and enhanced code for the same)
MEANINGS = {
    "ErrorSendAsDenied": (Outcome.REFUSED, 550, "5.7.60"),
    "ErrorInvalidRecipients": (Outcome.REFUSED, 550, "5.1.3"),
    "ErrorMessageSizeExceeded": (Outcome.REFUSED, 552, "5.3.4"),
    "ErrorMessageSubmissionBlocked": (Outcome.DEFERRED, 450, "4.7.28"),
    "ErrorExceededMessageLimit": (Outcome.DEFERRED, 450, "4.7.28"),
    "ErrorSubmissionQuotaExceeded": (Outcome.DEFERRED, 450, "4.7.28"),
}
FULL_CODES = frozenset({"ErrorQuotaExceeded", "ErrorMailboxFull"})


class GraphSender:
    """A `Sender`. Every send is requests of its own, so that nothing is left behind by one that fails."""

    def __init__(self, api: GraphApi) -> None:
        self._api = api

    async def send(
        self, raw: bytes, *, sender: str, recipient: str, deadline: Deadline, thread_id: str | None = None
    ) -> Receipt:
        # Microsoft sends to whom the header names, and puts it into the conversation that the header names.
        if parseaddr(sender)[1] != sender or parseaddr(recipient)[1] != recipient:
            raise SendFailed(Outcome.REFUSED, "The address can't be used.", enhanced="5.1.3")
        _check(deadline)
        message_id = message_id_of(raw)
        try:
            seen = await look(self._api, message_id)
            if seen.sent is not None:  # by an earlier try, which did not hear of it
                return seen.sent
            draft = seen.draft or await self._written(raw, message_id, deadline)
        except ApiError as error:
            raise _failure(error.refusal) from error
        except ReadFailed as error:
            raise SendFailed(Outcome.DEFERRED, error.message, code=None if error.is_lost else 451) from error
        await self._given_away(draft, deadline)
        return draft

    async def _written(self, raw: bytes, message_id: str, deadline: Deadline) -> Receipt:
        """Writes a draft. One that is written without our hearing of it is found by the next try."""
        answer = await self._post(
            "/me/messages", deadline, headers={"Content-Type": "text/plain"}, content=base64.b64encode(raw)
        )
        message = object_of(answer, whose="Microsoft")
        try:
            draft, kept = receipt_of(message), message["internetMessageId"]
            if kept != message_id:  # answers name it, and by it we find out what became of a mail
                change = {"internetMessageId": message_id}
                changed = await self._api.patiently("PATCH", f"/me/messages/{draft.id}", json=change)
                kept = object_of(changed, whose="Microsoft")["internetMessageId"]
        except LookupError as error:
            raise malformed("Microsoft") from error
        if kept != message_id:
            await self._thrown_away(draft)
            raise SendFailed(Outcome.REFUSED, "Microsoft does not keep the mail's Message-ID.", code=554)
        return draft

    async def _given_away(self, draft: Receipt, deadline: Deadline) -> None:
        try:
            await self._post(f"/me/messages/{draft.id}/send", deadline, is_given_away=True)
        except SendFailed as failure:
            if failure.outcome is Outcome.REFUSED:
                await self._thrown_away(draft)
            raise

    async def _post(self, path: str, deadline: Deadline, *, is_given_away: bool = False, **options: Any) -> Answer:
        """One request that counts, asked again only where Microsoft did not listen."""
        for attempt in range(MOST_WAITS):
            _check(deadline)
            answer = await self._once(path, is_given_away=is_given_away, **options)
            if isinstance(answer, Answer):
                return answer
            is_too_long = (answer.retry_after or 0) > LONGEST_WAIT
            if not answer.is_rate or attempt == MOST_WAITS - 1 or is_too_long:
                raise _failure(answer, is_given_away=is_given_away)
            await self._api.wait_out(attempt, answer.retry_after)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, path: str, *, is_given_away: bool, **options: Any) -> Answer | Refusal:
        try:
            return await self._api.once("POST", path, limits=LIMITS, **options)
        except (EgressUnreached, EgressUnresolved, EgressBlocked) as error:
            raise SendFailed(Outcome.DEFERRED, error.message) from error
        except EgressFailed as error:
            # The request had left: whether it was understood, nobody knows.
            raise SendFailed(Outcome.UNKNOWN if is_given_away else Outcome.DEFERRED, error.message) from error

    async def _thrown_away(self, draft: Receipt) -> None:
        """What will never be sent is not left among the owner's drafts, as far as that can be done."""
        try:
            await self._api.patiently("DELETE", f"/me/messages/{draft.id}")
        except (ApiError, ReadFailed, ConnectFailed):
            return  # it is only untidy


def _check(deadline: Deadline) -> None:
    if deadline.has_passed():
        raise SendFailed(Outcome.OVERDUE, NO_TIME)


def _failure(refusal: Refusal, *, is_given_away: bool = False) -> SendFailed | ConnectFailed:
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR and refusal.code not in FULL_CODES:
        return SendFailed(Outcome.UNKNOWN if is_given_away else Outcome.DEFERRED, refusal.said, code=451)
    if refusal.code in FULL_CODES:
        hint = "Make room in it; what waits is sent then."
        return ConnectFailed(Step.SEND, SERVER, f"The mailbox is full. {refusal.said}", hint)
    if refusal.code in MEANINGS:
        outcome, code, enhanced = MEANINGS[refusal.code]
        return SendFailed(outcome, refusal.said, code=code, enhanced=enhanced)
    if refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return SendFailed(Outcome.REFUSED, refusal.said, code=552, enhanced="5.3.4")
    if refusal.is_rate or refusal.status == HTTPStatus.NOT_FOUND:
        # Told to go slower; or the draft was thrown away before it was sent.
        return SendFailed(Outcome.DEFERRED, refusal.said, code=451)
    meaning = refusal.failure()
    return meaning if isinstance(meaning, ConnectFailed) else SendFailed(Outcome.REFUSED, refusal.said, code=554)
