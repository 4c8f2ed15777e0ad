"""Finding out that a mail reports on the delivery of another one: by its report, its headers, or its words alone."""

import re
from dataclasses import replace

from outrider.domain.mailboxes import marks, phrases, refusals
from outrider.domain.mailboxes.refusals import Refusal
from outrider.domain.mailboxes.verdict import Kind, Verdict
from outrider.providers.mail import transcripts
from outrider.providers.mail.parsed import ParsedMail, ReportedRecipient, ReportKind

MUCH = 4_000  # characters of a text that are looked at
_PUBLIC = re.compile(r"[^@\s/]+@[^@\s]+\.[^@\s]+")
_FEW = 1_000  # characters in which a bounce has said what it is


def find(mail: ParsedMail) -> Verdict | None:
    return _notification(mail) or _report(mail) or _without_report(mail)


def _notification(mail: ParsedMail) -> Verdict | None:
    """What Amazon's service says of a mail, mailed on as JSON."""
    notice = transcripts.notification(mail.text) if mail.text[:1] == "{" else {}
    kind = str(notice.get("notificationType", "")).lower()
    if kind == "complaint":
        return Verdict(Kind.COMPLAINT, "A notification: the recipient called a mail spam.")
    if kind == "delivery":
        return Verdict(Kind.RECEIPT, "A notification: delivered.")
    if kind == "bounce" and (told := transcripts.recipients(mail.text, ours=())):
        return _bounce(tuple(refusals.judge(each) for each in told))
    return None


def _report(mail: ParsedMail) -> Verdict | None:
    if mail.report is None:
        return None
    if mail.report.kind is ReportKind.DISPOSITION:
        # A filter at the recipient's (RFC 5429) refuses by the form of a receipt.
        is_refusal = "reject" in f"{marks.first(mail, 'auto-submitted')} {mail.subject}".lower()
        return _refused_by_filter(mail) if is_refusal else Verdict(Kind.RECEIPT, "A read receipt.")
    if mail.report.kind is ReportKind.FEEDBACK:
        return Verdict(Kind.COMPLAINT, "A feedback report: the recipient called a mail spam.")
    return _deliveries(mail, mail.report.recipients)


def _refused_by_filter(mail: ParsedMail) -> Verdict:
    told = transcripts.recipients(mail.text, ours={each.address for each in mail.to})
    rest = transcripts.plain(mail.text[:MUCH])
    return Verdict(
        Kind.BOUNCE,
        f"Refused by a filter: {mail.subject}",
        bounced=tuple(refusals.judge(each, prose=rest) for each in told),
    )


def _deliveries(mail: ParsedMail, recipients: tuple[ReportedRecipient, ...]) -> Verdict | None:
    if failed := [each for each in recipients if _outcome(each) == "failed"]:
        return _bounce(_judged(mail, failed))
    if late := [each for each in recipients if _outcome(each) == "delayed"]:
        return Verdict(Kind.DELAY, "Delivery report: delayed, still being tried.", bounced=_judged(mail, late))
    if recipients and all(_outcome(each) for each in recipients):
        return Verdict(Kind.RECEIPT, "Delivery report: delivered or relayed.")
    return None


def _outcome(recipient: ReportedRecipient) -> str:
    """The action; where a report names none that is known, what its status amounts to."""
    if recipient.action in {"failed", "delayed", "delivered", "relayed", "expanded"}:
        return recipient.action
    if recipient.action in {"expired", "failure", "error", "undeliverable"}:
        return "failed"
    return {"5": "failed", "4": "delayed", "2": "delivered"}.get(recipient.status[:1], "")


def _judged(mail: ParsedMail, told: list[ReportedRecipient]) -> tuple[Refusal, ...]:
    words = transcripts.own_words(mail.text)
    if len(told) == 1 and not _PUBLIC.fullmatch(told[0].address):
        told = [replace(told[0], address=_named(mail) or told[0].address)]
    if len(told) == 1 and (said := transcripts.rejection(words)):
        told = [replace(told[0], diagnostic=said)]
    others = [each.address for each in told]
    found = []
    for each in told:
        prose = transcripts.section(words, each.address, others)
        rest = transcripts.plain(words) if len(others) == 1 else ""
        found.append(refusals.judge(_joined(each, prose), prose=rest))
    return tuple(found)


def _named(mail: ParsedMail) -> str:
    """Whom the rest of the bounce names, where its report names a file or a host of its own."""
    ours = {each.address for each in (*mail.to, *mail.cc)}
    found = transcripts.recipients(mail.text, ours=ours, named=", ".join(mail.headers.get("x-failed-recipients", ())))
    return found[0].address if len(found) == 1 else ""


def _joined(told: ReportedRecipient, prose: ReportedRecipient) -> ReportedRecipient:
    """A report's own code, where it says something; else the one in the other server's words."""
    codes = (transcripts.status_in(told.diagnostic), told.status, prose.status)
    known = [code for code in codes if code]
    status = next((code for code in known if not code.endswith(".0.0")), known[0] if known else "")
    # A server that gives no code and tells no command most likely refused the recipient.
    command = (
        transcripts.command_in(told.diagnostic)
        or prose.command
        or ("" if status and not status.endswith((".0.0", ".5.0")) else "RCPT")
    )
    says_nothing = sum(each.isalpha() for each in told.diagnostic) < 4 and not told.diagnostic.isdigit()  # noqa: PLR2004
    return replace(
        told, status=status, command=command, diagnostic=prose.diagnostic if says_nothing else told.diagnostic
    )


def _without_report(mail: ParsedMail) -> Verdict | None:
    named = ", ".join(mail.headers.get("x-failed-recipients", ()))
    text = mail.text[:MUCH]
    if not (named or _declares_report(mail) or _is_daemons(mail, text) or _says_so(mail, text)):
        return None
    own_words = transcripts.own_words(text)
    if (
        _declares_report(mail)
        and phrases.DELIVERED_BODY.search(own_words)
        and not phrases.BOUNCE_BODY.search(own_words)
    ):
        return Verdict(Kind.RECEIPT, "Delivery report: delivered or relayed.")
    ours = {each.address for each in (*mail.to, *mail.cc)} | ({mail.sender.address} if mail.sender else set())
    told = transcripts.recipients(mail.text, ours=ours, named=named)
    rest = transcripts.plain(own_words) if len(told) == 1 else ""
    judged = tuple(refusals.judge(each, prose=rest, subject=mail.subject) for each in told)
    if phrases.DELAY.search(mail.subject) or phrases.DELAY_BODY.search(own_words):
        return Verdict(Kind.DELAY, f"Not delivered yet: {mail.subject}", bounced=judged)
    return Verdict(Kind.BOUNCE, f"Not delivered: {mail.subject}", bounced=judged)


def _bounce(refused: tuple[Refusal, ...]) -> Verdict:
    first = refused[0]
    return Verdict(Kind.BOUNCE, f"Delivery report: {first.status} {first.diagnostic}".strip(), bounced=refused)


def _declares_report(mail: ParsedMail) -> bool:
    """A report by its header, whatever became of its parts."""
    return any("report-type=delivery-status" in value.lower() for value in mail.headers.get("content-type", ()))


def _is_daemons(mail: ParsedMail, text: str) -> bool:
    """A mail system's mail that speaks of delivery."""
    is_daemon = bool(phrases.MACHINE_SENDER.match(_sender(mail)))
    if not (is_daemon or marks.has_null_path(mail)):
        return False
    if phrases.AUTOMATIC_SUBJECT.search(mail.subject) or phrases.AWAY_SUBJECT.search(mail.subject):
        return False
    if phrases.BOUNCE_SUBJECT.search(mail.subject) or phrases.DELAY.search(mail.subject):
        return True
    return is_daemon and any(
        each.search(text) for each in (phrases.BOUNCE_BODY, phrases.TRANSCRIPT, phrases.UNDELIVERED_BODY)
    )


def _says_so(mail: ParsedMail, text: str) -> bool:
    """A bounce that fits no form, from no proper sender, still says so twice."""
    is_nobody = bool(phrases.NOBODY_SENDER.match(_sender(mail)))
    is_told = bool(phrases.BOUNCE_SUBJECT.search(mail.subject)) and not _is_passed_on(mail.subject)
    if (is_nobody or is_told) and phrases.UNDELIVERED_BODY.search(transcripts.own_words(text)[:_FEW]):
        return True
    is_machine = mail.report is not None or bool(marks.automatic(mail))
    return is_machine and is_told and not marks.is_answer(mail) and bool(phrases.BOUNCE_BODY.search(text))


def _is_passed_on(subject: str) -> bool:
    """Whether a person answers or forwards it."""
    return bool(phrases.ANSWER_PREFIX.match(subject) or phrases.FORWARD_PREFIX.match(subject))


def _sender(mail: ParsedMail) -> str:
    return mail.sender.address if mail.sender else marks.first(mail, "from").strip('<>" ')
