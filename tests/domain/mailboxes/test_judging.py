"""Mails judged in a child are judged as here, and what a judge can't stand stays poison of one mail."""

from datetime import UTC, datetime

from outrider.domain.mailboxes.judging import READING, judge
from outrider.domain.mailboxes.verdict import Kind
from outrider.providers.mail.sandbox import Given, Parser
from tests.providers.mail.bombs import ALL, SLOW

RECEIVED = datetime(2026, 3, 2, 9, tzinfo=UTC)
AWAY = (
    b"From: Bob <bob@b.test>\r\nTo: ada@a.test\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\n"
    b"I am away and will be back on 9 March.\r\n\r\n> What do you think?\r\n"
)
HUMAN = b"From: Bob <bob@b.test>\r\nSubject: Re: A proposal\r\n\r\nYes, let us talk.\r\n\r\n> What do you think?\r\n"


async def test_a_mail_is_judged_alike_in_a_child_and_here() -> None:
    async with Parser() as parser:
        away, human = await parser.read_many(READING, [Given(AWAY, RECEIVED), Given(HUMAN, RECEIVED)])
    assert [away, human] == [judge(AWAY, RECEIVED), judge(HUMAN, RECEIVED)]
    assert away.verdict.kind is Kind.OUT_OF_OFFICE
    assert away.verdict.returns_on is not None
    assert human.verdict.kind is Kind.HUMAN
    assert human.snippet == "Yes, let us talk."


async def test_bombs_are_judged_by_what_is_left_of_them_and_stop_no_other_mail() -> None:
    bombs = [bomb() for name, bomb in ALL.items() if name not in SLOW]
    async with Parser() as parser:
        judged = await parser.read_many(READING, [Given(raw, RECEIVED) for raw in [*bombs, HUMAN]])
    assert len(judged) == len(bombs) + 1
    assert judged[-1] == judge(HUMAN, RECEIVED)


async def test_the_children_change_over_between_readings() -> None:
    async with Parser() as parser:
        plain = await parser.parse(HUMAN)
        [judged] = await parser.read_many(READING, [Given(HUMAN, RECEIVED)])
        assert judged.mail == plain == await parser.parse(HUMAN)


def test_what_is_left_of_a_poisonous_mail_says_so() -> None:
    judged = judge(AWAY.partition(b"\r\n\r\n")[0], RECEIVED, "It takes too much time.")
    assert judged.mail.poison == "It takes too much time."
    assert judged.mail.sender is not None
    assert judged.snippet == ""
