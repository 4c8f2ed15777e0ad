"""What becomes of a judged mail: the user's word on its sender counts most, then their preference for its topic."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.preferences.models import Preferences
from outrider.domain.senders.models import Category
from outrider.domain.urgency.models import Outcome
from outrider.domain.urgency.topics import PREFERENCE_OF, TOLD_BY_PREFERENCE, Topic

QUIET: Final = frozenset({Category.KEEP_QUIET, Category.WHY_DID_I_SIGNUP, Category.DONT_TELL_ANYONE})
# Nobody wants to be called for these, whoever sends them.
NEVER_RINGS: Final = frozenset(
    {Kind.AUTO_REPLY, Kind.OUT_OF_OFFICE, Kind.BOUNCE, Kind.DELAY, Kind.RECEIPT, Kind.CHALLENGE, Kind.COMPLAINT}
)
FRESH = timedelta(hours=2)  # what came in longer ago rings no more: nothing ran, or the mailbox is new
SLACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Decision:
    """`is_pressing`: it is urgent by itself, not for its sender alone."""

    outcome: Outcome
    by: str
    is_pressing: bool = False


def decide(topic: Topic, category: Category, wanted: Preferences, kind: Kind, *, is_urgent: bool) -> Decision:
    if kind in NEVER_RINGS:
        return Decision(Outcome.SILENT, f"kind {kind}")
    if category in QUIET:
        return Decision(Outcome.SILENT, f"category {category}")
    if category is Category.CALL_ME:
        return Decision(Outcome.CALL, f"category {category}", is_pressing=is_urgent)
    if is_urgent:
        return _urgent(topic, wanted)
    if category is Category.REMIND_ME:
        return Decision(Outcome.DIGEST, f"category {category}")
    return _quiet(topic, wanted, kind)


def _urgent(topic: Topic, wanted: Preferences) -> Decision:
    """A topic that the user does not want to be called for is told in the digest; one without a preference rings."""
    name = PREFERENCE_OF.get(topic)
    if name is None:
        return Decision(Outcome.CALL, "judgement", is_pressing=True)
    is_wanted = bool(getattr(wanted, name))
    return Decision(Outcome.CALL if is_wanted else Outcome.DIGEST, f"preference {name}", is_pressing=is_wanted)


def _quiet(topic: Topic, wanted: Preferences, kind: Kind) -> Decision:
    if topic is Topic.PROMOTION:
        return Decision(Outcome.SILENT, "judgement")
    if topic in TOLD_BY_PREFERENCE:
        name = PREFERENCE_OF[topic]
        return Decision(Outcome.DIGEST if getattr(wanted, name) else Outcome.SILENT, f"preference {name}")
    return Decision(Outcome.SILENT if kind is Kind.BULK else Outcome.DIGEST, "judgement")


def may_ring(received_at: datetime, connected_at: datetime | None, now: datetime) -> bool:
    """Whether a mail came in just now, into a mailbox that was connected then: a first sync rings for nothing."""
    since = now - FRESH
    return received_at >= (max(since, connected_at - SLACK) if connected_at else since)
