"""What follows from refusals, bounces, complaints and wishes for no more mail; what the DNS says of a new mailbox."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.events import during, emit, on
from outrider.domain.deliverability import actions, preflight, queries, rules
from outrider.domain.deliverability.models import FeedbackKind
from outrider.domain.mailboxes.events import MailboxConnected, MessageReceived
from outrider.domain.mailboxes.models import Mailbox, State
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.sending.events import SendBounced, SendDelivered, SendRefused, facts_of
from outrider.domain.suppressions import actions as suppressions
from outrider.domain.suppressions.models import Reason
from outrider.providers.mail.preflight import Verdict
from outrider.runtime import Runtime

# How long after the last mail to somebody their wish for no more is still about ours.
REMEMBERED = timedelta(days=365)
# Seconds until a DNS that did not answer is asked again, and how often.
ASK_AGAIN, MOST_QUESTIONS = 3600.0, 5


@during(SendRefused)
async def count_refusals(db: AsyncSession, facts: Sequence[SendRefused]) -> None:
    """In the transaction of the refusal, so that the next claim already knows."""
    for fact in facts:
        if fact.is_recipient:
            await actions.record(
                db,
                workspace_id=fact.workspace_id,
                mailbox_id=fact.mailbox_id,
                message_id=fact.message_id,
                recipient=fact.recipient,
                kind=FeedbackKind.REFUSED,
                reason=fact.reason,
                at=now(),
            )


@on(SendRefused, "deliverability.on_refused")
async def on_refused(app: Runtime, event: SendRefused) -> None:
    if not event.is_recipient:
        return
    proof = {"sendId": str(event.send_id), "messageId": event.message_id, "answer": event.reason}
    async with app.db.begin(Scope(event.workspace_id, actor="deliverability")) as db:
        await suppressions.suppress(
            db, app.keyring, event.workspace_id, event.recipient, reason=Reason.BOUNCE, proof=proof
        )


@on(MessageReceived, "deliverability.on_message")
async def on_message(app: Runtime, event: MessageReceived) -> None:
    react = {
        Kind.BOUNCE: _bounced,
        Kind.RECEIPT: _delivered,
        Kind.COMPLAINT: _complained,
        Kind.UNSUBSCRIBE: _unsubscribed,
        Kind.LEFT_COMPANY: _gone,
    }.get(event.kind)
    if react is not None:
        async with app.db.begin(Scope(event.workspace_id, actor="deliverability")) as db:
            await react(app, db, event)


@on(MailboxConnected, "deliverability.on_connected")
async def on_connected(app: Runtime, event: MailboxConnected) -> None:
    await examine(app, workspace_id=event.workspace_id, mailbox_id=event.mailbox_id)


@jobs.job("deliverability.examine")
async def examine(app: Runtime, *, workspace_id: UUID, mailbox_id: UUID, attempt: int = 0) -> None:
    """Asks the DNS what receivers will find there, and once more in an hour while it does not answer."""
    scope = Scope(workspace_id, actor="deliverability")
    async with app.db.begin(scope) as db:
        mailbox = await db.get(Mailbox, (workspace_id, mailbox_id))
    if mailbox is None or mailbox.state is State.DISCONNECTED:
        return
    checks = await preflight.examine(app, workspace_id, mailbox.address, server=mailbox.smtp_host)
    async with app.db.begin(scope) as db:
        await actions.record_preflight(db, workspace_id, mailbox_id, checks, at=now())
        if attempt < MOST_QUESTIONS and any(each.verdict is Verdict.UNKNOWN for each in checks):
            await jobs.enqueue(
                db, "deliverability.examine", delay=ASK_AGAIN,
                workspace_id=workspace_id, mailbox_id=mailbox_id, attempt=attempt + 1,
            )  # fmt: skip


async def _bounced(app: Runtime, db: AsyncSession, event: MessageReceived) -> None:
    """Believes a report only about a mail that did leave here, to the recipient it names (RFC 3464 proves nothing)."""
    gone = {each["address"] for each in event.refusals if each["isHard"]}
    for recipient in event.bounced:
        message_id = await queries.is_ours(db, event.workspace_id, event.mailbox_id, event.mentions, recipient)
        if message_id is None:
            continue
        is_gone = recipient in gone
        kind = FeedbackKind.GONE if is_gone else FeedbackKind.BOUNCED
        if await _record(db, event, message_id, recipient, kind):
            await _tell_bounced(db, event, message_id, recipient, is_hard=is_gone)
        returns = await queries.bounced_at(db, event.workspace_id, recipient, now=event.received_at)
        if is_gone or rules.is_given_up(returns):
            await _suppress(app, db, event, recipient, Reason.BOUNCE, aboutMessageId=message_id)


async def _complained(app: Runtime, db: AsyncSession, event: MessageReceived) -> None:
    """The complainer's address is mostly taken out of the report, so the mail it is about names the recipient."""
    for message_id, recipient in await queries.recipients_of(db, event.workspace_id, event.mailbox_id, event.mentions):
        await _record(db, event, message_id, recipient, FeedbackKind.COMPLAINT)
        await _suppress(app, db, event, recipient, Reason.COMPLAINT, aboutMessageId=message_id)


async def _unsubscribed(app: Runtime, db: AsyncSession, event: MessageReceived) -> None:
    if await queries.was_written_to(db, event.workspace_id, event.sender, now=event.received_at, within=REMEMBERED):
        await _suppress(app, db, event, event.sender, Reason.UNSUBSCRIBE)


async def _gone(app: Runtime, db: AsyncSession, event: MessageReceived) -> None:
    if await queries.was_written_to(db, event.workspace_id, event.sender, now=event.received_at, within=REMEMBERED):
        await _suppress(app, db, event, event.sender, Reason.GONE)


async def _delivered(_app: Runtime, db: AsyncSession, event: MessageReceived) -> None:
    """Takes down what a server reports as delivered; asked for by nobody here, some send it all the same."""
    for recipient in event.delivered:
        for send in await queries.sends_to(db, event.workspace_id, event.mailbox_id, event.mentions, recipient):
            if send.delivered_at is None:
                send.delivered_at = event.received_at
                await emit(db, SendDelivered(at=event.received_at, proof=_proof(event), **facts_of(send)))


async def _tell_bounced(
    db: AsyncSession, event: MessageReceived, message_id: str, recipient: str, *, is_hard: bool
) -> None:
    why = next((each for each in event.refusals if each["address"] == recipient), {})
    for send in await queries.sends_to(db, event.workspace_id, event.mailbox_id, [message_id], recipient):
        reason = str(why.get("reason") or event.evidence)
        proof = {**_proof(event), "diagnostic": why.get("diagnostic", "")}
        await emit(db, SendBounced(reason=reason, is_hard=is_hard, proof=proof, **facts_of(send)))


def _proof(event: MessageReceived) -> dict[str, Any]:
    return {"messageId": str(event.message_id), "evidence": event.evidence}


async def _record(
    db: AsyncSession, event: MessageReceived, message_id: str, recipient: str, kind: FeedbackKind
) -> bool:
    return await actions.record(
        db,
        workspace_id=event.workspace_id,
        mailbox_id=event.mailbox_id,
        message_id=message_id,
        recipient=recipient,
        kind=kind,
        reason=event.evidence,
        at=event.received_at,
    )


async def _suppress(
    app: Runtime, db: AsyncSession, event: MessageReceived, recipient: str, reason: Reason, **more: Any
) -> None:
    proof = {**_proof(event), **more}
    await suppressions.suppress(db, app.keyring, event.workspace_id, recipient, reason=reason, proof=proof)
