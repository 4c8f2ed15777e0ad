"""What identifies a mail, and when two belong together."""

from datetime import UTC, datetime

import pytest

from outrider.domain.mailboxes import rules
from outrider.providers.mail.interface import Fetched
from outrider.providers.mail.mime import parse
from outrider.providers.mail.parsed import ParsedMail

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("A proposal", "a proposal"),
        ("Re: A proposal", "a proposal"),
        ("RE: AW: Fwd: A  proposal", "a proposal"),
        ("Re[2]: A proposal", "a proposal"),
        ("SV: Antw: WG: A proposal", "a proposal"),
        ("Réunion", "réunion"),
        ("回复: A proposal", "回复: a proposal"),
        ("", ""),
    ],
)
def test_reply_marks_of_many_languages_are_stripped(subject: str, base: str) -> None:
    assert rules.base_subject(subject) == base


@pytest.mark.parametrize(("subject", "is_reply"), [("Re: x", True), ("AW: x", True), ("Remember", False), ("x", False)])
def test_an_answer_is_told_by_its_subject(subject: str, is_reply: bool) -> None:
    assert rules.is_marked_as_reply(subject) is is_reply


def test_a_forged_message_id_alone_makes_no_copy() -> None:
    one = rules.identity(_mail("<a@b.test>"), _fetched(100))
    assert one == rules.identity(_mail("<a@b.test>"), _fetched(100))
    assert one != rules.identity(_mail("<a@b.test>"), _fetched(101))
    assert one != rules.identity(_mail("<c@b.test>"), _fetched(100))


def test_what_we_send_is_known_by_its_message_id() -> None:
    assert rules.identity_of_outgoing("<a@b.test>") == rules.identity_of_outgoing("<a@b.test>")
    assert rules.identity_of_outgoing("<a@b.test>") != rules.identity(_mail("<a@b.test>"), _fetched(100))


def _mail(message_id: str) -> ParsedMail:
    return parse(f"Message-ID: {message_id}\nDate: Mon, 2 Mar 2026 08:00:00 +0000\n\nHello".encode())


def _fetched(size: int) -> Fetched:
    return Fetched(id="1", header=b"", raw=b"", size=size, received_at=AT)
