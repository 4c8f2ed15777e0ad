"""What kind of sender a mail shows, and why. The figures on real mail come from `make judge`."""

import time
from datetime import UTC, datetime

import pytest

from outrider.domain.mailboxes import sender_phrases
from outrider.domain.mailboxes.judging import judge
from outrider.domain.mailboxes.models import Message
from outrider.domain.mailboxes.sender_types import SenderType, sort_stored
from outrider.domain.mailboxes.verdict import Kind

AT = datetime(2026, 11, 21, tzinfo=UTC)


def mail(head: str, body: str) -> bytes:
    return f"To: ada@a.test\nDate: Sat, 21 Nov 2026 09:00:00 +0000\n{head}\n\n{body}\n".encode()


MAILS = {
    "a friend": ("From: Bob Baker <bob@b.test>\nSubject: the garden", "The beans came up. Thanks for the tip!", SenderType.PERSONAL),
    "an answer": ("From: bob@b.test\nSubject: Re: 25% off everything!!!", "Not for me, thank you.", SenderType.PERSONAL),
    "a post to a list": (
        "From: Bob Baker <bob@b.test>\nSubject: [gardeners] frost\nList-Id: <gardeners.lists.test>\nList-Post: <mailto:g@lists.test>\nPrecedence: list",
        "Anybody else lost their dahlias?", SenderType.PERSONAL,
    ),
    "an absence": ("From: Bob <bob@b.test>\nSubject: Out of office\nAuto-Submitted: auto-replied", "I am away until Monday.", SenderType.PERSONAL),
    "an alert": ("From: Watcher <alerts@watch.test>\nSubject: DOWN: api.a.test (HTTP 503)\nAuto-Submitted: auto-generated", "It is down since 9:00 UTC.", SenderType.TOOL),
    "a parcel": ("From: Post <tracking@post.test>\nSubject: Your parcel arrives today", "Your parcel is out for delivery. Please do not reply.", SenderType.TOOL),
    "a bounce": ("From: Mail Delivery System <mailer-daemon@b.test>\nSubject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied", "<x@b.test>: user unknown, 550 5.1.1", SenderType.TOOL),
    "an account": ("From: Konto <noreply@bank.test>\nSubject: Ihre Rechnung 4711", "Bitte antworten Sie nicht auf diese Nachricht.", SenderType.TOOL),
    "a newsletter": (
        "From: Slow News <editor@slow.test>\nSubject: Weekly digest, issue 41\nList-Id: <slow.test>\nList-Unsubscribe: <https://slow.test/u>",
        "In this issue: trains. Thanks for reading! Unsubscribe: https://slow.test/u", SenderType.NEWSLETTER,
    ),
    "an offer": (
        "From: Shop <offers@shop.test>\nSubject: 25 % off everything, last chance\nList-Unsubscribe: <https://shop.test/u>",
        "Order now and save. Use code NOV25. Free shipping. Unsubscribe: https://shop.test/u", SenderType.PROMOTIONAL,
    ),
    "a cold sale": ("From: Lewis Grant <lewis@rank.test>\nSubject: 17 errors on your website", "We help firms rank. Shall I send a free audit?", SenderType.PROMOTIONAL),
    "eine Werbung": ("From: Laden <angebote@laden.test>\nSubject: Nur heute: 20 % Rabatt", "Jetzt bestellen. Abmelden: https://laden.test/u", SenderType.PROMOTIONAL),
    "a proposed time": ("From: Bob Baker <bob@b.test>\nSubject: moving our 1:1", "Can we push it to Thursday at 4? Does Friday suit you better?", SenderType.MEETING),
    "ein Termin": ("From: Eva Muster <eva@b.test>\nSubject: Terminvorschlag", "Passt Ihnen Mittwoch um 14 Uhr?", SenderType.MEETING),
    "an invitation": (
        'From: Bob <bob@b.test>\nSubject: Board call\nMIME-Version: 1.0\nContent-Type: text/calendar; method=REQUEST; charset="utf-8"',
        "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR", SenderType.MEETING,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_shows_what_kind_of_sender_it_comes_from_and_says_why(name: str) -> None:
    head, body, kind = MAILS[name]
    found = judge(mail(head, body), AT).sender
    assert found.type is kind, found.reasons
    assert found.reasons or kind is SenderType.PERSONAL
    assert len(found.reasons) <= 3


def test_what_was_stored_without_headers_is_told_by_its_words() -> None:
    stored = Message(
        subject="Weekly digest, issue 41", text="In this issue: trains. Unsubscribe: https://slow.test/u", kind=Kind.BULK,
        evidence="It has a list-unsubscribe header.", from_address="editor@slow.test", from_name="Slow", in_reply_to=[],
    )  # fmt: skip
    assert sort_stored(stored).type is SenderType.NEWSLETTER


def test_no_pattern_takes_long_over_hostile_text() -> None:
    """Words are looked for in what anybody may send: none may take more than its share of a second."""
    signs = [
        sign
        for name in dir(sender_phrases)
        if isinstance(signs := getattr(sender_phrases, name), tuple)
        for sign in signs
    ]
    assert len(signs) > 30
    for hostile in (
        "a" * 3_000,
        "1 " * 1_500,
        "$1 " * 1_000,
        "re " * 1_000,
        "meeting " * 375,
        "is " * 1_000,
        "-" * 3_000,
    ):
        began = time.perf_counter()
        for sign in signs:
            sign.pattern.search(hostile)
        sender_phrases.TEXTS.maybe_in(hostile)
        assert time.perf_counter() - began < 1


def test_a_sieve_lets_through_whatever_its_pattern_finds() -> None:
    given = [part for head, body, _ in MAILS.values() for part in (head, body)]
    tried = 0
    for text in (text for each in given for text in (each, each.upper(), each.title())):
        for signs in (sender_phrases.SUBJECTS, sender_phrases.TEXTS):
            let_through = {sign.pattern.pattern for _, sign in signs.maybe_in(text)}
            found = {sign.pattern.pattern for _, sign in signs._signs if sign.pattern.search(text)}
            assert found <= let_through, text
            tried += len(found)
    assert tried > 100
