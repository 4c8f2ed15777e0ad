"""What a mailbox at Microsoft holds, as far as Graph shows it: messages in folders, conversations, what changed since when."""

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import Message
from email.utils import parseaddr
from typing import Any

FOLDERS = ("inbox", "drafts", "sentitems", "deleteditems", "junkemail", "archive", "outbox")
WRITTEN_IN_MAIL = frozenset({"subject", "from", "toRecipients", "bodyPreview", "internetMessageHeaders"})


@dataclass
class Stored:
    """`received` is in seconds of the stand-in's clock; `sends_at`: when what lies in the outbox has left."""

    id: str
    folder: str
    raw: bytes
    conversation: str
    received: float
    is_draft: bool = False
    sends_at: float | None = None

    message_id: str = ""

    def __post_init__(self) -> None:
        self.message_id = str(self.mail["Message-ID"] or "").strip()

    @property
    def mail(self) -> "Message[str, str]":
        return message_from_bytes(self.raw, policy=policy.compat32)

    @property
    def text(self) -> str:
        mail = self.mail
        parts = [each.get_payload(decode=True) for each in mail.walk() if each.get_content_type() == "text/plain"]
        return b"".join(each for each in parts if isinstance(each, bytes)).decode("utf-8", "replace")

    def rename(self, message_id: str) -> None:
        self.raw = re.sub(rb"(?im)^Message-ID:[^\r\n]*", b"Message-ID: " + message_id.encode(), self.raw, count=1)
        self.message_id = message_id

    def shown(self, names: list[str], box: "Box") -> dict[str, Any]:
        """What was asked for, or everything."""
        mail = self.mail if not names or set(names) & WRITTEN_IN_MAIL else {}
        known: dict[str, Any] = {
            "receivedDateTime": moment(self.received),
            "sentDateTime": moment(self.received),
            "conversationId": self.conversation,
            "isDraft": self.is_draft,
            "parentFolderId": box.ids[self.folder],
            "internetMessageId": self.message_id,
            "subject": str(mail.get("Subject", "")),
            "bodyPreview": self.text[:255],
            "from": _recipient(str(mail.get("From", ""))),
            "toRecipients": [_recipient(each) for each in str(mail.get("To", "")).split(",")],
        }
        if self.folder != "sentitems":  # of what was sent from here, no header is kept as such
            known["internetMessageHeaders"] = [{"name": name, "value": str(value)} for name, value in mail.items()]
        chosen = {name: known[name] for name in names if name in known} if names else known
        return {"@odata.etag": f'W/"{self.id[-6:]}"', "id": self.id, **chosen}


@dataclass(frozen=True)
class Round:
    """A round of changes of a folder: from `start` to `end` of what has happened; with `end` None, to now. It gives `left`
    messages more, received from `since` on.
    """

    folder: str
    start: int
    end: int | None
    since: float
    left: int


@dataclass
class Box:
    """`lag` is how long, in seconds of the stand-in's clock, what was sent lies in the outbox. `renames`: a draft gets a
    Message-ID of Microsoft's. `is_flighty`: each time a message is written as MIME it comes out a little different.
    """

    address: str
    lag: float = 0.0
    renames: bool = False
    is_flighty: bool = False
    messages: dict[str, Stored] = field(default_factory=dict)
    changes: list[tuple[str, str, str]] = field(default_factory=list)  # folder, what happened, message
    rounds: dict[str, Round] = field(default_factory=dict)  # by the token to go on with
    ids: dict[str, str] = field(default_factory=lambda: {name: f"AQMk{secrets.token_urlsafe(30)}" for name in FOLDERS})
    root: str = field(default_factory=lambda: f"AQMk{secrets.token_urlsafe(30)}")
    nested: dict[str, str] = field(default_factory=dict)  # folders of the owner's, and what they lie in
    sending: list[Stored] = field(default_factory=list)
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(
        self, raw: bytes, *, folder: str, at: float, conversation: str | None = None, is_draft: bool = False
    ) -> Stored:
        stored = Stored(
            f"AAkALgAA{secrets.token_urlsafe(40)}=",
            folder,
            raw,
            conversation or self._conversation_of(raw) or f"AAQk{secrets.token_urlsafe(30)}",
            at,
            is_draft,
        )
        self.messages[stored.id] = stored
        self.changes.append((folder, "created", stored.id))
        return stored

    def move(self, stored: Stored, folder: str) -> None:
        self.changes += [(stored.folder, "deleted", stored.id), (folder, "created", stored.id)]
        stored.folder = folder

    def touch(self, stored: Stored) -> None:
        """As when it is marked as read."""
        self.changes.append((stored.folder, "updated", stored.id))

    def remove(self, message_id: str) -> None:
        stored = self.messages.pop(message_id)
        self.changes.append((stored.folder, "deleted", message_id))

    def settle(self, at: float) -> None:
        """What lay in the outbox long enough lies among the sent mail."""
        for stored in [each for each in self.sending if (each.sends_at or 0) <= at]:
            self.sending.remove(stored)
            stored.is_draft = False
            self.move(stored, "sentitems")

    def forget_changes(self) -> None:
        """Every place to go on from is void."""
        self.rounds.clear()

    def token(self, of: Round) -> str:
        token = secrets.token_urlsafe(60)
        self.rounds[token] = of
        return token

    def make_folder(self, name: str, *, within: str | None = None) -> str:
        """Returns its id."""
        self.ids[name] = f"AQMk{secrets.token_urlsafe(30)}"
        self.nested[name] = self.ids[within] if within else self.root
        return self.ids[name]

    def described(self, names: list[str]) -> list[dict[str, Any]]:
        """All folders, as Graph lists them."""
        known = [
            {"id": own, "displayName": name, "parentFolderId": self.nested.get(name, self.root), "isHidden": False}
            for name, own in self.ids.items()
        ]
        return [{name: each[name] for name in {"id", *names}} for each in known]

    def folder_of(self, name: str) -> str | None:
        """The folder that a well-known name, or an id, stands for."""
        by_id = {own: each for each, own in self.ids.items()}
        return name if name in FOLDERS and name in self.ids else by_id.get(name)

    def in_folder(self, folder: str) -> list[Stored]:
        """Newest first."""
        found = [each for each in self.messages.values() if each.folder == folder]
        return sorted(found, key=lambda each: each.received, reverse=True)

    def found(self, words: str) -> list[Stored]:
        """What a search finds, newest first: a little of KQL, words of which all occur, with `from:` and `subject:`."""
        return [each for each in self.newest() if all(_occurs(word, each) for word in words.lower().split())]

    def newest(self) -> list[Stored]:
        return sorted(self.messages.values(), key=lambda each: each.received, reverse=True)

    def of_message_id(self, message_id: str) -> list[Stored]:
        return [each for each in self.messages.values() if each.message_id == message_id]

    def _conversation_of(self, raw: bytes) -> str | None:
        mail = message_from_bytes(raw, policy=policy.compat32)
        mentioned = set(re.findall(r"<[^<>]+>", f"{mail['References'] or ''} {mail['In-Reply-To'] or ''}"))
        known = (each.conversation for each in self.messages.values() if each.message_id in mentioned)
        return next(known, None) if mentioned else None


def _occurs(word: str, stored: Stored) -> bool:
    mail = stored.mail
    places = {"from": str(mail["From"]), "subject": str(mail["Subject"]), "": stored.text}
    place, _, wanted = word.rpartition(":")
    return any(wanted.strip('"') in text.lower() for name, text in places.items() if place in {"", name})


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _recipient(header: str) -> dict[str, Any]:
    name, address = parseaddr(header)
    return {"emailAddress": {"name": name, "address": address}}
