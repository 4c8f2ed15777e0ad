"""One batch of messages out of a selected folder, bounded in messages and bytes.

What is new comes first; what lay there before is read from the newest down, behind it. So a first sync shows the last
mail at once, and whatever arrives meanwhile is read between two of its batches.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from outrider.providers.mail.imap_wire import Connection
from outrider.providers.mail.interface import Changes, Cursor, Fetched
from outrider.providers.mail.limits import MAX_BATCH_BYTES, MAX_HEADER_BLOCK, MAX_RAW

MAX_BATCH = 500
# Servers may count line ends differently in RFC822.SIZE, and lists of numbers come on top.
MAX_RECEIVED = 2 * MAX_BATCH_BYTES


@dataclass(frozen=True, slots=True)
class Position:
    """What a cursor says: of the messages under `uid_validity` (RFC 9051 2.3.1.1) those up to `last_uid` were read, but
    for what a first sync has left: those from `bottom` up to just below `floor`.
    """

    uid_validity: int
    last_uid: int
    mod_seq: int | None = None
    floor: int | None = None
    bottom: int | None = None

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        return cls(**json.loads(cursor))

    def written(self) -> Cursor:
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})


@dataclass(frozen=True, slots=True)
class _Summary:
    uid: int
    size: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class _Unread:
    """The UIDs of what is to be read, both lists upwards: what is new, and what lay there before."""

    new: list[int]
    old: list[int]

    def in_turn(self, count: int) -> list[int]:
        """The next ones in the order in which they are read."""
        return [*self.new, *reversed(self.old)][:count]

    def without(self, read: Iterable[int]) -> "_Unread":
        done = set(read)
        return _Unread([uid for uid in self.new if uid not in done], [uid for uid in self.old if uid not in done])


def changes(
    connection: Connection,
    selected: dict[bytes, int],
    cursor: Cursor | None,
    *,
    batch: int,
    since: datetime | None,
    at_most: int,
) -> Changes:
    """`selected` is the server's answer to selecting the folder."""
    position = Position.read(cursor) if cursor is not None else None
    is_void = position is not None and position.uid_validity != selected[b"UIDVALIDITY"]
    if position is None or is_void:
        position = _beginning(connection, selected)
        unread = _Unread([], _newest(connection, selected[b"EXISTS"], since, at_most))
    else:
        unread = _Unread(_after(connection, selected, position.last_uid), _below(connection, position, since))
    chosen = unread.in_turn(min(batch, MAX_BATCH))
    summaries = _summaries(connection, chosen)
    fitting = _fitting(summaries)
    # What has vanished since the search counts as read.
    read = chosen if len(fitting) == len(summaries) else chosen[: chosen.index(fitting[-1].uid) + 1]
    left = unread.without(read)
    return Changes(
        messages=_messages(connection, sorted(fitting, key=lambda each: each.uid), position.uid_validity),
        cursor=_moved(position, unread, left, selected.get(b"HIGHESTMODSEQ")).written(),
        more=bool(left.new or left.old),
        reset=is_void,
        remaining=len(left.new) + len(left.old),
    )


def _beginning(connection: Connection, selected: dict[bytes, int]) -> Position:
    return Position(selected[b"UIDVALIDITY"], _highest_uid(connection, selected))


def _moved(position: Position, unread: _Unread, left: _Unread, mod_seq: int | None) -> Position:
    # A message may have come between the folder's being selected and the search for the newest.
    last_uid = left.new[0] - 1 if left.new else max([position.last_uid, *unread.new, *unread.old])
    if not left.old:
        return Position(position.uid_validity, last_uid, mod_seq)
    return Position(position.uid_validity, last_uid, mod_seq, floor=left.old[-1] + 1, bottom=left.old[0])


def one(connection: Connection, selected: dict[bytes, int], message_id: str) -> tuple[Fetched, ...]:
    """Returns the message with this id; nothing where it is gone, or the folder was renumbered since."""
    validity, _, uid = message_id.partition(".")
    if validity != str(selected[b"UIDVALIDITY"]) or not (uid.isascii() and uid.isdigit()):
        return ()
    return _messages(connection, _summaries(connection, [int(uid)]), selected[b"UIDVALIDITY"])


def _newest(connection: Connection, exists: int, since: datetime | None, at_most: int) -> list[int]:
    if not exists:
        return []
    return sorted(connection.search([f"{max(exists - at_most, 0) + 1}:*", *_since(since)]))


def _after(connection: Connection, selected: dict[bytes, int], last_uid: int) -> list[int]:
    if selected.get(b"UIDNEXT", last_uid + 2) <= last_uid + 1:
        return []
    # "n:*" always matches the newest message, even below n (RFC 9051 6.4.8).
    return sorted(uid for uid in connection.search(["UID", f"{last_uid + 1}:*"]) if uid > last_uid)


def _below(connection: Connection, position: Position, since: datetime | None) -> list[int]:
    """What a first sync has left, as far as it still is not too old."""
    if position.floor is None:
        return []
    criteria: list[object] = ["UID", f"{position.bottom or 1}:{position.floor - 1}", *_since(since)]
    return sorted(connection.search(criteria))


def _since(moment: datetime | None) -> list[object]:
    # The server compares calendar days in a time zone of its own.
    return ["SINCE", (moment.astimezone(UTC) - timedelta(days=1)).date()] if moment is not None else []


def _highest_uid(connection: Connection, selected: dict[bytes, int]) -> int:
    if b"UIDNEXT" in selected:
        return selected[b"UIDNEXT"] - 1
    return max(connection.search(["UID", "*"]), default=0)


def _summaries(connection: Connection, uids: list[int]) -> list[_Summary]:
    """In the order of the UIDs; those that have vanished are left out."""
    fetched = connection.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
    return [
        _Summary(uid, answer[b"RFC822.SIZE"], (answer[b"INTERNALDATE"] or datetime.now(UTC)).astimezone(UTC))
        for uid in uids
        if (answer := fetched.get(uid)) is not None
    ]


def _fitting(summaries: list[_Summary]) -> list[_Summary]:
    """The messages from the first on whose bodies fit into one batch; at least one."""
    total = 0
    for count, summary in enumerate(summaries):
        total += summary.size if summary.size <= MAX_RAW else MAX_HEADER_BLOCK
        if total > MAX_BATCH_BYTES and count:
            return summaries[:count]
    return summaries


def _messages(connection: Connection, summaries: list[_Summary], uid_validity: int) -> tuple[Fetched, ...]:
    whole = [summary.uid for summary in summaries if summary.size <= MAX_RAW]
    too_large = [summary.uid for summary in summaries if summary.size > MAX_RAW]
    bodies = connection.fetch(whole, ["BODY.PEEK[]"])
    headers = connection.fetch(too_large, [f"BODY.PEEK[HEADER]<0.{MAX_HEADER_BLOCK}>"])
    messages = []
    for summary in summaries:
        raw = bodies.get(summary.uid, {}).get(b"BODY[]")
        header = _header_of(raw) if raw else headers.get(summary.uid, {}).get(b"BODY[HEADER]<0>")
        if raw or header:  # otherwise it has vanished meanwhile
            place = f"{uid_validity}.{summary.uid}"
            messages.append(Fetched(place, summary.received_at, summary.size, header or b"", raw or None))
    return tuple(messages)


def _header_of(raw: bytes) -> bytes:
    end = raw.find(b"\r\n\r\n", 0, MAX_HEADER_BLOCK)
    return raw[: end + 4] if end >= 0 else raw[:MAX_HEADER_BLOCK]
