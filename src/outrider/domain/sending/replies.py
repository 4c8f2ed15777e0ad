"""What an SMTP server's refusal means, and what follows from it: a table, by enhanced code (RFC 3463) first.

Where a server sends none, or one that fits everything, its words decide; an unknown reply is the safe class of its
first digit: 4 is tried again, 5 ends this mail, and neither says anything about the person.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class ReplyClass(StrEnum):
    RECIPIENT_GONE = "recipient_gone"  # the address does not exist
    RECIPIENT_FULL = "recipient_full"
    POLICY = "policy"  # taken for spam or against the receiver's rules: about the sender, never about the person
    LOGIN = "login"  # the mailbox's credentials no longer do
    SENDER_LIMIT = "sender_limit"  # the provider's own limit on this mailbox
    DOMAIN_AUTHENTICATION = "domain_authentication"  # SPF, DKIM, DMARC or reverse DNS of the sender's domain
    TOO_LARGE = "too_large"
    CONTENT = "content"
    GREYLISTED = "greylisted"
    LATER = "later"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Consequence:
    """`advice` is for the mailbox's owner; `holds` keeps the whole mailbox from sending for that long, and with
    `mail_waits` this mail too: it was not about the mail.
    """

    advice: str
    holds: timedelta | None = None
    mail_waits: bool = False


CONSEQUENCES = {
    ReplyClass.RECIPIENT_GONE: Consequence("The address does not exist; nothing more is sent to it."),
    ReplyClass.RECIPIENT_FULL: Consequence("The recipient's mailbox is full."),
    ReplyClass.POLICY: Consequence(
        "The receiving server takes this for unwanted mail. The mailbox pauses for an hour; look at its text, its"
        " links and its domain's reputation before you go on.",
        holds=timedelta(hours=1),
    ),
    ReplyClass.LOGIN: Consequence("The server no longer accepts the mailbox's login. Connect it again."),
    ReplyClass.SENDER_LIMIT: Consequence(
        "The provider's sending limit of this mailbox is reached. It goes on by itself after 24 hours.",
        holds=timedelta(hours=24),
        mail_waits=True,
    ),
    ReplyClass.DOMAIN_AUTHENTICATION: Consequence(
        "The receiver wants the sender's domain authenticated: set up SPF, DKIM and DMARC; outrider doctor says what is"
        " missing.",
        holds=timedelta(hours=24),
        mail_waits=True,
    ),
    ReplyClass.TOO_LARGE: Consequence("The mail is larger than the server takes."),
    ReplyClass.CONTENT: Consequence("The server can't take mail of this form."),
    ReplyClass.GREYLISTED: Consequence("The server asks to come back later, as it does with strangers."),
    ReplyClass.LATER: Consequence("The server could not take it just now; it is tried again."),
    ReplyClass.REFUSED: Consequence("The server refused the mail."),
}

# (enhanced codes, class). A code that means several things is left to the words below.
BY_CODE: tuple[tuple[str, ReplyClass], ...] = (
    (r"5\.1\.(1|2|3|10)", ReplyClass.RECIPIENT_GONE),
    (r"5\.2\.1", ReplyClass.RECIPIENT_GONE),
    (r"[45]\.2\.2", ReplyClass.RECIPIENT_FULL),
    (r"[45]\.2\.3|5\.3\.4", ReplyClass.TOO_LARGE),
    (r"5\.4\.5|[45]\.7\.28|5\.7\.(705|708)|5\.1\.9[08]|5\.1\.90", ReplyClass.SENDER_LIMIT),
    (r"5\.7\.(515|509|23|25|26|27|29)|4\.7\.(23|26|27|29)", ReplyClass.DOMAIN_AUTHENTICATION),
    (r"[45]\.7\.(8|9|3|14|30|57|60|139)|5\.5\.1 authentication", ReplyClass.LOGIN),
    (r"5\.6\.\d+", ReplyClass.CONTENT),
)
# (words, first digits of the code they hold for, class), the first that fits.
BY_WORDS: tuple[tuple[str, str, ReplyClass], ...] = (
    (r"grey-?list|graylist|come back (later|in)|try again in \d+ (sec|min)", "4", ReplyClass.GREYLISTED),
    (
        (
            r"daily (user )?sending (limit|quota)|sending (limit|quota) exceeded|exceeded the (maximum|limit|number)"
            r"|rate.?limit|too many (messages|recipients|mails|emails)|outbound message limit|hourly limit"
        ),
        "45",
        ReplyClass.SENDER_LIMIT,
    ),
    (
        (
            r"authentication (is )?required|not authenticated|bad (user ?name|credentials)|username and password not accepted"
            r"|invalid login|authentication (failed|unsuccessful|credentials invalid)|application-specific password"
            r"|smtpclientauthentication is disabled"
        ),
        "45",
        ReplyClass.LOGIN,
    ),
    (
        r"\b(spf|dkim|dmarc)\b|reverse dns|ptr record|unauthenticated (email|mail)",
        "45",
        ReplyClass.DOMAIN_AUTHENTICATION,
    ),
    (
        r"(mailbox|quota|user|account|storage).{0,30}(is )?(full|over quota|exceeded)|over ?quota|insufficient storage",
        "45",
        ReplyClass.RECIPIENT_FULL,
    ),
    (
        (
            r"(user|recipient|mailbox|address|account).{0,40}(unknown|not found|does(n't| not) exist|no longer|disabled"
            r"|inactive|invalid|unavailable|undeliverable|rejected: access)|user does(n't| not) have a|no such (user|recipient|mailbox|address|person)"
            r"|unknown (user|recipient|mailbox|local)|unrouteable address|not our customer|no mailbox here|invalid recipient"
        ),
        "5",
        ReplyClass.RECIPIENT_GONE,
    ),
    (
        (
            r"spam|unsolicited|block(ed|list)|black ?list|reputation|spamhaus|barracuda|proofpoint|cloudmark|policy"
            r"|junk|bulk mail|virus|malware|phish|content (rejected|denied|filter)|poor|abus(e|ive)|banned|denied by"
        ),
        "5",
        ReplyClass.POLICY,
    ),
    (r"(message|mail).{0,30}(too (large|big)|exceeds|size)|size limit", "5", ReplyClass.TOO_LARGE),
)
LOGIN_CODES = frozenset({530, 534, 535})
GONE_CODES = frozenset({551, 553})
NO_SUCH_MAILBOX = 550
TOO_LARGE_CODE = 552
_BY_CODE = tuple((re.compile(rf"(?:{pattern})$"), kind) for pattern, kind in BY_CODE)
_BY_WORDS = tuple((re.compile(pattern, re.IGNORECASE), digits, kind) for pattern, digits, kind in BY_WORDS)


def classify(code: int | None, enhanced: str | None, text: str) -> ReplyClass:
    """Returns the class of a reply; `code` is the three digits, `enhanced` such as 5.1.1."""
    if code in LOGIN_CODES:
        return ReplyClass.LOGIN
    for pattern, kind in _BY_CODE:
        if enhanced and pattern.match(enhanced):
            return kind
    digit = (enhanced or str(code or ""))[:1]
    for words, digits, kind in _BY_WORDS:
        if digit in digits and digit and words.search(text):
            # A code about policy outweighs words about the person: nobody is suppressed for the sender's faults.
            is_about_policy = enhanced is not None and enhanced.startswith("5.7.")
            return ReplyClass.POLICY if kind is ReplyClass.RECIPIENT_GONE and is_about_policy else kind
    return _by_first_digit(code, enhanced, digit)


def _by_first_digit(code: int | None, enhanced: str | None, digit: str) -> ReplyClass:
    if digit != "5":
        return ReplyClass.LATER
    if enhanced is None and code in GONE_CODES:
        return ReplyClass.RECIPIENT_GONE
    if enhanced is None and code == TOO_LARGE_CODE:
        return ReplyClass.RECIPIENT_FULL
    if enhanced is not None and enhanced.startswith("5.7."):
        return ReplyClass.POLICY
    return ReplyClass.REFUSED
