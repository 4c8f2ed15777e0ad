"""Who originally wrote a mail that somebody forwards, and what: from the fields its program set into the text."""

import re

from outrider.providers.mail import field_names, headers, quotes
from outrider.providers.mail.parsed import Forwarded, Mailbox

MAX_LINES = 3_000
MAX_FIELD_LINES = 40
_LOOKED_AT = 60_000  # characters of a text
_FEWEST_FIELDS = 2
_LONGEST = 400
_RULE = re.compile(r"[\s>*]{0,8}(?:[-_]{3,}[^\n:]{0,60}[-_]{3,}|[_-]{5,})[\s*]{0,4}(?P<rest>.*)$")
_PREFIX = re.compile(
    r"\s*(?:\[[^\]]{1,40}\]\s*)?(?P<mark>fwd?|fw|wg|wtr|tr|rv|vs|vb|vl|vd|i|enc|doorst|pd|ilt|fs|redir|tov|továbbítás|přep|přeposláno|prep|転送|转发|轉寄)\s?[:：]\s*",
    re.IGNORECASE,
)
_MAILTO = re.compile(r"<mailto:[^<>]{0,300}>|\(mailto:[^()]{0,300}\)", re.IGNORECASE)
_BRACKETED = re.compile(r"\[(?:mailto|smtp):([^\[\]\s]{3,300})\]", re.IGNORECASE)
_ON_BEHALF = re.compile(
    r"\s+(?:on behalf of|via|im auftrag von|de la part de|en nombre de|per conto di|em nome de|namens|på vegne af|för|w imieniu|от имени)\s+.*$",
    re.IGNORECASE,
)
_QUOTE = re.compile(r"[ \t]{0,3}>[ \t]?")
_WROTE = re.compile(
    r"\s*(?:on|am|le|el|il giorno|il|em|op|den|d\.|dnia|w dniu|a|på|in data|dne|dňa|u)?\s*(?P<date>.{4,90}?)[\s,]+"
    r"(?:(?:schrieb|skrev|heeft|hat|kirjoitti|użytkownik|пользователь|користувач|uživatel|používateľ|utilisateur|tarihinde|időpontban)\s+)?"
    r"(?:[\"„“«”]\s?(?P<quoted>[^\n\"“”»<>]{1,120}?)\s?[\"”“»]|(?P<name>[^\W\d_][^<>\n,:\d]{0,80}?))\s*<(?P<address>[^<>\s@]{1,64}@[^<>\s]{1,200})>",
    re.IGNORECASE,
)
_NAME_FIRST = re.compile(
    r"\s*\"?(?P<name>[^\W\d_][^<>\n:\"]{0,80}?)\"?\s*<(?P<address>[^<>\s@]{1,64}@[^<>\s]{1,200})>\s+\w{3,14}\s+(?P<date>[^\n]{6,60}?)\s*[:：]$"
)
_TWICE = re.compile(
    r"[\"']?([^\s<>,;\"']{1,64}@[^\s<>,;\"']{1,200})[\"']?\s*<\s*\1\s*>", re.IGNORECASE
)  # "a@b.example <a@b.example>"


def find(text: str, subject: str) -> Forwarded | None:
    """`subject` is that of the mail that forwards: without an announcement in the text, its mark must say so."""
    text = text[:_LOOKED_AT].replace("\r\n", "\n")
    if not _may_forward(text, subject):
        return None
    lines = text.lstrip("\ufeff").split("\n")
    marked = _PREFIX.match(subject)
    for at, line in enumerate(lines[:MAX_LINES]):
        if len(line) > _LONGEST * 8 or not line.strip():
            continue
        found = _announced(lines, at) or (_unannounced(lines, at, marked["mark"], subject) if marked else None)
        if found is not None:
            return found
        if quotes.quote_header(lines, at) or (not marked and quotes.is_end(lines, at)):
            return None  # what is quoted in an answer is no forward, whatever stands deeper in it
    return None


def bare_subject(subject: str) -> str:
    while match := _PREFIX.match(subject):
        subject = subject[match.end() :]
    return subject.strip()


def _may_forward(text: str, subject: str) -> bool:
    if _PREFIX.match(subject):
        return True
    return quotes.may_speak_of_forwarding(text)


def _announced(lines: list[str], at: int) -> Forwarded | None:
    match = quotes.announced(lines[at][: _LONGEST * 4])
    if match is None:
        return None
    if rest := (match["rest"] or "").strip():
        return _in_one_line(rest, lines, at)
    return _block(lines, at + 1, before=at)


def _unannounced(lines: list[str], at: int, mark: str, subject: str) -> Forwarded | None:
    """The fields alone, or under a rule; or a line as above an answer's quote. All three only under a forward's subject."""
    rule = _RULE.match(lines[at][: _LONGEST * 4])
    if rule is not None and (rest := rule["rest"].strip()):
        return _in_one_line(rest, lines, at)
    start = at + 1 if rule is not None else at
    if found := _block(lines, start, before=at):
        is_answer = mark.lower() == "vs" and any("lähettäjä" in line.lower() for line in lines[start : start + 8])
        return None if is_answer else found
    return _under_a_sentence(lines, at, subject)


def _block(lines: list[str], start: int, *, before: int) -> Forwarded | None:
    fields, end = _fields(lines, start)
    if "from" not in fields or len(fields) < _FEWEST_FIELDS:
        return None
    return _forwarded(fields, before=lines[:before], body=lines[end:])


def _fields(lines: list[str], start: int) -> tuple[dict[str, str], int]:
    """Reads fields as long as they last. Returns them, and the line where the body begins."""
    fields: dict[str, str] = {}
    last = ""
    at = start
    while at < min(len(lines), start + MAX_FIELD_LINES):
        line = (
            _QUOTE.sub("", lines[at][: _LONGEST * 8], count=1)
            if lines[at].lstrip().startswith(">")
            else lines[at][: _LONGEST * 8]
        )
        kind, value = field_names.split(line)
        if kind and kind not in fields:
            fields[kind], last = value, kind
        elif not line.strip(" *\t\u00a0"):
            if fields and not _goes_on(lines, at + 1, fields):
                break
        elif last and not kind and _is_continuation(line, fields[last], last):
            fields[last] = f"{fields[last]} {line.strip()}".strip()
        else:
            break
        at += 1
    return fields, at


def _goes_on(lines: list[str], at: int, fields: dict[str, str]) -> bool:
    """Whether more fields follow an empty line: programs that write paragraphs set one between them."""
    if "subject" in fields and "from" in fields:
        return False
    following = next((line for line in lines[at : at + 2] if line.strip(" >*\t")), "")
    kind = field_names.kind_of(following)
    return bool(kind) and kind not in fields


def _is_continuation(line: str, so_far: str, kind: str) -> bool:
    if kind in {"to", "cc"}:
        return (
            line[:1] in " \t" or so_far.rstrip().endswith((",", ";", "<")) or not so_far or line.strip().startswith("<")
        )
    return (
        not so_far
        or (line[:1] in " \t" and "@" in line)
        or (kind == "from" and line.strip().startswith(("<", "[mailto:")))
    )


def _in_one_line(rest: str, lines: list[str], at: int) -> Forwarded | None:
    """Yahoo sets all fields on the line of the announcement, each right behind the value before it."""
    fields: dict[str, str] = {}
    marks: list[tuple[int, int, str]] = []
    position = 0
    for kind in ("from", "to", "cc", "date", "subject"):
        pattern = _FIRST[kind] if not marks else _LATER[kind]
        if match := pattern.search(rest, position):
            marks.append((match.start(), match.end(), kind))
            position = match.end()
    for place, (_, end, kind) in enumerate(marks):
        fields[kind] = rest[end : marks[place + 1][0] if place + 1 < len(marks) else len(rest)].strip()
    if "from" not in fields or len(fields) < _FEWEST_FIELDS:
        return None
    return _forwarded(fields, before=lines[:at], body=lines[at + 1 :])


def _alternatives(kind: str) -> str:
    names = sorted((name for name, its in field_names.KINDS.items() if its == kind), key=len, reverse=True)
    return "|".join(re.escape(name) for name in names)


_FIRST = {
    kind: re.compile(rf"^\W{{0,4}}(?:{_alternatives(kind)})\s?[:：]", re.IGNORECASE)
    for kind in ("from", "to", "cc", "date", "subject")
}
_LATER = {
    "from": _FIRST["from"],
    "to": re.compile(
        rf"(?<=[>\s;\w])(?:{_alternatives('to')})\s?[:：]\s?(?=[\"<]?[^\s@]{{1,64}}@|\"|[^\W\d])", re.IGNORECASE
    ),
    "cc": re.compile(rf"(?<=[>\s;])(?:{_alternatives('cc')})(?:\s?[:：]|\s(?=[^:]{{1,80}}<))", re.IGNORECASE),
    "date": re.compile(rf"(?<=[>\s;\w])(?:{_alternatives('date')})\s?[:：]", re.IGNORECASE),
    "subject": re.compile(
        rf"(?:{_alternatives('subject')})\s?[:：]|(?<=[A-Z\d])(?:{_alternatives('subject')})\s", re.IGNORECASE
    ),
}


def _under_a_sentence(lines: list[str], at: int, subject: str) -> Forwarded | None:
    """Outlook for Mac forwards under the same sentence as it answers: "On …, "Ann" <ann@…> wrote:"."""
    count = quotes.quote_header(lines, at)
    sentence = " ".join(line.strip(" >\t\ufeff") for line in lines[at : at + count])[:_LONGEST]
    match = _NAME_FIRST.match(sentence) or _WROTE.match(sentence) if count else None
    if match is None:
        return None
    name = (match.groupdict().get("quoted") or match["name"] or "").strip('" ,')
    sender = f'"{name}" <{match["address"]}>'
    fields = {"from": sender, "date": match["date"].strip(" ,"), "subject": bare_subject(subject)}
    return _forwarded(fields, before=lines[:at], body=lines[at + count :])


def _forwarded(fields: dict[str, str], *, before: list[str], body: list[str]) -> Forwarded:
    return Forwarded(
        sender=_sender(fields["from"]),
        to=_mailboxes(fields.get("to", "")),
        cc=_mailboxes(fields.get("cc", "")),
        subject=" ".join(fields.get("subject", "").split()),
        date=" ".join(fields.get("date", "").split()),
        text=_unquoted(body),
        note="\n".join(before).strip(" \n\t>\ufeff"),
    )


def _sender(value: str) -> Mailbox | None:
    plain = _ON_BEHALF.sub("", _BRACKETED.sub(r"<\1>", _MAILTO.sub("", value)))
    found = _mailboxes(plain)
    if found:
        return found[0]
    name = plain.strip(" \"'<>*")
    return Mailbox("", name[:200]) if name else None


def _mailboxes(value: str) -> tuple[Mailbox, ...]:
    value = _BRACKETED.sub(r"<\1>", _MAILTO.sub("", value)).replace(";", ",").replace("*", "")
    value = _TWICE.sub(r"<\1>", value[: _LONGEST * 8])
    found = headers.addresses([value])
    return tuple(
        Mailbox(each.address, "" if each.name.lower().strip("'\"") == each.address else each.name.strip("'\" "))
        for each in found
    )


def _unquoted(body: list[str]) -> str:
    written = [line for line in body if line.strip()]
    is_quoted = bool(written) and all(line.lstrip().startswith(">") for line in written[:5])
    return "\n".join(_QUOTE.sub("", line, count=1) if is_quoted else line for line in body).strip()
