"""Importing the address book of an account: sending its owner to the provider, and taking the browser back."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path, Query, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from outrider.api.contact_import.contract import Out, back_to_app, contract
from outrider.api.contact_import.imports import KEY_REUSED, TOO_MANY
from outrider.api.contract import PUBLIC
from outrider.api.deps import App, Caller, Db
from outrider.core.errors import AppError
from outrider.domain.accounts.permissions import Permission
from outrider.domain.imports import consent
from outrider.domain.imports.consent import ConfigurationRequired, SignInFailed
from outrider.domain.imports.models import ImportJob, Provider

router = contract.router(tag="import")

LONGEST_CODE = 4_000  # characters
NOT_CONFIGURED = ConfigurationRequired(
    "Google OAuth not configured. Please set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.",
    setup_url="https://console.cloud.google.com/",
)
TO_THE_APP = {
    "responses": {
        "302": {
            "description": "To the app: `everreach://import-callback/{provider}?job_id=…&status=success`, or "
            "`…&status=error&message=…`; for an import begun in the web console to its page. Never another answer, and never a "
            "token in it.",
            "headers": {"Location": {"schema": {"type": "string"}}},
        }
    },
    "x-only-redirects": True,
}


class ImportBegun(Out):
    """An import that waits for its owner's consent: open `authorization_url` in a browser within ten minutes."""

    job_id: UUID
    authorization_url: str
    provider: Literal["google", "microsoft"] = Field(description="As in the path.")


@router.post(
    "/{provider}/start",
    needs=Permission.CONTACTS_WRITE,
    model=ImportBegun,
    errors=[NOT_CONFIGURED, TOO_MANY, KEY_REUSED],
)
async def start_import(
    app: App,
    db: Db,
    actor: Caller,
    provider: Annotated[Literal["google", "microsoft"], Path(description="Whose address book.", examples=["google"])],
) -> ImportBegun:
    """Begins an import from an account; the answer says where its owner signs in."""
    job, url = await consent.begin(app, db, actor, Provider(provider))
    return ImportBegun(job_id=job.id, authorization_url=url, provider=provider)


@router.get(
    "/{provider}/callback",
    needs=PUBLIC,
    model=None,
    status_code=302,
    takes_unknown=True,
    openapi_extra=TO_THE_APP,
)
async def import_callback(
    app: App,
    provider: Annotated[str, Path(description="`google` or `microsoft`: who sends the browser.", examples=["google"])],
    state: Annotated[str, Query(description="The `state` of the sign-in.")] = "",
    code: Annotated[str, Query(description="What the provider gives for a sign-in that was agreed to.")] = "",
    error: Annotated[str, Query(description="What the provider says of one that was not.")] = "",
) -> Response:
    """Opened by the browser that the provider sends back: begins to fetch, and sends the browser on to the app, or to the
    web console where it comes from there.
    """
    if not state:
        raise SignInFailed("The provider sent no state. Start the import again.")
    page = consent.page_of(app, state)
    try:
        job = await _take_in(app, provider, state=state, code=code, error=error)
    except AppError:
        if page is None:
            raise
        return RedirectResponse(page, 302)  # where the import says what became of it
    return back_to_app(app.settings, provider, job_id=job.id) if page is None else RedirectResponse(page, 302)


async def _take_in(app: App, provider: str, *, state: str, code: str, error: str) -> ImportJob:
    job = await consent.take_back(app, provider, state)
    try:
        await consent.finish(app, job, state=state, code=_code(job, code, error))
    except AppError as failure:
        await consent.refuse(app, job, failure.message)
        raise
    return job


def _code(job: ImportJob, code: str, error: str) -> str:
    """Raises SignInFailed."""
    name, _ = consent.SETUP[job.provider]
    if error == "access_denied":
        raise SignInFailed(f"The contacts were not shared: access was denied at {name}. Start the import again.")
    if error or not 0 < len(code) <= LONGEST_CODE:
        said = "".join(each for each in error[:100] if each.isprintable()) or "no authorization code"
        raise SignInFailed(f"{name} did not let us in: {said}. Start the import again.")
    return code
