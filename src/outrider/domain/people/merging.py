"""The one merge rule: gaps are filled, nothing that is there is overwritten, what a person typed is left alone.

Who is the same: by the source's own id, else by an email. A number is shared by the people of a household or an office,
so it alone says that two are the same only where their names agree, or where one has no name and they don't have
different emails; a number that more than `SHARED_BY_MOST` contacts have says nothing.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from outrider.domain.people import words
from outrider.domain.people.person import Email, Person, Phone

TEXTS = ("name", "given_name", "family_name", "notes", "birthday", "photo_url", "language")
LISTS = ("addresses", "organisations", "urls")
PIPELINE = ("status", "score")
SHARED_BY_MOST = 20
Key = tuple[str, str]


@dataclass(slots=True)
class Draft:
    """A contact while people are merged into it. `emails`, `phones` and `words` are those it gains."""

    id: UUID
    is_new: bool
    values: dict[str, Any] = field(default_factory=dict)
    typed: frozenset[str] = frozenset()
    has_email: bool = False
    numbers: set[str] = field(default_factory=set)  # of its phones; their text where it is no number
    emails: list[Email] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    has_changed: bool = False

    def may_be(self, person: Person) -> bool:
        """Whether a number that both have says that they are the same."""
        ours, theirs = self.values.get("name", ""), person.name
        if ours and theirs:
            return names_agree(ours, theirs)
        return not (self.has_email and person.emails)

    def fill(self, person: Person, free: set[Key]) -> bool:
        """Takes what is missing here; `free` are the person's emails that belong to nobody yet. Says if any was."""
        took = self._fill_texts(person)
        took = self._fill_lists(person) or took
        took = self._fill_pipeline(person) or took
        self.has_changed = self.has_changed or took
        return self._take_ways(person, free) or took

    def _fill_texts(self, person: Person) -> bool:
        took = False
        for name in TEXTS:
            value = getattr(person, name)
            if value and not self.values.get(name) and name not in self.typed:
                self.values[name] = value
                took = True
                if name == "name":
                    self.words |= words.of_text(value)
        return took

    def _fill_lists(self, person: Person) -> bool:
        took = False
        for name in LISTS:
            if name in self.typed or not getattr(person, name):
                continue
            kept = self.values.setdefault(name, [])
            known = {comparable(each) for each in kept}
            new = [each for each in getattr(person, name) if comparable(each) not in known]
            kept.extend(new)
            took = took or bool(new)
            if name == "organisations":
                self.words |= words.of_person((each.get("name", "") for each in new), ())
        return took

    def _fill_pipeline(self, person: Person) -> bool:
        if person.lead is None:
            return False
        took = False
        for name in PIPELINE:
            value = getattr(person.lead, name)
            if value is not None and self.values.get(name) is None and name not in self.typed:
                self.values[name] = value
                took = True
        details = {**person.lead.details, **self.values.get("details", {})}
        took = took or details != self.values.get("details", {})
        self.values["details"] = details
        return took

    def _take_ways(self, person: Person, free: set[Key]) -> bool:
        emails = [each for each in person.emails if ("email", each.address) in free]
        phones = [each for each in person.phones if (each.number or each.text) not in self.numbers]
        self.numbers.update(each.number or each.text for each in phones)
        self.has_email = self.has_email or bool(emails)
        self.words |= words.of_person((), (each.address for each in emails))
        self.emails += emails
        self.phones += phones
        return bool(emails or phones)


def keys_of(person: Person) -> list[Key]:
    """What a person is known again by, the surest first."""
    own: list[Key] = [("source", person.remote_id)] if person.remote_id else []
    own += [("email", each.address) for each in person.emails]
    return own + [("phone", each.number) for each in person.phones if each.number]


def names_agree(one: str, other: str) -> bool:
    """`Hopper, G.` and `Grace Hopper` may be one person: they share a word, and each word of the shorter name is one of
    the longer's or its initial.
    """
    shorter, longer = sorted((words.of_text(one), words.of_text(other)), key=len)
    if not shorter:
        return True
    return bool(shorter & longer) and all(
        any(word == each or (1 in (len(word), len(each)) and word[0] == each[0]) for each in longer) for word in shorter
    )


def comparable(described: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, " ".join(value.casefold().split())) for name, value in described.items()))
