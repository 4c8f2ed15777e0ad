"""Whom an export or an erasure is about, and by what they are recognised in a row of any table."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import Conflict
from outrider.domain.accounts.actions import normalise_email
from outrider.domain.people import queries as people

NOTHING = "$^a"  # a pattern that matches no text
# A name is sought in spoken texts alone, and only where it is one of somebody: "Bob" is in too many of them.
SHORTEST_NAME = 5
FAMILY = text("""
    with recursive family as (
        select id from contacts where workspace_id = :ws and id = :id
        union select c.id from contacts c join family f on c.merged_into = f.id where c.workspace_id = :ws
    ) select array_agg(id) from family
""")
WAYS = text("""
    select coalesce((select array_agg(address) from contact_emails where workspace_id = :ws and contact_id = any(:ids)), '{}'),
        coalesce((select array_agg(number) from contact_phones
                  where workspace_id = :ws and contact_id = any(:ids) and number is not null), '{}'),
        coalesce((select array_agg(distinct n) from contacts c, unnest(array[c.name, c.given_name || ' ' || c.family_name]) n
                  where c.workspace_id = :ws and c.id = any(:ids)), '{}')
""")
HOLDER = text("select contact_id from contact_emails where workspace_id = :ws and address = :address")
OWN = text("""
    select lower(address) from mailboxes where workspace_id = :ws
    union select u.email from members m join users u on u.id = m.user_id where m.workspace_id = :ws
""")


class OwnAddress(Conflict):
    """The person is a user of the workspace."""

    code = "address_of_a_user"


@dataclass(frozen=True, slots=True)
class Subject:
    """`contact_id` is None for somebody who is in no address book; `own` are the addresses of the workspace's users."""

    workspace_id: UUID
    contact_id: UUID | None
    contact_ids: list[UUID]
    addresses: list[str]
    numbers: list[str]
    names: list[str]
    own: list[str]

    @property
    def values(self) -> dict[str, Any]:
        """What the registry's conditions compare with: addresses and names as patterns of LIKE and of a regular
        expression, which also tells `bob@b.test` from `jim-bob@b.test`.
        """
        spellings = [each for address in self.addresses for each in _spellings(address)]
        traces = [*spellings, *map(str, self.contact_ids)]
        words = [*spellings, *self.names]
        mask = _pattern(spellings)
        return {
            "ws": self.workspace_id,
            "ids": self.contact_ids,
            "addresses": self.addresses,
            "own": self.own,
            "numbers": self.numbers,
            "likes": _likes(spellings),
            "mask": mask,
            "traces": _likes(traces),
            "trace_mask": _pattern(traces),
            "word_likes": _likes(words),
            "words": _pattern(words),
            # A line of iCalendar that is about them.
            "lines": rf"^(ATTENDEE|ORGANIZER)[^\n]*{mask}[^\n]*\n",
        }


async def of_contact(db: AsyncSession, workspace_id: UUID, contact_id: UUID) -> Subject:
    """Raises ContactNotFound."""
    contact = await people.get(db, workspace_id, contact_id)
    ids: list[UUID] = await db.scalar(FAMILY, {"ws": workspace_id, "id": contact.id}) or []
    addresses, numbers, names = (await db.execute(WAYS, {"ws": workspace_id, "ids": ids})).one()
    full = sorted({each.strip() for each in names if len(each.strip()) >= SHORTEST_NAME and " " in each.strip()})
    own = await own_addresses(db, workspace_id)
    return Subject(workspace_id, contact.id, ids, sorted(addresses), sorted(numbers), full, own)


async def at_address(db: AsyncSession, workspace_id: UUID, address: str) -> Subject:
    """Somebody by an address of theirs, also where they are no contact. Raises Invalid."""
    address = normalise_email(address)
    contact_id = await db.scalar(HOLDER, {"ws": workspace_id, "address": address})
    if contact_id is not None:
        return await of_contact(db, workspace_id, contact_id)
    return Subject(workspace_id, None, [], [address], [], [], await own_addresses(db, workspace_id))


async def own_addresses(db: AsyncSession, workspace_id: UUID) -> list[str]:
    return list(await db.scalars(OWN, {"ws": workspace_id}))


def check_not_own(subject: Subject) -> None:
    """Raises OwnAddress."""
    if mine := sorted({*subject.addresses} & {*subject.own}):
        raise OwnAddress(f"{mine[0]} belongs to a user of this workspace: delete their account instead.")


def _spellings(address: str) -> list[str]:
    return list(dict.fromkeys((address, quote(address, safe="+-._~"), quote(address, safe=""))))


def _likes(words: Iterable[str]) -> list[str]:
    """Patterns of LIKE over texts in small letters."""
    return ["%" + re.sub(r"([%_\\])", r"\\\1", each.lower()) + "%" for each in words]


def _pattern(words: Iterable[str]) -> str:
    """A regular expression of PostgreSQL for any of the words, standing alone."""
    escaped = "|".join(re.sub(r"(\W)", r"\\\1", each) for each in words)
    return rf"(?:(?<=%[0-9a-f]{{2}})|(?<![\w.+-]))(?:{escaped})(?![\w-]|\.\w)" if escaped else NOTHING
