"""iCalendar streams taken apart by their lines: folded, foreign, broken, large."""

import time
from datetime import UTC, datetime

from outrider.providers.calendar.splitting import split

STREAM = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Team\r\nX-WR-TIMEZONE:Europe/Berlin\r\n"
    "BEGIN:VTIMEZONE\r\nTZID:Own\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\n"
    "TZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    'BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20261121T000000Z\r\nDTSTART;TZID="Own":20261201T090000\r\nRRULE:FREQ=DAILY\r\n'
    "SUMMARY:A long\r\n  title\u2028with a strange end\r\nBEGIN:VALARM\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT\r\n"
    "BEGIN:VTODO\r\nUID:t\r\nSUMMARY:Chore\r\nEND:VTODO\r\n"
    "BEGIN:VEVENT\r\nUID:a\r\nRECURRENCE-ID:20261202T080000Z\r\nDTSTART:20261202T100000Z\r\nEND:VEVENT\r\n"
    "BEGIN:VEVENT\r\nUID:b\r\nDTSTART:20261201T090000Z\r\nEND:VEVENT\r\n"
    "BEGIN:VEVENT\r\nSUMMARY:Nobody's\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def test_each_event_comes_with_its_components_and_its_zone() -> None:
    stream = split(STREAM)
    assert (stream.name, stream.zone, list(stream.events)) == ("Team", "Europe/Berlin", ["a", "b"])
    first, second = stream.sources()
    assert first.ical.count("BEGIN:VEVENT") == 2
    assert "TZID:Own" in first.ical
    assert "TZID:Own" not in second.ical
    assert "SUMMARY:A long title\u2028with a strange end" in first.ical
    assert not [word for word in ("DTSTAMP", "VALARM", "TRIGGER", "VTODO") if word in first.ical + second.ical]


def test_what_was_over_long_ago_is_left_out() -> None:
    def events(*bodies: str) -> str:
        listed = "".join(f"BEGIN:VEVENT\r\nUID:{n}\r\n{each}\r\nEND:VEVENT\r\n" for n, each in enumerate(bodies))
        return f"BEGIN:VCALENDAR\r\n{listed}END:VCALENDAR\r\n"

    stream = split(
        events(
            "DTSTART:20200101T090000Z",
            "DTSTART:20200101T090000Z\r\nRRULE:FREQ=YEARLY",
            "DTSTART:20200101T090000Z\r\nDURATION:P9999D",
            "DTSTART:20200101T090000Z\r\nDTEND:20300101T090000Z",
            "DTSTART;VALUE=DATE:20300101",
            "DTSTART:unreadable",
        )
    )
    kept = [each.id for each in stream.sources(since=datetime(2026, 11, 1, tzinfo=UTC))]
    assert kept == ["1", "2", "3", "4", "5"]


def test_streams_of_any_kind_come_to_an_end() -> None:
    for stream in ("", "BEGIN:VEVENT", "END:VEVENT\n" * 100, "BEGIN:X\n" * 1_000, "\x00", "UID:a\n", ":;:;", " folded"):
        assert list(split(stream).sources()) == []


def test_twenty_thousand_events_take_seconds_at_most() -> None:
    event = "BEGIN:VEVENT\r\nUID:{n}\r\nDTSTART:20261201T090000Z\r\nSUMMARY:{n}\r\nEND:VEVENT\r\n"
    text = "BEGIN:VCALENDAR\r\n" + "".join(event.format(n=n) for n in range(20_000)) + "END:VCALENDAR\r\n"
    began = time.perf_counter()
    assert len(list(split(text).sources(since=datetime(2026, 11, 1, tzinfo=UTC)))) == 20_000
    assert time.perf_counter() - began < 10
