"""Calls of the Gmail API: tokens renewed once where they are refused, limits obeyed, errors said so that one can act.

https://developers.google.com/workspace/gmail/api/guides/handle-errors and its usage limits.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from outrider.core.egress import Answer, Egress, EgressBlocked, EgressFailed, EgressUnresolved, Limits
from outrider.providers.google_refusal import OFF_REASONS, SCOPE_REASONS, Refusal, refusal_of
from outrider.providers.mail.answers import object_of
from outrider.providers.mail.interface import ConnectFailed, GrantedAccount, ReadFailed, Step
from outrider.providers.mail.quota import Quota
from outrider.providers.retries import delay

SERVER = "google"
# Units of the documented quota: 15,000 a minute for each user. Together these are 60 % of it in any minute.
PER_MINUTE, BURST = 8_700, 300
UNITS = {"get": 5, "list": 5, "history": 2, "profile": 1, "labels": 1, "watch": 100, "send": 100}
ATTEMPTS = 6
FIRST_WAIT, LONGEST_WAIT = 1.0, 64.0
LIMITS = Limits(read=60, total=120, body=4 * 2**20)


class ApiError(Exception):
    """A call that Google answered with a refusal which waiting did not mend."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class GmailApi:
    """One mailbox's calls."""

    def __init__(self, egress: Egress, base_url: str, account: GrantedAccount, quota: Quota) -> None:
        self._egress, self._base_url, self._account, self._quota = egress, base_url, account, quota
        self._token = ""

    async def read(
        self, path: str, *, units: int, params: Mapping[str, str] | None = None, limits: Limits = LIMITS
    ) -> dict[str, Any]:
        """A GET of the user's own resources. Raises ApiError, ReadFailed, ConnectFailed."""
        answer = await self._patiently("GET", f"/gmail/v1/users/me/{path}", units=units, params=params, limits=limits)
        return object_of(answer, whose="Google")

    async def write(self, path: str, body: Mapping[str, Any], *, units: int) -> dict[str, Any]:
        """A POST that may be repeated."""
        answer = await self._patiently("POST", f"/gmail/v1/users/me/{path}", units=units, json=body)
        return object_of(answer, whose="Google")

    async def batch(self, content: bytes, content_type: str, *, units: int, limits: Limits) -> Answer:
        """A batch of reads; the refusals of its parts are the caller's."""
        headers = {"Content-Type": content_type}
        return await self._patiently(
            "POST", "/batch/gmail/v1", units=units, content=content, headers=headers, limits=limits
        )

    async def once(self, method: str, path: str, *, units: int, **options: Any) -> Answer | Refusal:
        """One request; a second one only for a token that Google no longer takes. Raises Egress errors, ConnectFailed."""
        refused: str | None = None
        headers = options.pop("headers", {})
        while True:
            await self._quota.take(units)
            token = self._token = await self._account.tokens(refused=refused)
            answer = await self._egress.request(
                method, self._base_url + path, headers={**headers, "Authorization": f"Bearer {token}"}, **options
            )
            if answer.is_success:
                return answer
            refusal = refusal_of(answer.status_code, answer.headers, answer.content)
            if refusal.status != HTTPStatus.UNAUTHORIZED or refused is not None:
                return refusal
            refused = token

    async def renew(self) -> None:
        """Has the last token renewed: parts of a batch were refused for it."""
        await self._account.tokens(refused=self._token)

    async def wait_out(self, attempt: int, retry_after: float | None) -> None:
        """Waits as Google asks, else twice as long each time; everybody on this mailbox does."""
        wait = delay(attempt, retry_after, first=FIRST_WAIT, longest=LONGEST_WAIT)
        await self._quota.pause(wait)
        await asyncio.sleep(wait)

    async def _patiently(self, method: str, path: str, *, units: int, **options: Any) -> Answer:
        options.setdefault("limits", LIMITS)
        for attempt in range(ATTEMPTS):
            try:
                answer = await self.once(method, path, units=units, **options)
            except (EgressBlocked, EgressUnresolved, EgressFailed) as error:
                raise reaching_failed(error) from error
            if isinstance(answer, Answer):
                return answer
            is_too_long = (answer.retry_after or 0) > LONGEST_WAIT
            if not answer.is_passing or is_too_long or attempt == ATTEMPTS - 1:
                raise ApiError(answer)
            await self.wait_out(attempt, answer.retry_after)
        raise AssertionError("the last attempt returns or raises")


def reaching_failed(error: EgressBlocked | EgressUnresolved | EgressFailed) -> ReadFailed:
    return ReadFailed(error.message, is_lost=True)


def failure_of(refusal: Refusal) -> ConnectFailed | ReadFailed:
    """What a refusal means for a mailbox."""
    if refusal.reason in SCOPE_REASONS:
        hint = "Connect the mailbox again and leave both boxes ticked on Google's page."
        return ConnectFailed(Step.LOGIN, SERVER, "The permission does not reach far enough.", hint, is_terminal=True)
    if refusal.reason in OFF_REASONS:
        hint = "The operator has to switch the Gmail API on in this server's Google project."
        return ConnectFailed(Step.LOGIN, SERVER, "The Gmail API is switched off.", hint)
    if refusal.reason == "domainPolicy":
        hint = "The administrator of the Google Workspace has to allow this server as an app."
        return ConnectFailed(Step.LOGIN, SERVER, "The domain's rules forbid it.", hint, is_terminal=True)
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        return ConnectFailed(Step.LOGIN, SERVER, "Google refuses a token it has just made.", "It is tried again.")
    return ReadFailed(f"Google answered {refusal.status}: {refusal.message}", is_lost=False)
