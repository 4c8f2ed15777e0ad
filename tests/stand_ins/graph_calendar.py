"""Outlook's calendars, to be plugged into the small Graph: views of a window that are followed by delta links, recurring
events worked out as Microsoft does, occurrences told with their times alone.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.stand_ins.graph import Account, Call, Method, Reply, error

READ = "Calendars.Read"
SCOPES = frozenset({READ, "Calendars.ReadWrite"})
OF_AN_OCCURRENCE = ("id", "type", "seriesMasterId", "start", "end", "iCalUId", "originalStart")


@dataclass
class Kept:
    """One calendar: events by their ids, each with the number of its last change; None once it is gone."""

    name: str
    is_default: bool = False
    id: str = field(default_factory=lambda: f"AAMkAG{secrets.token_urlsafe(24)}=")
    changes: int = 0
    oldest: int = 0  # delta links below this are dead
    events: dict[str, tuple[int, dict[str, Any] | None]] = field(default_factory=dict)
    asked_until: list[str] = field(default_factory=list)

    def put(self, starts: datetime, *, minutes: int = 60, event_id: str | None = None, **told: Any) -> str:
        event_id = event_id or f"AAMkEV{secrets.token_urlsafe(24)}="
        event = {
            "id": event_id, "type": "singleInstance", "subject": "Meeting", "isAllDay": False, "isCancelled": False,
            "importance": "normal", "showAs": "busy", "iCalUId": f"0400{secrets.token_hex(8)}", "start": time(starts),
            "end": time(starts + timedelta(minutes=minutes)), **told,
        }  # fmt: skip
        self.changes += 1
        self.events[event_id] = (self.changes, event)
        return event_id

    def repeat(self, starts: datetime, *, times: int, every: timedelta, **told: Any) -> tuple[str, list[str]]:
        """A series and its occurrences."""
        series = self.put(starts, type="seriesMaster", **told)
        occurrences = []
        for number in range(times):
            at = starts + every * number
            occurrences.append(
                self.put(at, type="occurrence", seriesMasterId=series, originalStart=f"{at:%Y-%m-%dT%H:%M:%SZ}")
            )
        return series, occurrences

    def move(self, event_id: str, starts: datetime, **told: Any) -> None:
        """Moves an event; an occurrence becomes an exception, which is told whole."""
        known = self.events[event_id][1]
        assert known is not None
        kept = {name: value for name, value in known.items() if name not in {"id", "start", "end"}}
        kind = "exception" if known["type"] == "occurrence" else known["type"]
        self.put(starts, event_id=event_id, **{**kept, "type": kind, **told})

    def remove(self, event_id: str) -> None:
        self.changes += 1
        self.events[event_id] = (self.changes, None)


def time(at: datetime) -> dict[str, str]:
    return {"dateTime": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": "UTC"}


def calendars_of(account: Account) -> dict[str, Kept]:
    held: dict[str, Kept] = account.held.setdefault("calendars", {})
    if not held:
        default = Kept("Calendar", is_default=True)
        held[default.id] = default
    return held


def default_of(account: Account) -> Kept:
    return next(each for each in calendars_of(account).values() if each.is_default)


def methods(*, page: int | None = None) -> list[Method]:
    """`page` is how many events a page holds, however many were asked for."""

    def view(call: Call) -> Reply:
        return _view(call, page)

    delta = frozenset({"startDateTime", "endDateTime", "$deltatoken", "$skiptoken"})
    return [
        Method("GET", "/me/calendars", SCOPES, _calendars, gives="Calendar", many=True),
        Method(
            "GET", "/me/calendars/(?P<id>[^/]+)/calendarView/delta", SCOPES, view, gives="Event", many=True, query=delta
        ),
    ]


def _calendars(call: Call) -> Reply:
    owner = {"name": call.account.name, "address": call.account.address}
    listed = [
        {"id": each.id, "name": each.name, "isDefaultCalendar": each.is_default, "owner": owner}
        for each in calendars_of(call.account).values()
    ]
    names = call.query.get("$select", ",".join(listed[0])).split(",")
    return Reply(200, {"value": [{name: each[name] for name in names} for each in listed]})


def _view(call: Call, page: int | None) -> Reply:
    kept = calendars_of(call.account).get(call.args["id"])
    if kept is None:
        return error(404, "ErrorItemNotFound", "The specified object was not found in the store.")
    token = call.query.get("$deltatoken") or call.query.get("$skiptoken")
    if token is None:
        kept.asked_until.append(call.query["endDateTime"])
        since, start, window = 0, 0, (call.query["startDateTime"], call.query["endDateTime"])
    else:
        numbers = re.fullmatch(r"(\d+)-(\d+)-(.+)~(.+)", token)
        assert numbers, token
        since, start, window = int(numbers[1]), int(numbers[2]), (numbers[3], numbers[4])
        if since and since < kept.oldest:
            return error(410, "SyncStateNotFound", "The sync state generation is not found.")
    found = list(_changed(kept, since, window))
    size = page or call.page_size or 10
    base = call.headers["host"]
    link = f"http://{base}/v1.0{call.path}"
    answer: dict[str, Any] = {"value": found[start : start + size]}
    if start + size < len(found):
        answer["@odata.nextLink"] = f"{link}?$skiptoken={since}-{start + size}-{window[0]}~{window[1]}"
    else:
        answer["@odata.deltaLink"] = f"{link}?$deltatoken={kept.changes}-0-{window[0]}~{window[1]}"
    return Reply(200, answer)


def _changed(kept: Kept, since: int, window: tuple[str, str]) -> Iterator[dict[str, Any]]:
    for event_id, (number, event) in kept.events.items():
        if number <= since:
            continue
        if event is None:
            if since:
                yield {"id": event_id, "@removed": {"reason": "deleted"}}
        elif event["type"] == "seriesMaster" or window[0] <= f"{event['start']['dateTime'][:19]}Z" < window[1]:
            names = OF_AN_OCCURRENCE if event["type"] == "occurrence" else tuple(event)
            yield {name: event[name] for name in names if name in event}
