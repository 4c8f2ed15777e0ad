"""What is held of a person, and erasing it: for whoever owns the workspace, since it reaches into every mailbox of it."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from fastapi import Response
from starlette.responses import StreamingResponse

from outrider.api.contacts.contract import contract
from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import DONE, Out
from outrider.api.moments import Moment
from outrider.core.encoding import encode
from outrider.domain.accounts.permissions import Permission
from outrider.domain.erasure import contact_erasing, exporting, subjects
from outrider.domain.erasure.contact_erasing import ErasureNotFound
from outrider.domain.erasure.models import ContactErasure
from outrider.domain.erasure.subjects import OwnAddress
from outrider.domain.operations.models import Operation, OperationStatus
from outrider.domain.people.queries import ContactNotFound

router = contract.router(tag="privacy")

NOT_FOUND = ContactNotFound("There is no such contact.")
NO_ERASURE = ErasureNotFound("There is no such erasure.")
A_USER = OwnAddress("ada@example.com belongs to a user of this workspace: delete their account instead.")


class PersonOut(Out):
    contact_ids: list[UUID]
    addresses: list[str]
    numbers: list[str]
    names: list[str]


class ExportOut(Out):
    """Rows by table, as they are stored. Without `is_complete` it was cut off on its way."""

    person: PersonOut
    exported_at: Moment
    held: dict[str, list[dict[str, Any]]]
    mentioned: dict[str, list[dict[str, Any]]]
    changes: list[dict[str, Any]]
    is_complete: bool


class ErasureOut(Out):
    """`erased` counts rows by table; those that stay, and only lost the person's name, are `(struck)`."""

    id: UUID
    status: OperationStatus
    progress: int
    requested_at: Moment
    finished_at: Moment | None
    erased: dict[str, int]
    error: str | None


@router.get("/{contactId}/export", needs=Permission.PRIVACY_WRITE, model=ExportOut, errors=[NOT_FOUND])
async def export_contact(app: App, db: Db, actor: Caller, contactId: UUID) -> Response:  # noqa: N803
    """Returns everything held of a contact in the whole workspace, as one document that is written while it is read."""
    subject = await subjects.of_contact(db, actor.workspace_id, contactId)
    document = exporting.export(app.db, actor.scope(), subject)
    name = f'attachment; filename="contact-{contactId}.json"'
    return StreamingResponse(
        _dressed(document),
        media_type="application/json",
        headers={"Content-Disposition": name, "Cache-Control": "no-store"},
    )


@router.post(
    "/{contactId}/erase",
    needs=Permission.PRIVACY_WRITE,
    model=ErasureOut,
    status_code=202,
    errors=[NOT_FOUND, A_USER],
)
async def erase_contact(app: App, db: Db, actor: Caller, contactId: UUID) -> ErasureOut:  # noqa: N803
    """Erases everything held of a contact in the whole workspace. From now on they get no mail; the rest is done within
    minutes and can't be undone.
    """
    subject = await subjects.of_contact(db, actor.workspace_id, contactId)
    return _told(*await contact_erasing.begin(db, app.keyring, actor, subject))


@router.get("/erasures/{erasureId}", needs=Permission.PRIVACY_WRITE, model=ErasureOut, errors=[NO_ERASURE])
async def contact_erasure(db: Db, actor: Caller, erasureId: UUID) -> ErasureOut:  # noqa: N803
    """Says how far an erasure has come, and what it erased."""
    return _told(*await contact_erasing.get(db, actor.workspace_id, erasureId))


def _told(erasure: ContactErasure, operation: Operation) -> ErasureOut:
    return ErasureOut(
        id=erasure.id,
        status=operation.status,
        progress=operation.progress,
        requested_at=erasure.requested_at,
        finished_at=erasure.finished_at,
        erased=erasure.proof.get("erased", {}),
        error=operation.error,
    )


async def _dressed(document: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b'{"success":true,"data":'
    async for part in document:
        yield part
    yield b',"message":' + encode(DONE) + b"}"
