"""What kind of sender a mail shows: by its headers first, then by who it comes from, then by its words.

Every judgement says what decided it. Signs add up, since nobody shows one alone; a calendar's part, a mail system's own
words and an answer decide by themselves.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Protocol

from outrider.domain.mailboxes import marks
from outrider.domain.mailboxes import sender_phrases as phrases
from outrider.domain.mailboxes.verdict import Kind, Verdict
from outrider.providers.mail.mime import visible_text
from outrider.providers.mail.parsed import Mailbox, ParsedMail
from outrider.providers.mail.sieve import Sieved

LOOKED_AT = 3_000  # characters of a body: what a mail is about shows at its beginning
FOOTER = 800  # and how to leave it at its end
MOST_REASONS = 3
MOST_MATCHES = 20
_LEAVING = Sieved(
    re.compile(
        r"unsubscri\w+|opt[- ]?out|abmelden|abbestellen|d[ée]sabonn\w*|d[ée]sinscri\w*|darse de baja|cancelar (?:la |a )?(?:suscri|inscri)\w+|disiscri\w*|cancellarsi|uitschrijven|afmelden|to (?:be )?remove\w*|leave-\w+|wypisz",
        re.IGNORECASE,
    )
)
_TRANSACTIONAL = re.compile(r"transact|notif|alert|receipt|account", re.IGNORECASE)
_MACHINE_MADE = re.compile(r"\d{4,}|^[\w.]{0,4}\d[\w.]*$|^[0-9a-f]{10,}$")
_OF_A_LIST = re.compile(
    r"(?:-|\b)(?:admin|owner|request|bounces?|help)$|^(?:listserv|majordomo|mailman|listmanager)\b", re.IGNORECASE
)
_PERSON = re.compile(
    r"^[^\W\d_][\w.'’-]*(?: (?:[^\W\d_][\w.'’-]*|\"\w+\")){1,3}$|^[^\W\d_][\w'’-]+, [^\W\d_][\w.'’-]+$"
)
_LINKS = re.compile(r"https?://", re.IGNORECASE)
_MANY_LINKS = 4
_SHOUTED = re.compile(r"(?:\b[A-Z]{3,}\W+){4,}|!{2,}")
_MANY_SHOUTS = 2
_WORDS = re.compile(r"[^\W\d_]+")
_TELLING = 4  # letters
_DESK = re.compile(
    r"\b(?:team|news|bot|robot|alerts?|notify|notif\w+|network|club|store|shop|sales|support|service|deals?|offers?|editors?|staff|group|inc|gmbh|ltd|media|online|daily|weekly|watch|portal|info|marketing|billing|disputes|list|mailing|advice|signal|phones?)\b|\.com\b|!",
    re.IGNORECASE,
)
_NAMED = re.compile(r"It has a ([\w-]+) header")


class SenderType(StrEnum):
    NEWSLETTER = "newsletter"
    TOOL = "tool"
    MEETING = "meeting"
    PROMOTIONAL = "promotional"
    PERSONAL = "personal"


@dataclass(frozen=True, slots=True)
class Sorted:
    """What kind of sender a mail speaks for, and why."""

    type: SenderType
    reasons: tuple[str, ...]


class _Scores:
    def __init__(self) -> None:
        self.points: defaultdict[SenderType, float] = defaultdict(float)
        self.reasons: defaultdict[SenderType, list[tuple[float, str]]] = defaultdict(list)

    def add(self, kind: SenderType, points: float, reason: str) -> None:
        self.points[kind] += points
        self.reasons[kind].append((points, reason))

    def read(self, kind: SenderType, text: str, sign: phrases.Sign, where: str) -> None:
        matches = islice(sign.pattern.finditer(text), MOST_MATCHES)
        if found := {" ".join(match[0].lower().split()) for match in matches}:
            # A second word of the same sense says more, a third hardly.
            more = 1.5 if len(found) > 1 else 1.0
            self.add(kind, sign.points * more, f"{where}: {sign.what} ({min(sorted(found), key=len)[:40]})")

    def best(self) -> Sorted:
        # People write in every way there is: a machine must show itself.
        kind = max(SenderType, key=lambda each: (self.points[each], each is SenderType.PERSONAL))
        told = sorted(self.reasons[kind], key=lambda each: -each[0])[:MOST_REASONS]
        return Sorted(kind, tuple(reason for _, reason in told))


def sort(mail: ParsedMail, verdict: Verdict, words: str) -> Sorted:
    """`words` are those of the writer, without quotes and signature."""
    if decided := _decided(mail, verdict):
        return decided
    scores = _Scores()
    is_post = _weigh_list(mail, scores)
    _weigh_sender(mail, scores, is_post=is_post)
    _weigh_words(mail, words, scores)
    _weigh_form(mail, scores)
    return scores.best()


class Stored(Protocol):
    """What is kept of a mail that was stored before senders were told apart: its headers are gone."""

    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def from_address(self) -> str: ...
    @property
    def from_name(self) -> str: ...
    @property
    def in_reply_to(self) -> list[str]: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def evidence(self) -> str: ...


def sort_stored(mail: Stored) -> Sorted:
    """The same from what is stored of a mail; the header that its verdict rests on is known from its evidence."""
    header = _NAMED.search(mail.evidence)
    parsed = ParsedMail(
        message_id=None, in_reply_to=tuple(mail.in_reply_to), references=(), subject=mail.subject, sent_at=None,
        sender=Mailbox(mail.from_address, mail.from_name), reply_to=(), to=(), cc=(), text=mail.text, html="",
        headers={header[1].lower(): ("",)} if header else {}, attachments=(), report=None,
    )  # fmt: skip
    return sort(parsed, Verdict(mail.kind, mail.evidence), visible_text(mail.text))


def _decided(mail: ParsedMail, verdict: Verdict) -> Sorted | None:
    calendar = next((part for part in mail.parts if part.startswith("text/calendar")), None)
    if calendar is not None:
        return Sorted(SenderType.MEETING, (f"It holds a calendar's entry ({calendar}).",))
    if verdict.kind is Kind.CALENDAR:
        return Sorted(SenderType.MEETING, (verdict.evidence,))
    if verdict.kind in {Kind.BOUNCE, Kind.DELAY, Kind.RECEIPT, Kind.COMPLAINT, Kind.CHALLENGE}:
        return Sorted(SenderType.TOOL, (verdict.evidence,))
    is_mailing = "feedback-id" in mail.headers or "list-unsubscribe" in mail.headers
    if verdict.kind in {Kind.OUT_OF_OFFICE, Kind.LEFT_COMPANY} and not is_mailing:
        return Sorted(SenderType.PERSONAL, (f"An absent person's answer: {verdict.evidence}",))
    return None


def _weigh_list(mail: ParsedMail, scores: _Scores) -> bool:
    """Whether a person wrote it to a list where everybody may: such a list has an address to post to."""
    precedence = marks.first(mail, "precedence").lower()
    takes_posts = any(name in mail.headers for name in ("list-post", "mailing-list")) or precedence == "list"
    has_list = "list-id" in mail.headers or takes_posts
    if takes_posts:
        scores.add(SenderType.PERSONAL, 1.5, "It was posted to a discussion list.")
    elif precedence in {"bulk", "junk"} or has_list:
        # Older lists of discussion say no more than this either.
        scores.add(SenderType.NEWSLETTER, 0.5, f"It is list mail ({precedence or 'List-Id'}).")
    if "list-unsubscribe" in mail.headers and not takes_posts:
        scores.add(SenderType.NEWSLETTER, 1.0, "It has a List-Unsubscribe header.")
        scores.add(SenderType.PROMOTIONAL, 1.0, "It has a List-Unsubscribe header.")
        if "list-id" in mail.headers:
            scores.add(SenderType.NEWSLETTER, 1.0, "It has a List-Id, as subscriptions do.")
    return takes_posts or (has_list and mail.subject.lstrip().startswith("["))


def _weigh_sender(mail: ParsedMail, scores: _Scores, *, is_post: bool) -> None:
    name, local = (mail.sender.name, mail.sender.address.partition("@")[0]) if mail.sender else ("", "")
    if automatic := marks.automatic(mail):
        scores.add(SenderType.TOOL, 2.5, automatic)
    if _TRANSACTIONAL.search(marks.first(mail, "feedback-id")):
        scores.add(SenderType.TOOL, 2.0, f"Feedback-ID: {marks.first(mail, 'feedback-id')[:60]}")
    for kind, pattern, points in (
        (SenderType.TOOL, phrases.ROBOT, 2.0),
        (SenderType.NEWSLETTER, phrases.LETTER, 1.0),
        (SenderType.PROMOTIONAL, phrases.SHOP, 1.0),
    ):
        if found := pattern.search(local):
            scores.add(kind, points, f"The address is a machine's or a desk's ({found[0].strip('.+_-')}@).")
    if _OF_A_LIST.search(local):
        scores.add(SenderType.TOOL, 1.0, "It comes from a list's own address.")
        return
    if _is_desk(name, mail.sender.address if mail.sender else ""):
        scores.add(SenderType.TOOL, 0.5, f"It comes from a house or a desk ({name[:40]}).")
        scores.add(SenderType.NEWSLETTER, 0.5, f"It comes from a house or a desk ({name[:40]}).")
    elif _PERSON.match(name) and not phrases.ROBOT.search(local):
        scores.add(SenderType.PERSONAL, 1.5, "It comes from somebody with a person's name.")
    elif _MACHINE_MADE.search(local) and not is_post:
        scores.add(SenderType.PROMOTIONAL, 1.0, "Its address looks made by a machine.")


def _is_desk(name: str, address: str) -> bool:
    """Whether a name is that of a house, its department or its programs."""
    local, _, domain = address.partition("@")
    words = [word for word in _WORDS.findall(name.lower()) if len(word) >= _TELLING]
    house = domain.rpartition(".")[0]
    # Ada Lovelace at lovelace.example is a person all the same: her address says so.
    is_own = any(word in local for word in words)
    return _DESK.search(name) is not None or (any(word in house for word in words) and not is_own)


def _weigh_words(mail: ParsedMail, words: str, scores: _Scores) -> None:
    text, subject = words[:LOOKED_AT], mail.subject
    is_answer = marks.is_answer(mail)
    if is_answer:
        scores.add(SenderType.PERSONAL, 4.0, "It answers another mail.")
    elif phrases.ANSWER.match(subject):
        # Advertisers write it too; a program that answers names what it answers.
        scores.add(SenderType.PERSONAL, 2.0, "Its subject is that of an answer.")
    is_marked = is_answer or bool(phrases.ANSWER.match(subject))
    for name, sign in phrases.SUBJECTS.maybe_in(subject):
        if (kind := SenderType(name)) is SenderType.MEETING or not is_marked:
            scores.read(kind, subject, sign, "Subject")
    for name, sign in phrases.TEXTS.maybe_in(text):
        kind = SenderType(name)
        # An answer is hardly a shop's or a periodical's.
        if not is_answer or kind in {SenderType.MEETING, SenderType.TOOL}:
            _read_text(kind, text, sign, scores)
    if is_answer:
        return
    is_post = "list-post" in mail.headers or "mailing-list" in mail.headers  # such lists add their own way out
    if not is_post and _LEAVING.search(mail.text[-FOOTER:] + mail.text[:FOOTER]):
        scores.add(SenderType.NEWSLETTER, 1.0, "It says how to unsubscribe.")
        scores.add(SenderType.PROMOTIONAL, 1.0, "It says how to unsubscribe.")


def _read_text(kind: SenderType, text: str, sign: phrases.Sign, scores: _Scores) -> None:
    if kind is SenderType.TOOL:
        text = text[:FOOTER]
    if kind is not SenderType.MEETING or len(text) < FOOTER:
        scores.read(kind, text, sign, "Text")


def _weigh_form(mail: ParsedMail, scores: _Scores) -> None:
    if marks.is_answer(mail):
        return
    if len(_LINKS.findall(mail.text[:20_000])) >= _MANY_LINKS:
        scores.add(SenderType.NEWSLETTER, 1.0, "It is full of links.")
    if mail.html and "text/plain" not in mail.parts:
        # Programs that people write with send plain text beside it.
        scores.add(SenderType.PROMOTIONAL, 1.0, "It is HTML alone.")
        scores.add(SenderType.NEWSLETTER, 0.5, "It is HTML alone.")
    if not mail.to and not mail.cc:
        scores.add(SenderType.PROMOTIONAL, 0.5, "It names no recipient.")
    if len(_SHOUTED.findall(mail.text[:LOOKED_AT])) >= _MANY_SHOUTS:
        scores.add(SenderType.PROMOTIONAL, 1.0, "It shouts.")
