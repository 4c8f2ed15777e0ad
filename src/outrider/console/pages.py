"""Rendering: templates, what every page knows, and how times and numbers are written."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from outrider.core.clock import now
from outrider.core.pages import Page

FOLDER = Path(__file__).parent
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:;"
    " object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# Path, label, icon and the letter that leads there after `g`.
NAVIGATION = (
    ("follow-ups", "Follow-ups", "send", "f"),
    ("calls", "Calls", "phone", "l"),
    ("drafts", "Drafts", "mail", "d"),
    ("senders", "Senders", "users", "s"),
    ("mailboxes", "Mailboxes", "inbox", "m"),
    ("calendars", "Calendars", "calendar-days", "a"),
    ("contacts", "Contacts", "contact", "c"),
    ("operations", "Operations", "activity", "o"),
    ("preferences", "Preferences", "sliders-horizontal", "p"),
)
# Pages that stand beside each other under one entry of the navigation.
SECTIONS = {
    "calls": (("calls", "Calls"), ("calls/settings", "Settings")),
    "drafts": (("drafts", "Drafts"), ("language-model", "Language model")),
    "contacts": (
        ("contacts", "People"),
        ("duplicates", "Duplicates"),
        ("imports", "Imports"),
        ("batches", "From mail"),
    ),
}
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
SAID = {"reauth_required": "Password refused", "unreachable": "Trying again"}
SOON = 45  # seconds that are "now"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever is signed in, also on the page that tells that their transaction was undone."""

    name: str
    email: str
    timezone: str


def show(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """Renders a page as whoever is signed in sees it."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    place = request.url.path.removeprefix("/console/")
    here = _section(place)
    body = templates.get_template(template).render(
        request=request,
        user=visitor,
        zone=ZoneInfo(visitor.timezone) if visitor else UTC,
        here=here,
        place=place,
        tab=max((path for path, _ in SECTIONS.get(here, ()) if place.startswith(path)), key=len, default=""),
        navigation=NAVIGATION,
        sections=SECTIONS,
        request_id=request.state.request_id,
        **context,
    )
    return HTMLResponse(body, status, headers={"Content-Security-Policy": POLICY, "Vary": "Cookie"})


def _section(place: str) -> str:
    """The entry of the navigation that a page stands under."""
    first = place.partition("/")[0]
    return next((entry for entry, pages in SECTIONS.items() if any(first == path for path, _ in pages)), first)


def go_to(path: str) -> Response:
    """Sends the browser to a page of the console after it has changed something."""
    return RedirectResponse(f"/console/{path}", 303)


def go_back(request: Request, path: str) -> Response:
    """Sends the browser back to a list, with the filters and the page that it was changed on."""
    asked_on = urlsplit(request.headers.get("hx-current-url", ""))
    is_there = asked_on.path == f"/console/{path}" and asked_on.query
    return go_to(f"{path}?{asked_on.query}" if is_there else path)


def ago(at: datetime | None) -> str:
    """`3 minutes ago`, `in 2 days`."""
    if at is None:
        return "never"
    seconds = (at - now()).total_seconds()
    size = abs(seconds)
    if size < SOON:
        return "now"
    unit, name = next(((unit, name) for unit, name in UNITS if size >= unit), UNITS[-1])
    count = max(1, round(size / unit))
    words = f"{count} {name}{'' if count == 1 else 's'}"
    return f"in {words}" if seconds > 0 else f"{words} ago"


def exactly(at: datetime, zone: ZoneInfo) -> str:
    """A moment in the user's own time zone: `Mon 23 Nov 2026, 09:30 CET`."""
    return f"{at.astimezone(zone):%a %d %b %Y, %H:%M %Z}"


def lasted(began: datetime | None, ended: datetime | None) -> str:
    if began is None:
        return "–"
    return str(timedelta(seconds=int(((ended or now()) - began).total_seconds())))


def number(value: int) -> str:
    return f"{value:,}"


def words(value: str) -> str:
    """`reauth_required` and `why-did-i-signup` as people write them."""
    return SAID.get(value) or value.replace("_", " ").replace("-", " ").capitalize()


def query(request: Request, **changes: Any) -> str:
    """This page's address with some of its filters changed; None takes one out."""
    kept = dict(request.query_params) | {name: str(value) for name, value in changes.items() if value is not None}
    shown = {name: value for name, value in kept.items() if value and changes.get(name, "") is not None}
    return f"{request.url.path}?{urlencode(shown)}" if shown else request.url.path


def span(page: Page[Any]) -> str:
    """`51–100 of 1,234`."""
    if not page.total:
        return "0"
    first = (page.number - 1) * page.size + 1
    return f"{first:,}–{first + len(page.items) - 1:,} of {page.total:,}"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"ago": ago, "exactly": exactly, "number": number, "words": words}
    made.globals |= {"query": query, "span": span, "lasted": lasted}
    return made


templates = _environment()
