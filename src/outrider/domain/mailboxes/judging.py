"""What is made of a mail as it comes in. It runs in a child process: its words must not hold anybody else up."""

from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter

from outrider.domain.mailboxes import rules
from outrider.domain.mailboxes.classify import classify
from outrider.domain.mailboxes.sender_types import Sorted, sort
from outrider.domain.mailboxes.verdict import Verdict
from outrider.providers.mail import mime
from outrider.providers.mail.parsed import ParsedMail
from outrider.providers.mail.sandbox import Reading


@dataclass(frozen=True, slots=True)
class Judged:
    """A mail taken apart, what it is found to be, the Message-IDs it answers or reports on, nearest first, and the
    beginning of the words that are new in it.
    """

    mail: ParsedMail
    verdict: Verdict
    mentions: list[str]
    snippet: str
    sender: Sorted


def judge(raw: bytes, received_at: datetime, poison: str | None = None) -> Judged:
    """`poison` says what is wrong with a mail of which only the header block is given."""
    mail = mime.parse(raw)
    if poison:
        mail = replace(mail, poison=poison)
    verdict, words = classify(mail, received_at=received_at), mime.visible_text(mail.text)
    mentions = rules.mentioned(mail, verdict.kind)
    return Judged(mail, verdict, mentions, mime.snippet(words or mail.text), sort(mail, verdict, words))


READING = Reading(judge, TypeAdapter(Judged))
