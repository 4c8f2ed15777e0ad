"""Files as address books write them."""

import tracemalloc

import pytest

from outrider.core.errors import Invalid
from outrider.domain.imports import reading
from outrider.domain.imports.reading import Part, UnreadableFile, examine, read_part
from outrider.domain.people.person import Person

GOOGLE = (
    "First Name,Last Name,Notes,Organization Name,Organization Title,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Value,"
    "Phone 1 - Value,Address 1 - Street,Address 1 - City,Address 1 - Country\r\n"
    'Grace,Hopper,"Met at ""the"" fair\r\nin spring",Navy,Admiral,* Work,grace@b.test ::: hopper@b.test,amazing@b.test,'
    "+44 20 7946 0018,1 Pier,Arlington,US\r\n"
)
CARDS = """BEGIN:VCARD\r
VERSION:3.0\r
UID:c-1\r
REV:2026-01-02T03:04:05Z\r
N:Hopper;Grace;;;\r
FN:Grace Hopper\r
ORG:Navy;Bureau\r
TITLE:Admiral\\, rear\r
item1.EMAIL;TYPE=INTERNET,WORK:grace@b.test\r
EMAIL;type=home:hopper@b.test\r
TEL;TYPE=CELL:+44 20 7946\r
  0018\r
ADR;TYPE=home:;;1 Pier;Arlington;VA;22201;US\r
END:VCARD\r
BEGIN:VCARD\r
VERSION:2.1\r
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg\r
TEL;CELL:030 901820\r
END:VCARD\r
"""


def everybody(content: bytes, **how: str) -> list[Person]:
    source = examine(content, **({"format": None, "mapping": None, "region": None} | how))  # type: ignore[arg-type]
    part = read_part(source.content[source.start :], source.options, is_last=True)
    assert len(part.rows) == source.total
    return [each.person for each in part.rows]


def test_googles_columns_are_known_with_all_they_hold() -> None:
    (grace,) = everybody(GOOGLE.encode())
    assert (grace.name, grace.notes) == ("Grace Hopper", 'Met at "the" fair\r\nin spring')
    assert [each.address for each in grace.emails] == ["grace@b.test", "hopper@b.test", "amazing@b.test"]
    assert [each.number for each in grace.phones] == ["+442079460018"]
    assert grace.organisations == ({"name": "Navy", "title": "Admiral"},)
    assert grace.addresses == ({"street": "1 Pier", "city": "Arlington", "country": "US"},)


def test_cards_of_both_ages_are_read() -> None:
    grace, joerg = everybody(CARDS.encode(), region="DE")
    assert (grace.name, grace.remote_id, grace.etag) == ("Grace Hopper", "c-1", "2026-01-02T03:04:05Z")
    assert [(each.address, each.label) for each in grace.emails] == [
        ("grace@b.test", "work"),
        ("hopper@b.test", "home"),
    ]
    assert grace.organisations == ({"name": "Navy", "department": "Bureau", "title": "Admiral, rear"},)
    assert grace.addresses[0]["postal_code"] == "22201"
    assert [each.number for each in grace.phones] == ["+442079460018"]
    assert (joerg.name, joerg.phones[0].number) == ("Jörg Müller", "+4930901820")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_any_usual_encoding_and_delimiter_is_understood(encoding: str, delimiter: str) -> None:
    rows = f"Vorname{delimiter}E-Mail\nJörg{delimiter}j@b.test\n"
    (joerg,) = everybody(rows.encode(encoding))
    assert (joerg.name, joerg.emails[0].address) == ("Jörg", "j@b.test")


def test_a_mapping_says_what_unknown_columns_hold() -> None:
    source = examine(
        b"Wer,Wohin\nGrace,g@b.test\n", format=None, mapping={"Wer": "name", "Wohin": "email"}, region=None
    )
    assert source.options["fields"] == ["name", "email"]


@pytest.mark.parametrize(
    ("content", "mapping", "word"),
    [
        (b"Wer,Wohin\nGrace,g@b.test\n", None, "mapping"),
        (b"Email\ng@b.test\n", {"Mail": "email"}, "no column"),
        (b"Email\ng@b.test\n", {"Email": "address"}, "no field"),
        (b"Email\n", None, "no contact"),
        (b"", None, "columns"),
    ],
)
def test_what_can_not_be_imported_is_refused_with_the_reason(
    content: bytes, mapping: dict[str, str] | None, word: str
) -> None:
    with pytest.raises(Invalid, match=word):
        examine(content, format=None, mapping=mapping, region=None)


def test_parts_join_without_a_gap_wherever_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "AT_ONCE", 2)
    source = examine((GOOGLE + GOOGLE.split("\r\n", 1)[1] * 6).encode(), format=None, mapping=None, region=None)
    for size in (400, 500, 700):
        cursor, rows = source.start, 0
        while cursor < len(source.content):
            data = source.content[cursor : cursor + size]
            part: Part = read_part(data, source.options, is_last=cursor + size >= len(source.content))
            assert part.size
            cursor, rows = cursor + part.size, rows + len(part.rows)
        assert rows == source.total == 7


def test_a_row_without_an_end_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="quotation mark"):
        read_part(b'"' + b"x\n" * reading.PART, {"format": "csv", "delimiter": ","}, is_last=False)


@pytest.mark.parametrize("columns", [1, 200], ids=["rows", "bytes"])
def test_a_file_over_the_limit_is_refused_with_what_to_do(columns: int) -> None:
    row = b"a@b.test" + b"," * (columns - 1) + b" " * 80 + b"\n"
    header = b"email" + b",x" * (columns - 1) + b"\n"
    most = min(reading.MOST_ROWS, (reading.MOST_BYTES - len(header)) // len(row))
    examine(header + row * most, format=None, mapping=None, region=None)
    with pytest.raises(UnreadableFile, match="Split it"):
        examine(header + row * (most + 1), format=None, mapping=None, region=None)


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "cp1252"])
def test_the_largest_file_is_looked_at_in_little_memory(charset: str) -> None:
    text = "name,email\n" + "".join(f"Zoë {number:080},a{number}@b.test\n" for number in range(100_000))
    content = text.encode(charset)
    del text
    tracemalloc.start()
    try:
        source = examine(content, format=None, mapping=None, region=None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    print(f"\npeak for a {charset} file of {len(content) / 1e6:.0f} MB: {peak / 1e6:.0f} MB")
    assert source.total == 100_000
    assert peak < 3 * len(source.content)
