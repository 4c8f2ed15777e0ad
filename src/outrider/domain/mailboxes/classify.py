"""Who wrote this: a person, or which kind of machine. Every verdict says what decided it.

The worst error is to miss a person's answer, the next to take a machine for a person; so a machine must show itself.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime

from outrider.domain.mailboxes import automatic_phrases, bounces, dates, marks, phrases, requests
from outrider.domain.mailboxes.verdict import Kind, Verdict
from outrider.providers.mail.mime import visible_text
from outrider.providers.mail.parsed import ParsedMail

LOOKED_AT = 20_000  # characters of a body; what a mail is shows before
LONGEST_ANSWER = 1_500  # characters of an automatic answer; longer texts talk about such answers
LONGEST_NOTE = 400  # characters of one who says no more than that somebody is gone
LONGEST_NOTICE = 6  # words of a subject that is an absence notice all by itself

_NOTICES = (
    (automatic_phrases.AWAY, automatic_phrases.AWAY),
    (automatic_phrases.GONE, automatic_phrases.GONE),
    (automatic_phrases.THANKS, automatic_phrases.PROMISE),
)
_ASKED = re.compile(r"[^.!?\n]{0,80}\?")
_MUCH = 4000  # characters of a text that are looked at
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")


def classify(mail: ParsedMail, *, received_at: datetime) -> Verdict:
    if found := bounces.find(mail):
        return found
    text = visible_text(mail.text[:LOOKED_AT])
    return (
        _receipt_or_calendar(mail, text)
        or _programs_request(mail)
        or _automatic(mail, text[:_MUCH], received_at.date())
        or _bulk(mail)
        or _persons_request(mail, text)
        or Verdict(Kind.HUMAN, "Nothing in it says that a machine wrote it.")
    )


def _receipt_or_calendar(mail: ParsedMail, text: str) -> Verdict | None:
    if phrases.RECEIPT_SUBJECT.search(mail.subject) and not _is_written(text):
        return Verdict(Kind.RECEIPT, f"Subject: {mail.subject}")
    methods = {part.partition("method=")[2] for part in mail.parts if part.startswith("text/calendar")}
    # An invitation is a person's doing; the answer to ours is a button's.
    if methods & {"reply", "counter"}:
        return Verdict(Kind.CALENDAR, "A calendar's answer to an invitation.")
    if phrases.CALENDAR_SUBJECT.search(mail.subject) and (methods or not _is_written(text)):
        return Verdict(Kind.CALENDAR, f"Subject: {mail.subject}")
    return None


def _programs_request(mail: ParsedMail) -> Verdict | None:
    found = requests.made_by_program(mail)
    return Verdict(Kind.UNSUBSCRIBE, f"A program asks for no more mail: {found}") if found else None


def _persons_request(mail: ParsedMail, text: str) -> Verdict | None:
    found = requests.made_by_person(mail, text)
    return Verdict(Kind.UNSUBSCRIBE, f"It asks for no more mail: {found}") if found else None


def _automatic(mail: ParsedMail, text: str, received: date) -> Verdict | None:
    reason = marks.automatic(mail) or _robots(mail) or _says_so(mail, text)
    if not reason:
        return None
    returns_on = dates.back_on(text, received=received)
    is_away = (
        bool(phrases.AWAY_SUBJECT.search(_bare(mail.subject)) or phrases.AWAY_BODY.search(text))
        or returns_on is not None
        or "vacation" in reason
        or automatic_phrases.AWAY.search(text) is not None
    )
    whole = f"{mail.subject}\n{text}"
    successor = _successor(mail, text)
    if gone := phrases.GONE_BODY.search(whole) or automatic_phrases.GONE.search(whole):
        return Verdict(Kind.LEFT_COMPANY, f"{reason} It says: {gone[0]}", successor=successor)
    if challenge := phrases.CHALLENGE.search(whole) or automatic_phrases.CHALLENGE.search(whole):
        return Verdict(Kind.CHALLENGE, f"{reason} It says: {challenge[0]}")
    if not is_away:
        return Verdict(Kind.AUTO_REPLY, reason)
    return Verdict(Kind.OUT_OF_OFFICE, reason, returns_on=returns_on, successor=successor)


def _successor(mail: ParsedMail, text: str) -> str | None:
    """The first address named that is neither the writer's nor ours."""
    known = {each.address for each in (*mail.to, *mail.cc)} | ({mail.sender.address} if mail.sender else set())
    found = (match[0].lower().rstrip(".") for match in _ADDRESS.finditer(text))
    return next((each for each in found if each not in known and not phrases.NOBODY_SENDER.match(each)), None)


def _robots(mail: ParsedMail) -> str:
    sender = mail.sender.address if mail.sender else ""
    return f"It comes from {sender}." if phrases.ROBOT_SENDER.search(sender) else ""


def _says_so(mail: ParsedMail, text: str) -> str:
    """The same from a mail without such a header: by its words, or by words and weak headers together."""
    if len(text) <= LONGEST_ANSWER and _calls_itself_automatic(text):
        return "It says of itself that it is automatic."
    if len(text) <= LONGEST_ANSWER and (found := phrases.UNREAD_BODY.search(text)):
        return f"It says that nobody reads what is sent there: {found[0]}"
    if len(text) <= LONGEST_ANSWER and (found := phrases.SURE_CHALLENGE.search(text)):
        return f"It asks the sender to prove who they are: {found[0]}"
    if told := _is_notice(mail, text):
        return told
    if _is_suppressing(mail) and phrases.AWAY_BODY.search(text):
        return "It speaks of an absence, and its headers are a machine's."
    return f"Subject: {mail.subject}" if _has_automatic_subject(mail.subject, text) else ""


def _is_notice(mail: ParsedMail, text: str) -> str:
    """A few words that answer nothing, with a subject that says the same as they do."""
    subject = mail.subject.strip()
    # A person who answers gets a "Re:" from their program.
    if _bare(subject) != subject or len(text) > LONGEST_NOTE or "list-id" in mail.headers:
        return ""
    if "://" in text and (proof := automatic_phrases.PROOF.search(text)):
        return f"It asks the sender to prove who they are: {proof[0]}"
    if phrases.GONE_BODY.search(text) and _successor(mail, text):
        return "It answers nothing, says that somebody is gone, and names another."
    if len(subject.split()) > LONGEST_NOTICE or subject.endswith("?"):
        return ""
    for above, below in _NOTICES:
        if above.search(subject) and (
            below.search(text) or (above is automatic_phrases.GONE and _successor(mail, text))
        ):
            return f"Subject and text are a notice: {subject}"
    return ""


def _calls_itself_automatic(text: str) -> bool:
    if not _has_any(phrases.AUTOMATIC_STEMS, text):
        return False
    # A person asks whether it is.
    return any(not _ASKED.match(text, found.end()) for found in phrases.AUTOMATIC_BODY.finditer(text))


def _has_automatic_subject(whole: str, text: str) -> bool:
    subject = _bare(whole)
    is_automatic = bool(phrases.AUTOMATIC_SUBJECT.search(subject))
    is_absence = bool(phrases.AWAY_SUBJECT.search(subject))
    if (is_automatic or is_absence) and phrases.AWAY_BODY.search(text):
        return True
    # A person who answers gets a "Re:" from their program; what follows counts only without one.
    if subject != whole.strip():
        return False
    is_notice = len(subject.split()) <= LONGEST_NOTICE and not subject.endswith("?")
    return (
        is_automatic
        or bool(phrases.RECEIVED_SUBJECT.search(subject))
        or (is_notice and is_absence)
        or (_has_any(phrases.NO_ANSWER_STEMS, text) and bool(phrases.NO_ANSWER_BODY.search(text)))
    )


def _has_any(stems: Sequence[str], text: str) -> bool:
    lowered = text.lower()
    return any(stem in lowered for stem in stems)


def _is_suppressing(mail: ParsedMail) -> bool:
    """Headers that machines set on answers, though not they alone: lists set them on everything."""
    if "list-id" in mail.headers or "mailing-list" in mail.headers or len(mail.text) > LONGEST_ANSWER:
        return False
    precedence = marks.first(mail, "precedence").lower()
    return marks.has_null_path(mail) or precedence in {"bulk", "junk"} or "x-auto-response-suppress" in mail.headers


def _bulk(mail: ParsedMail) -> Verdict | None:
    # A list's mail that answers one of ours is still an answer.
    is_by_subject = "list-id" in mail.headers and _bare(mail.subject) != mail.subject.strip()
    if marks.is_answer(mail) or is_by_subject:
        return None
    for name in ("list-id", "list-unsubscribe", "feedback-id"):
        if name in mail.headers:
            return Verdict(Kind.BULK, f"It has a {name} header.")
    return None


def _is_written(text: str) -> bool:
    """Whether there is more than a machine's line or two."""
    return len(text) > 300  # noqa: PLR2004


def _bare(subject: str) -> str:
    return phrases.ANSWER_PREFIX.sub("", subject).strip()
