"""One person in every table that can hold something of a contact, each row carrying a word that can be looked for."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from outrider.core import jobs
from outrider.core.db import Model
from outrider.core.ids import new_id
from outrider.domain import all_jobs, all_models
from outrider.domain.erasure.contact_registry import NOT_OF_CONTACTS
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.canary import LEFT_ALONE, MADE_ALREADY, row_of

PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Canary:
    owner: Someone
    word: str
    address: str
    contact_id: UUID
    others: dict[str, UUID]  # rows of others in which the person is named


async def furnish_contact(runtime: Runtime, word: str) -> Canary:
    """Makes a workspace whose only contact is `word@canary.test`, by whom every table holds something."""
    all_models.load()
    all_jobs.load()
    owner = await make_user(runtime)
    address = f"{word}@canary.test"
    made: dict[str, dict[str, Any]] = {
        "users": {"id": owner.user.id},
        "workspaces": {"id": owner.workspace_id},
        "sessions": {"workspace_id": owner.workspace_id, "id": owner.actor.session_id},
    }
    ids = {"speech_id": new_id(), "message_id": new_id()}
    people = [{"address": address, "name": word}]
    theirs: dict[str, dict[str, Any]] = {
        "contacts": {"merged_into": None, **_lists(word)},
        "contact_emails": {"address": address},
        "contact_phones": {"number": "+442079460123"},
        "messages": {"id": ids["message_id"], "from_address": address, "recipients": people, "cc": [], "refs": []},
        "sends": {"recipient": address, "state": "sent"},
        "enrollments": {"recipient": address, "status": "active", "variables": {"who": address}},
        "senders": {"email": address},
        "reply_drafts": {"recipient": address, "state": "sent"},
        "message_judgements": {"message_id": ids["message_id"]},
        "judgement_corrections": {"message_id": ids["message_id"]},
        "urgency_models": {"learnt": {"senders": {address: "bank"}}},
        "model_questions": {**_plain("model_questions"), "digest": new_id().bytes, "answer": {"text": f"Dear <{address}>"}, "error": None},
        "feedback": {"recipient": address},
        "call_speeches": {"id": ids["speech_id"]},
        "calls": ids | {"id": new_id()},
        "calendar_occurrences": {"organizer": people[0], "attendees": people},
        "harvest_batches": {"query": f"from:{address}", "label": address, "page": None, "waiting_for": None},
        "contact_import_jobs": _plain("contact_import_jobs") | {"status": "failed", "state_digest": None, "error_message": f"{address} is odd."},
        "contact_import_files": {"content": f"Name,Mail\n{word},{address}\n".encode()},
        "operations": {"type": PLAIN, "error": f"{address} did not answer."},
        "suppressions": {"digest": new_id().bytes, "value": "eve@e.test", "origin": PLAIN, "proof": {"about": address}},
    }  # fmt: skip
    others: dict[str, UUID] = {}
    async with runtime.db.begin(owner.scope) as db:
        for table in Model.metadata.sorted_tables:
            if table.name in MADE_ALREADY or table.name == "contact_erasures":
                continue
            words = f"{PLAIN}{word[-8:]}" if table.name in NOT_OF_CONTACTS else word
            made[table.name] = row_of(table, owner.actor, made, words) | theirs.get(table.name, {})
            await db.execute(table.insert(), made[table.name])
        known = dict(made)
        for name, changes in _of_others(address, word).items():
            table = Model.metadata.tables[name]
            row = row_of(table, owner.actor, known, PLAIN) | {"id": new_id()} | changes
            if name == "contacts":
                row["merged_into"] = None
            await db.execute(table.insert(), row)
            known[name], others[name] = row, row["id"]
        ws = {"ws": owner.workspace_id, "id": new_id(), "word": word, "address": address}
        await db.execute(
            text("insert into events (workspace_id, id, name, payload)"
                 " values (:ws, :id, 'x', jsonb_build_object('who', cast(:address as text)))"),
            ws,
        )  # fmt: skip
        await db.execute(
            text("insert into idempotency_keys (workspace_id, route, key, fingerprint, body)"
                 " values (:ws, 'x', 'x', 'x', convert_to(:address, 'UTF8'))"),
            ws,
        )  # fmt: skip
        await jobs.enqueue(db, "grants.revoke", delay=86_400, workspace_id=owner.workspace_id, grant_id=new_id(),
                           attempt=1, word=address)  # fmt: skip
        await db.execute(LEFT_ALONE)
    return Canary(owner, word, address, made["contacts"]["id"], others)


def _lists(word: str) -> dict[str, Any]:
    return {name: [{"name": word}] for name in ("addresses", "organisations", "urls")}


def _plain(name: str) -> dict[str, Any]:
    table = Model.metadata.tables[name]
    texts = {each.name for each in table.columns if each.type.python_type is str}
    plain = {each: PLAIN for each in texts if each not in {"provider", "status", "purpose"}}
    return plain | ({"options": {}} if "options" in table.columns else {})


def _of_others(address: str, word: str) -> dict[str, dict[str, Any]]:
    """Rows about somebody else that name the person."""
    mention = f"Ask <{address}>, or mailto%3A{address.replace('@', '%40')}, about it; not jim-{PLAIN}@canary.test."
    people = [
        {"address": address, "name": word},
        {"address": "carol@c.test", "name": "Carol"},
        {"address": "dan@d.test"},
    ]
    ical = f"BEGIN:VEVENT\r\nATTENDEE;CN={word}:mailto:{address[:9]}\r\n {address[9:]}\r\nATTENDEE:mailto:carol@c.test\r\nEND:VEVENT\r\n"
    return {
        "threads": {"subject": mention},
        "messages": {
            "identity": new_id().bytes, "direction": "in", "from_address": "carol@c.test", "recipients": people, "cc": people[:1],
            "text": mention, "html": mention, "subject": mention, "snippet": mention, "successor": address,
            "refusals": [{"address": address}], "raw": mention.encode(), "message_id": "<1@c.test>", "refs": [], "bounced": [],
        },
        "sends": {"recipient": "carol@c.test", "origin_id": new_id(), "state": "sent", "body": mention, "proof": mention},
        "enrollments": {"recipient": "carol@c.test", "status": "completed", "reply": {"snippet": mention}, "stop_proof": {"a": address},
                        "stop_reason": mention, "hold_reason": mention, "variables": {}},
        "reply_drafts": {"recipient": "carol@c.test", "state": "sent", "body": mention, "subject": mention},
        "message_judgements": {"sentence": mention, "reasons": [{"said": mention}]},
        "senders": {"email": "carol@c.test", "latest_subject": mention, "latest_preview": mention},
        "calls": {"origin": "digest", "content": f"Good morning. {mention}", "content_summary": mention, "message_id": None},
        "calendar_sources": {"remote_id": "2", "series": "2", "ical": ical},
        "calendar_occurrences": {"series": "2", "organizer": people[0], "attendees": people, "title": mention},
        "contacts": {**_lists(PLAIN), "notes": mention, "details": {"wants": mention}},
        "feedback": {"recipient": "carol@c.test", "message_id": "<2@c.test>", "reason": mention},
    }  # fmt: skip
