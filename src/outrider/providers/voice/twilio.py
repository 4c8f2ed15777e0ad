"""Calls carried by Twilio (https://www.twilio.com/docs/voice/api/call-resource), over the guarded client.

Placing a call has no idempotency key: where the answer is lost, whoever placed it looks for it before placing another.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from outrider.core.egress import (
    Answer,
    Egress,
    EgressBlocked,
    EgressFailed,
    EgressUnreached,
    EgressUnresolved,
    Limits,
)
from outrider.providers.voice import twiml
from outrider.providers.voice.interface import (
    AnsweredBy,
    CallFailed,
    Dial,
    NotGenuine,
    Outcome,
    Placed,
    Status,
    Step,
    Update,
)
from outrider.providers.voice.twilio_signature import HEADER, is_genuine
from outrider.providers.voice.twiml import asked_again

MEDIA_TYPE = twiml.MEDIA_TYPE
MOST_LOOKED_AT = 50
_EVENTS = ("initiated", "ringing", "answered", "completed")
_LIMITS = Limits(read=15, total=20, body=512 * 2**10)
_STATUSES = {"initiated": Status.QUEUED, "queued": Status.QUEUED, "answered": Status.IN_PROGRESS}
_ANSWERED_BY = {
    "human": AnsweredBy.PERSON,
    "machine_start": AnsweredBy.MACHINE,
    "machine_end_beep": AnsweredBy.BEEP,
    "machine_end_silence": AnsweredBy.BEEP,
    "machine_end_other": AnsweredBy.BEEP,
    "fax": AnsweredBy.MACHINE,
    "unknown": AnsweredBy.UNKNOWN,
}
# https://www.twilio.com/docs/api/errors: what only somebody can mend, and how.
_HINTS = {
    20003: "Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.",
    21211: "Check the number to call.",
    21212: "Check TWILIO_PHONE_NUMBER: it must be a number of this account.",
    21210: "Verify TWILIO_PHONE_NUMBER at Twilio, or use a number of this account.",
    21214: "The number to call can't be reached.",
    21215: "Allow calls to this country in Twilio's geographic permissions.",
    21219: "A trial account calls verified numbers alone.",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    account: str
    token: str = field(repr=False)


class Twilio:
    """A `Carrier`."""

    def __init__(self, egress: Egress, base_url: str, credentials: Credentials) -> None:
        self._egress, self._credentials = egress, credentials
        self._calls = f"{base_url}/2010-04-01/Accounts/{credentials.account}/Calls"

    async def place(self, dial: Dial) -> Placed:
        form = [
            ("To", dial.to),
            ("From", dial.sender),
            ("Url", asked_again(dial.script_url)),
            ("Method", "POST"),
            ("StatusCallback", asked_again(dial.status_url)),
            ("StatusCallbackMethod", "POST"),
            *(("StatusCallbackEvent", each) for each in _EVENTS),
            ("Timeout", str(dial.rings)),
            ("TimeLimit", str(dial.longest)),
            # The script is asked for once it is known who answered: a machine is spoken to after its beep.
            *([("MachineDetection", "DetectMessageEnd")] if dial.detects_machines else []),
        ]
        return _placed(await self._write(f"{self._calls}.json", form))

    async def find(self, *, to: str, sender: str, since: datetime) -> list[Placed]:
        asked = {"To": to, "From": sender, "StartTime>": f"{since.astimezone(UTC):%Y-%m-%d}"}
        answer = await self._read(f"{self._calls}.json", {**asked, "PageSize": str(MOST_LOOKED_AT)})
        if not answer.is_success:
            raise _failure(answer, placing=False)
        found = [_placed(each) for each in _parsed(answer).get("calls", [])]
        # Twilio takes a day, not a moment; a call that has not begun yet has no time.
        return [each for each in found if each.placed_at is None or each.placed_at >= since]

    async def look_up(self, call_id: str) -> Placed | None:
        answer = await self._read(f"{self._calls}/{call_id}.json", {})
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if not answer.is_success:
            raise _failure(answer, placing=False)
        return _placed(_parsed(answer))

    async def hang_up(self, call_id: str) -> None:
        try:
            await self._write(f"{self._calls}/{call_id}.json", [("Status", "completed")])
        except CallFailed as failure:
            if failure.code != "21220":  # it had ended before
                raise

    def read(self, url: str, form: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> Update:
        signature = next((value for name, value in headers.items() if name.lower() == HEADER), "")
        if not is_genuine(self._credentials.token, url, form, signature):
            raise NotGenuine
        told = dict(form)
        if told.get("AccountSid") != self._credentials.account or not told.get("CallSid"):
            raise NotGenuine
        return Update(
            id=told["CallSid"],
            status=_status(told.get("CallStatus", "")),
            sequence=_number(told.get("SequenceNumber")),
            answered_by=_ANSWERED_BY.get(told["AnsweredBy"], AnsweredBy.UNKNOWN) if "AnsweredBy" in told else None,
            keys=told.get("Digits"),
            duration=_number(told.get("CallDuration")),
        )

    def script(self, steps: Sequence[Step]) -> bytes:
        return twiml.written(steps)

    async def _read(self, url: str, params: Mapping[str, str]) -> Answer:
        try:
            return await self._egress.request("GET", url, params=params, headers=self._headers(), limits=_LIMITS)
        except (EgressBlocked, EgressFailed, EgressUnresolved) as error:
            raise CallFailed(Outcome.DEFERRED, error.message) from error

    async def _write(self, url: str, form: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
        headers = {**self._headers(), "Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = await self._egress.request("POST", url, headers=headers, content=urlencode(form), limits=_LIMITS)
        except (EgressUnreached, EgressBlocked, EgressUnresolved) as error:
            raise CallFailed(Outcome.DEFERRED, error.message) from error
        except EgressFailed as error:  # Twilio had been reached: it may have done what it was asked
            raise CallFailed(Outcome.UNKNOWN, error.message) from error
        if not answer.is_success:
            raise _failure(answer, placing=True)
        return _parsed(answer)

    def _headers(self) -> dict[str, str]:
        pair = f"{self._credentials.account}:{self._credentials.token}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "Accept": "application/json"}


def _failure(answer: Answer, *, placing: bool) -> CallFailed:
    try:
        told = answer.json()
        code, message = int(told.get("code") or 0), str(told.get("message") or "")[:300]
    except (ValueError, AttributeError, TypeError):
        code, message = 0, ""
    status = answer.status_code
    words = f"Twilio answered {status}: {message or 'no reason given'}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return CallFailed(Outcome.DEFERRED, words, code=str(code or ""))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return CallFailed(Outcome.UNKNOWN if placing else Outcome.DEFERRED, words, code=str(code or ""))
    return CallFailed(Outcome.REFUSED, words, _HINTS.get(code, ""), code=str(code or ""))


def _parsed(answer: Answer) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise CallFailed(Outcome.UNKNOWN, "Twilio's answer can't be understood.")
    return body


def _placed(told: Mapping[str, Any]) -> Placed:
    call_id = told.get("sid")
    if not isinstance(call_id, str):
        raise CallFailed(Outcome.UNKNOWN, "Twilio's answer names no call.")
    begun = told.get("start_time") or told.get("date_created")
    return Placed(call_id, _status(str(told.get("status"))), _moment(begun), _number(told.get("duration")))


def _status(word: str) -> Status:
    return _STATUSES[word] if word in _STATUSES else Status(word) if word in set(Status) else Status.FAILED


def _moment(value: object) -> datetime | None:
    """Twilio writes times as mail does (RFC 2822)."""
    try:
        return parsedate_to_datetime(str(value)) if value else None
    except (ValueError, TypeError):
        return None


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004
