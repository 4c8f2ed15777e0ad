"""When a mailbox's returns are too many, and when an address has failed too often: calculations only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

PERIOD = timedelta(days=7)
# Under this many mails one bad answer says nothing.
LEAST = 100
# Shares of the mails sent. Google asks for complaints under 0.1 % and never 0.3 % (support.google.com/a/answer/81126).
BOUNCES = {"watch": 0.02, "burning": 0.05}
COMPLAINTS = {"watch": 0.001, "burning": 0.003}
# An address whose mail came back this often, over more than that time, is given up: one bad day of its server is not
# enough.
RETURNS, RETURNS_WITHIN, RETURNS_APART = 5, timedelta(weeks=13), timedelta(weeks=1)


class Health(StrEnum):
    GOOD = "good"
    WATCH = "watch"
    BURNING = "burning"


@dataclass(frozen=True, slots=True)
class Returns:
    """What became of a mailbox's mails in the last seven days."""

    sent: int
    bounces: int
    complaints: int

    @property
    def health(self) -> Health:
        if self.sent < LEAST:
            return Health.GOOD
        bounced, complained = self.bounces / self.sent, self.complaints / self.sent
        if bounced >= BOUNCES["burning"] or complained >= COMPLAINTS["burning"]:
            return Health.BURNING
        is_watched = bounced >= BOUNCES["watch"] or complained >= COMPLAINTS["watch"]
        return Health.WATCH if is_watched else Health.GOOD

    def __str__(self) -> str:
        return (
            f"of {self.sent} mails in seven days {self.bounces} bounced ({self.bounces / max(self.sent, 1):.1%}) and"
            f" {self.complaints} were reported as unwanted ({self.complaints / max(self.sent, 1):.2%})"
        )


def is_given_up(returns: Sequence[datetime]) -> bool:
    """Whether mail to an address came back too often; `returns` are the moments of it, in any order."""
    if len(returns) < RETURNS:
        return False
    return max(returns) - min(returns) > RETURNS_APART
