"""One vCard (RFC 6350, and 2.1 as old phones write it) as a person."""

import quopri
import re

from outrider.domain.people.person import Person, make_person

UNFOLDED = re.compile(r"\r?\n[ \t]")
SOFT_BREAK = re.compile(r"=\r?\n")
PLAIN_TYPES = {"internet", "pref", "voice", "x-internet"}
ADDRESS = ("po_box", "extended", "street", "city", "region", "postal_code", "country")
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
Property = tuple[str, list[str], str]  # name, its types, value as written


def read(text: str, region: str | None) -> Person:
    """Reads what stands between BEGIN and END."""
    found: dict[str, list[Property]] = {}
    for each in _properties(text):
        found.setdefault(each[0], []).append(each)

    def first(name: str) -> str:
        return found[name][0][2] if name in found else ""

    names = [*(_plain(each) for each in _split(first("N"))), "", ""]
    units = [_plain(each) for each in _split(first("ORG"))]
    work = {"name": units[0], "department": " ".join(units[1:]), "title": _plain(first("TITLE"))}
    return make_person(
        name=_plain(first("FN")),
        family_name=names[0],
        given_name=names[1],
        notes=_plain(first("NOTE")),
        birthday=_plain(first("BDAY")),
        photo_url=_plain(first("PHOTO")),
        emails=[(_plain(value), _label(types)) for _, types, value in found.get("EMAIL", [])],
        phones=[(_plain(value), _label(types)) for _, types, value in found.get("TEL", [])],
        urls=[(_plain(value), _label(types)) for _, types, value in found.get("URL", [])],
        addresses=[
            {**dict(zip(ADDRESS, map(_plain, _split(value)), strict=False)), "label": _label(types)}
            for _, types, value in found.get("ADR", [])
            if value.strip("; ")
        ],
        organisations=[work] if any(work.values()) else [],
        remote_id=_plain(first("UID")),
        etag=_plain(first("REV")),
        region=region,
    )


def _properties(text: str) -> list[Property]:
    if "QUOTED-PRINTABLE" in text.upper():
        text = SOFT_BREAK.sub("", text)
    made = []
    for line in UNFOLDED.sub("", text).splitlines():
        head, colon, value = line.partition(":")
        if not colon:
            continue
        name, *parameters = head.split(";")
        if any(each.upper().endswith("QUOTED-PRINTABLE") for each in parameters):
            value = quopri.decodestring(value.encode()).decode("utf-8", "replace")
        made.append((name.rpartition(".")[2].upper(), _types(parameters), value))
    return made


def _types(parameters: list[str]) -> list[str]:
    """`TYPE=home,pref`, or only `HOME` as version 2.1 has it."""
    types: list[str] = []
    for each in parameters:
        name, equals, value = each.partition("=")
        if name.upper() == "TYPE" or not equals:
            types += (value or name).strip('"').lower().split(",")
    return types


def _label(types: list[str]) -> str:
    return next((each for each in types if each not in PLAIN_TYPES), "")


def _split(value: str) -> list[str]:
    return re.split(r"(?<!\\);", value)


def _plain(value: str) -> str:
    return ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)
