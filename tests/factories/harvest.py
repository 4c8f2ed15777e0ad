"""Mails that bring leads, and batches of them worked off without a queue."""

from uuid import UUID

from outrider.domain.harvest import actions, jobs, queries
from outrider.domain.harvest.queries import Standing
from outrider.runtime import Runtime
from tests.factories.accounts import Someone


def letter(
    number: int, *, name: str = "Grace Hopper", sender: str | None = None, extra: str = "", text: str | None = None
) -> bytes:
    """A person's letter with a signature; nothing but the number tells one from another."""
    sender = sender or f"grace{number}@hopper{number}.test"
    said = text or f"Hello Ada,\n\ncould you make us an offer for {number} seats? We would start in May."
    return (
        f"From: {name} <{sender}>\nTo: ada@a.test\nSubject: Offer {number}\nMessage-ID: <{number}@hopper.test>\n"
        f"Date: Sat, 21 Nov 2026 09:00:00 +0000\n{extra}\n{said}\n\nBest regards\n{name}\n"
        f"Hopper Computing Ltd\nTel. +44 20 7946 {number:04d}\n"
    ).encode()


async def start(runtime: Runtime, owner: Someone, mails: list[bytes]) -> UUID:
    async with runtime.db.begin(owner.scope) as db:
        batch, _ = await actions.start_emails(db, owner.workspace_id, owner.user.id, mails)
    return batch.id


async def finish(runtime: Runtime, owner: Someone, batch_id: UUID) -> Standing:
    """Does what a worker does until the batch has ended, or waits for something."""
    while True:
        batch, operation = await state(runtime, owner, batch_id)
        if not operation.is_open or batch.waiting_for:
            return batch, operation
        await jobs.work(runtime, workspace_id=owner.workspace_id, batch_id=batch_id, step=batch.step)


async def state(runtime: Runtime, owner: Someone, batch_id: UUID) -> Standing:
    async with runtime.db.begin(owner.scope) as db:
        return await queries.get(db, owner.workspace_id, owner.user.id, batch_id)
