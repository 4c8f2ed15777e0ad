"""From many mails to one kind of sender, and to what is proposed."""

from collections import Counter
from typing import Any

import pytest

from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.senders.models import Category, Sender
from outrider.domain.senders.rules import Habits, propose, type_of

NONE = Habits({}, {})


def sender(**values: Any) -> Sender:
    given = {"email": "x@shop.test", "domain": "shop.test", "sender_type": SenderType.TOOL, "sent_count": 0}
    return Sender(**{**given, "type_reasons": ["A sign."], **values})


@pytest.mark.parametrize(
    ("votes", "sent", "found"),
    [
        ({"tool": 3, "promotional": 1}, 0, SenderType.TOOL),
        ({"tool": 1, "promotional": 1}, 0, SenderType.PROMOTIONAL),
        ({"tool": 3, "personal": 1}, 2, SenderType.PERSONAL),
        ({"tool": 3}, 2, SenderType.TOOL),
        ({}, 1, SenderType.PROMOTIONAL),
    ],
    ids=["most", "tie", "written to", "written to a machine", "no mail yet"],
)
def test_a_sender_is_what_most_of_its_mail_shows(votes: dict[str, int], sent: int, found: SenderType) -> None:
    assert type_of(votes, sent=sent, latest=SenderType.PROMOTIONAL) is found


@pytest.mark.parametrize(
    ("kind", "category"),
    [
        (SenderType.PERSONAL, Category.REMIND_ME), (SenderType.MEETING, Category.REMIND_ME),
        (SenderType.TOOL, Category.KEEP_QUIET), (SenderType.NEWSLETTER, Category.KEEP_QUIET),
        (SenderType.PROMOTIONAL, Category.WHY_DID_I_SIGNUP),
    ],
)  # fmt: skip
def test_with_no_choices_yet_the_usual_is_proposed_and_says_why(kind: SenderType, category: Category) -> None:
    proposed = propose(sender(sender_type=kind), NONE)
    assert (proposed.category, len(proposed.reasons)) == (category, 2)


def test_whom_the_user_often_writes_to_may_call() -> None:
    proposed = propose(sender(sender_type=SenderType.PERSONAL, sent_count=5), NONE)
    assert (proposed.category, "5 times" in proposed.reasons[0]) == (Category.CALL_ME, True)


def test_own_choices_count_more_than_the_usual_and_the_same_house_most() -> None:
    habits = Habits(
        {"shop.test": Counter({Category.DONT_TELL_ANYONE: 2})},
        {SenderType.TOOL: Counter({Category.REMIND_ME: 4, Category.KEEP_QUIET: 1})},
    )
    assert propose(sender(), habits).category is Category.DONT_TELL_ANYONE
    assert propose(sender(domain="other.test"), habits).category is Category.REMIND_ME
    assert (
        propose(sender(domain="other.test", sender_type=SenderType.NEWSLETTER), habits).category is Category.KEEP_QUIET
    )


def test_neighbours_at_a_free_mail_provider_say_nothing_of_each_other() -> None:
    habits = Habits({"gmail.com": Counter({Category.DONT_TELL_ANYONE: 9})}, {})
    assert propose(sender(domain="gmail.com"), habits).category is Category.KEEP_QUIET


def test_a_habit_that_is_none_changes_nothing() -> None:
    habits = Habits({}, {SenderType.TOOL: Counter({Category.REMIND_ME: 2, Category.CALL_ME: 2})})
    assert propose(sender(), habits).category is Category.KEEP_QUIET
