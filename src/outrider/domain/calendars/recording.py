"""Writing down what a calendar told: its sources, when they take place, and the cursor that covers them, all at once."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import md5, sha256
from itertools import islice
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.calendars import queries
from outrider.domain.calendars.models import Calendar, CalendarSource, Occurrence
from outrider.providers.calendar.interface import Changes, Source
from outrider.providers.calendar.occurrences import Worked

MOST_OCCURRENCES = 20_000  # of one calendar
LONGEST_ID = 1_000  # bytes; an index holds no more of it
ROWS = 1_000
_OF_THE_EVENT = (
    "uid", "starts_at", "ends_at", "starts_on", "ends_on", "title", "location", "url", "is_recurring", "is_tentative",
    "is_free", "priority", "organizer", "attendees",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What changes: sources to keep, ids of sources to forget, and what each touched series consists of then."""

    changed: dict[str, Source]
    gone: frozenset[str]
    series: dict[str, list[str]] = field(default_factory=dict)


async def plan(db: AsyncSession, calendar: Calendar, changes: Changes, *, anew: bool) -> Plan:
    """Compares what was told with what is stored. With `anew` every series is worked out again."""
    if not (anew or changes.is_everything or changes.sources or changes.removed):
        return Plan({}, frozenset())
    known = await queries.digests(db, calendar, calendar.workspace_id)
    told = {each.id: each for each in map(_storable, changes.sources)}
    changed = {
        each.id: each
        for each in told.values()
        if known.get(each.id) != (each.series, md5(each.ical.encode(), usedforsecurity=False).hexdigest())
    }
    removed = {short(each) for each in changes.removed}
    gone = frozenset(
        remote_id
        for remote_id, (series, _) in known.items()
        if (changes.is_everything and remote_id not in told)
        or (remote_id not in told and (remote_id in removed or series in removed))
    )
    touched = {each.series for each in changed.values()}
    touched |= {known[remote_id][0] for remote_id in [*gone, *changed] if remote_id in known}
    touched |= {series for series, _ in known.values()} if anew else set()
    parts: dict[str, list[str]] = {each: [] for each in touched}
    for source in changed.values():
        parts[source.series].append(source.ical)
    await _add_stored(db, calendar, parts, leave_out={*gone, *changed})
    return Plan(changed, gone, parts)


async def record(
    db: AsyncSession,
    calendar: Calendar,
    changes: Changes,
    planned: Plan,
    worked: Sequence[Worked],
    *,
    home: str,
    known_until: datetime,
) -> bool:
    """Writes it all; False if somebody else read the calendar on meanwhile, or it is gone: then nothing is written."""
    current = await db.get(Calendar, (calendar.workspace_id, calendar.id), with_for_update=True, populate_existing=True)
    if current is None or current.cursor != calendar.cursor:
        return False
    await _keep_sources(db, current, planned)
    rows = {
        (series, each.instance): {**_row(current, series), **asdict(each), "id": new_id()}
        for series, result in zip(planned.series, worked, strict=True)
        for each in result.occurrences
    }
    problems = [each.problem for each in worked if each.problem]
    if len(rows) > MOST_OCCURRENCES:
        soonest = sorted(rows.items(), key=lambda each: each[1]["starts_at"])[:MOST_OCCURRENCES]
        rows = dict(soonest)
        problems.append(f"Only the next {MOST_OCCURRENCES:,} times of its events are known.")
    await _forget_occurrences(db, current, planned.series, rows.keys())
    await _keep_occurrences(db, list(rows.values()))
    current.cursor, current.home, current.known_until, current.synced_at = changes.cursor, home, known_until, now()
    current.problem = problems[0][:500] if problems else (current.problem if not planned.series else None)
    await db.flush()
    return True


def short(remote_id: str) -> str:
    """An id as it is stored: one that is too long for an index is known by its digest."""
    remote_id = remote_id.replace("\0", "")
    return remote_id if len(remote_id.encode()) <= LONGEST_ID else sha256(remote_id.encode()).hexdigest()


def _storable(source: Source) -> Source:
    return Source(short(source.id), short(source.series), source.ical.replace("\0", ""))


async def _add_stored(
    db: AsyncSession, calendar: Calendar, parts: dict[str, list[str]], *, leave_out: Collection[str]
) -> None:
    """Adds to each series what is stored of it and stays."""
    for names in _portions(list(parts)):
        rows = await db.execute(
            select(CalendarSource.remote_id, CalendarSource.series, CalendarSource.ical).where(
                CalendarSource.workspace_id == calendar.workspace_id,
                CalendarSource.calendar_id == calendar.id,
                CalendarSource.series.in_(names),
            )
        )
        for row in rows:
            if row.remote_id not in leave_out:
                parts[row.series].append(row.ical)


async def _keep_sources(db: AsyncSession, calendar: Calendar, planned: Plan) -> None:
    own = (CalendarSource.workspace_id == calendar.workspace_id, CalendarSource.calendar_id == calendar.id)
    for ids in _portions(list(planned.gone)):
        await db.execute(delete(CalendarSource).where(*own, CalendarSource.remote_id.in_(ids)))
    statement = insert(CalendarSource)
    statement = statement.on_conflict_do_update(
        index_elements=["workspace_id", "calendar_id", "remote_id"],
        set_={"series": statement.excluded.series, "ical": statement.excluded.ical},
    )
    for sources in _portions(list(planned.changed.values())):
        rows = [
            {
                "workspace_id": calendar.workspace_id, "id": new_id(), "calendar_id": calendar.id,
                "remote_id": each.id, "series": each.series, "ical": each.ical,
            }
            for each in sources
        ]  # fmt: skip
        await db.execute(statement, rows)


async def _forget_occurrences(
    db: AsyncSession, calendar: Calendar, touched: Collection[str], kept: Collection[tuple[str, str]]
) -> None:
    own = (Occurrence.workspace_id == calendar.workspace_id, Occurrence.calendar_id == calendar.id)
    stale = []
    for names in _portions(list(touched)):
        rows = await db.execute(
            select(Occurrence.id, Occurrence.series, Occurrence.instance).where(*own, Occurrence.series.in_(names))
        )
        stale += [row.id for row in rows if (row.series, row.instance) not in kept]
    for ids in _portions(stale):
        await db.execute(delete(Occurrence).where(*own, Occurrence.id.in_(ids)))


async def _keep_occurrences(db: AsyncSession, rows: list[dict[str, Any]]) -> None:
    statement = insert(Occurrence)
    statement = statement.on_conflict_do_update(
        index_elements=["workspace_id", "calendar_id", "series", "instance"],
        set_={name: statement.excluded[name] for name in _OF_THE_EVENT},
    )
    for portion in _portions(rows):
        await db.execute(statement, portion)


def _row(calendar: Calendar, series: str) -> dict[str, Any]:
    return {
        "workspace_id": calendar.workspace_id,
        "calendar_id": calendar.id,
        "user_id": calendar.user_id,
        "series": series,
    }


def _portions(items: list[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while portion := list(islice(rest, ROWS)):
        yield portion
