"""Contacts: finding people, adding one, all that is known of one, and what a person writes of them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Form, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from outrider.api.deps import Caller, Db
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.errors import Invalid
from outrider.domain.accounts.permissions import Permission
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.people import actions, editing, finding, merges, queries
from outrider.domain.people.finding import Cursor, Entry, Sought
from outrider.domain.people.models import HIGHEST_SCORE, LOWEST_SCORE, Contact, Source, Status
from outrider.domain.people.person import make_person

router = Router()

SIZE = 50
LEADS = "leads"
SOURCES = {
    Source.CSV: "CSV file",
    Source.VCARD: "vCard file",
    Source.GOOGLE: "Google",
    Source.MICROSOFT: "Outlook",
    Source.ICLOUD: "iCloud",
    Source.HARVEST: "Mail",
    Source.TYPED: "Typed here",
}


class Somebody(BaseModel):
    """Of whom an address or a number has to be known."""

    name: Annotated[str, Field(max_length=200)] = ""
    email: Annotated[str, Field(max_length=320)] = ""
    phone: Annotated[str, Field(max_length=64)] = ""


class Edit(BaseModel):
    """The fields as they stand in the form; only what differs from what is known counts as typed."""

    name: Annotated[str, Field(max_length=200)] = ""
    notes: Annotated[str, Field(max_length=10_000)] = ""
    status: Status | Literal[""] = ""
    score: Annotated[str, Field(max_length=16)] = ""
    tags: Annotated[str, Field(max_length=2_000)] = ""


@router.get("/contacts", needs=Permission.CONTACTS_READ)
async def list_contacts(
    request: Request,
    db: Db,
    actor: Caller,
    search: Annotated[str, Query(max_length=200)] = "",
    status: Status | Literal["leads", ""] = "",
    tag: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """A page of the people sought, the newest first; where it ends, the next one begins."""
    sought = Sought(
        query=search.replace("\0", "").strip(),
        status=Status(status) if status and status != LEADS else None,
        is_lead=status == LEADS,
        tag=tag.replace("\0", ""),
    )
    cursor = Cursor.parse(after) if after else None
    found = await finding.search(db, actor.workspace_id, sought, limit=SIZE, cursor=cursor)
    is_all = sought == Sought() and cursor is None
    return show(
        request,
        "contacts.html",
        found=found,
        count=await finding.count(db, actor.workspace_id, sought, is_mistyped=found.is_mistyped),
        most_counted=finding.MOST_COUNTED,
        sought=sought,
        chosen=str(status),
        statuses=list(Status),
        sources=SOURCES,
        is_first=cursor is None,
        is_empty=is_all and not found.items,
        has_mailbox=bool(await mailboxes.of_user(db, actor.workspace_id, actor.user_id)),
    )


@router.post("/contacts", needs=Permission.CONTACTS_WRITE)
async def add(db: Db, actor: Caller, form: Annotated[Somebody, Form()]) -> Response:
    """Ends at the contact, which may have been known before."""
    person = make_person(
        name=form.name.replace("\0", ""),
        emails=[(form.email.replace("\0", ""), "")] if form.email.strip() else (),
        phones=[(form.phone.replace("\0", ""), "")] if form.phone.strip() else (),
    )
    if not person.can_be_known_again:
        said = "; ".join(person.problems) or "nothing was written"
        raise Invalid(f"Write an email address, or a phone number with its country: {said}.", field="email")
    [outcome] = await actions.upsert(
        db, actor.workspace_id, actor.user_id, [person], provider=Source.TYPED, account=str(actor.user_id)
    )
    return go_to(f"contacts/{outcome.contact_id}")


@router.get("/contacts/{contact_id}", needs=Permission.CONTACTS_READ)
async def read_contact(request: Request, db: Db, actor: Caller, contact_id: UUID) -> Response:
    """Who was merged into another is shown as that other."""
    contact = await queries.get(db, actor.workspace_id, contact_id)
    if contact.id != contact_id:
        return go_to(f"contacts/{contact.id}")
    return show(
        request,
        "contact.html",
        contact=contact,
        entry=await finding.entry(db, actor.workspace_id, contact.id),
        origins=await queries.sources(db, actor.workspace_id, contact.id),
        merged=await queries.merged_into(db, actor.workspace_id, contact.id),
        statuses=list(Status),
        sources=SOURCES,
        lowest=LOWEST_SCORE,
        highest=HIGHEST_SCORE,
    )


@router.post("/contacts/{contact_id}", needs=Permission.CONTACTS_WRITE)
async def edit(db: Db, actor: Caller, contact_id: UUID, form: Annotated[Edit, Form()]) -> Response:
    contact = await queries.get(db, actor.workspace_id, contact_id, lock=True)
    entry = await finding.entry(db, actor.workspace_id, contact.id)
    if changes := _changes(contact, form):
        await editing.type_in(db, contact, **changes)
    await _retag(db, contact, entry, form.tags)
    return go_to(f"contacts/{contact.id}")


@router.post("/contacts/{merged_id}/unmerge", needs=Permission.CONTACTS_WRITE)
async def unmerge(db: Db, actor: Caller, merged_id: UUID) -> Response:
    contact = await merges.unmerge(db, actor.workspace_id, merged_id)
    return go_to(f"contacts/{contact.id}")


def _changes(contact: Contact, form: Edit) -> dict[str, Any]:
    wanted = {
        "name": form.name.replace("\0", "").strip(),
        "notes": form.notes.replace("\0", "").replace("\r\n", "\n").strip(),
        "status": form.status or None,
        "score": _score(form.score),
    }
    return {name: value for name, value in wanted.items() if getattr(contact, name) != value}


def _score(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise Invalid(f"A score is a number from {LOWEST_SCORE:g} to {HIGHEST_SCORE:g}.", field="score") from None


async def _retag(db: Db, contact: Contact, entry: Entry, written: str) -> None:
    wanted = {editing.clean_tag(each) for each in written.split(",") if each.strip()}
    for name in sorted(wanted - set(entry.tags)):
        await editing.tag(db, contact, name)
    for name in sorted(set(entry.tags) - wanted):
        await editing.untag(db, contact, name)
