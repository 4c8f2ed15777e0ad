"""Sending by the Gmail API, in the thread a mail belongs to: what a failure means depends on what can have happened."""

import base64
import re
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from http import HTTPStatus

from outrider.core.egress import Answer, EgressBlocked, EgressFailed, EgressUnreached, EgressUnresolved, Limits
from outrider.providers.google_refusal import Refusal
from outrider.providers.mail.answers import object_of
from outrider.providers.mail.gmail_api import LONGEST_WAIT, UNITS, GmailApi, failure_of
from outrider.providers.mail.interface import ConnectFailed, Deadline, Outcome, ReadFailed, Receipt, SendFailed

LIMITS = Limits(read=120, total=180)
MOST_WAITS = 4
# A mailbox that has sent all Google lets it send is told to wait for hours; too many calls, for seconds.
SENDING_LIMIT = timedelta(minutes=10)
_RETRY_AFTER = re.compile(r"Retry after (\d{4}-\d\d-\d\dT[\d:.]+Z)", re.IGNORECASE)
NO_TIME = "There was too little time left to hand the message over."


class GmailSender:
    """A `Sender`. Every send is a request of its own, so that nothing is left behind by one that fails."""

    def __init__(self, api: GmailApi) -> None:
        self._api = api

    async def send(
        self, raw: bytes, *, sender: str, recipient: str, deadline: Deadline, thread_id: str | None = None
    ) -> Receipt:
        # Google sends to whom the header names, and there is no envelope to compare it with.
        if parseaddr(sender)[1] != sender or parseaddr(recipient)[1] != recipient:
            raise SendFailed(Outcome.REFUSED, "The address can't be used.", enhanced="5.1.3")
        body = {"raw": base64.urlsafe_b64encode(raw).decode()}
        for attempt in range(MOST_WAITS):
            if deadline.has_passed():
                raise SendFailed(Outcome.OVERDUE, NO_TIME)
            answer = await self._once({**body, "threadId": thread_id} if thread_id else body)
            if isinstance(answer, Answer):
                return _receipt(answer)
            if answer.status == HTTPStatus.NOT_FOUND and thread_id is not None:
                thread_id = None  # the thread was deleted: the headers still say what this answers
                continue
            if not answer.is_rate or attempt == MOST_WAITS - 1 or _pause(answer) > LONGEST_WAIT:
                raise _failure(answer)
            await self._api.wait_out(attempt, answer.retry_after)
        raise SendFailed(Outcome.DEFERRED, "Google does not take the message.")

    async def _once(self, body: dict[str, str]) -> Answer | Refusal:
        path = "/gmail/v1/users/me/messages/send"
        try:
            return await self._api.once("POST", path, units=UNITS["send"], json=body, limits=LIMITS)
        except (EgressUnreached, EgressUnresolved, EgressBlocked) as error:
            raise SendFailed(Outcome.DEFERRED, error.message) from error
        except EgressFailed as error:
            # The request had left: whether it was understood, nobody knows.
            raise SendFailed(Outcome.UNKNOWN, error.message) from error


def _receipt(answer: Answer) -> Receipt:
    try:
        message = object_of(answer, whose="Google")
        return Receipt(
            f"Gmail took it as message {message['id']} of thread {message['threadId']}.",
            id=str(message["id"]),
            thread_id=str(message["threadId"]),
        )
    except (ReadFailed, LookupError) as error:
        raise SendFailed(Outcome.UNKNOWN, "Google said yes in a way that can't be read.") from error


def _failure(refusal: Refusal) -> SendFailed | ConnectFailed:
    what = f"Google answered {refusal.status}: {refusal.message}"
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SendFailed(Outcome.UNKNOWN, what)
    if refusal.is_rate and _pause(refusal) >= SENDING_LIMIT.total_seconds():
        return SendFailed(Outcome.DEFERRED, what, code=450, enhanced="4.7.28")
    if refusal.is_rate:
        return SendFailed(Outcome.DEFERRED, "Google asks to go slower.", code=451)
    meaning = failure_of(refusal)
    if isinstance(meaning, ConnectFailed):
        return meaning
    return SendFailed(Outcome.REFUSED, what, code=554)


def _pause(refusal: Refusal) -> float:
    """Seconds until Google wants to hear again; of its sending limit it tells in words alone."""
    if found := _RETRY_AFTER.search(refusal.message):
        try:
            return max((datetime.fromisoformat(found[1]) - datetime.now(UTC)).total_seconds(), 0.0)
        except ValueError:
            return SENDING_LIMIT.total_seconds()
    return refusal.retry_after or 0.0
