"""Writing mail down: each once, in its thread, whatever came first."""

from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from sqlalchemy import func, select, text

from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.ids import new_id
from outrider.domain.mailboxes import drafts, recording
from outrider.domain.mailboxes.judging import judge
from outrider.domain.mailboxes.models import Direction, Folder, Mailbox, Message, Place, Thread
from outrider.providers.mail.interface import Changes, Fetched, Receipt, Role
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send


def a_mail(*, subject: str = "A proposal", answers: str | None = None, text: str = "Yes, gladly.",
           sender: str = "bob@b.test", message_id: str | None = None, to: str = "ada@a.test") -> bytes:  # fmt: skip
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"], message["Message-ID"] = format_datetime(now()), message_id or make_msgid(domain="b.test")
    if answers:
        message["In-Reply-To"] = answers
    message.set_content(text)
    return message.as_bytes()


async def folder_of(runtime: Runtime, mailbox: Mailbox, role: Role = Role.INBOX) -> Folder:
    async with runtime.db.begin(Scope(mailbox.workspace_id)) as db:
        folder = Folder(
            workspace_id=mailbox.workspace_id, id=new_id(), mailbox_id=mailbox.id, name=role.value, role=role
        )
        db.add(folder)
    return folder


async def arrive(
    runtime: Runtime, mailbox: Mailbox, folder: Folder, *raws: bytes, validity: int = 1, reset: bool = False,
    thread_id: str | None = None, roles: frozenset[Role] = frozenset(), ids: Sequence[str] = (), is_lasting: bool = False,
) -> int:  # fmt: skip
    """Records mails as a sync would hand them over; returns how many were new."""
    ids = ids or [f"{validity}.{number}" for number in range(1, len(raws) + 1)]
    fetched = [
        Fetched(
            id=each,
            received_at=now(),
            size=len(raw),
            header=raw,
            raw=raw,
            thread_id=thread_id,
            roles=roles,
            has_lasting_id=is_lasting,
        )
        for each, raw in zip(ids, raws, strict=True)
    ]
    changes = Changes(messages=tuple(fetched), cursor=f"{validity}.{len(raws)}", more=False, remaining=0, reset=reset)
    async with runtime.db.begin(Scope(mailbox.workspace_id)) as db:
        current = await db.get_one(Folder, (folder.workspace_id, folder.id))
        judged = [judge(each.raw or b"", each.received_at) for each in fetched]
        return await recording.record(db, mailbox, current, changes, judged)


async def start(runtime: Runtime) -> tuple[Someone, Mailbox, Folder]:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    return ada, mailbox, await folder_of(runtime, mailbox)


async def test_an_answer_to_what_still_lies_in_the_outbox_finds_its_thread(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    email = await make_message(runtime, mailbox)
    send = await make_send(runtime, ada, mailbox, email)
    await arrive(runtime, mailbox, inbox, a_mail(answers=send.message_id))
    async with runtime.db.begin(ada.scope) as db:
        answer = (await db.scalars(select(Message).where(Message.direction == Direction.IN))).one()
        told = await db.scalar(text("select payload from events where name = 'message.received'"))
    assert answer.thread_id == email.thread_id
    assert told["mentions"] == [send.message_id]


async def test_a_draft_is_nobodys_sent_mail_until_it_has_left(runtime: Runtime) -> None:
    ada, mailbox, _ = await start(runtime)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    query = select(Message.direction).where(Message.message_id == send.message_id)
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(query) is Direction.DRAFT
        await drafts.mark_sent(db, ada.workspace_id, [mailbox.id], [send.message_id], at=now())
        assert await db.scalar(query) is Direction.OUT


async def test_the_servers_copy_of_what_we_sent_is_the_same_mail(runtime: Runtime) -> None:
    ada, mailbox, _ = await start(runtime)
    sent_folder = await folder_of(runtime, mailbox, Role.SENT)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    copy = a_mail(sender=mailbox.address, message_id=send.message_id, to="bob@b.test")
    assert await arrive(runtime, mailbox, sent_folder, copy) == 0
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(select(func.count()).select_from(Place)) == 1


async def test_our_own_mail_is_known_by_its_place_even_if_the_provider_changed_its_message_id(
    runtime: Runtime,
) -> None:
    ada, mailbox, _ = await start(runtime)
    everything = await folder_of(runtime, mailbox, Role.ALL)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    async with runtime.db.begin(ada.scope) as db:
        receipt = Receipt("taken", id="18f0", thread_id="18a1")
        await drafts.place(db, ada.workspace_id, [mailbox.id], {send.message_id: receipt})
        named = await db.scalar(select(Thread.remote_id).where(Thread.id == send.thread_id))
    assert named == "18a1"
    copy = a_mail(sender=mailbox.address, message_id="<other@mail.gmail.test>", to="bob@b.test")
    assert await arrive(runtime, mailbox, everything, copy, ids=["18f0"], roles=frozenset({Role.SENT})) == 0


async def test_a_strange_mail_under_a_known_id_is_still_a_new_mail(runtime: Runtime) -> None:
    _, mailbox, inbox = await start(runtime)
    assert await arrive(runtime, mailbox, inbox, a_mail(subject="One"), ids=["1.1"]) == 1
    assert await arrive(runtime, mailbox, inbox, a_mail(subject="Two"), ids=["1.1"]) == 1


async def test_a_mail_is_known_by_an_id_that_lasts_wherever_it_lies_and_however_it_is_written_out(
    runtime: Runtime,
) -> None:
    _, mailbox, inbox = await start(runtime)
    archive = await folder_of(runtime, mailbox, Role.ARCHIVE)
    raw = a_mail(message_id="<1@b.test>")
    assert await arrive(runtime, mailbox, inbox, raw, ids=["AA"], is_lasting=True) == 1
    assert await arrive(runtime, mailbox, inbox, b"X-Seen: yes\r\n" + raw, ids=["AA"], is_lasting=True) == 0
    assert await arrive(runtime, mailbox, archive, b"X-Moved: yes\r\n" + raw, ids=["AA"], is_lasting=True) == 0
    assert await arrive(runtime, mailbox, archive, b"X-Other: yes\r\n" + raw, ids=["BB"], is_lasting=True) == 1


async def test_an_answer_without_references_joins_the_providers_conversation(runtime: Runtime) -> None:
    ada, mailbox, _ = await start(runtime)
    everything = await folder_of(runtime, mailbox, Role.ALL)
    ours = a_mail(sender=mailbox.address, subject="A proposal", to="bob@b.test")
    await arrive(runtime, mailbox, everything, ours, thread_id="18a1", ids=["1"])
    await arrive(runtime, mailbox, everything, a_mail(subject="Quite another"), thread_id="18a1", ids=["2"])
    await arrive(runtime, mailbox, everything, a_mail(subject="A third"), thread_id="18a2", ids=["3"])
    async with runtime.db.begin(ada.scope) as db:
        rows = (await db.execute(select(Message.subject, Message.thread_id))).all()
        told = await db.scalar(text("select count(*) from events where name = 'message.received'"))
    threads = {row.subject: row.thread_id for row in rows}
    assert threads["A proposal"] == threads["Quite another"] != threads["A third"]
    assert told == 1


async def test_a_mail_that_was_known_before_gives_its_thread_the_providers_name(runtime: Runtime) -> None:
    """As after a mailbox that was read by IMAP was connected by its provider's own way."""
    ada, mailbox, inbox = await start(runtime)
    raw = a_mail()
    await arrive(runtime, mailbox, inbox, raw)
    everything = await folder_of(runtime, mailbox, Role.ALL)
    assert await arrive(runtime, mailbox, everything, raw, thread_id="18a1") == 0
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(select(Thread.remote_id)) == "18a1"


async def test_what_carries_the_sent_label_is_our_own_whatever_its_sender(runtime: Runtime) -> None:
    ada, mailbox, _ = await start(runtime)
    everything = await folder_of(runtime, mailbox, Role.ALL)
    alias = a_mail(sender="ada.alias@a.test", to="bob@b.test")
    await arrive(runtime, mailbox, everything, alias, roles=frozenset({Role.SENT}))
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(select(Message.direction)) is Direction.OUT


async def test_the_same_batch_again_adds_nothing(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    batch = [a_mail(subject=f"No. {number}") for number in range(5)]
    assert await arrive(runtime, mailbox, inbox, *batch) == 5
    assert await arrive(runtime, mailbox, inbox, *batch) == 0
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(select(func.count()).select_from(Message)) == 5


async def test_an_answer_without_references_joins_by_subject_and_people(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    email = await make_message(runtime, mailbox, to="bob@b.test", subject="A proposal")
    await arrive(
        runtime, mailbox, inbox,
        a_mail(subject="AW: A proposal"),
        a_mail(subject="Re: A proposal", sender="mallory@m.test"),
        a_mail(subject="A proposal"),
    )  # fmt: skip
    async with runtime.db.begin(ada.scope) as db:
        rows = await db.execute(select(Message.subject, Message.from_address, Message.thread_id))
        joined = {(row.subject, row.from_address) for row in rows if row.thread_id == email.thread_id}
    assert joined == {("A proposal", mailbox.address), ("AW: A proposal", "bob@b.test")}


async def test_mails_that_mention_an_unknown_one_belong_together(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    missing = make_msgid(domain="c.test")
    await arrive(runtime, mailbox, inbox, a_mail(answers=missing), a_mail(answers=missing, subject="Re: otherwise"))
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(select(func.count(Message.thread_id.distinct()))) == 1


async def test_only_answers_to_our_own_mail_are_told(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    email = await make_message(runtime, mailbox)
    await arrive(runtime, mailbox, inbox, a_mail(subject="News"), a_mail(answers=email.message_id))
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(text("select count(*) from events where name = 'message.received'")) == 1


async def test_a_first_human_answer_marks_what_it_answers(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    email = await make_message(runtime, mailbox, minutes_ago=30)
    await arrive(runtime, mailbox, inbox, a_mail(answers=email.message_id))
    async with runtime.db.begin(ada.scope) as db:
        marked = await db.get_one(Message, (email.workspace_id, email.id))
    assert marked.replied_at is not None
    assert now() - marked.replied_at < timedelta(minutes=1)
