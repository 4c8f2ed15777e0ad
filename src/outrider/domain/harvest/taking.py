"""What becomes of mails that were read: contacts made and filled, and each mail's outcome, in one transaction."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.domain.harvest import actions, lead
from outrider.domain.harvest.models import Batch, Item, Outcome
from outrider.domain.harvest.reading import Harvested, as_stored
from outrider.domain.operations.models import Operation
from outrider.domain.people import actions as people
from outrider.domain.people.actions import Taken
from outrider.domain.people.person import Lead, Person, make_person

PROVIDER = "harvest"
MOST_SAID = 2_000  # characters of a message that a lead shows
NOT_FOUND = "The message is not there: it was deleted, or it is a draft, a chat or in the trash."
OUTCOMES = {Taken.CREATED: Outcome.CREATED, Taken.UPDATED: Outcome.UPDATED, Taken.UNCHANGED: Outcome.SKIPPED}


@dataclass(frozen=True, slots=True)
class Candidate:
    item: Item
    person: Person


async def take(
    db: AsyncSession,
    batch: Batch,
    operation: Operation,
    items: Sequence[Item],
    read: Mapping[UUID, Harvested],
    *,
    own: Collection[str],
) -> None:
    """Records a step; `own` are addresses of the user's, which are no leads. Items missing in `read` were not found."""
    candidates = []
    for item in items:
        item.attempts += 1
        person = _weigh(item, read.get(item.id), own)
        if person is not None:
            candidates.append(Candidate(item, person))
    if candidates and not await _upsert(db, batch, candidates):
        for each in candidates:  # one of them the database does not take: it alone fails
            if not await _upsert(db, batch, [each]):
                _settle(each.item, Outcome.FAILED, "not_storable", "The lead could not be stored.")
    for item in items:
        if item.outcome is not Outcome.FAILED:
            item.content = None
    counted = Counter(each.outcome for each in items)
    operation.advance(
        now(),
        done=len(items),
        failed=counted[Outcome.FAILED],
        skipped=counted[Outcome.SKIPPED],
        remaining=operation.total - operation.processed - len(items),
    )
    await actions.go_on(db, batch, operation)


def _weigh(item: Item, found: Harvested | None, own: Collection[str]) -> Person | None:
    """Returns the contact in a mail; where there is none, the mail is settled."""
    if found is None:
        _settle(item, Outcome.FAILED, "message_not_found", NOT_FOUND)
        return None
    if found.poison:
        _settle(item, Outcome.FAILED, "unreadable_mail", found.poison)
        return None
    item.lead = as_stored(found.person) if found.person else None
    if found.skipped or found.person is None:
        _settle(item, Outcome.SKIPPED, "no_lead", found.skipped or "Nobody is found in it.")
        return None
    if found.person.email and found.person.email.value.lower() in own:
        _settle(item, Outcome.SKIPPED, "own_mail", "You wrote it yourself.")
        return None
    person = as_contact(found.person)
    if not person.can_be_known_again:
        _settle(item, Outcome.SKIPPED, "no_email_or_phone", "It names no address and no number to reach its writer at.")
        return None
    return person


def as_contact(found: lead.Person) -> Person:
    organisation = {name: field.value for name, field in (("name", found.company), ("title", found.title)) if field}
    return make_person(
        name=found.name.value if found.name else "",
        emails=[(found.email.value, "")] if found.email else [],
        phones=[(each.value, "") for each in found.phones],
        addresses=[{"street": found.address.value}] if found.address else [],
        organisations=[organisation] if organisation else [],
        urls=[(each.value, "") for each in found.websites],
        language=found.language.value if found.language else "",
        lead=Lead(details={"message": found.message.value[:MOST_SAID]} if found.message else {}),
    )


async def _upsert(db: AsyncSession, batch: Batch, candidates: Sequence[Candidate]) -> bool:
    """Says whether the database took them."""
    try:
        async with db.begin_nested():
            outcomes = await people.upsert(
                db,
                batch.workspace_id,
                batch.user_id,
                [each.person for each in candidates],
                provider=PROVIDER,
                account="",
            )
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return False
    for candidate, outcome in zip(candidates, outcomes, strict=True):
        candidate.item.contact_id = outcome.contact_id
        is_new = outcome.taken is not Taken.UNCHANGED
        _settle(
            candidate.item,
            OUTCOMES[outcome.taken],
            None if is_new else "nothing_new",
            None if is_new else "All of it is known of this contact.",
        )
    return True


def _settle(item: Item, outcome: Outcome, code: str | None, message: str | None) -> None:
    item.outcome, item.code, item.message = outcome, code, message
