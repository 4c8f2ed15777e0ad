"""Why a mail was not delivered, and whether trying again could help: a table by code first, then by words.

The reasons are those the field uses. A code says most where it is specific (RFC 3463); 5.0.0, 5.7.1 and the like are
given for anything, so there the words decide.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from outrider.domain.mailboxes import refusal_languages
from outrider.domain.mailboxes.refusal_languages import SAID_ELSEWHERE
from outrider.domain.mailboxes.refusal_phrases import (
    CODE,
    CODES,
    FIRST,
    LAST,
    LISTED,
    NOT_LISTED,
    RECIPIENT,
    THEN,
    UNKNOWN_USER,
)
from outrider.providers.mail.parsed import ReportedRecipient


class Reason(StrEnum):
    USER_UNKNOWN = "userunknown"
    HOST_UNKNOWN = "hostunknown"
    HAS_MOVED = "hasmoved"
    NOT_ACCEPT = "notaccept"  # the host takes no mail at all
    FILTERED = "filtered"  # refused after the content, or by the recipient's own settings
    MAILBOX_FULL = "mailboxfull"
    SUSPEND = "suspend"
    EXPIRED = "expired"
    NETWORK_ERROR = "networkerror"
    SYSTEM_ERROR = "systemerror"
    SYSTEM_FULL = "systemfull"
    MAILER_ERROR = "mailererror"
    MESSAGE_TOO_BIG = "mesgtoobig"
    EXCEEDS_LIMIT = "exceedlimit"
    CONTENT_ERROR = "contenterror"
    NOT_COMPLIANT = "notcompliantrfc"
    SYNTAX_ERROR = "syntaxerror"
    REJECTED = "rejected"  # for the sender's address
    BLOCKED = "blocked"  # for the sending host
    BAD_REPUTATION = "badreputation"
    REQUIRE_PTR = "requireptr"
    AUTH_FAILURE = "authfailure"
    POLICY_VIOLATION = "policyviolation"
    SECURITY_ERROR = "securityerror"
    SPAM_DETECTED = "spamdetected"
    VIRUS_DETECTED = "virusdetected"
    SPEEDING = "speeding"
    TOO_MANY_CONNECTIONS = "toomanyconn"
    NO_RELAYING = "norelaying"
    ON_HOLD = "onhold"  # something is said, but nothing known
    UNDEFINED = "undefined"


_HARD = {Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.HAS_MOVED}

# By the code without its class. These decide whatever the words are.
_CERTAIN = {
    "1.6": Reason.HAS_MOVED, "1.7": Reason.REJECTED, "1.8": Reason.REJECTED, "2.2": Reason.MAILBOX_FULL,
    "1.20": Reason.NOT_COMPLIANT, "1.90": Reason.SPEEDING, "2.121": Reason.SPEEDING, "7.520": Reason.POLICY_VIOLATION,
    "2.3": Reason.EXCEEDS_LIMIT, "3.4": Reason.MESSAGE_TOO_BIG, "5.6": Reason.SECURITY_ERROR, "4.6": Reason.NETWORK_ERROR, "4.12": Reason.NETWORK_ERROR, "4.14": Reason.NETWORK_ERROR,
    "7.650": Reason.BAD_REPUTATION, "7.651": Reason.BAD_REPUTATION, "7.652": Reason.TOO_MANY_CONNECTIONS,
    "7.20": Reason.AUTH_FAILURE, "7.21": Reason.AUTH_FAILURE, "7.22": Reason.AUTH_FAILURE, "7.32": Reason.AUTH_FAILURE,
    "7.24": Reason.AUTH_FAILURE, "7.25": Reason.REQUIRE_PTR, "7.26": Reason.AUTH_FAILURE, "7.27": Reason.NOT_ACCEPT,
    "7.28": Reason.SPEEDING, "7.40": Reason.AUTH_FAILURE, "7.509": Reason.AUTH_FAILURE, "7.515": Reason.AUTH_FAILURE,
    "7.511": Reason.BLOCKED, "7.508": Reason.TOO_MANY_CONNECTIONS, "7.705": Reason.SPEEDING, "7.708": Reason.BLOCKED,
    "7.750": Reason.BLOCKED, "7.501": Reason.SPAM_DETECTED, "7.502": Reason.SPAM_DETECTED, "7.503": Reason.SPAM_DETECTED,
    "7.504": Reason.SPAM_DETECTED, "7.512": Reason.NOT_COMPLIANT, "7.513": Reason.BLOCKED,
}  # fmt: skip
_BANNED = range(606, 650)  # Microsoft's 5.7.606 to 5.7.649: the sending address is banned
# These decide where no words are known.
_USUAL = {
    "1.0": Reason.USER_UNKNOWN, "1.1": Reason.USER_UNKNOWN, "1.3": Reason.USER_UNKNOWN, "1.4": Reason.FILTERED,
    "1.9": Reason.SYSTEM_ERROR, "1.2": Reason.HOST_UNKNOWN, "1.10": Reason.NOT_ACCEPT, "2.0": Reason.FILTERED, "2.1": Reason.SUSPEND,
    "2.4": Reason.FILTERED, "3.0": Reason.SYSTEM_ERROR, "3.1": Reason.SYSTEM_FULL, "3.2": Reason.NOT_ACCEPT,
    "3.3": Reason.SYSTEM_ERROR, "3.5": Reason.SYSTEM_ERROR, "4.0": Reason.NETWORK_ERROR, "4.1": Reason.EXPIRED,
    "4.2": Reason.NETWORK_ERROR, "4.3": Reason.SYSTEM_ERROR, "4.4": Reason.NETWORK_ERROR, "4.5": Reason.TOO_MANY_CONNECTIONS,
    "4.6": Reason.NETWORK_ERROR, "4.7": Reason.EXPIRED, "4.310": Reason.SYSTEM_ERROR, "4.312": Reason.NETWORK_ERROR,
    "4.316": Reason.EXPIRED, "4.317": Reason.EXPIRED, "5.1": Reason.SYNTAX_ERROR, "5.2": Reason.SYNTAX_ERROR,
    "5.3": Reason.TOO_MANY_CONNECTIONS, "5.4": Reason.SYNTAX_ERROR, "5.5": Reason.SYSTEM_ERROR, "5.6": Reason.SYNTAX_ERROR,
    "7.2": Reason.FILTERED, "7.13": Reason.SUSPEND, "7.16": Reason.MESSAGE_TOO_BIG, "7.9": Reason.SECURITY_ERROR, "7.17": Reason.HAS_MOVED, "7.18": Reason.HAS_MOVED,
    # Gmail gives the first for a missing name of the sending host, too, and the second where TLS is missing.
    "7.23": Reason.AUTH_FAILURE, "7.29": Reason.AUTH_FAILURE, "7.30": Reason.SECURITY_ERROR, "1.351": Reason.USER_UNKNOWN, "7.514": Reason.SPEEDING,
}  # fmt: skip
# These say little more than that it failed: whatever is said elsewhere counts more.
_VAGUE = {"1.0", "2.0", "2.1", "3.0", "4.0", "5.1", "5.2", "7.9"}
_BY_SUBJECT = {"6": Reason.CONTENT_ERROR, "7": Reason.SECURITY_ERROR}
_REPLY_CODE = re.compile(r"(?:^|[\s;:\"'\[(<])([45]\d\d)(?=[-\s:.,;#)\]]|$)")
_ADDRESS = re.compile(r"<?[^\s<>()\[\]]{1,80}@[\w.-]{1,120}>?")
_ANCHOR = re.compile(r"(?<=/)#[a-z]{4,20}\b")
# Every line of a longer answer begins with the code again.
_CODE_AGAIN = re.compile(
    r"(?<=\S) [245]\d\d-(?:#?[245]\.\d{1,3}\.\d{1,3}(?= ))?(?: |$)|(?<=\S) ([245]\d\d) (?=[245]\.\d{1,3}\.\d{1,3} )[245.\d]+ "
)
_NO_MORE_THAN_REFUSED = re.compile(r"recipient address rejected: (?=[a-z])(?!access denied)")
_LIMITED_BECAUSE = re.compile(r"rate[- ]limited (?:because|due to)\b")  # the cause follows
# NTT docomo knows its recipients at once: whom it does not know after the content takes no mail of this sender.
_CHOOSES_SENDERS = re.compile(r"\bhost [\w-]{1,40}\.docomo\.ne\.jp\b", re.IGNORECASE)
_EXIT_CODES = {
    "64": Reason.MAILER_ERROR, "65": Reason.CONTENT_ERROR, "67": Reason.USER_UNKNOWN, "68": Reason.HOST_UNKNOWN,
    "69": Reason.SYSTEM_ERROR, "70": Reason.SYSTEM_ERROR, "71": Reason.MAILER_ERROR, "72": Reason.SYSTEM_ERROR,
    "73": Reason.SYSTEM_ERROR, "74": Reason.SYSTEM_ERROR, "75": Reason.SYSTEM_ERROR, "77": Reason.SYSTEM_ERROR,
}  # fmt: skip  # sysexits.h, as local mailers end
# PowerMTA puts its own finding beside the answer.
_CATEGORIES = {
    "bad-mailbox": Reason.USER_UNKNOWN, "bad-domain": Reason.HOST_UNKNOWN, "inactive-mailbox": Reason.SUSPEND,
    "message-expired": Reason.EXPIRED, "no-answer-from-host": Reason.NETWORK_ERROR, "quota-issues": Reason.MAILBOX_FULL,
    "policy-related": Reason.POLICY_VIOLATION, "spam-related": Reason.SPAM_DETECTED, "virus-related": Reason.VIRUS_DETECTED,
    "relaying-issues": Reason.NO_RELAYING, "routing-errors": Reason.SYSTEM_ERROR, "content-related": Reason.CONTENT_ERROR,
    "bad-connection": Reason.NETWORK_ERROR, "invalid-sender": Reason.REJECTED, "protocol-errors": Reason.SYNTAX_ERROR,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """One recipient who did not get the mail. `diagnostic` are the words of whoever refused it."""

    address: str
    status: str
    reason: Reason
    is_hard: bool
    diagnostic: str = ""
    original: str = ""  # the address we wrote to, where the mail went on from there

    def told(self) -> dict[str, str | bool]:
        """As it is stored and told to others."""
        return {
            "address": self.original or self.address,
            "status": self.status,
            "reason": self.reason,
            "isHard": self.is_hard,
            "diagnostic": self.diagnostic[:300],
        }


def judge(told: ReportedRecipient, *, prose: str = "", subject: str = "") -> Refusal:
    """`prose` is what the rest of the bounce says of the same recipient, `subject` the bounce's own."""
    reason = _reason(told, prose, subject)
    is_hard = reason in _HARD or (reason is Reason.NOT_ACCEPT and not told.status.startswith("4"))
    return Refusal(told.address, told.status, reason, is_hard, told.diagnostic or prose[:500], told.original)


def _reason(told: ReportedRecipient, prose: str, subject: str) -> Reason:
    detail = told.status.partition(".")[2]
    words = _bare(told.diagnostic)
    if detail in _CERTAIN:
        return _CERTAIN[detail]
    if detail.startswith("7.") and detail[2:].isdigit() and int(detail[2:]) in _BANNED:
        return Reason.BLOCKED
    if known := _EXIT_CODES.get(words) or _CATEGORIES.get(told.category):
        return known
    if told.command == "DATA" and _CHOOSES_SENDERS.search(prose) and UNKNOWN_USER.search(words):
        return Reason.REJECTED
    return (
        _by_operators_code(LISTED, words)
        or _by_words(words, detail, told.command, told.category)
        or _by_operators_code(CODE, words)
        or _first(SAID_ELSEWHERE, words)
        or (Reason.REJECTED if told.command == "MAIL" and detail.startswith("5.") else None)
        or _by_code(detail)
        or _by_words(_bare(prose), detail, told.command)
        or _by_words(_bare(subject), detail, told.command)
        or (Reason.REJECTED if told.command == "MAIL" else None)
        or _by_subject(detail)
        or _by_reply(words or _bare(prose), told)
    )


def _bare(text: str) -> str:
    """The words alone, in lower case: an address or an anchor may itself sound like a reason."""
    words = _ANCHOR.sub("", " ".join(_ADDRESS.sub("<>", text[:1_500].lower().replace("<>", "null sender")).split()))
    words = _CODE_AGAIN.sub(" ", words)
    words = _LIMITED_BECAUSE.sub("", words)
    return _NO_MORE_THAN_REFUSED.sub("", words)


def _by_words(words: str, detail: str, command: str, category: str = "") -> Reason | None:
    if not words:
        return None
    found = _first(FIRST, words) or _unknown_user(words, detail, command) or _first(THEN, words)
    if command == "MAIL" and found in _HARD | {Reason.NOT_ACCEPT}:
        return Reason.REJECTED  # what does not exist is the sender, not the recipient
    return Reason.MAILER_ERROR if found is Reason.SYSTEM_ERROR and category == "x-unix" else found


def _first(table: tuple[tuple[str, re.Pattern[str]], ...], words: str) -> Reason | None:
    return next((Reason(name) for name, phrase in table if phrase.search(words)), None)


def _by_operators_code(code: re.Pattern[str], words: str) -> Reason | None:
    found = code.search(words)
    known = CODES.get(found[1], "") if found else ""
    return Reason(known) if known else None


def _unknown_user(words: str, detail: str, command: str) -> Reason | None:
    """One who is refused only after the content was sent exists as often as not: their filter answers for them."""
    if detail in {"1.1", "1.3", "1.351"} or NOT_LISTED.search(words):
        return Reason.USER_UNKNOWN
    is_told = bool(UNKNOWN_USER.search(words)) or (command == "RCPT" and "unrouteable address" in words)
    if is_told and detail == "1.2" and command != "RCPT":
        return Reason.HOST_UNKNOWN
    if is_told and (detail in {"1.10", "4.1"} or command == "RCPT"):
        return Reason.USER_UNKNOWN
    if command in {"", "RCPT"} and refusal_languages.UNKNOWN_USER.search(words):
        return Reason.USER_UNKNOWN
    if not is_told:
        return None
    return Reason.REJECTED if command == "MAIL" else Reason.FILTERED


def _by_code(detail: str) -> Reason | None:
    return None if detail in _VAGUE else _USUAL.get(detail)


def _by_subject(detail: str) -> Reason | None:
    return _USUAL.get(detail) or _BY_SUBJECT.get(detail.partition(".")[0])


def _by_reply(words: str, told: ReportedRecipient) -> Reason:
    """From what is left: the reply code, the command it answered, and whether the mail was only late."""
    code = match[1] if (match := _REPLY_CODE.search(words)) else ""
    if told.command in {"HELO", "CONN"}:
        return Reason.BLOCKED
    if code in {"500", "501", "502", "503", "504"}:
        return Reason.SYNTAX_ERROR
    if told.action in {"delayed", "expired"} or code == "421":
        return Reason.EXPIRED
    return _by_stems(words, code, told.command) or (
        Reason.ON_HOLD if any(map(str.isalpha, words)) else Reason.UNDEFINED
    )


def _by_stems(words: str, code: str, command: str) -> Reason | None:
    if found := _first(LAST, words):
        return found
    is_final = code.startswith("5")
    return Reason.USER_UNKNOWN if command == "RCPT" and is_final and RECIPIENT.search(words) else None
