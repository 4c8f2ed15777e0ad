"""Bounces of many systems, and what forged ones may not do."""

import base64
import itertools
import quopri
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import TypeAdapter
from sqlalchemy import select, text

from outrider.domain.mailboxes import bounces
from outrider.domain.mailboxes.classify import classify
from outrider.domain.mailboxes.events import MessageReceived
from outrider.domain.mailboxes.models import Folder, Mailbox, Message
from outrider.domain.mailboxes.refusals import Reason
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.sequences import jobs
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus
from outrider.providers.mail.mime import parse
from outrider.runtime import Runtime
from tests.domain.mailboxes.test_recording import arrive, folder_of
from tests.factories.accounts import Someone, make_user
from tests.factories.bounces import FORGERS, PROSE, REPLIES, SYSTEMS, make_bounce
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sequences import make_enrollment, make_sequence

RECEIVED = TypeAdapter(MessageReceived)
FORGED = list(itertools.product(FORGERS, ("postfix", "exchange", "sendmail", "amazon")))
CASES = list(itertools.islice(itertools.product(REPLIES, SYSTEMS), 40))
MONDAY = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
THEM = "bob@b.test"
Disguise = Callable[[bytes], bytes]


@pytest.mark.parametrize(("reply", "system"), list(itertools.product(REPLIES, SYSTEMS)))
def test_the_bounces_of_twelve_systems_say_who_and_why(reply: str, system: str) -> None:
    raw = make_bounce(system, us="ada@a.test", them=THEM, ours="<1@a.test>", reply=reply)
    verdict = classify(parse(raw), received_at=MONDAY)
    assert verdict.kind is Kind.BOUNCE
    assert [each.address for each in verdict.bounced] == [THEM]
    assert (verdict.reason, verdict.is_hard) == REPLIES[reply]


def test_yahoo_tells_a_refused_recipient_without_a_command() -> None:
    words = "Sorry, we were unable to deliver your message to the following address.\n\n<bob@b.test>:\n550: <bob@b.test>: User unknown\n"
    raw = f"From: MAILER-DAEMON@yahoo.com\nTo: ada@a.test\nSubject: Failure Notice\n\n{words}".encode()
    verdict = classify(parse(raw), received_at=MONDAY)
    assert (verdict.kind, verdict.reason, verdict.is_hard) == (Kind.BOUNCE, Reason.USER_UNKNOWN, True)


def test_dovecots_own_words_count_more_than_the_fields_beside_them() -> None:
    raw = make_bounce("postfix", us="ada@a.test", them=THEM, ours="<1@a.test>", reply=next(iter(REPLIES))).replace(
        b"This is the mail system", b"Your message to <bob> was automatically rejected:\r\nNot enough disk space\r\n\r\nThis is the mail system", 1
    )  # fmt: skip
    verdict = classify(parse(raw), received_at=MONDAY)
    assert (verdict.kind, verdict.reason, verdict.is_hard) == (Kind.BOUNCE, Reason.MAILBOX_FULL, False)


class Case:
    """One enrolled mail, and the reports that come in on it."""

    def __init__(self, runtime: Runtime, ada: Someone, mailbox: Mailbox, folder: Folder):
        self.runtime, self.ada, self.mailbox, self.folder = runtime, ada, mailbox, folder
        self.reports = 0

    async def enroll(self) -> tuple[Message, UUID]:
        email = await make_message(self.runtime, self.mailbox, to=THEM)
        sequence = await make_sequence(self.runtime, self.ada, steps=2)
        return email, (await make_enrollment(self.runtime, self.ada, email, sequence)).id

    async def deliver(self, raw: bytes) -> None:
        """Lets a report come in, and hands on what was told of it."""
        self.reports += 1
        await arrive(self.runtime, self.mailbox, self.folder, raw, validity=self.reports)
        async with self.runtime.db.begin(self.ada.scope) as db:
            rows = await db.scalars(text("delete from events where name = 'message.received' returning payload"))
            told = [RECEIVED.validate_python(row) for row in rows]
        for event in told:
            await jobs.on_message(self.runtime, event)

    async def status(self, enrollment_id: UUID) -> EnrollmentStatus:
        async with self.runtime.db.begin(self.ada.scope) as db:
            return (await db.get_one(Enrollment, (self.ada.workspace_id, enrollment_id))).status


@pytest.fixture
async def case(runtime: Runtime) -> Case:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    return Case(runtime, ada, mailbox, await folder_of(runtime, mailbox))


async def test_forty_reports_of_twelve_systems_end_what_they_are_about(case: Case) -> None:
    ended = 0
    for number, (reply, system) in enumerate(CASES):
        email, enrollment_id = await case.enroll()
        ours = email.message_id or ""
        await case.deliver(
            make_bounce(system, us=case.mailbox.address, them=THEM, ours=ours, reply=reply, number=number)
        )
        ended += await case.status(enrollment_id) is EnrollmentStatus.BOUNCED
    assert (len(CASES), len({system for _, system in CASES}), ended) == (40, 12, 40)


async def test_twenty_forged_reports_end_nothing(case: Case) -> None:
    email, enrollment_id = await case.enroll()
    reply = next(iter(REPLIES))
    for number, (forger, system) in enumerate(FORGED):
        known = FORGERS[forger](case.mailbox.address, THEM, email.message_id or "")
        await case.deliver(make_bounce(system, reply=reply, number=number, **known))
    assert len(FORGED) == 20
    assert await case.status(enrollment_id) is EnrollmentStatus.ACTIVE
    # The same mail can still be ended: what came before spoilt nothing.
    ours = email.message_id or ""
    await case.deliver(make_bounce("qmail", us=case.mailbox.address, them=THEM, ours=ours, reply=reply, number=99))
    assert await case.status(enrollment_id) is EnrollmentStatus.BOUNCED


async def test_a_report_in_another_workspace_ends_nothing_here(case: Case, runtime: Runtime) -> None:
    email, enrollment_id = await case.enroll()
    mallory = await make_user(runtime)
    theirs = await make_mailbox(runtime, mallory)
    other = Case(runtime, mallory, theirs, await folder_of(runtime, theirs))
    raw = make_bounce("postfix", us=theirs.address, them=THEM, ours=email.message_id or "", reply=next(iter(REPLIES)))
    await other.deliver(raw)
    assert await case.status(enrollment_id) is EnrollmentStatus.ACTIVE


async def test_a_stored_bounce_says_of_each_recipient_why(case: Case) -> None:
    email, _ = await case.enroll()
    reply = next(iter(REPLIES))
    await case.deliver(
        make_bounce("postfix", us=case.mailbox.address, them=THEM, ours=email.message_id or "", reply=reply)
    )
    async with case.runtime.db.begin(case.ada.scope) as db:
        stored = await db.scalar(select(Message).where(Message.kind == Kind.BOUNCE))
    assert stored is not None
    assert stored.bounced == [THEM]
    assert [(each["address"], each["reason"], each["isHard"], each["status"]) for each in stored.refusals] == [
        (THEM, "userunknown", True, "5.1.1")
    ]


def test_whom_we_wrote_to_counts_where_the_mail_went_on_to_another() -> None:
    raw = make_bounce("postfix", us="ada@a.test", them="internal@b.test", ours="<1@a.test>", reply=next(iter(REPLIES)))
    raw = raw.replace(b"Final-Recipient:", b"Original-Recipient: rfc822; bob@b.test\nFinal-Recipient:")
    (refusal,) = classify(parse(raw), received_at=MONDAY).bounced
    assert (refusal.address, refusal.original) == ("internal@b.test", THEM)


def test_a_notification_in_json_is_a_bounce_a_complaint_or_a_receipt() -> None:
    head = "From: no-reply@sns.example\nSubject: Notification\n\n"
    recipients = '[{"emailAddress": "bob@b.test", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}]'
    bounce = f'{{"notificationType": "Bounce", "bounce": {{"bouncedRecipients": {recipients}}}}}'
    verdict = classify(parse((head + bounce).encode()), received_at=MONDAY)
    assert (verdict.kind, verdict.reason) == (Kind.BOUNCE, Reason.USER_UNKNOWN)
    for name, kind in (("Complaint", Kind.COMPLAINT), ("Delivery", Kind.RECEIPT)):
        raw = (head + f'{{"notificationType": "{name}"}}').encode()
        assert classify(parse(raw), received_at=MONDAY).kind is kind


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Mail delivery error", "Your message could not be delivered to <bob@b.test>.\nNo such user here."),
        (
            "Mail",
            "Your mail sent on: Monday\n     Could not be delivered to: <bob@b.test>\n     As their mailbox is full.",
        ),
        ("メールエラー通知", "送信先のメールボックスが一杯のため、送信できませんでした。\n<bob@b.test>"),
        ("Undeliverable mail", "Failed Recipient: bob@b.test\nReason: Remote host said: 550 unknown user"),
        ("Nicht zugestellt: Hallo", "Ihre Nachricht konnte nicht an bob@b.test zugestellt werden."),
        ("Échec de distribution", "Votre message n'a pas pu être délivré à bob@b.test."),
    ],
)
def test_a_bounce_in_any_form_is_found(subject: str, body: str) -> None:
    raw = f"From: no-reply@gateway.example\nTo: ada@a.test\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n{body}"
    verdict = bounces.find(parse(raw.encode()))
    assert verdict is not None
    assert verdict.kind is Kind.BOUNCE
    assert [each.address for each in verdict.bounced] == [THEM]


@pytest.mark.parametrize(("reason", "sender", "subject", "text"), PROSE)
def test_what_systems_say_in_prose_is_heard(reason: str, sender: str, subject: str, text: str) -> None:
    raw = (
        f"Return-Path: <>\nFrom: {sender}\nTo: me@a.example\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        "Received: from x by y\nMessage-ID: <1@a.example>\nTo: bob@b.example\n\nHello\n"
    )
    verdict = classify(parse(raw.encode()), received_at=MONDAY)
    assert verdict.reason == reason
    assert [each.address for each in verdict.bounced] == ["bob@b.example"]


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Re: Undeliverable mail", "Could you look why my message could not be delivered to bob@b.test?"),
        ("Fwd: Returned mail", "Your message could not be delivered to bob@b.test, says the server."),
        ("A question on delivery", "Our parcel could not be delivered to the office, can you come?"),
        ("Delivery report", "The goods were delivered on Monday."),
    ],
)
def test_a_person_who_speaks_of_delivery_sends_no_bounce(subject: str, body: str) -> None:
    assert bounces.find(parse(f"From: bob@b.test\nSubject: {subject}\n\n{body}".encode())) is None


def test_junk_reports_without_their_form_are_complaints() -> None:
    inner = (
        "X-HmXmrOriginalRecipient: bob@b.test\nFrom: ada@a.test\nMessage-ID: <1@a.test>\nSubject: A proposal\n\nHello"
    )
    raw = (
        "From: staff@hotmail.example\nSubject: complaint about message from 192.0.2.1\n"
        f'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: message/rfc822\n\n{inner}\n--b--\n'
    )
    mail = parse(raw.encode())
    assert classify(mail, received_at=MONDAY).kind is Kind.COMPLAINT
    assert mail.report is not None
    assert mail.report.original_message_id == "<1@a.test>"
    assert [each.address for each in mail.report.recipients] == [THEM]


def test_a_report_in_a_broken_envelope_is_read_all_the_same() -> None:
    raw = make_bounce("postfix", us="ada@a.test", them=THEM, ours="<1@a.test>", reply=next(iter(REPLIES)))
    broken = raw.replace(b'boundary="b"', b'boundary="another"')
    verdict = classify(parse(broken), received_at=MONDAY)
    assert (verdict.kind, verdict.reason) == (Kind.BOUNCE, Reason.USER_UNKNOWN)
    assert [each.address for each in verdict.bounced] == [THEM]


def _encoded(encoding: bytes, encode: Callable[[bytes], bytes]) -> Disguise:
    kind = b"Content-Type: message/delivery-status\n\n"

    def disguise(raw: bytes) -> bytes:
        before, found, after = raw.partition(kind)
        fields, edge, rest = after.partition(b"\n--b\n")
        head = kind[:-1] + b"Content-Transfer-Encoding: " + encoding + b"\n\n"
        return before + head + encode(fields) + edge + rest if found else raw

    return disguise


def _within(raw: bytes) -> bytes:
    return (
        b"Return-Path: <>\nFrom: MAILER-DAEMON@gate.example\nSubject: Undelivered Mail Returned to Sender\n"
        b'Content-Type: multipart/mixed; boundary="o"\n\n--o\nContent-Type: text/plain\n\nSee below.\n'
        b"--o\nContent-Type: message/rfc822\n\n" + raw + b"\n--o--\n"
    )


DISGUISES: dict[str, Disguise] = {
    "its lines end as on Windows": lambda raw: raw.replace(b"\n", b"\r\n"),
    "its lines end as on an old Macintosh": lambda raw: raw.replace(b"\n", b"\r"),
    "it comes out of an mbox": lambda raw: b"From MAILER-DAEMON Mon May  4 10:15:00 2026\n" + raw,
    "it comes out of an mbox that was quoted": lambda raw: b">From MAILER-DAEMON Mon May  4 10:15:00 2026\n" + raw,
    "it begins with empty lines": lambda raw: b"\n\n" + raw,
    "it begins with a byte order mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "its fields are in base64": _encoded(b"base64", base64.encodebytes),
    "its fields are quoted-printable": _encoded(b"quoted-printable", quopri.encodestring),
    "its fields are called plain text": lambda raw: raw.replace(b"message/delivery-status", b"text/plain"),
    "its fields have no parts around them": lambda raw: raw.replace(b'; boundary="b"', b""),
    "its last boundary is missing": lambda raw: raw.replace(b"--b--\n", b""),
    "it has another boundary than it says": lambda raw: raw.replace(b'boundary="b"', b'boundary="c"'),
    "it is called a mere mixture": lambda raw: raw.replace(
        b"multipart/report; report-type=delivery-status", b"multipart/mixed"
    ),
    "it has a path of its own": lambda raw: raw.replace(b"Return-Path: <>\n", b""),
}


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_bounce_is_read_even_if(system: str, disguise: str) -> None:
    for reply, (reason, is_hard) in REPLIES.items():
        raw = make_bounce(system, us="me@a.example", them="bob@b.example", ours="<1@a.example>", reply=reply)
        verdict = classify(parse(DISGUISES[disguise](raw)), received_at=MONDAY)
        assert [each.address for each in verdict.bounced] == ["bob@b.example"]
        assert (verdict.bounced[0].status, verdict.reason, verdict.is_hard) == (reply.split()[1], reason, is_hard)


def test_a_report_attached_to_another_systems_bounce_counts() -> None:
    reply, (reason, is_hard) = next(iter(REPLIES.items()))
    raw = make_bounce("amazon", us="me@a.example", them="bob@b.example", ours="<1@a.example>", reply=reply)
    verdict = classify(parse(_within(raw)), received_at=MONDAY)
    assert [each.address for each in verdict.bounced] == ["bob@b.example"]
    assert (verdict.reason, verdict.is_hard) == (reason, is_hard)
    moved = _within(raw).replace(b"Return-Path: <>", b"Return-Path: <gate@c.example>", 1)
    assert parse(moved).report is not None  # a mailer-daemon's all the same
    forwarded = moved.replace(b"From: MAILER-DAEMON@gate.example", b"From: Ann <ann@c.example>", 1)
    assert parse(forwarded).report is None
