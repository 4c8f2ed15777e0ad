"""Conversations come out the same, whatever of them comes first."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import pytest
from sqlalchemy import func, select, text

from outrider.core.clock import now
from outrider.domain.mailboxes import recording
from outrider.domain.mailboxes.judging import judge
from outrider.domain.mailboxes.models import Folder, Message, Thread
from outrider.domain.senders import jobs as _counting  # noqa: F401  # counts what is stored
from outrider.domain.senders.models import Sender
from outrider.providers.mail.interface import Changes, Fetched, Role
from outrider.runtime import Runtime
from tests.domain.mailboxes.test_recording import a_mail, arrive, folder_of, start
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox

OWNER = "ada@a.test"
Dated = tuple[datetime, bytes]


def made_up(chance: random.Random, count: int) -> list[Dated]:
    """Conversations as programs really write them: with all references, with some, with one, with none; of some mails
    only others' references are left.
    """
    began = now() - timedelta(hours=1)
    mails: list[Dated] = []
    chains: list[tuple[str, list[str], str]] = []  # a mail's own id, those before it, and its subject
    for number in range(count):
        mail = EmailMessage()
        own, person = chance.random() < 0.3, f"p{chance.randrange(4)}@b.test"
        mail["From"], mail["To"] = (OWNER, person) if own else (f"P <{person}>", OWNER)
        mail["Message-ID"] = f"<{number}@x.test>"
        at = began + timedelta(minutes=number)
        mail["Date"] = format_datetime(at)
        chain, subject = [], f"Matter {number}"
        if chains and chance.random() < 0.7:
            parent, before, subject = chance.choice(chains[-12:])
            chain = [*before, parent]
            style = chance.random()
            if style < 0.8:
                mail["In-Reply-To"] = parent
            if style > 0.5:
                mail["References"] = " ".join(chain[-chance.randrange(1, 4) :])
            subject = f"Re: {subject.removeprefix('Re: ')}"
        mail["Subject"] = subject
        mail.set_content(f"This is mail {number}.")
        chains.append((str(mail["Message-ID"]), chain, subject))
        if chance.random() > 0.15:
            mails.append((at, mail.as_bytes()))
    return mails


async def read(runtime: Runtime, mails: Sequence[Dated], *, batch: int) -> tuple[Any, ...]:
    """Stores mails in the order given in a new mailbox; returns threads, first answers and senders."""
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada, address=OWNER)
    folder = await folder_of(runtime, mailbox, Role.ALL)
    for begins in range(0, len(mails), batch):
        part = sorted(mails[begins : begins + batch])
        fetched = tuple(Fetched(str(at), at, len(raw), raw, raw) for at, raw in part)
        changes = Changes(fetched, f"{begins}", more=False, reset=False)
        async with runtime.db.begin(ada.scope) as db:
            current = await db.get_one(Folder, (folder.workspace_id, folder.id))
            await recording.record(db, mailbox, current, changes, [judge(raw, at) for at, raw in part])
    async with runtime.db.begin(ada.scope) as db:
        rows = (await db.execute(select(Message.message_id, Message.thread_id, Message.replied_at))).all()
        threads = set(await db.scalars(select(Thread.id)))
        senders = await db.execute(
            select(
                Sender.email, Sender.name, Sender.email_count, Sender.sent_count, Sender.votes, Sender.sender_type,
                Sender.latest_subject, Sender.latest_date,
            ).order_by(Sender.email)
        )  # fmt: skip
    together: defaultdict[Any, set[str | None]] = defaultdict(set)
    for row in rows:
        together[row.thread_id].add(row.message_id)
    assert threads == together.keys(), "a thread without mail is left"
    answers = {row.message_id: row.replied_at for row in rows if row.replied_at}
    return frozenset(map(frozenset, together.values())), answers, [tuple(each) for each in senders]


@pytest.mark.parametrize("seed", range(6))
async def test_threads_first_answers_and_senders_are_the_same_whatever_comes_first(runtime: Runtime, seed: int) -> None:
    chance = random.Random(seed)
    mails = made_up(chance, 40)
    expected = await read(runtime, mails, batch=7)
    assert 5 < len(expected[0]) < len(mails), "there are threads to be found"
    assert expected[1], "there are answers to be found"
    shuffled = chance.sample(mails, len(mails))
    assert await read(runtime, mails[::-1], batch=7) == expected
    assert await read(runtime, shuffled, batch=5) == expected
    assert await read(runtime, mails[::-1], batch=1) == expected


async def test_a_mail_that_comes_last_makes_one_conversation_of_two(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    first, second = a_mail(message_id="<1@b.test>"), a_mail(message_id="<2@b.test>", answers="<1@b.test>")
    third, other = a_mail(message_id="<3@b.test>", answers="<2@b.test>"), a_mail(message_id="<9@b.test>")
    await arrive(runtime, mailbox, inbox, first, third, other)
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(select(func.count()).select_from(Thread)) == 3
    await arrive(runtime, mailbox, inbox, second, ids=["1.4"])
    async with runtime.db.begin(ada.scope) as db:
        rows = (await db.execute(select(Message.message_id, Message.thread_id))).all()
        assert await db.scalar(select(func.count()).select_from(Thread)) == 2
    threads = {row.message_id: row.thread_id for row in rows}
    assert threads["<1@b.test>"] == threads["<2@b.test>"] == threads["<3@b.test>"] != threads["<9@b.test>"]


async def test_what_the_provider_called_either_of_them_leads_to_the_one(runtime: Runtime) -> None:
    ada, mailbox, _ = await start(runtime)
    everything = await folder_of(runtime, mailbox, Role.ALL)
    answer = a_mail(message_id="<2@b.test>", answers="<1@b.test>")
    await arrive(runtime, mailbox, everything, answer, thread_id="18a2", ids=["2"])
    await arrive(runtime, mailbox, everything, a_mail(message_id="<1@b.test>"), thread_id="18a1", ids=["1"])
    for number, name in enumerate(("18a1", "18a2"), start=3):
        await arrive(runtime, mailbox, everything, a_mail(), thread_id=name, ids=[str(number)])
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(select(func.count(Message.thread_id.distinct()))) == 1
        assert await db.scalar(text("select count(*) from threads")) == 1


async def test_an_answer_without_references_is_found_by_what_it_answers_too(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    sent = await folder_of(runtime, mailbox, Role.SENT)
    await arrive(runtime, mailbox, inbox, a_mail(subject="AW: A proposal"), a_mail(subject="A proposal"))
    await arrive(runtime, mailbox, inbox, a_mail(subject="Re: A proposal", sender="eve@c.test"), ids=["1.3"])
    await arrive(runtime, mailbox, sent, a_mail(sender=mailbox.address, subject="A proposal", to="bob@b.test"))
    async with runtime.db.begin(ada.scope) as db:
        rows = (await db.execute(select(Message.subject, Message.from_address, Message.thread_id))).all()
    threads = {(row.subject, row.from_address): row.thread_id for row in rows}
    own = threads.pop(("A proposal", mailbox.address))
    assert {key for key, thread_id in threads.items() if thread_id == own} == {("AW: A proposal", "bob@b.test")}
