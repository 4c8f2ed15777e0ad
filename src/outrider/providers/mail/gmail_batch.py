"""Several reads in one request: multipart/mixed of whole HTTP requests and answers, as Google's batch guide has it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BOUNDARY = "outrider_batch"
MOST = 50  # parts; Google takes 100 and advises against more than 50
_CONTENT_ID = re.compile(rb"<?(?:response-)?item-(\d{1,3})>?$")
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |$)")
_END = re.compile(rb"\r?\n\r?\n")


class Garbled(ValueError):
    """The answer is not what the guide describes."""


@dataclass(frozen=True, slots=True)
class Part:
    """The answer to one of the requests."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def compose(paths: Sequence[str]) -> tuple[bytes, str]:
    """Returns the body of a batch of GETs, and its content type."""
    parts = [
        f"--{BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <item-{number}>\r\n\r\nGET {path}\r\n\r\n"
        for number, path in enumerate(paths)
    ]
    return ("".join(parts) + f"--{BOUNDARY}--\r\n").encode("ascii"), f"multipart/mixed; boundary={BOUNDARY}"


def read(content: bytes, content_type: str, *, count: int) -> list[Part | None]:
    """Returns the answers in the order of the requests; None where one is missing. Raises Garbled."""
    found = re.search(r'boundary="?([^";\s]+)"?', content_type)
    if found is None:
        raise Garbled("a batch without a boundary")
    answers: list[Part | None] = [None] * count
    # A line of its own: what a mail holds is inside JSON strings, which have no line ends.
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(found[1].encode()), content)
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        number, part = _part(piece)
        if number >= count:
            raise Garbled("an answer to a request that was not made")
        answers[number] = part
    return answers


def _part(piece: bytes) -> tuple[int, Part]:
    outer, rest = _cut(piece.lstrip(b"\r\n"))
    label = _CONTENT_ID.search(_headers(outer).get("content-id", "").encode("latin-1"))
    inner, body = _cut(rest)
    line, _, lines = inner.partition(b"\n")
    status = _STATUS.match(line.strip())
    if label is None or status is None:
        raise Garbled("a part without its number or status")
    return int(label[1]), Part(int(status[1]), _headers(lines), body.rstrip(b"\r\n"))


def _cut(text: bytes) -> tuple[bytes, bytes]:
    found = _END.search(text)
    return (text[: found.start()], text[found.end() :]) if found else (text, b"")


def _headers(block: bytes) -> dict[str, str]:
    lines = [line.partition(b":") for line in block.splitlines()]
    return {name.strip().lower().decode("latin-1"): value.strip().decode("latin-1") for name, _, value in lines}
