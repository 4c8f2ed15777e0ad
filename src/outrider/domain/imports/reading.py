"""Files of contacts: what one is when it arrives, and its rows part by part, from wherever the last part ended."""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from outrider.core.errors import Invalid
from outrider.domain.imports import vcard
from outrider.domain.imports.columns import assign, group_of
from outrider.domain.people.person import Person, make_person

Format = Literal["csv", "vcard"]
# Bytes looked at in one part, and rows taken from it.
PART, AT_ONCE = 512 * 1024, 1000
MOST_BYTES, MOST_ROWS = 25 * 1024 * 1024, 100_000
SPLIT = "Split it and import the parts one after the other: who is in several is taken in once."
DELIMITERS = ",;\t|"
ENDLESS = "A row is longer than half a mebibyte: a quotation mark may be missing before it."
SEVERAL = " ::: "  # how Google writes several values into one column
MOST_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it is stored: in UTF-8, with how to read it, where its rows begin and how many there are."""

    content: bytes
    options: dict[str, Any]
    start: int
    total: int


@dataclass(frozen=True, slots=True)
class Row:
    """`raw` is the row as it stands in the file."""

    person: Person
    raw: str


@dataclass(frozen=True, slots=True)
class Part:
    rows: list[Row]
    size: int  # of what was read, in bytes


class UnreadableFile(Invalid):
    code = "unreadable_file"


def examine(content: bytes, *, format: Format | None, mapping: Mapping[str, str] | None, region: str | None) -> Source:
    """Finds out how to read a file. Raises Invalid and UnreadableFile."""
    if len(content) > MOST_BYTES:
        raise UnreadableFile(f"The file is larger than 25 MiB. {SPLIT}", field="file")
    content = _in_utf8(content)
    kind = format or ("vcard" if content.lstrip()[:11].upper() == b"BEGIN:VCARD" else "csv")
    options: dict[str, Any] = {"format": kind, "region": region}
    start = 0
    if kind == "csv":
        first = next(_csv_records(content[:PART], is_last=len(content) <= PART), b"")
        delimiter = max(DELIMITERS, key=first.decode().count)
        header = [each.strip() for each in next(_cells(first, delimiter), [])]
        if not header or len(header) > MOST_COLUMNS:
            raise UnreadableFile("The file's first line must name its columns, 500 at most.", field="file")
        options |= {"delimiter": delimiter, "header": header, "fields": assign(header, mapping)}
        start = len(first)
    total = _count(content, start, options)
    if not total:
        raise UnreadableFile("The file holds no contact: no row below its header, no vCard.", field="file")
    if total > MOST_ROWS:
        raise UnreadableFile(f"The file holds {total:,} contacts, more than {MOST_ROWS:,}. {SPLIT}", field="file")
    return Source(content, options, start, total)


def read_part(data: bytes, options: Mapping[str, Any], *, is_last: bool) -> Part:
    """Reads the whole records at the beginning of `data`, AT_ONCE at most. Raises UnreadableFile."""
    taken: list[bytes] = []
    for record in _records(data, options, is_last=is_last):
        taken.append(record)
        if len(taken) == AT_ONCE:
            break
    if not taken and len(data) >= PART:
        raise UnreadableFile(ENDLESS, field="file")
    size = sum(map(len, taken))
    if options["format"] == "vcard":
        return Part([_card(each, options) for each in taken if each.strip()], size)
    return Part([_row(cells, options) for cells in _cells(b"".join(taken), options["delimiter"])], size)


def _in_utf8(content: bytes) -> bytes:
    if content.startswith(codecs.BOM_UTF8):
        content = content[len(codecs.BOM_UTF8) :]
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(content, "utf-16", "replace")
    try:
        return _decoded(content, "utf-8", "strict")
    except UnicodeDecodeError:
        return _decoded(content, "cp1252", "replace")  # as spreadsheets of old Windows write


def _decoded(content: bytes, charset: str, errors: str) -> bytes:
    """In UTF-8; read piece by piece, for a text in memory is up to four times its bytes."""
    decoder = codecs.getincrementaldecoder(charset)(errors)
    ends = range(PART, len(content) + PART, PART)
    return b"".join(decoder.decode(content[end - PART : end], final=end >= len(content)).encode() for end in ends)


def _count(content: bytes, start: int, options: Mapping[str, Any]) -> int:
    total, cursor = 0, start
    while cursor < len(content):
        data = content[cursor : cursor + PART]
        records = list(_records(data, options, is_last=cursor + PART >= len(content)))
        if not records:
            raise UnreadableFile(ENDLESS, field="file")
        cursor += sum(map(len, records))
        if options["format"] == "vcard":
            total += sum(1 for each in records if each.strip())
        else:
            total += sum(1 for _ in _cells(b"".join(records), options["delimiter"]))
    return total


def _records(data: bytes, options: Mapping[str, Any], *, is_last: bool) -> Iterator[bytes]:
    return _card_records(data, is_last=is_last) if options["format"] == "vcard" else _csv_records(data, is_last=is_last)


def _csv_records(data: bytes, *, is_last: bool) -> Iterator[bytes]:
    """A record ends at the end of a line before which all quotation marks have their match (RFC 4180)."""
    pending: list[bytes] = []
    is_open = False
    for line in data.splitlines(keepends=True):
        pending.append(line)
        is_open ^= line.count(b'"') % 2 == 1
        if not is_open and line.endswith((b"\n", b"\r")):
            yield b"".join(pending)
            pending = []
    if pending and is_last:
        yield b"".join(pending)


def _card_records(data: bytes, *, is_last: bool) -> Iterator[bytes]:
    pending: list[bytes] = []
    for line in data.splitlines(keepends=True):
        pending.append(line)
        if line.strip().upper() == b"END:VCARD" and (is_last or line.endswith((b"\n", b"\r"))):
            yield b"".join(pending)
            pending = []
    if pending and is_last:
        yield b"".join(pending)


def _cells(data: bytes, delimiter: str) -> Iterator[list[str]]:
    try:
        for cells in csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline=""), delimiter=delimiter):
            if any(each.strip() for each in cells):
                yield cells
    except csv.Error as error:
        raise UnreadableFile(f"The file can't be read as a table: {error}.", field="file") from None


def _card(record: bytes, options: Mapping[str, Any]) -> Row:
    text = record.decode("utf-8", "replace").strip()
    return Row(vcard.read(text, options["region"]), text)


def _row(cells: list[str], options: Mapping[str, Any]) -> Row:
    texts: dict[str, Any] = {}
    ways: dict[str, list[tuple[str, str]]] = {"email": [], "phone": [], "url": []}
    addresses: dict[str, dict[str, str]] = {}
    organisations: dict[str, dict[str, str]] = {}
    for column, field, cell in zip(options["header"], options["fields"], cells, strict=False):
        if not field or not cell.strip():
            continue
        group = group_of(column)
        if field in ways:
            label = "" if group.isdigit() else group
            ways[field].extend((each, label) for each in cell.split(SEVERAL))
        elif field in {"organisation", "title", "department"}:
            name = "name" if field == "organisation" else field
            organisations.setdefault(group, {})[name] = cell
        elif field in {"street", "city", "region", "postal_code", "country"}:
            addresses.setdefault(group, {})[field] = cell
        else:
            texts.setdefault(field, cell)
    person = make_person(
        **texts,
        emails=ways["email"],
        phones=ways["phone"],
        urls=ways["url"],
        addresses=addresses.values(),
        organisations=organisations.values(),
        region=options["region"],
    )
    return Row(person, options["delimiter"].join(cells))
