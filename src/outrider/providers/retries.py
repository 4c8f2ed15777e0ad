"""How long to wait before asking a provider again: what it says, else twice as long each time."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_RETRY_AFTER = 7 * 24 * 3600


def delay(attempt: int, retry_after: float | None, *, first: float, longest: float) -> float:
    """Seconds to wait after an attempt, the first being 0; never less than the provider asked for."""
    backoff = min(first * 2.0**attempt, longest) * random.uniform(0.75, 1.25)  # noqa: S311  # spreads load
    return max(backoff, retry_after or 0.0)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Reads `retry-after` (RFC 9110 10.2.3) in seconds, from headers with lower-case names."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(min(int(value), LONGEST_RETRY_AFTER))
    try:
        at: datetime = parsedate_to_datetime(value)
        return max((at - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None
