"""Reading JSON with a token that may have to be renewed: limits obeyed, trouble waited out, refusals told apart.

Google and Microsoft answer in nearly the same form: `{"error": {...}}`, 429 and Retry-After.
"""

import asyncio
import random
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from outrider.core.egress import Answer, Egress, EgressBlocked, EgressFailed, EgressTooLarge, EgressUnresolved, Limits
from outrider.providers.calendar.interface import CalendarFailed, GrantedCalendars
from outrider.providers.mail.interface import ConnectFailed

ATTEMPTS = 4
LONGEST_WAIT = 60.0  # seconds; whoever asks for more is left in peace until the next round
LIMITS = Limits(read=30, total=60, body=16 * 2**20)
_PASSING = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})


class Refused(Exception):
    """What a provider said instead of what was asked for."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class Reader:
    """Reads from one provider, in one account's name. `name` is the provider's, for sentences."""

    def __init__(self, egress: Egress, name: str, base_url: str, account: GrantedCalendars) -> None:
        self._egress, self._name, self._base_url, self._tokens = egress, name, base_url, account.tokens

    async def get(
        self, path: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Returns a JSON object. `path` may be a whole address that the provider gave, but only one of its own.

        Raises Refused, and CalendarFailed where the provider can't be asked.
        """
        url = path if path.startswith(f"{self._base_url}/") else self._base_url + path
        if path != url and not path.startswith("/"):
            raise CalendarFailed(f"{self._name} sends us to an address that is not its own.")
        for attempt in range(ATTEMPTS):
            answer = await self._once(url, params, headers)
            if answer.is_success:
                return self._parsed(answer)
            refused = _refused(answer)
            wait = _wait(answer, refused, attempt)
            if wait is None or wait > LONGEST_WAIT or attempt == ATTEMPTS - 1:
                raise refused
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, url: str, params: Mapping[str, str] | None, headers: Mapping[str, str] | None) -> Answer:
        """One request; a second one only for a token that is no longer taken."""
        token = await self._token()
        answer = await self._send(url, params, headers, token)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            answer = await self._send(url, params, headers, await self._token(refused=token))
        return answer

    async def _send(
        self, url: str, params: Mapping[str, str] | None, headers: Mapping[str, str] | None, token: str
    ) -> Answer:
        try:
            return await self._egress.request(
                "GET",
                url,
                params=params,
                headers={**(headers or {}), "Authorization": f"Bearer {token}"},
                limits=LIMITS,
            )
        except EgressTooLarge as error:
            raise CalendarFailed(f"{self._name} sent more than is accepted here.") from error
        except (EgressBlocked, EgressFailed, EgressUnresolved) as error:
            raise CalendarFailed(error.message) from error

    async def _token(self, *, refused: str | None = None) -> str:
        try:
            return await self._tokens(refused=refused)
        except ConnectFailed as failure:
            raise CalendarFailed(failure.message, failure.hint, is_terminal=failure.is_terminal) from failure

    def _parsed(self, answer: Answer) -> dict[str, Any]:
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise CalendarFailed(f"{self._name}'s answer can't be understood.")
        return body


def _refused(answer: Answer) -> Refused:
    try:
        error = answer.json()["error"]
        listed = [each["reason"] for each in [*error.get("errors", []), *error.get("details", [])] if "reason" in each]
        reason = str(next(iter(listed), error.get("status") or error.get("code", "")))
        return Refused(answer.status_code, reason, str(error.get("message", ""))[:300])
    except (ValueError, LookupError, TypeError, AttributeError):
        return Refused(answer.status_code, "", "no reason given")


def _wait(answer: Answer, refused: Refused, attempt: int) -> float | None:
    """How long to wait before asking again, in seconds; None where that would not help."""
    is_rate = refused.status == HTTPStatus.TOO_MANY_REQUESTS or refused.reason in _PASSING
    if not is_rate and refused.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    asked = answer.headers.get("retry-after", "")
    own = 2.0**attempt * random.uniform(0.5, 1)  # noqa: S311  # spreads load
    return max(float(asked), own) if asked.isascii() and asked.isdigit() else own
