"""What a Gmail account holds, as far as the API shows it: messages, threads, history, and an index that lags behind."""

import base64
import re
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

FULL = "id,threadId,labelIds,snippet,historyId,internalDate,sizeEstimate,raw"


@dataclass
class Stored:
    id: str
    thread_id: str
    labels: list[str]
    raw: bytes
    at: float
    history_id: int
    indexed_at: float
    message_id: str

    def header(self, name: str) -> bytes:
        return str(message_from_bytes(self.raw, policy=policy.compat32)[name] or "").encode()

    def shown(self, form: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": self.id,
            "threadId": self.thread_id,
            "labelIds": self.labels,
            "snippet": "…",
            "historyId": str(self.history_id),
            "internalDate": str(int(self.at * 1000)),
            "sizeEstimate": len(self.raw),
        }
        if form == "raw":
            body["raw"] = base64.urlsafe_b64encode(self.raw).decode()
        if form == "metadata":
            headers = message_from_bytes(self.raw, policy=policy.compat32).items()
            body["payload"] = {"headers": [{"name": name, "value": value} for name, value in headers]}
        return body


@dataclass
class Box:
    """`lag` is how long, in seconds of the stand-in's clock, a new message can't be searched for."""

    address: str
    lag: float = 0.0
    messages: dict[str, Stored] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    history_id: int = 1_000
    oldest: int = 1_000
    number: int = 0x18F000000000
    own_labels: dict[str, str] = field(default_factory=dict)  # names by id

    def add(self, raw: bytes, *, at: float, labels: list[str], thread_id: str | None = None) -> Stored:
        self.number += 7
        self.history_id += 3
        message_id = f"{self.number:x}"
        stored = Stored(
            message_id, thread_id or self._thread_of(raw) or message_id, labels, raw, at, self.history_id,
            at + self.lag, str(message_from_bytes(raw, policy=policy.compat32)["Message-ID"] or ""),
        )  # fmt: skip
        self.messages[message_id] = stored
        shown = {"id": stored.id, "threadId": stored.thread_id}
        self.history.append(
            {
                "id": str(self.history_id),
                "messages": [shown],
                "messagesAdded": [{"message": {**shown, "labelIds": labels}}],
            }
        )
        return stored

    def remove(self, message_id: str) -> None:
        self.history_id += 3
        stored = self.messages.pop(message_id)
        shown = {"id": stored.id, "threadId": stored.thread_id}
        self.history.append({"id": str(self.history_id), "messages": [shown], "messagesDeleted": [{"message": shown}]})

    def forget_history(self) -> None:
        """What has happened so far is older than the history reaches back."""
        self.history_id += 3
        self.oldest, self.history = self.history_id, []

    def since(self, start: int, types: list[str]) -> list[dict[str, Any]]:
        kinds = {"messageAdded": "messagesAdded", "messageDeleted": "messagesDeleted"}
        wanted = {kinds[each] for each in types} or set(kinds.values())
        return [each for each in self.history if int(each["id"]) > start and wanted & each.keys()]

    def found(self, query: str, *, at: float, with_trash: bool) -> list[Stored]:
        """The messages that a search finds, newest first."""
        words = query.split()
        unknown = [word for word in words if not re.match(r"(after:\d+|rfc822msgid:\S+|-in:\w+|from:\S+|\w+)$", word)]
        assert not unknown, f"the stand-in knows no search for {unknown}"
        hidden = {word.removeprefix("-in:").upper().removesuffix("S") for word in words if word.startswith("-in:")}
        hidden |= set() if with_trash else {"TRASH", "SPAM"}
        found = [each for each in self.messages.values() if not hidden & set(each.labels)]
        for word in words:
            kind, _, value = word.partition(":")
            if kind == "after":
                found = [each for each in found if each.at > int(value)]
            if kind == "from":
                found = [each for each in found if value.encode() in each.header("From")]
            if not value:
                found = [each for each in found if word.lower().encode() in each.raw.lower()]
            if kind == "rfc822msgid":
                found = [each for each in found if each.message_id == f"<{value}>" and each.indexed_at <= at]
        return sorted(found, key=lambda each: (each.at, each.id), reverse=True)

    def labels(self) -> list[dict[str, Any]]:
        """Google's own and those of the account's owner."""
        kinds = [(each, "user" if each in self.own_labels else "system") for each in self.label_ids()]
        return [{"id": each, "name": self.own_labels.get(each, each), "type": kind} for each, kind in kinds]

    def label_ids(self) -> list[str]:
        return ["INBOX", "SENT", "SPAM", "TRASH", "DRAFT", "UNREAD", *self.own_labels]

    def _thread_of(self, raw: bytes) -> str | None:
        mail = message_from_bytes(raw, policy=policy.compat32)
        mentioned = set(re.findall(r"<[^<>]+>", f"{mail['References'] or ''} {mail['In-Reply-To'] or ''}"))
        if not mentioned:
            return None
        return next((each.thread_id for each in self.messages.values() if each.message_id in mentioned), None)


def partial(value: Any, fields: str) -> Any:
    """What `fields` leaves of an answer (https://developers.google.com/workspace/gmail/api/guides/performance)."""
    wanted: dict[str, str] = {}
    for each in _split(fields):
        name, _, inner = (
            each.partition("(") if "(" in each and "/" not in each.partition("(")[0] else each.partition("/")
        )
        wanted[name] = inner.removesuffix(")") if "(" in each else inner
    if isinstance(value, list):
        return [partial(each, fields) for each in value]
    return {
        name: partial(each, wanted[name]) if wanted[name] else each for name, each in value.items() if name in wanted
    }


def _split(fields: str) -> list[str]:
    parts, depth = [""], 0
    for letter in fields:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
