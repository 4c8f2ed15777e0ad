"""Gives generated requests the ids of things that exist, so that they get past the door."""

import json
import os
import re
from itertools import count
from typing import Any
from uuid import UUID

import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.format(
    "iana-timezone", st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
)
schemathesis.openapi.format(
    "liquid", st.sampled_from(["Any news?", "Hi {{ recipient.firstName | default: 'there' }}", "{{ email.subject }}"])
)
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
KNOWN: dict[str, list[str]] = json.loads(os.environ.get("KNOWN_IDS", "{}"))
turn = count()


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    for name, known in KNOWN.items():
        number = next(turn)
        if path_parameters and name in path_parameters and number % 3:
            path_parameters[name] = known[number % len(known)]
    return path_parameters


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    if isinstance(body, dict):
        for name, known in KNOWN.items():
            number = next(turn)
            if is_id(body.get(name)) and number % 3:
                body[name] = known[number % len(known)]
        for holder in [body, *(body["steps"] if isinstance(body.get("steps"), list) else [])]:
            if isinstance(holder, dict):
                straighten(holder.get("sendWindow"))
    return body


def is_id(value: Any) -> bool:
    """What is no id on purpose has to stay none."""
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def straighten(window: Any) -> None:
    """That a window ends after it begins is beyond what a schema can say."""
    if not isinstance(window, dict):
        return
    start, end = window.get("start", "09:00"), window.get("end", "17:00")
    if all(isinstance(each, str) and CLOCK.fullmatch(each) for each in (start, end)) and end <= start:
        window["start"], window["end"] = "08:00", "18:00"
