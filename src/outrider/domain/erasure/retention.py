"""How long each class of data is kept, and what becomes of it then: table by table, in short steps.

What is here goes by its age alone. A table that is in no class says in `KEPT` why it stays; a test holds that.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.db import Database, Scope
from outrider.domain.erasure import walking
from outrider.domain.erasure.contact_registry import Held, Mentioned
from outrider.settings import Settings

Kept = Mapping[str, timedelta | None]
Counts = Counter[str]

ACTOR = "retention"
AT_ONCE = 1_000
EVERY = timedelta(hours=6)
CLAIM = text(
    "update installation set tidied_at = clock_timestamp() where tidied_at <= clock_timestamp() - cast(:every as interval) returning tidied_at"
)
WORKSPACES = text("select workspaces_after(:last, :made_before, :at_most)")
_FINISHED = "t.state not in ('queued', 'paused', 'sending', 'unknown')"
_NOT_FOLLOWED_UP = (
    "not exists (select 1 from enrollments e where e.workspace_id = :ws and e.thread_id = t.thread_id"
    " and e.status in ('active', 'paused'))"
)
_NOT_TO_BE_SAID = (
    "not exists (select 1 from calls c where c.workspace_id = :ws and c.speech_id = t.id"
    " and c.status in ('scheduled', 'in-progress'))"
)
_SAID = "t.status in ('completed', 'failed')"

# By class, and so by setting: what goes, or is emptied, once it is older than `:before`.
CLASSES: Mapping[str, tuple[Held | Mentioned, ...]] = {
    "bodies": (
        Mentioned(
            "messages",
            f"t.received_at < :before and (t.text <> '' or t.html <> '' or t.snippet <> '' or t.raw is not null)"
            f" and {_NOT_FOLLOWED_UP}",
            {"text": "''", "html": "''", "snippet": "''", "raw": "null"},
            at_once=500,
        ),
        Mentioned("sends", f"{_FINISHED} and coalesce(t.sent_at, t.updated_at) < :before and t.body <> ''"
                  f" and {_NOT_FOLLOWED_UP}", {"body": "''"}),
        Mentioned("reply_drafts", "t.state not in ('writing', 'waiting', 'approved') and t.updated_at < :before"
                  " and t.body <> ''", {"body": "''"}),
        Mentioned("message_judgements", "t.received_at < :before and (t.sentence <> '' or t.reasons <> '[]')",
                  {"sentence": "''", "reasons": "'[]'"}),
    ),
    "tracking": (Held("hits", "t.at < :before"),),
    "answers": (Held("idempotency_keys", "t.created_at < :before", key="(t.route || ' ' || t.key)"),),
    "events": (Held("events", "t.created_at < :before"),),
    "operations": (Held("operations", "t.finished_at < :before"),),
    "speech": (Held("call_speeches", f"t.created_at < :before and {_NOT_TO_BE_SAID}", at_once=200),),
    "calls": (
        Mentioned("calls", f"{_SAID} and t.updated_at < :before and (t.content <> '' or t.content_summary <> '')",
                  {"content": "''", "content_summary": "''"}),
        Held("call_notices", "t.created_at < :before"),
        Mentioned("model_questions", "t.asked_at < :before and t.answer is not null", {"answer": "null"}),
    ),
    "sessions": (Held("sessions", "least(t.expires_at, t.revoked_at) < :before"),),
}  # fmt: skip
# Of the whole installation: the log of jobs, and those that were given up.
LOG = {
    "pgqueuer_log": text(
        f"delete from pgqueuer_log where ctid = any(array(select ctid from pgqueuer_log where created < :before"
        f" order by created limit {AT_ONCE})) returning 1"
    ),
    "pgqueuer": text(
        f"delete from pgqueuer where id in (select id from pgqueuer where status = 'failed' and updated < :before"
        f" limit {AT_ONCE}) returning 1"
    ),
}
OLD_LOG = {
    "pgqueuer_log": text("select count(*) from pgqueuer_log where created < :before"),
    "pgqueuer": text("select count(*) from pgqueuer where status = 'failed' and updated < :before"),
}
JOBS = "jobs"

# What no age alone makes superfluous, and why.
_OWN = "its owner's: it goes when they delete it, or with the account"
_PEOPLE = "the address book: it goes when somebody asks for it, or with the account"
KEPT = {
    **dict.fromkeys(
        ("enrollments", "sequences", "sequence_steps", "mailboxes", "mailbox_paces", "folders", "threads", "places",
         "senders", "preferences", "call_settings", "calendar_connections", "calendars", "calendar_sources",
         "calendar_occurrences", "judgement_corrections", "urgency_models", "mentions", "grants", "access_keys", "members", "data_keys", "signing_keys", "preflights"), _OWN),
    **dict.fromkeys(
        ("contacts", "contact_emails", "contact_phones", "contact_sources", "contact_words", "contact_tags", "tags",
         "contact_merges"), _PEOPLE),
    "suppressions": "a refusal has no end",
    "do_not_call": "a refusal has no end",
    "call_consents": "the proof that a call was allowed",
    "model_consents": "the proof that a language model may be asked",
    "call_attempts": "the call's own log: who was called when, not what was said",
    "feedback": "why an address is suppressed",
    "harvest_batches": _OWN,
    "harvest_items": "the evidence for what a lead is made of",
    "contact_import_jobs": _OWN,
    "contact_import_files": "gone with the import's end",
    "imported_contacts": "what became of each row of an import",
    "contact_erasures": "the proof of an erasure, which names nobody",
    "refresh_tokens": "gone with their session",
    "sign_ins": "gone within minutes",
}  # fmt: skip


def limits(settings: Settings) -> dict[str, timedelta | None]:
    """How long each class is kept; None: for ever."""
    return {
        "bodies": settings.keep_bodies,
        "tracking": settings.keep_tracking,
        "answers": settings.keep_answers,
        "events": settings.keep_events,
        "operations": settings.keep_operations,
        "speech": settings.keep_speech,
        "calls": settings.keep_calls,
        "sessions": settings.keep_sessions,
        JOBS: settings.keep_jobs,
    }


async def claim(db: AsyncSession) -> datetime | None:
    """Takes the next round, if it is due; returns its moment."""
    at: datetime | None = await db.scalar(CLAIM, {"every": EVERY})
    return at


async def tidy(database: Database, kept_for: Kept, *, at: datetime) -> Counts:
    """Lets go what is older than its limit at a moment; returns how many rows of each class. Safe to run beside itself."""
    gone = Counter(dict.fromkeys(kept_for, 0))
    async for workspace_id in _workspaces(database, kept_for, at):
        gone.update(await tidy_workspace(database, workspace_id, kept_for, at=at))
    if (limit := kept_for.get(JOBS)) is not None:
        gone[JOBS] += await _tidy_log(database, at - limit)
    return gone


async def count(database: Database, kept_for: Kept, *, at: datetime) -> Counts:
    """What `tidy` would let go."""
    going = Counter(dict.fromkeys(kept_for, 0))
    async for workspace_id in _workspaces(database, kept_for, at):
        going.update(await count_workspace(database, workspace_id, kept_for, at=at))
    if (limit := kept_for.get(JOBS)) is not None:
        async with database.begin(Scope(actor=ACTOR)) as db:
            for statement in OLD_LOG.values():
                going[JOBS] += await db.scalar(statement, {"before": at - limit}) or 0
    return going


async def tidy_workspace(database: Database, workspace_id: UUID, kept_for: Kept, *, at: datetime) -> Counts:
    gone: Counts = Counter()
    for name, each, values in _aging(workspace_id, kept_for, at):
        gone[name] += await _let_go(database, Scope(workspace_id, actor=ACTOR), each, values)
    return gone


async def count_workspace(database: Database, workspace_id: UUID, kept_for: Kept, *, at: datetime) -> Counts:
    going: Counts = Counter()
    for name, each, values in _aging(workspace_id, kept_for, at):
        going[name] += await walking.count(database, Scope(workspace_id, actor=ACTOR), each, values)
    return going


def _aging(workspace_id: UUID, kept_for: Kept, at: datetime) -> Iterator[tuple[str, Held | Mentioned, dict[str, Any]]]:
    for name, limit in kept_for.items():
        if limit is not None:
            for each in CLASSES.get(name, ()):
                yield name, each, {"ws": workspace_id, "before": at - limit}


async def _let_go(database: Database, scope: Scope, kind: Held | Mentioned, values: dict[str, Any]) -> int:
    async def then(db: AsyncSession, keys: list[Any]) -> None:
        if kind.table == "call_speeches":  # a call whose speech is gone is spoken anew when it is played
            await db.execute(
                text("update calls set speech_id = null where workspace_id = :ws and speech_id = any(:keys)"),
                {"ws": values["ws"], "keys": keys},
            )

    if isinstance(kind, Held):
        return await walking.erase(database, scope, kind, values, then)
    return await walking.strike(database, scope, kind, values, then)


async def _workspaces(database: Database, kept_for: Kept, at: datetime) -> AsyncIterator[UUID]:
    """Those that may hold something old: only mail is older than the workspace that it is read into."""
    bounds = [limit for limit in kept_for.values() if limit is not None]
    is_of_mail = kept_for.get("bodies") is not None
    made_before = at if is_of_mail or not bounds else at - min(bounds)
    last: UUID | None = UUID(int=0)
    while last is not None:
        async with database.begin(Scope(actor=ACTOR)) as db:
            values = {"last": last, "made_before": made_before, "at_most": AT_ONCE}
            found = list(await db.scalars(WORKSPACES, values))
        for each in found:
            yield each
        last = found[-1] if found else None


async def _tidy_log(database: Database, before: datetime) -> int:
    total = 0
    for statement in LOG.values():

        async def step(db: AsyncSession, statement: Any = statement) -> int:
            return len((await db.execute(statement, {"before": before})).all())

        total += await walking.repeat(database, Scope(actor=ACTOR), step, at_once=AT_ONCE)
    return total
