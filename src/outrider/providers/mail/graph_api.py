"""Calls of Microsoft Graph for one mailbox: tokens renewed once, limits kept and obeyed, errors said so that one can act.

https://learn.microsoft.com/graph/throttling, its limits of the Outlook service, and /graph/errors.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from outrider.core.egress import (
    Answer,
    Egress,
    EgressBlocked,
    EgressFailed,
    EgressTooLarge,
    EgressUnreached,
    EgressUnresolved,
    Limits,
)
from outrider.providers.mail.answers import object_of
from outrider.providers.mail.connecting import words
from outrider.providers.mail.interface import ConnectFailed, GrantedAccount, ReadFailed, Step
from outrider.providers.mail.quota import Quota
from outrider.providers.retries import delay, retry_after

SERVER = "microsoft"
# Of the documented 10,000 requests in ten minutes and four at once, for each app and mailbox: 60 %, and three.
PER_MINUTE, BURST = 570.0, 30.0
AT_ONCE = 3
ATTEMPTS, ATTEMPTS_CUT_OFF = 6, 3
FIRST_WAIT, LONGEST_WAIT = 1.0, 64.0
LIMITS = Limits(read=60, total=120, body=8 * 2**20)
# Ids stay what they are when a message moves: a draft has the same once it lies among the sent mail.
IMMUTABLE = 'IdType="ImmutableId"'
NO_MAILBOX_CODES = frozenset(
    {"MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI", "ErrorMailboxNotEnabledForRESTAPI"}
)
SCOPE_CODES = frozenset({"ErrorAccessDenied", "AccessDenied", "accessDenied", "Authorization_RequestDenied"})
DEAD_CURSOR_CODES = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired", "errorinvalidsyncstatedata"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Microsoft said instead of what was asked for. `retry_after` is in seconds, where it named a time;
    `request_id` is what Microsoft's support asks for.
    """

    status: int
    code: str
    message: str
    request_id: str
    retry_after: float | None = None

    @property
    def is_rate(self) -> bool:
        return self.status == HTTPStatus.TOO_MANY_REQUESTS

    @property
    def is_passing(self) -> bool:
        return self.is_rate or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def is_dead_cursor(self) -> bool:
        return self.status == HTTPStatus.GONE or self.code.lower() in DEAD_CURSOR_CODES

    @property
    def said(self) -> str:
        number = f" (request-id {self.request_id})" if self.request_id else ""
        return f"Microsoft answered {self.status} {self.code}: {self.message}{number}"

    def failure(self) -> ConnectFailed | ReadFailed:
        """What it means for a mailbox."""
        if self.code in NO_MAILBOX_CODES:
            hint = "Sign in with an account whose mailbox is in Microsoft 365 or Outlook.com, or connect it by IMAP."
            return ConnectFailed(Step.FOLDER, SERVER, self.said, hint, is_terminal=True)
        if self.code in SCOPE_CODES or self.status == HTTPStatus.FORBIDDEN:
            hint = "Connect the mailbox again and allow what Microsoft's page lists; an administrator may have to."
            return ConnectFailed(Step.LOGIN, SERVER, self.said, hint, is_terminal=True)
        if self.status == HTTPStatus.UNAUTHORIZED:
            return ConnectFailed(Step.LOGIN, SERVER, self.said, "It is tried again.")
        return ReadFailed(self.said, is_lost=False)


class ApiError(Exception):
    """A call that Microsoft answered with a refusal which waiting did not mend."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.said)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one mailbox may ask in this process, shared by all who do."""

    quota: Quota
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))


class GraphApi:
    """One mailbox's calls. A path is below `base_url`, which ends in the version; a link is followed only there."""

    def __init__(self, egress: Egress, base_url: str, account: GrantedAccount, allowance: Allowance) -> None:
        self._egress, self._base_url, self._account, self._allowance = egress, base_url, account, allowance

    async def read(
        self, path: str, *, params: Mapping[str, str] | None = None, page: int | None = None
    ) -> dict[str, Any]:
        """A GET of something described in JSON; `page` is how much of a list to give at once.

        Raises ApiError, ReadFailed, ConnectFailed.
        """
        headers = {"Prefer": f"{IMMUTABLE}, odata.maxpagesize={page}"} if page else {}
        return object_of(
            await self.patiently("GET", path, params=params, headers=headers, limits=LIMITS), whose="Microsoft"
        )

    async def patiently(self, method: str, path: str, **options: Any) -> Answer:
        """A request that may be repeated. Raises ApiError, ReadFailed, ConnectFailed."""
        options.setdefault("limits", LIMITS)
        cut_off = 0
        for attempt in range(ATTEMPTS):
            try:
                answer = await self.once(method, path, **options)
            except (EgressBlocked, EgressUnresolved, EgressUnreached, EgressTooLarge) as error:
                raise ReadFailed(error.message, is_lost=True) from error
            except EgressFailed as error:
                # A batch is hundreds of requests: one that is cut off must not cost all the others.
                cut_off += 1
                if cut_off == ATTEMPTS_CUT_OFF or attempt == ATTEMPTS - 1:
                    raise ReadFailed(error.message, is_lost=True) from error
                await asyncio.sleep(delay(attempt, None, first=FIRST_WAIT, longest=LONGEST_WAIT))
                continue
            if isinstance(answer, Answer):
                return answer
            is_too_long = (answer.retry_after or 0) > LONGEST_WAIT
            if not answer.is_passing or is_too_long or attempt == ATTEMPTS - 1:
                raise ApiError(answer)
            await self.wait_out(attempt, answer.retry_after)
        raise AssertionError("the last attempt returns or raises")

    async def once(self, method: str, path: str, **options: Any) -> Answer | Refusal:
        """One request; a second one only for a token that Microsoft no longer takes. Raises Egress errors, ConnectFailed."""
        url = self._url(path)
        headers = {"Prefer": IMMUTABLE, **options.pop("headers", {})}
        refused: str | None = None
        while True:
            await self._allowance.quota.take(1)
            token = await self._account.tokens(refused=refused)
            async with self._allowance.room:
                answer = await self._egress.request(
                    method, url, headers={**headers, "Authorization": f"Bearer {token}"}, **options
                )
            if answer.is_success:
                return answer
            refusal = refusal_of(answer.status_code, answer.headers, answer.content)
            if refusal.status != HTTPStatus.UNAUTHORIZED or refused is not None:
                return refusal
            refused = token

    async def wait_out(self, attempt: int, asked: float | None) -> None:
        """Waits as Microsoft asks, else twice as long each time; everybody on this mailbox does."""
        wait = delay(attempt, asked, first=FIRST_WAIT, longest=LONGEST_WAIT)
        await self._allowance.quota.pause(wait)
        await asyncio.sleep(wait)

    def path_of(self, link: str) -> str:
        """What is left of a link to be stored. Raises ReadFailed."""
        return self._url(link).removeprefix(self._base_url)

    def _url(self, path: str) -> str:
        if path.startswith("/"):
            return self._base_url + path
        # The token goes along: nowhere but to Microsoft.
        if not path.startswith(f"{self._base_url}/"):
            raise ReadFailed("Microsoft's answer leads to another server.", is_lost=False)
        return path


def refusal_of(status: int, headers: Mapping[str, str], content: bytes) -> Refusal:
    try:
        error = json.loads(content)["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, LookupError, TypeError):
        code, message = "", ""
    return Refusal(
        status,
        words(code, limit=100),
        words(message) or "no reason given",
        words(headers.get("request-id", ""), limit=60),
        retry_after(headers),
    )
