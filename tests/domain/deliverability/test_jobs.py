"""What bounces, complaints and wishes for no more mail lead to, and what forged ones don't."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.events import emit
from outrider.domain.deliverability import actions, jobs, queries
from outrider.domain.deliverability.models import Feedback, FeedbackKind
from outrider.domain.mailboxes.events import MailboxConnected
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.sending import actions as sending
from outrider.domain.sending import claiming
from outrider.domain.sending.models import Hold, MailboxPace, State
from outrider.domain.suppressions import actions as suppressions
from outrider.domain.suppressions.models import Reason, Suppression
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.domain.sending.test_claiming import PACE, reload
from tests.factories.accounts import Someone, make_user
from tests.factories.events import received, refused
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send
from tests.stand_ins import zones


class Case:
    """A mailbox that wrote to Bob."""

    def __init__(self, runtime: Runtime, ada: Someone, mailbox: Mailbox, email: Message) -> None:
        self.runtime, self.ada, self.mailbox, self.email = runtime, ada, mailbox, email

    async def suppressed(self) -> dict[str | None, Reason]:
        async with self.runtime.db.begin(self.ada.scope) as db:
            return {each.value: each.reason for each in await db.scalars(select(Suppression))}

    async def feedback(self) -> int:
        async with self.runtime.db.begin(self.ada.scope) as db:
            return await db.scalar(select(func.count()).select_from(Feedback)) or 0

    async def sent(self, count: int) -> None:
        for _ in range(count):
            await make_send(
                self.runtime, self.ada, self.mailbox, self.email, state=State.SENT, sent_at=now() - timedelta(hours=1)
            )


@pytest.fixture
async def case(runtime: Runtime) -> Case:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    return Case(runtime, ada, mailbox, await make_message(runtime, mailbox))


async def test_an_address_that_does_not_exist_gets_nothing_more(case: Case) -> None:
    bounce = received(case.mailbox, case.email, Kind.BOUNCE, bounced=["bob@b.test"], gone=["bob@b.test"])
    await jobs.on_message(case.runtime, bounce)
    await jobs.on_message(case.runtime, bounce)
    assert await case.suppressed() == {"bob@b.test": Reason.BOUNCE}
    assert await case.feedback() == 1


async def test_a_full_mailbox_is_given_up_only_after_weeks(case: Case) -> None:
    for days in (20, 15, 10, 5):
        async with case.runtime.db.begin(case.ada.scope) as db:
            await actions.record(
                db,
                workspace_id=case.ada.workspace_id,
                mailbox_id=case.mailbox.id,
                message_id=f"<{days}@a.test>",
                recipient="bob@b.test",
                kind=FeedbackKind.BOUNCED,
                reason="full",
                at=now() - timedelta(days=days),
            )
    assert await case.suppressed() == {}
    await jobs.on_message(case.runtime, received(case.mailbox, case.email, Kind.BOUNCE, bounced=["bob@b.test"]))
    assert await case.suppressed() == {"bob@b.test": Reason.BOUNCE}


async def test_forged_reports_change_nothing(case: Case) -> None:
    """Twenty of them: about mail that never left, about people it did not go to, about another's mail."""
    eve = await make_user(case.runtime)
    others = await make_message(case.runtime, await make_mailbox(case.runtime, eve))
    for number in range(20):
        mentions, victim = [
            ([f"<{number}@a.test>"], "bob@b.test"),
            ([case.email.message_id or ""], f"carol{number}@c.test"),
            ([others.message_id or ""], "bob@b.test"),
            ([], "bob@b.test"),
        ][number % 4]
        forged = received(case.mailbox, case.email, Kind.BOUNCE, mentions=mentions, bounced=[victim], gone=[victim])
        await jobs.on_message(case.runtime, forged)
    assert await case.suppressed() == {}
    assert await case.feedback() == 0


async def test_a_complaint_is_about_whoever_got_the_mail(case: Case) -> None:
    send = await make_send(case.runtime, case.ada, case.mailbox, case.email, state=State.SENT, sent_at=now())
    about = received(case.mailbox, case.email, Kind.COMPLAINT, sender="fbl@big.test", mentions=[send.message_id])
    await jobs.on_message(case.runtime, about)
    assert await case.suppressed() == {"bob@b.test": Reason.COMPLAINT}


@pytest.mark.parametrize(("kind", "reason"), [(Kind.UNSUBSCRIBE, Reason.UNSUBSCRIBE), (Kind.LEFT_COMPANY, Reason.GONE)])
async def test_who_asks_or_has_left_gets_nothing_more_if_they_ever_got_anything(
    case: Case, kind: Kind, reason: Reason
) -> None:
    await jobs.on_message(case.runtime, received(case.mailbox, case.email, kind))
    assert await case.suppressed() == {}
    await make_send(case.runtime, case.ada, case.mailbox, case.email, state=State.SENT, sent_at=now())
    await jobs.on_message(case.runtime, received(case.mailbox, case.email, kind))
    assert await case.suppressed() == {"bob@b.test": reason}


async def test_a_refused_address_is_suppressed_and_another_refusal_says_nothing_of_the_person(case: Case) -> None:
    send = await make_send(case.runtime, case.ada, case.mailbox, case.email)
    await jobs.on_refused(case.runtime, refused(send, is_recipient=False, reason="554 5.7.1 spam"))
    assert await case.suppressed() == {}
    await jobs.on_refused(case.runtime, refused(send))
    assert await case.suppressed() == {"bob@b.test": Reason.BOUNCE}


async def test_a_burning_mailbox_pauses_with_the_bounce_that_crosses_the_line(case: Case) -> None:
    await case.sent(95)
    for number in range(1, 6):
        waiting = await make_send(case.runtime, case.ada, case.mailbox, case.email, recipient=f"p{number}@b.test")
        async with case.runtime.db.begin(case.ada.scope) as db:
            await emit(db, refused(waiting))
            pace = await db.get(MailboxPace, (case.ada.workspace_id, case.mailbox.id))
        assert (pace is not None) is (number == 5), number  # 5 of 100
    async with case.runtime.db.begin(case.ada.scope) as db:
        pace = await db.get_one(MailboxPace, (case.ada.workspace_id, case.mailbox.id))
        assert pace.held_for is Hold.HEALTH
        assert "5 bounced" in (pace.held_reason or "")
        taken = await claiming.claim(db, case.ada.workspace_id, [case.mailbox.id], now=now(), pace=PACE)
    assert taken == {}


async def test_its_owner_lets_it_go_on_and_old_bounces_no_longer_count(case: Case) -> None:
    await test_a_burning_mailbox_pauses_with_the_bounce_that_crosses_the_line(case)
    async with case.runtime.db.begin(case.ada.scope) as db:
        assert await actions.let_go_on(db, case.ada.workspace_id, case.mailbox.id, now=now())
        again = await claiming.claim(db, case.ada.workspace_id, [case.mailbox.id], now=now(), pace=PACE)
        assert again
        returns = await queries.returns_of(db, case.ada.workspace_id, case.mailbox.id, now=now())
        assert returns.bounces == 0
        assert not await actions.let_go_on(db, case.ada.workspace_id, case.mailbox.id, now=now())


async def told(case: Case) -> list[tuple[str, dict[str, object]]]:
    async with case.runtime.db.begin(case.ada.scope) as db:
        rows = await db.execute(text("select name, payload from events where name like 'send.%' order by id"))
        return [(row.name, row.payload) for row in rows]


async def test_a_report_of_delivery_is_a_fact_with_its_proof(case: Case) -> None:
    send = await make_send(case.runtime, case.ada, case.mailbox, case.email, state=State.SENT, sent_at=now())
    report = received(case.mailbox, case.email, Kind.RECEIPT, mentions=[send.message_id], delivered=["bob@b.test"])
    other = received(case.mailbox, case.email, Kind.RECEIPT, mentions=["<x@y.test>"], delivered=["bob@b.test"])
    for each in (other, report, report):
        await jobs.on_message(case.runtime, each)
    [(name, payload)] = await told(case)
    assert (name, payload["send_id"]) == ("send.delivered", str(send.id))
    assert payload["proof"] == {"messageId": str(report.message_id), "evidence": "as the test says"}
    assert (await reload(case.runtime, case.ada, send)).delivered_at is not None


async def test_a_bounce_of_our_mail_is_a_fact_with_its_proof(case: Case) -> None:
    send = await make_send(case.runtime, case.ada, case.mailbox, case.email, state=State.SENT, sent_at=now())
    sent = await make_message(case.runtime, case.mailbox)
    async with case.runtime.db.begin(case.ada.scope) as db:
        (await db.get_one(Message, (sent.workspace_id, sent.id))).message_id = send.message_id
    bounce = received(
        case.mailbox, case.email, Kind.BOUNCE, mentions=[send.message_id], bounced=["bob@b.test"], gone=["bob@b.test"]
    )
    await jobs.on_message(case.runtime, bounce)
    await jobs.on_message(case.runtime, bounce)
    [(name, payload)] = await told(case)
    assert (name, payload["is_hard"], payload["recipient"]) == ("send.bounced", True, "bob@b.test")


async def test_what_is_taken_back_and_what_may_not_leave_are_facts(case: Case) -> None:
    first = await make_send(case.runtime, case.ada, case.mailbox, case.email)
    second = await make_send(case.runtime, case.ada, case.mailbox, case.email, recipient="carol@c.test")
    async with case.runtime.db.begin(case.ada.scope) as db:
        await sending.cancel(db, case.ada.workspace_id, first.origin_id, reason="Deleted by its owner.")
        await suppressions.suppress(
            db, case.runtime.keyring, case.ada.workspace_id, "c.test", reason=Reason.MANUAL, proof={}
        )
        await claiming.claim(db, case.ada.workspace_id, [case.mailbox.id], now=now(), pace=PACE)
    stopped = [(payload["send_id"], payload["reason"]) for name, payload in await told(case) if name == "send.stopped"]
    assert stopped[0] == (str(first.id), "Deleted by its owner.")
    assert stopped[1][0] == str(second.id)
    assert "c.test gets no mail" in str(stopped[1][1])


async def test_a_mailbox_that_was_connected_is_told_what_its_domain_lacks(
    settings: Settings, database: Addresses, runtime: Runtime
) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada, address="ada@firm.example")
    event = MailboxConnected(workspace_id=ada.workspace_id, mailbox_id=mailbox.id)
    zone = {("firm.example", "MX"): ["10 mx.firm.example."], ("firm.example", "TXT"): ['"v=spf1 mx ~all"']}
    async with zones.serving(zone) as (_, (address, port)):
        with_dns = settings.model_copy(update={"dns_servers": (f"{address}@{port}",)})
        async with open_runtime(with_dns, database.app, name="tests") as asking:
            await jobs.on_connected(asking, event)
            await jobs.on_connected(asking, event)
    async with runtime.db.begin(ada.scope) as db:
        found = (await queries.preflights_of(db, ada.workspace_id, [mailbox.id])).get(mailbox.id)
        assert await db.scalar(text("select count(*) from preflights")) == 1
        assert await waiting(db, mailbox) == 0
        await db.delete(await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id)))
    assert found is not None
    verdicts = {each["name"]: (each["verdict"], each["record"]) for each in found.checks}
    assert verdicts["mx"] == ("ok", "")
    assert verdicts["dmarc"][0] == "fail"
    assert "v=DMARC1" in verdicts["dmarc"][1]


async def test_a_dns_that_does_not_answer_is_asked_again_later(
    settings: Settings, database: Addresses, runtime: Runtime
) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada, address="ada@firm.example")
    with_dns = settings.model_copy(update={"dns_servers": ("127.0.0.1@1",)})
    async with open_runtime(with_dns, database.app, name="tests") as asking:
        for attempt in (0, jobs.MOST_QUESTIONS):
            await jobs.examine(asking, workspace_id=ada.workspace_id, mailbox_id=mailbox.id, attempt=attempt)
    async with runtime.db.begin(ada.scope) as db:
        assert await waiting(db, mailbox) == 1
        await db.delete(await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id)))


async def waiting(db: AsyncSession, mailbox: Mailbox) -> int:
    query = text(
        "select count(*) from pgqueuer where entrypoint = 'deliverability.examine'"
        " and convert_from(payload, 'utf8') like :it"
    )
    return await db.scalar(query, {"it": f"%{mailbox.id}%"}) or 0
