"""The one merge rule: gaps are filled, nothing that is there is overwritten, what a person typed is left alone."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from outrider.domain.people.person import Email, Person, Phone

TEXTS = ("name", "given_name", "family_name", "notes")
LISTS = ("addresses", "organisations")
Key = tuple[str, str]


@dataclass(slots=True)
class Draft:
    """A contact while people are merged into it. `emails` and `phones` are those it gains."""

    id: UUID
    is_new: bool
    values: dict[str, Any] = field(default_factory=dict)
    typed: frozenset[str] = frozenset()
    unread: set[str] = field(default_factory=set)  # texts of its phones that are no number
    emails: list[Email] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)
    has_changed: bool = False

    def fill(self, person: Person, free: set[Key]) -> bool:
        """Takes what is missing here; `free` are the person's keys that belong to nobody yet. Says if any was."""
        took = self._fill_texts(person)
        took = self._fill_lists(person) or took
        self.has_changed = self.has_changed or took
        return self._take_ways(person, free) or took

    def _fill_texts(self, person: Person) -> bool:
        took = False
        for name in TEXTS:
            if not self.values.get(name) and name not in self.typed and getattr(person, name):
                self.values[name] = getattr(person, name)
                took = True
        return took

    def _fill_lists(self, person: Person) -> bool:
        took = False
        for name in LISTS:
            if name in self.typed:
                continue
            kept = self.values.setdefault(name, [])
            known = {_comparable(each) for each in kept}
            new = [each for each in getattr(person, name) if _comparable(each) not in known]
            kept.extend(new)
            took = took or bool(new)
        return took

    def _take_ways(self, person: Person, free: set[Key]) -> bool:
        emails = [each for each in person.emails if ("email", each.address) in free and "emails" not in self.typed]
        phones = [] if "phones" in self.typed else [each for each in person.phones if self._lacks(each, free)]
        self.unread.update(each.text for each in phones if each.number is None)
        self.emails += emails
        self.phones += phones
        return bool(emails or phones)

    def _lacks(self, phone: Phone, free: set[Key]) -> bool:
        return ("phone", phone.number) in free if phone.number else phone.text not in self.unread


def keys_of(person: Person) -> list[Key]:
    """What a person is known again by, the surest first."""
    own: list[Key] = [("source", person.remote_id)] if person.remote_id else []
    own += [("email", each.address) for each in person.emails]
    return own + [("phone", each.number) for each in person.phones if each.number]


def _comparable(described: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, " ".join(value.casefold().split())) for name, value in described.items()))
