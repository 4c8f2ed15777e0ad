"""What the People API shows of an account: its contacts, those Google saved by itself, pages, changes, a limit."""

import hashlib
import math
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

CONNECTIONS, OTHERS = "/v1/people/me/connections", "/v1/otherContacts"
# Of each list: what a request names its fields by, what its answer calls the people.
WORDS = {CONNECTIONS: ("personFields", "connections"), OTHERS: ("readMask", "otherContacts")}
OTHER_FIELDS = {"emailAddresses", "metadata", "names", "phoneNumbers", "photos"}
LARGEST = 1000
Person = dict[str, Any]
Asked = dict[str, str]
Answered = tuple[int, Any, dict[str, str]]


@dataclass
class Kept:
    """A person and when it last changed; `is_deleted` people are told to those who ask for changes."""

    person: Person
    changed: int
    is_deleted: bool = False


@dataclass
class AddressBook:
    """One account's two lists. `limit` requests are answered at once, and as many again in `window` seconds; the rest is
    refused.
    """

    limit: int | None = None
    window: float = 60.0
    tells_when: bool = True  # whether a refusal says when to come back
    lists: dict[str, dict[str, Kept]] = field(default_factory=lambda: {CONNECTIONS: {}, OTHERS: {}})
    changes: int = 0
    pages: dict[str, tuple[str, Asked, list[str], int]] = field(default_factory=dict)
    syncs: dict[str, tuple[str, int]] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)
    given: int = 0  # people in pages
    answered: list[float] = field(default_factory=list)
    refused: int = 0
    level: float | None = None  # of requests that may be answered, when last looked at
    looked: float = 0.0

    def add(self, *, at: str = CONNECTIONS, **fields: Any) -> str:
        """Adds a person with these fields; returns its resource name."""
        prefix = "people/c" if at == CONNECTIONS else "otherContacts/c"
        name = f"{prefix}{secrets.randbits(60)}"
        self._keep(at, name, fields)
        return name

    def add_many(self, count: int, *, start: int = 0) -> None:
        for number in range(start, start + count):
            self.add(**person(f"Person {number}", f"p{number}@b.test", f"+4420{70_000_000 + number}"))

    def change(self, name: str, **fields: Any) -> None:
        at = self._list_of(name)
        self._keep(at, name, {**self.lists[at][name].person, **fields})

    def delete(self, name: str) -> None:
        kept = self.lists[self._list_of(name)][name]
        self.changes += 1
        kept.changed, kept.is_deleted = self.changes, True

    def expire_pages(self) -> None:
        self.pages.clear()

    def expire_syncs(self) -> None:
        self.expired |= self.syncs.keys()
        self.syncs.clear()

    def answer(self, path: str, asked: Asked) -> Answered:
        """Status, body and headers."""
        if self._is_over():
            self.refused += 1
            return self._too_many()
        self.answered.append(time.monotonic())
        refusal = _wrong_with(path, asked) or self._void(path, asked)
        if refusal is not None:
            return refusal
        same = _without_page(asked)
        if page := asked.get("pageToken"):
            _, _, names, start = self.pages[page]
        else:
            token = asked.get("syncToken")
            names, start = self._listed(path, self.syncs[token][1] if token else None), 0
        return 200, self._page(path, same, names, start), {}

    def _void(self, path: str, asked: Asked) -> Answered | None:
        """Why a token no longer says anything."""
        if (token := asked.get("syncToken")) in self.expired:
            return _expired()
        if token and token not in self.syncs:
            return _invalid("Sync token is invalid.")
        page = asked.get("pageToken")
        if page and page not in self.pages:
            return _invalid("Page token is invalid or expired.")
        if page and self.pages[page][:2] != (path, _without_page(asked)):
            return _invalid("When paginating, all other parameters must match the first call.")
        return None

    def _page(self, path: str, asked: Asked, names: list[str], start: int) -> dict[str, Any]:
        mask, title = WORDS[path]
        size, fields = int(asked.get("pageSize") or 100), set(asked[mask].split(","))
        chosen = names[start : start + size]
        self.given += len(chosen)
        people = self.lists[path]
        made: dict[str, Any] = {title: [_shown(name, people[name], fields) for name in chosen]} if chosen else {}
        alive = sum(not each.is_deleted for each in people.values())
        made |= {"totalItems": alive, "totalPeople": alive} if path == CONNECTIONS else {"totalSize": alive}
        if start + size < len(names):
            token = secrets.token_urlsafe(12)
            self.pages[token] = (path, asked, names, start + size)
            made["nextPageToken"] = token
        elif asked.get("requestSyncToken") == "true" or "syncToken" in asked:
            token = secrets.token_urlsafe(24)
            self.syncs[token] = (path, self.changes)
            made["nextSyncToken"] = token
        return made

    def _listed(self, path: str, since: int | None) -> list[str]:
        kept = self.lists[path]
        if since is not None:
            return [name for name, each in kept.items() if each.changed > since]
        return [name for name, each in kept.items() if not each.is_deleted]

    def _keep(self, at: str, name: str, fields: Person) -> None:
        self.changes += 1
        self.lists[at][name] = Kept(fields, self.changes)

    def _list_of(self, name: str) -> str:
        return next(at for at, people in self.lists.items() if name in people)

    def _is_over(self) -> bool:
        if self.limit is None:
            return False
        at = time.monotonic()
        level = self.limit if self.level is None else self.level + (at - self.looked) * self.limit / self.window
        self.level, self.looked = min(level, self.limit), at
        if self.level < 1:
            return True
        self.level -= 1
        return False

    def _too_many(self) -> Answered:
        wait = math.ceil((1 - (self.level or 0)) * self.window / self.limit) if self.limit else round(self.window)
        error = {
            "code": 429,
            "message": "Quota exceeded for quota metric 'Critical read requests (Contact and Profile Reads)'.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [_info("RATE_LIMIT_EXCEEDED")],
        }
        return 429, {"error": error}, {"Retry-After": str(wait)} if self.tells_when else {}


def person(name: str, email: str = "", phone: str = "", **more: Any) -> Person:
    """The fields of somebody as Google keeps them."""
    given, _, family = name.partition(" ")
    made: Person = {"names": [_primary(displayName=name, givenName=given, familyName=family)]}
    made |= {"emailAddresses": [_primary(value=email)]} if email else {}
    made |= {"phoneNumbers": [_primary(value=phone)]} if phone else {}
    return {**made, **more}


def _wrong_with(path: str, asked: Asked) -> Answered | None:
    mask, _ = WORDS[path]
    fields = set(filter(None, asked.get(mask, "").split(",")))
    if not fields or (path == OTHERS and not fields <= OTHER_FIELDS):
        return _invalid(f"{mask} mask is required. Please specify one or more valid paths.")
    if int(asked.get("pageSize") or 100) > LARGEST:
        return _invalid("Page size must be between 1 and 1000.")
    return None


def _without_page(asked: Asked) -> Asked:
    return {name: value for name, value in asked.items() if name != "pageToken"}


def _primary(**values: str) -> dict[str, Any]:
    return {"metadata": {"primary": True, "source": {"type": "CONTACT", "id": "1"}}, **values}


def _shown(name: str, kept: Kept, fields: set[str]) -> Person:
    head: Person = {"resourceName": name, "etag": f"%{hashlib.sha256(str(kept.changed).encode()).hexdigest()[:20]}"}
    source = {"type": "CONTACT", "id": name.rpartition("/c")[2], "updateTime": "2026-11-21T09:00:00.000Z"}
    if kept.is_deleted:
        return {**head, "metadata": {"deleted": True, "sources": [source], "objectType": "PERSON"}}
    shown = {field: value for field, value in kept.person.items() if field in fields}
    metadata = {"metadata": {"sources": [source], "objectType": "PERSON"}} if "metadata" in fields else {}
    return {**head, **metadata, **shown}


def _info(reason: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com",
        "metadata": {"service": "people.googleapis.com"},
    }  # fmt: skip


def _expired() -> Answered:
    message = "Sync token is expired. Clear local cache and retry call without the sync token."
    details = [_info("EXPIRED_SYNC_TOKEN")]
    return 400, {"error": {"code": 400, "message": message, "status": "FAILED_PRECONDITION", "details": details}}, {}


def _invalid(message: str) -> Answered:
    return 400, {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}, {}
