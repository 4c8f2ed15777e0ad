"""What Google's APIs say instead of an answer, in either form they give it.

https://developers.google.com/workspace/gmail/api/guides/handle-errors and google.rpc.ErrorInfo.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from outrider.providers.mail.connecting import words
from outrider.providers.retries import retry_after

RATE_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"})
SPENT_REASONS = frozenset({"dailyLimitExceeded", "quotaExceeded"})
SCOPE_REASONS = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
OFF_REASONS = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Google said instead of what was asked for. `retry_after` is in seconds, where it named a time."""

    status: int
    reason: str
    message: str
    retry_after: float | None = None

    @property
    def is_rate(self) -> bool:
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or (
            self.status == HTTPStatus.FORBIDDEN and self.reason in RATE_REASONS
        )

    @property
    def is_passing(self) -> bool:
        return self.is_rate or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def refusal_of(status: int, headers: Mapping[str, str], content: bytes) -> Refusal:
    """Reads an error in either form Google gives: `error.errors[].reason` or `error.status` with details."""
    try:
        error = json.loads(content)["error"]
        error = error if isinstance(error, dict) else {"message": str(error)}
    except (ValueError, LookupError, TypeError):
        error = {}
    listed = [each for each in error.get("errors") or [] if isinstance(each, dict)]
    details = [each for each in error.get("details") or [] if isinstance(each, dict)]
    reasons = [str(each["reason"]) for each in [*listed, *details] if each.get("reason")]
    reason = next(iter(reasons), str(error.get("status", "")))
    message = words(str(error.get("message", ""))) or "no reason given"
    return Refusal(status, reason, message, retry_after(headers))
