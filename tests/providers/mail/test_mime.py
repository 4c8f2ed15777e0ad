import pytest

from outrider.providers.mail.mime import parse, snippet, visible_text
from outrider.providers.mail.parsed import Mailbox
from tests.providers.mail import bombs

LETTER = b"""From: =?utf-8?q?J=C3=B6rg?= <Joerg@Example.org>\r
To: "Doe, Jane" <jane@example.com>, bob@example.com\r
Subject: =?utf-8?b?R3LDvMOfZQ==?=\r
Message-ID: <1@example.org>\r
In-Reply-To: <0@example.com>\r
References: <a@example.com>\r
 <0@example.com>\r
Date: Tue, 5 May 2026 10:00:00 +0200\r
Content-Type: multipart/mixed; boundary=m\r
\r
--m\r
Content-Type: multipart/alternative; boundary=a\r
\r
--a\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
Sch=F6n!\r
--a\r
Content-Type: text/html; charset=utf-8\r
\r
<p>Sch\xc3\xb6n!</p>\r
--a--\r
--m\r
Content-Type: application/pdf; name="offer.pdf"\r
Content-Disposition: attachment; filename="offer.pdf"\r
Content-Transfer-Encoding: base64\r
\r
QUJDREVG\r
--m--\r
"""


def test_a_letter_is_taken_apart_into_what_it_says() -> None:
    mail = parse(LETTER)
    assert mail.poison is None
    assert mail.sender == Mailbox("joerg@example.org", "Jörg")
    assert mail.to == (Mailbox("jane@example.com", "Doe, Jane"), Mailbox("bob@example.com"))
    assert (mail.subject, mail.text, mail.html) == ("Grüße", "Schön!", "<p>Schön!</p>")
    assert mail.message_id == "<1@example.org>"
    assert mail.in_reply_to == ("<0@example.com>",)
    assert mail.references == ("<a@example.com>", "<0@example.com>")
    assert mail.sent_at is not None
    assert mail.sent_at.isoformat() == "2026-05-05T08:00:00+00:00"
    assert [(each.filename, each.content_type, each.size) for each in mail.attachments] == [
        ("offer.pdf", "application/pdf", 6)
    ]
    assert mail.parts == ("text/plain", "text/html", "application/pdf")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("x.o'y@z.test", "x.o'y@z.test"),
        ("Pat O'Neil <Pat.O'Neil@z.test>", "pat.o'neil@z.test"),
        ("'ann@z.test'", "ann@z.test"),
        ("'ann@z.test' <'ann@z.test'>", "ann@z.test"),
        ("(left to x.o'y@z.test, gone", "x.o'y@z.test"),
    ],
)
def test_an_apostrophe_within_an_address_is_part_of_it_and_around_it_is_none(written: str, read: str) -> None:
    sender = parse(f"From: {written}\n\n".encode()).sender
    assert sender is not None
    assert sender.address == read


def test_headers_of_raw_bytes_are_read_in_the_charset_they_are_in() -> None:
    assert parse("Subject: Grüße".encode() + b"\n\n").subject == "Grüße"
    assert parse("Subject: Grüße".encode("cp1252") + b"\n\n").subject == "Grüße"


def test_an_html_mail_reads_as_text() -> None:
    mail = parse(b"Content-Type: text/html\r\n\r\n<style>p{}</style><p>Hello</p><blockquote>old</blockquote>")
    assert mail.text == "Hello\n> old"


def test_a_calendars_method_is_kept_with_its_type() -> None:
    assert parse(b"Content-Type: text/calendar; method=REPLY\r\n\r\nBEGIN:VCALENDAR").parts == (
        "text/calendar; method=reply",
    )


@pytest.mark.parametrize("name", bombs.TOO_MUCH)
def test_a_mail_that_is_too_much_is_poison_but_keeps_its_sender(name: str) -> None:
    mail = parse(bombs.TOO_MUCH[name]())
    assert mail.poison is not None
    assert mail.text == ""
    assert mail.sender == Mailbox("eve@example.org", "Eve")
    assert mail.message_id == "<bomb@example.org>"


@pytest.mark.parametrize("name", sorted(bombs.STRANGE.keys() - bombs.SLOW))
def test_a_strange_mail_raises_nothing_and_can_be_stored(name: str) -> None:
    mail = parse(bombs.STRANGE[name]())
    for text in (mail.subject, mail.text, mail.html, str(mail.headers)):
        assert "\0" not in text
        text.encode("utf-8")
    assert "\n" not in mail.subject


@pytest.mark.parametrize(
    "above",
    [
        "On Tue, 5 May 2026 at 10:00, Ann Lee <ann@example.com> wrote:",
        "On Tue, 5 May 2026 at 10:00, Ann Lee with a long name\n<ann@example.com> wrote:",
        "Am 05.05.2026 um 10:00 schrieb Ann Lee <ann@example.com>:",
        "Am Di., 5. Mai 2026 um 10:00 Uhr schrieb Ann Lee <ann@example.com>:",
        "Le mar. 5 mai 2026 à 10:00, Ann Lee <ann@example.com> a écrit :",
        "El mar, 5 may 2026 a las 10:00, Ann Lee (<ann@example.com>) escribió:",
        "Il giorno mar 5 mag 2026 alle ore 10:00 Ann Lee <ann@example.com> ha scritto:",
        "Em ter., 5 de mai. de 2026 às 10:00, Ann Lee <ann@example.com> escreveu:",
        "Op di 5 mei 2026 om 10:00 schreef Ann Lee <ann@example.com>:",
        "2026-05-05 10:00 GMT+02:00 Ann Lee <ann@example.com>:",
        "-----Original Message-----",
        "________________________________",
        "From: Ann Lee <ann@example.com>\nSent: Tuesday\nTo: Bob\nSubject: Hello",
        "Von: Ann Lee\nGesendet: Dienstag\nAn: Bob\nBetreff: Hallo",
        "De : Ann Lee\nEnvoyé : mardi\nÀ : Bob\nObjet : Bonjour",
        "De: Ann Lee\nEnviado el: martes\nPara: Bob\nAsunto: Hola",
        "Da: Ann Lee\nInviato: martedì\nA: Bob\nOggetto: Ciao",
        "Van: Ann Lee\nVerzonden: dinsdag\nAan: Bob\nOnderwerp: Hallo",
        "-- \nBob\nACME",
    ],
)
def test_what_follows_the_answer_is_cut(above: str) -> None:
    assert visible_text(f"Yes, gladly.\nCall me.\n\n{above}\nthe old mail") == "Yes, gladly.\nCall me."


def test_an_answer_below_or_between_marked_quotes_is_kept() -> None:
    text = "On Tue, 5 May 2026, Ann <ann@example.com> wrote:\n> Shall we?\n\nYes.\n> When?\nMonday.\n"
    assert visible_text(text) == "Yes.\nMonday."


@pytest.mark.parametrize(
    "text",
    [
        "From: what I hear, it works.\nTell me more.",
        "On Monday I wrote to you: nothing came back.",
        "My list:\n- one\n- two",
        "To: the point. When do we start?",
    ],
)
def test_a_persons_words_are_not_taken_for_a_quote(text: str) -> None:
    assert visible_text(text) == text


def test_what_a_telephone_adds_is_left_out() -> None:
    assert visible_text("Fine.\n\nSent from my iPhone") == "Fine."


def test_a_text_of_many_lines_is_cut_in_little_time() -> None:
    assert visible_text("On 1\n" * 40_000).startswith("On 1")


def test_a_snippet_is_one_line_of_at_most_so_many_characters() -> None:
    assert snippet("one\n\n two") == "one two"
    assert snippet("x" * 500, 10) == "x" * 9 + "…"
