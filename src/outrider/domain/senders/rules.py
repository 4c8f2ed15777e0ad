"""From many mails to one sender, and from a sender to what is proposed for them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.senders.models import Category, Sender

KNOWN_WELL = 3  # mails that the user wrote to somebody they know well
ENOUGH_CHOICES = 3  # before a kind of sender has a habit
AGREEING = 0.7
# Of these domains everybody has an address: neighbours there say nothing of one another.
FREE_MAIL = frozenset(
    {
        "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "ymail.com",
        "icloud.com", "me.com", "mac.com", "aol.com", "gmx.de", "gmx.net", "web.de", "t-online.de", "proton.me",
        "protonmail.com", "mail.ru", "yandex.ru", "qq.com", "163.com", "126.com", "orange.fr", "free.fr", "laposte.net",
        "libero.it", "wp.pl", "onet.pl", "ziggo.nl", "kpnmail.nl", "fastmail.com", "hey.com", "zoho.com",
    }
)  # fmt: skip
USUAL = {
    SenderType.PERSONAL: (Category.REMIND_ME, "A person writes to you."),
    SenderType.MEETING: (Category.REMIND_ME, "It is about meetings."),
    SenderType.TOOL: (Category.KEEP_QUIET, "A service tells of itself."),
    SenderType.NEWSLETTER: (Category.KEEP_QUIET, "It is a periodical."),
    SenderType.PROMOTIONAL: (Category.WHY_DID_I_SIGNUP, "It wants to sell something."),
}


@dataclass(frozen=True, slots=True)
class Habits:
    """What the user chose lately, by domain and by kind of sender."""

    by_domain: Mapping[str, Counter[Category]]
    by_type: Mapping[SenderType, Counter[Category]]


@dataclass(frozen=True, slots=True)
class Proposal:
    category: Category
    reasons: tuple[str, ...]


def type_of(votes: Mapping[str, int], *, sent: int, latest: SenderType) -> SenderType:
    """The kind that most mails show, the latest where they tie; whom the user writes to is a person or a meeting."""
    if sent and votes.get(SenderType.PERSONAL):
        return SenderType.PERSONAL
    most = max(votes.values(), default=0)
    first = [SenderType(each) for each, count in votes.items() if count == most]
    return latest if latest in first or not first else first[0]


def propose(sender: Sender, habits: Habits) -> Proposal:
    """What the user would probably choose, and why: their own choices count more than what is usual."""
    told = (f"{sender.sender_type.value}: {'; '.join(sender.type_reasons)}".rstrip(": "),)
    if sender.domain not in FREE_MAIL and (same := habits.by_domain.get(sender.domain)):
        category, count = same.most_common(1)[0]
        if count >= AGREEING * same.total():
            return Proposal(category, (f"You chose {category} for {count} other at {sender.domain}.",))
    kind = habits.by_type.get(sender.sender_type, Counter())
    if kind.total() >= ENOUGH_CHOICES:
        category, count = kind.most_common(1)[0]
        if count >= AGREEING * kind.total():
            chosen = f"You chose {category} for {count} of {kind.total()} senders of this kind."
            return Proposal(category, (chosen, *told))
    if sender.sender_type is SenderType.PERSONAL and sender.sent_count >= KNOWN_WELL:
        return Proposal(Category.CALL_ME, (f"You wrote to them {sender.sent_count} times.", *told))
    category, why = USUAL[sender.sender_type]
    return Proposal(category, (why, *told))
