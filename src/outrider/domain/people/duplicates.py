"""Contacts that may be one person: they share a number and their names agree, or their addresses reach one mailbox."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import Invalid
from outrider.domain.people.merging import SHARED_BY_MOST, names_agree

MOST_GROUPS = 100


class By(StrEnum):
    PHONE = "phone"
    MAILBOX = "mailbox"


@dataclass(frozen=True, slots=True)
class Alike:
    id: UUID
    name: str
    emails: list[str]


@dataclass(frozen=True, slots=True)
class Group:
    """`value` is the number (E.164), or the mailbox that all of their addresses reach; the eldest contact is first."""

    by: By
    value: str
    contacts: list[Alike]


@dataclass(frozen=True, slots=True)
class Groups:
    """`next` is the value to go on after; None if these are the last."""

    items: list[Group]
    next: str | None = None


# Mail to name+anything reaches name; at Google dots in names are no matter either.
VALUES = {
    By.PHONE: "select p.contact_id, p.number as value from contact_phones p"
    " where p.workspace_id = :ws and p.number > :after",
    By.MAILBOX: """
        select contact_id, value from (
            select contact_id, case
                when domain in ('gmail.com', 'googlemail.com') then replace(local, '.', '') || '@gmail.com'
                else local || '@' || domain end as value
            from (
                select e.contact_id, split_part(split_part(e.address, '@', 1), '+', 1) as local,
                    split_part(e.address, '@', 2) as domain
                from contact_emails e where e.workspace_id = :ws
            ) parts where local <> ''
        ) mailboxes where value > :after
    """,
}
GROUPS = """
    select v.value, array_agg(distinct c.id order by c.id) as ids
    from ({values}) v join contacts c on c.workspace_id = :ws and c.id = v.contact_id and c.merged_into is null
    group by v.value having count(distinct c.id) between 2 and :most order by v.value limit :limit
"""
ALIKE = text("""
    select c.id, c.name, array(
        select e.address from contact_emails e
        where e.workspace_id = c.workspace_id and e.contact_id = c.id order by e.id) as emails
    from contacts c where c.workspace_id = :ws and c.id = any(:ids)
""")
STATEMENTS = {by: text(GROUPS.format(values=values)) for by, values in VALUES.items()}


async def duplicates(db: AsyncSession, workspace_id: UUID, by: By, *, limit: int, after: str = "") -> Groups:
    """Returns groups in the order of their values; people who only share an office's number are none."""
    if not 1 <= limit <= MOST_GROUPS:
        raise Invalid(f"A page has between 1 and {MOST_GROUPS} groups.", field="limit")
    own = {"ws": workspace_id}
    rows = (await db.execute(STATEMENTS[by], {**own, "after": after, "most": SHARED_BY_MOST, "limit": limit + 1})).all()
    ids = [each for row in rows[:limit] for each in row.ids]
    found = {row.id: Alike(row.id, row.name, row.emails) for row in await db.execute(ALIKE, {**own, "ids": ids})}
    groups = [Group(by, row.value, _alike([found[each] for each in row.ids], by)) for row in rows[:limit]]
    return Groups([each for each in groups if each.contacts], rows[limit - 1].value if len(rows) > limit else None)


def _alike(contacts: list[Alike], by: By) -> list[Alike]:
    """Leaves out whoever shares only the number."""
    if by is By.MAILBOX:
        return contacts
    pairs = [pair for pair in combinations(contacts, 2) if names_agree(pair[0].name, pair[1].name)]
    alike = {each.id for pair in pairs for each in pair}
    return [each for each in contacts if each.id in alike]
