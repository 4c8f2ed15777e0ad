"""How much of a mail we are willing to take apart, checked in linear time before the parser sees a byte of it."""

import re

MIB = 2**20
MAX_RAW = 35 * MIB
MAX_BATCH_BYTES = 48 * MIB  # of message bodies read at once; a single one may be as large as MAX_RAW
MAX_HEADER_BLOCK = 256 * 1024
MAX_HEADER = 32 * 1024
MAX_ADDRESSES = 500
MAX_PARTS = 200
MAX_DEPTH = 20
MAX_REPORT_BLOCKS = 1_000

# The standard library's own idea of a header line, so that both see the same end of a header block.
_HEADER_LINE = re.compile(rb"(?:From |[!-9;-~]*:|[ \t])[^\n]*(?:\n|\Z)")
_ADDRESS_HEADER = re.compile(rb"(?:resent-)?(?:from|sender|reply-to|to|cc|bcc):", re.IGNORECASE)
_BOUNDARY = re.compile(rb"""boundary\s*=\s*(?:"([^"]*)"|([^\s;"]+))""", re.IGNORECASE)
_LONGEST_BOUNDARY_LINE = 1_000


class TooMuch(Exception):
    """A mail exceeds a limit; the message says which."""


def check(raw: bytes) -> None:
    """Raises TooMuch. `raw` has "\\n" for line ends.

    Walks the MIME structure as the parser will, but keeps only the boundaries now open: a header block, then
    straight to the next line that is one of those boundaries.
    """
    if len(raw) > MAX_RAW:
        raise TooMuch(f"larger than {MAX_RAW // MIB} MiB")
    position, content_type = _header_block(raw, 0)
    _check_addresses(raw[:position])
    open_boundaries: list[bytes] = []
    is_digest, parts = False, 0
    while True:
        kind = _kind(content_type) or (b"message/rfc822" if is_digest else b"")
        if kind.startswith(b"message/") and kind != b"message/delivery-status":
            open_boundaries.append(b"")  # a mail within; it ends with whatever is around it
        else:
            if kind.startswith(b"multipart/"):
                open_boundaries.append(_boundary(content_type))
            after_headers = position
            position = _next_part(raw, position, open_boundaries)
            if kind == b"message/delivery-status":
                _check_report(raw, after_headers, position)
        if not open_boundaries or position >= len(raw):
            return
        is_digest = kind == b"multipart/digest"
        parts += 1
        if parts > MAX_PARTS:
            raise TooMuch(f"more than {MAX_PARTS} parts")
        if len(open_boundaries) > MAX_DEPTH:
            raise TooMuch(f"nested deeper than {MAX_DEPTH}")
        position, content_type = _header_block(raw, position)


def header_block(raw: bytes) -> bytes:
    """The header block of a mail that is too much: as far as the limit reaches, without headers over the limit."""
    kept: list[bytes] = []
    header: list[bytes] = []
    position = 0
    while position < MAX_HEADER_BLOCK and (match := _HEADER_LINE.match(raw, position)):
        line = match.group()
        if line[:1] not in b" \t":
            kept += header if sum(map(len, header)) <= MAX_HEADER else []
            header = []
        header.append(line[: MAX_HEADER + 1])
        position = match.end()
    return b"".join(kept + (header if sum(map(len, header)) <= MAX_HEADER else []))


def _header_block(raw: bytes, start: int) -> tuple[int, bytes]:
    """Returns where the block ends and its first Content-Type, unfolded."""
    position, size, content_type, is_content_type = start, 0, b"", False
    while match := _HEADER_LINE.match(raw, position):
        line, position = match.group(), match.end()
        is_folded = line[:1] in b" \t"
        size = size + len(line) if is_folded else len(line)
        if size > MAX_HEADER:
            raise TooMuch(f"a header longer than {MAX_HEADER // 1024} KiB")
        if position - start > MAX_HEADER_BLOCK:
            raise TooMuch(f"a header block longer than {MAX_HEADER_BLOCK // 1024} KiB")
        if not is_folded:
            is_content_type = not content_type and line[:13].lower() == b"content-type:"
        if is_content_type:
            content_type += line[:-1] if is_folded else line[13:-1]
    return position + 1 if raw[position : position + 1] == b"\n" else position, content_type


def _check_addresses(header_block: bytes) -> None:
    separators = signs = 0
    is_address = False
    for line in header_block.split(b"\n"):
        if line[:1] not in (b" ", b"\t"):
            is_address = bool(_ADDRESS_HEADER.match(line))
            separators += is_address
        if is_address:
            separators += line.count(b",") + line.count(b";")
            signs += line.count(b"@")
    # Names may hold commas and repeat the address, seldom both; so the lower figure is the nearer one.
    if min(separators, signs) > MAX_ADDRESSES:
        raise TooMuch(f"more than {MAX_ADDRESSES} addresses")


def _check_report(raw: bytes, start: int, end: int) -> None:
    if raw.count(b"\n\n", start, end) > MAX_REPORT_BLOCKS:
        raise TooMuch(f"a delivery report of more than {MAX_REPORT_BLOCKS} blocks")


def _kind(content_type: bytes) -> bytes:
    return content_type.partition(b";")[0].strip().lower()


def _boundary(content_type: bytes) -> bytes:
    if b"boundary*" in content_type.lower():
        raise TooMuch("a boundary written in pieces")  # RFC 2231; only ever seen from those who hide a structure
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2] or b"").rstrip() if found else b""


def _next_part(raw: bytes, position: int, open_boundaries: list[bytes]) -> int:
    """Goes to the headers after the next opening boundary and drops the boundaries that this closes."""
    start = position - 1 if position and raw[position - 1 : position] == b"\n" else raw.find(b"\n", position)
    while any(open_boundaries) and (start := raw.find(b"\n--", start)) >= 0:
        end = raw.find(b"\n", start + 3, start + _LONGEST_BOUNDARY_LINE)
        name = raw[start + 3 : end if end >= 0 else start + _LONGEST_BOUNDARY_LINE].rstrip(b" \t")
        start += 3
        if name in open_boundaries:
            del open_boundaries[open_boundaries.index(name) + 1 :]
            return end + 1 if end >= 0 else len(raw)
        if name.endswith(b"--") and name[:-2] in open_boundaries:
            del open_boundaries[open_boundaries.index(name[:-2]) :]
    open_boundaries.clear()
    return len(raw)
