"""What a batch makes of one mail, all of it in a child process: taken apart, judged, and the lead read out of it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from outrider.domain.harvest.extraction import extract
from outrider.domain.harvest.lead import Person
from outrider.domain.mailboxes.judging import judge
from outrider.providers.mail.sandbox import Reading

LONGEST_MESSAGE = 20_000  # characters of a lead's own words that are kept


@dataclass(frozen=True, slots=True)
class Harvested:
    """`person` is None where nobody was found; `skipped` says why a mail is no lead, `poison` why it can't be read."""

    person: Person | None
    skipped: str
    poison: str | None


def harvest(raw: bytes, received_at: datetime, poison: str | None = None) -> Harvested:
    judged = judge(raw, received_at, poison)
    if judged.mail.poison:
        return Harvested(None, "", judged.mail.poison)
    found = extract(judged.mail, judged.verdict)
    return Harvested(found.person, found.skipped, None)


READING = Reading(harvest, TypeAdapter(Harvested))


def as_stored(person: Person) -> dict[str, Any]:
    """A lead as it is kept: each field with its confidence and evidence."""
    stored = asdict(person)
    if stored["message"]:
        stored["message"]["value"] = stored["message"]["value"][:LONGEST_MESSAGE]
    return stored
