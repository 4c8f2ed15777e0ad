"""One batch of new messages out of a selected folder, bounded in messages and bytes."""

import json
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
    """What a cursor says: everything up to `last_uid` under `uid_validity` was read (RFC 9051 2.3.1.1)."""

    uid_validity: int
    last_uid: int
    mod_seq: int | None = None

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        return cls(**json.loads(cursor))

    def written(self) -> Cursor:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class _Summary:
    uid: int
    size: int
    received_at: datetime


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
    uid_validity = selected[b"UIDVALIDITY"]
    position = Position.read(cursor) if cursor is not None else None
    is_void = position is not None and position.uid_validity != uid_validity
    if position is None or is_void:
        last_uid = _highest_uid(connection, selected)
        uids = _newest(connection, selected[b"EXISTS"], since, at_most)
    else:
        last_uid = position.last_uid
        uids = _after(connection, selected, last_uid)
    chosen = uids[: min(batch, MAX_BATCH)]
    summaries = _summaries(connection, chosen)
    fitting = _fitting(summaries)
    if len(fitting) < len(summaries):
        last_uid = fitting[-1].uid
    elif chosen:
        last_uid = chosen[-1]  # also where it has vanished since the search
    remaining = sum(uid > last_uid for uid in uids)
    return Changes(
        messages=_messages(connection, fitting, uid_validity),
        cursor=Position(uid_validity, last_uid, selected.get(b"HIGHESTMODSEQ")).written(),
        more=remaining > 0,
        reset=is_void,
        remaining=remaining,
    )


def one(connection: Connection, selected: dict[bytes, int], message_id: str) -> tuple[Fetched, ...]:
    """Returns the message with this id; nothing where it is gone, or the folder was renumbered since."""
    validity, _, uid = message_id.partition(".")
    if validity != str(selected[b"UIDVALIDITY"]) or not (uid.isascii() and uid.isdigit()):
        return ()
    return _messages(connection, _summaries(connection, [int(uid)]), selected[b"UIDVALIDITY"])


def _newest(connection: Connection, exists: int, since: datetime | None, at_most: int) -> list[int]:
    if not exists:
        return []
    criteria: list[object] = [f"{max(exists - at_most, 0) + 1}:*"]
    if since is not None:
        # The server compares calendar days in a time zone of its own.
        criteria += ["SINCE", (since.astimezone(UTC) - timedelta(days=1)).date()]
    return sorted(connection.search(criteria))


def _after(connection: Connection, selected: dict[bytes, int], last_uid: int) -> list[int]:
    if selected.get(b"UIDNEXT", last_uid + 2) <= last_uid + 1:
        return []
    # "n:*" always matches the newest message, even below n (RFC 9051 6.4.8).
    return sorted(uid for uid in connection.search(["UID", f"{last_uid + 1}:*"]) if uid > last_uid)


def _highest_uid(connection: Connection, selected: dict[bytes, int]) -> int:
    if b"UIDNEXT" in selected:
        return selected[b"UIDNEXT"] - 1
    return max(connection.search(["UID", "*"]), default=0)


def _summaries(connection: Connection, uids: list[int]) -> list[_Summary]:
    fetched = connection.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
    return [
        _Summary(uid, answer[b"RFC822.SIZE"], (answer[b"INTERNALDATE"] or datetime.now(UTC)).astimezone(UTC))
        for uid, answer in sorted(fetched.items())
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
