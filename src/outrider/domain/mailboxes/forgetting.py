"""Mail of people who were erased: what a mailbox still holds of before is not read in again."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.crypto import Keyring
from outrider.domain.mailboxes.judging import Judged
from outrider.domain.suppressions import queries as suppressions
from outrider.providers.mail.interface import Changes


async def without_erased(
    db: AsyncSession, keyring: Keyring, workspace_id: UUID, own_address: str, changes: Changes, judged: Sequence[Judged]
) -> tuple[Changes, list[Judged]]:
    """Leaves out what came from somebody before they were erased, or went to nobody else. What they write afterwards is
    new.
    """
    people = {address for each in judged for address in whose(each, own_address)}
    erased = await suppressions.erased(db, keyring, workspace_id, people)
    if not erased:
        return changes, list(judged)
    kept = [
        (fetched, each)
        for fetched, each in zip(changes.messages, judged, strict=True)
        if not any(fetched.received_at < erased[address] for address in whose(each, own_address) & erased.keys())
    ]
    return replace(changes, messages=tuple(fetched for fetched, _ in kept)), [each for _, each in kept]


def whose(judged: Judged, own_address: str) -> frozenset[str]:
    """Whose mail it is: the writer's; of a report, whom it is about; of our own, the only one's it went to."""
    mail = judged.mail
    sender = mail.sender.address if mail.sender else ""
    about = {each.address for each in judged.verdict.bounced}
    recipients = {each.address for each in (*mail.to, *mail.cc)} - {own_address}
    is_sent = own_address not in {each.address for each in (*mail.to, *mail.cc)}
    only = recipients if is_sent and len(recipients) == 1 else set()
    return frozenset({sender, *about, *only} - {"", own_address})
