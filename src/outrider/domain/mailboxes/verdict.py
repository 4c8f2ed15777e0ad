"""What a mail is found to be, and why."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from outrider.domain.mailboxes.refusals import Reason, Refusal


class Kind(StrEnum):
    HUMAN = "human"
    AUTO_REPLY = "auto_reply"
    OUT_OF_OFFICE = "out_of_office"
    BOUNCE = "bounce"
    DELAY = "delay"
    RECEIPT = "receipt"
    CALENDAR = "calendar"
    LEFT_COMPANY = "left_company"
    CHALLENGE = "challenge"  # the sender is to prove that they are a person
    COMPLAINT = "complaint"  # RFC 5965: the recipient called the mail spam
    UNSUBSCRIBE = "unsubscribe"  # a person, or their program, asks for no more mail
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`bounced` are the recipients a bounce or a delay names, each with its own reason. `returns_on` is the first day
    an absent writer is back, `successor` whom to write to instead of one who is gone or away.
    """

    kind: Kind
    evidence: str
    returns_on: date | None = None
    bounced: tuple[Refusal, ...] = ()
    successor: str | None = None

    @property
    def reason(self) -> Reason | None:
        return self.bounced[0].reason if self.bounced else None

    @property
    def is_hard(self) -> bool | None:
        return self.bounced[0].is_hard if self.bounced else None
