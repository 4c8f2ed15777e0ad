import asyncio
import os
import resource
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.domain.mailboxes.judging import READING
from outrider.providers.mail import mime
from outrider.providers.mail.sandbox import WALL_SECONDS, Given, Parser
from tests.providers.mail import bombs

SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "data" / "bounces").glob("*.eml"))]


def letter(number: int) -> bytes:
    return b"From: a@example.org\r\nMessage-ID: <%d@example.org>\r\nSubject: Letter %d\r\n\r\nHello.\r\n" % (
        number,
        number,
    )


@pytest.fixture
async def parser() -> AsyncIterator[Parser]:
    async with Parser() as parser:
        yield parser


def child_of(parser: Parser) -> int:
    process = parser._children[0]._process
    assert process is not None
    return process.pid


async def test_a_mail_reads_alike_in_a_child_and_here(parser: Parser) -> None:
    assert await parser.parse_many(SAMPLES) == [mime.parse(raw) for raw in SAMPLES]


async def test_no_child_is_started_before_the_first_mail(parser: Parser) -> None:
    assert parser._children[0]._process is None
    assert await parser.parse_many([]) == []
    assert parser._children[0]._process is None


async def test_among_300_mails_no_bomb_stops_another_mail(parser: Parser) -> None:
    raws = [SAMPLES[number % len(SAMPLES)] if number % 3 else letter(number) for number in range(300)]
    expected = [mime.parse(raw) for raw in raws]
    slowest = 0.0
    mails = []
    for number, bomb in enumerate(bombs.ALL.values()):
        dangerous = bomb()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.monotonic()
        mails += await parser.parse_many([*raws[number * 8 : number * 8 + 8], dangerous])
        slowest = max(slowest, time.monotonic() - start)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # KiB
        mails.pop()
    read = len(mails)
    mails += await parser.parse_many(raws[read:])
    assert mails == expected
    # The reader is ended at that second; a new one then starts and reads the others, on a machine that is busy.
    assert slowest <= WALL_SECONDS + 3


async def test_one_child_does_different_work_in_turn(parser: Parser) -> None:
    children = set()
    for _ in range(3):
        assert (await parser.parse(letter(1))).subject == "Letter 1"
        children.add(child_of(parser))
        [judged] = await parser.read_many(READING, [Given(letter(2))])
        assert judged.mail.subject == "Letter 2"
        children.add(child_of(parser))
    assert len(children) == 1


async def test_a_mail_that_kills_its_reader_is_poison_with_a_sender_and_the_next_is_read() -> None:
    async with Parser() as parser:
        await parser.parse(letter(0))
        # Each of these costs the parser more memory or time than it has.
        within = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n"
        lines = bombs.HEAD + within + b"\n" * (34 * 2**20)
        before, poisoned, after = await parser.parse_many([letter(1), lines, letter(2)])
        assert (before.subject, after.subject) == ("Letter 1", "Letter 2")
        assert poisoned.poison is not None
        assert poisoned.subject == "A bomb"


async def test_a_child_that_hangs_is_replaced() -> None:
    async with Parser(seconds=0.5) as parser:
        await parser.parse(letter(0))
        first = child_of(parser)
        os.kill(first, signal.SIGSTOP)
        stuck = await parser.parse(letter(1))
        assert stuck.poison is not None
        assert stuck.subject == "Letter 1"
        assert (await parser.parse(letter(2))).poison is None
        assert child_of(parser) != first


async def test_a_child_that_was_killed_while_idle_costs_no_mail(parser: Parser) -> None:
    await parser.parse(letter(0))
    os.kill(child_of(parser), signal.SIGKILL)
    await asyncio.sleep(0.2)
    assert (await parser.parse(letter(1))).poison is None


async def test_a_ctrl_c_or_a_stop_of_the_service_does_not_reach_the_child(parser: Parser) -> None:
    await parser.parse(letter(0))
    child = child_of(parser)
    os.kill(child, signal.SIGINT)
    os.kill(child, signal.SIGTERM)
    assert (await parser.parse(letter(1))).poison is None
    assert child_of(parser) == child


async def test_a_caller_that_gives_up_leaves_no_answer_for_the_next(parser: Parser) -> None:
    await parser.parse(letter(0))
    for wait in (0, 0.001, 0.005, 0.02):
        given_up = asyncio.create_task(parser.parse_many([letter(number) for number in range(500)]))
        await asyncio.sleep(wait)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert (await parser.parse(letter(999))).subject == "Letter 999"


@pytest.mark.parametrize("processes", [1, 2])
async def test_callers_at_the_same_time_each_get_their_own(processes: int) -> None:
    async with Parser(processes=processes) as parser:
        asked = [[letter(caller * 100 + number) for number in range(40)] for caller in range(8)]
        answers = await asyncio.gather(*(parser.parse_many(raws) for raws in asked))
    for caller, mails in enumerate(answers):
        assert [mail.subject for mail in mails] == [f"Letter {caller * 100 + number}" for number in range(40)]


async def test_a_closed_parser_leaves_no_child_behind() -> None:
    async with Parser() as parser:
        await parser.parse(letter(0))
        child = child_of(parser)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
