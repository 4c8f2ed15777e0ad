"""The bodies of CalDAV (RFC 4791, 4918, 6578): requests as text, multistatus answers read without entities or DTD."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DAV, CALDAV, SERVER = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}", "{http://calendarserver.org/ns/}"
_NAMESPACES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:s="http://calendarserver.org/ns/"'
_HEAD = '<?xml version="1.0" encoding="utf-8"?>'

PRINCIPAL = (
    f"{_HEAD}<d:propfind {_NAMESPACES}><d:prop><d:current-user-principal/><d:resourcetype/></d:prop></d:propfind>"
)
HOME = f"{_HEAD}<d:propfind {_NAMESPACES}><d:prop><c:calendar-home-set/><c:calendar-user-address-set/></d:prop></d:propfind>"
CALENDARS = (
    f"{_HEAD}<d:propfind {_NAMESPACES}><d:prop><d:resourcetype/><d:displayname/><c:supported-calendar-component-set/>"
    "<c:calendar-timezone/></d:prop></d:propfind>"
)
STATE = f"{_HEAD}<d:propfind {_NAMESPACES}><d:prop><d:sync-token/><s:getctag/></d:prop></d:propfind>"


def since_query(since: datetime) -> str:
    """Asks for what takes place after a moment, recurring events worked out by the server."""
    start = since.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return (
        f'{_HEAD}<c:calendar-query {_NAMESPACES}><d:prop><d:getetag/></d:prop><c:filter><c:comp-filter name="VCALENDAR">'
        f'<c:comp-filter name="VEVENT"><c:time-range start="{start}"/></c:comp-filter></c:comp-filter></c:filter>'
        "</c:calendar-query>"
    )


def multiget(hrefs: Iterable[str]) -> str:
    listed = "".join(f"<d:href>{escape(each)}</d:href>" for each in hrefs)
    return (
        f"{_HEAD}<c:calendar-multiget {_NAMESPACES}><d:prop><c:calendar-data/></d:prop>{listed}</c:calendar-multiget>"
    )


def sync_collection(token: str) -> str:
    return (
        f"{_HEAD}<d:sync-collection {_NAMESPACES}><d:sync-token>{escape(token)}</d:sync-token>"
        "<d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop></d:sync-collection>"
    )


class NotDav(Exception):
    """The answer is no multistatus."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said of one resource: its own status, where it has one, and the properties that it has."""

    href: str
    status: int | None
    properties: dict[str, "Element"]

    def text(self, name: str) -> str:
        found = self.properties.get(name)
        return (found.text or "").strip() if found is not None else ""

    def href_in(self, name: str) -> str:
        found = self.properties.get(name)
        return (found.findtext(f"{DAV}href") or "").strip() if found is not None else ""

    def hrefs_in(self, name: str) -> list[str]:
        found = self.properties.get(name)
        return [(each.text or "").strip() for each in found.iter(f"{DAV}href")] if found is not None else []

    def has_type(self, name: str) -> bool:
        found = self.properties.get(f"{DAV}resourcetype")
        return found is not None and found.find(name) is not None

    @property
    def holds_events(self) -> bool:
        """Whether a calendar may hold events; one that does not say holds everything (RFC 4791 5.2.3)."""
        found = self.properties.get(f"{CALDAV}supported-calendar-component-set")
        return found is None or "VEVENT" in {each.get("name", "").upper() for each in found.iter(f"{CALDAV}comp")}


@dataclass(frozen=True, slots=True)
class Multistatus:
    entries: list[Entry]
    sync_token: str


def read(content: bytes) -> Multistatus:
    """Raises NotDav."""
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise NotDav from error
    if root.tag != f"{DAV}multistatus":
        raise NotDav
    entries = [_entry(each) for each in root.iter(f"{DAV}response")]
    return Multistatus(entries, (root.findtext(f"{DAV}sync-token") or "").strip())


def _entry(response: "Element") -> Entry:
    href = (response.findtext(f"{DAV}href") or "").strip()
    return Entry(href, _status(response), dict(_properties(response)))


def _properties(response: "Element") -> Iterator[tuple[str, "Element"]]:
    for group in response.iter(f"{DAV}propstat"):
        if _status(group) in {None, 200}:
            properties = group.find(f"{DAV}prop")
            yield from ((each.tag, each) for each in (properties if properties is not None else ()))


def _status(element: "Element") -> int | None:
    words = (element.findtext(f"{DAV}status") or "").split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None
