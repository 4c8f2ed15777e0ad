"""A person of the People API as a contact: https://developers.google.com/people/api/rest/v1/people#Person."""

from collections.abc import Iterable, Mapping
from typing import Any

from outrider.providers.contacts.interface import ProviderContact

ADDRESS = {
    "street": "streetAddress",
    "extended": "extendedAddress",
    "po_box": "poBox",
    "city": "city",
    "region": "region",
    "postal_code": "postalCode",
    "country": "country",
}
ORGANISATION = {"name": "name", "title": "title", "department": "department"}
Entry = Mapping[str, Any]


def is_deleted(person: Entry) -> bool:
    metadata = person.get("metadata")
    return isinstance(metadata, dict) and metadata.get("deleted") is True


def contact_of(person: Entry) -> ProviderContact:
    name = _primary(person, "names")
    return ProviderContact(
        id=_text(person, "resourceName"),
        etag=_text(person, "etag"),
        name=_text(name, "displayName")
        or _text(name, "unstructuredName")
        or _text(_primary(person, "nicknames"), "value"),
        given_name=" ".join(filter(None, (_text(name, "givenName"), _text(name, "middleName")))),
        family_name=_text(name, "familyName"),
        notes="\n\n".join(filter(None, (_text(each, "value") for each in _entries(person, "biographies")))),
        birthday=_birthday(_entries(person, "birthdays")),
        photo_url=_photo(_entries(person, "photos")),
        emails=_labelled(person, "emailAddresses"),
        # Google's own reading of a number (E.164), where it could read it.
        phones=_labelled(person, "phoneNumbers", "canonicalForm", "value"),
        urls=_labelled(person, "urls"),
        addresses=tuple(filter(None, map(_address, _entries(person, "addresses")))),
        organisations=tuple(
            found for each in _entries(person, "organizations") if (found := _described(each, ORGANISATION))
        ),
        raw=person,
    )


def _labelled(person: Entry, name: str, *members: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for each in _entries(person, name):
        value = next(filter(None, (_text(each, member) for member in members or ("value",))), "")
        if value:
            pairs.append((value, _text(each, "type")))
    return tuple(pairs)


def _address(entry: Entry) -> dict[str, str]:
    found = _described(entry, ADDRESS)
    if not found and (formatted := _text(entry, "formattedValue")):
        found = {"street": formatted}
    return {**found, "label": _text(entry, "type")} if found else {}


def _described(entry: Entry, members: Mapping[str, str]) -> dict[str, str]:
    return {ours: value for ours, theirs in members.items() if (value := _text(entry, theirs))}


def _birthday(entries: Iterable[Entry]) -> str:
    """The fullest date that is told: an account's owner may show others the day without the year."""
    dates = sorted(filter(None, (_date(each.get("date")) for each in entries)), key=lambda each: each.startswith("--"))
    return dates[0] if dates else next((text for each in entries if (text := _text(each, "text"))), "")


def _date(date: Any) -> str:
    if not isinstance(date, dict):
        return ""
    year, month, day = (number if isinstance(number := date.get(name), int) else 0 for name in ("year", "month", "day"))
    if not month:
        return f"{year:04}" if year else ""
    if not day:
        return f"{year:04}-{month:02}" if year else ""
    return f"{year:04}-{month:02}-{day:02}" if year else f"--{month:02}-{day:02}"


def _photo(entries: Iterable[Entry]) -> str:
    """Where a picture is; the letter on a coloured ground that Google draws for whoever has none is left out."""
    return next((_text(each, "url") for each in entries if each.get("default") is not True), "")


def _primary(person: Entry, name: str) -> Entry:
    entries = _entries(person, name)
    marked = (each for each in entries if isinstance(each.get("metadata"), dict) and each["metadata"].get("primary"))
    return next(marked, entries[0] if entries else {})


def _entries(person: Entry, name: str) -> list[Entry]:
    listed = person.get(name)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _text(entry: Entry, name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""
