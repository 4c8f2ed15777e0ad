"""A person as some source describes them, brought into the form in which people are compared and kept."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import phonenumbers

from outrider.core.errors import Invalid
from outrider.domain.accounts.actions import normalise_email
from outrider.domain.people.models import HIGHEST_SCORE, LOWEST_SCORE, Status

# Of each kind that one person may bring; of a text, characters.
MOST, LONGEST = 50, 2000


@dataclass(frozen=True, slots=True)
class Phone:
    """`number` is E.164; None where `text` can't be read as a number that exists."""

    text: str
    number: str | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Email:
    address: str
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """What puts a person into the pipeline; `score` runs from 0 to 10, `details` is what the source knows of the wish."""

    status: Status = Status.NEW
    score: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_score(self.score)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`remote_id` and `etag` are the source's own; `language` is ISO 639-1, `birthday` ISO 8601, `--MM-DD` where the year
    is unknown.
    """

    name: str = ""
    given_name: str = ""
    family_name: str = ""
    notes: str = ""
    birthday: str = ""
    photo_url: str = ""
    emails: tuple[Email, ...] = ()
    phones: tuple[Phone, ...] = ()
    addresses: tuple[dict[str, str], ...] = ()
    organisations: tuple[dict[str, str], ...] = ()
    urls: tuple[dict[str, str], ...] = ()
    language: str = ""
    lead: Lead | None = None
    remote_id: str = ""
    etag: str = ""
    problems: tuple[str, ...] = field(default=(), compare=False)

    @property
    def can_be_known_again(self) -> bool:
        return bool(self.emails or self.remote_id or any(each.number for each in self.phones))


def make_person(
    *,
    name: str = "",
    given_name: str = "",
    family_name: str = "",
    notes: str = "",
    birthday: str = "",
    photo_url: str = "",
    emails: Iterable[tuple[str, str]] = (),
    phones: Iterable[tuple[str, str]] = (),
    addresses: Iterable[dict[str, str]] = (),
    organisations: Iterable[dict[str, str]] = (),
    urls: Iterable[tuple[str, str]] = (),
    language: str = "",
    lead: Lead | None = None,
    remote_id: str = "",
    etag: str = "",
    region: str | None = None,
) -> Person:
    """Normalises what a source says; `emails`, `phones` and `urls` are pairs of value and label, `region` (`DE`) is where
    numbers without a country code are at home. What can't be an address is left out and told in `problems`.
    """
    problems: list[str] = []
    kept: dict[str, Email] = {}
    for value, label in list(emails)[:MOST]:
        try:
            address = normalise_email(clean(value))
            kept.setdefault(address, Email(address, clean(label)))
        except Invalid as error:
            problems.append(error.message)
    numbers: dict[str, Phone] = {}
    for value, label in list(phones)[:MOST]:
        phone = read_phone(value, region, label)
        numbers.setdefault(phone.number or phone.text, phone)
    given_name, family_name = clean(given_name), clean(family_name)
    return Person(
        name=clean(name) or f"{given_name} {family_name}".strip(),
        given_name=given_name,
        family_name=family_name,
        notes=clean(notes),
        birthday=clean(birthday),
        photo_url=_web_address(photo_url),
        emails=tuple(kept.values()),
        phones=tuple(numbers.values()),
        addresses=_described(addresses),
        organisations=_described(organisations),
        urls=_described({"url": value, "label": label} for value, label in urls if clean(value)),
        language=clean(language).lower(),
        lead=lead,
        remote_id=clean(remote_id),
        etag=clean(etag),
        problems=tuple(problems),
    )


def read_phone(text: str, region: str | None, label: str = "") -> Phone:
    text = clean(text)
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return Phone(text, None, clean(label))
    is_number = phonenumbers.is_possible_number(parsed) and not parsed.extension
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if is_number else None
    return Phone(text, number, clean(label))


def check_score(score: float | None) -> None:
    """Raises Invalid."""
    if score is not None and not LOWEST_SCORE <= score <= HIGHEST_SCORE:
        raise Invalid("A score runs from 0 to 10.", field="score")


def clean(text: str) -> str:
    """Without NUL, which PostgreSQL can't store, and without the ends' white space."""
    return text.replace("\0", "").strip()[:LONGEST]


def _web_address(text: str) -> str:
    # Pages show it as a picture: nothing but the web may be asked for one.
    cleaned = clean(text)
    return cleaned if cleaned.startswith(("https://", "http://")) else ""


def _described(several: Iterable[dict[str, str]]) -> tuple[dict[str, str], ...]:
    cleaned = ({name: clean(value) for name, value in each.items() if clean(value)} for each in list(several)[:MOST])
    return tuple(each for each in cleaned if each)
