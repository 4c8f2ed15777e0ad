"""Measures the leads read out of labelled mails: precision, recall and F1 of each field, of each language."""

import re
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from outrider.domain.harvest.extraction import extract
from outrider.domain.harvest.lead import Extraction, Field, Person
from outrider.domain.mailboxes.verdict import Verdict
from outrider.providers.mail.parsed import ParsedMail

FIELDS = ("name", "email", "phone", "company", "title", "address", "website", "language")
Row = dict[str, Any]


class Tally:
    """Hits, what was given, what was wanted."""

    def __init__(self) -> None:
        self.hits, self.given, self.wanted = 0, 0, 0

    def line(self) -> str:
        precision, recall = self.hits / max(self.given, 1), self.hits / max(self.wanted, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        return f"precision {precision:6.1%}  recall {recall:6.1%}  F1 {f1:.3f}  ({self.hits} of {self.wanted}, {self.given} given)"


def report(judged: Iterable[tuple[Row, ParsedMail, Verdict]], errors: list[str]) -> None:
    tallies: dict[tuple[str, str, str], Tally] = defaultdict(Tally)
    taken: Counter[str] = Counter()
    unwanted: Counter[str] = Counter()
    missed = wanted = mails = 0
    spent = 0.0
    for row, mail, verdict in judged:
        started = time.perf_counter()
        found = extract(mail, verdict)
        spent, mails = spent + time.perf_counter() - started, mails + 1
        if row["lead_expected"] is False:
            sort = "spam" if row.get("spam") else "automated"
            unwanted[sort] += 1
            if found.is_lead:
                taken[sort] += 1
                errors.append(f"{row['file']}: {row['kind']} taken for a lead")
            continue
        if row["lead_expected"]:
            wanted += 1
            if not found.is_lead:
                missed += 1
                errors.append(f"{row['file']}: lead not taken: {found.skipped}")
        _score(row, found, tallies, errors)
    _print(tallies)
    print(f"  leads found {wanted - missed}/{wanted}")
    for sort in unwanted:
        print(f"  leads taken from {sort}: {taken[sort]} of {unwanted[sort]}")
    print(f"  {mails / max(spent, 1e-9):,.0f} mails a second extracted")


def _print(tallies: dict[tuple[str, str, str], Tally]) -> None:
    groups = sorted({(kind, group) for kind, group, _ in tallies}, reverse=True)
    for kind, group in groups:
        print(f"  {kind} {group}")
        for field in FIELDS:
            tally = tallies.get((kind, group, field))
            if tally is not None and (tally.wanted or tally.given):
                print(f"    {field:9} {tally.line()}")


def _score(row: Row, found: Extraction, tallies: dict[tuple[str, str, str], Tally], errors: list[str]) -> None:
    groups = [("all", ""), ("source", row["source"]), ("language", row["language"])]
    for field, (hits, given, wanted, told) in _fields(row, found.person).items():
        if field in row.get("uncertain", ()) or (field in {"name", "email"} and "person" in row.get("uncertain", ())):
            continue
        for kind, group in groups:
            tally = tallies[kind, group, field]
            tally.hits, tally.given, tally.wanted = tally.hits + hits, tally.given + given, tally.wanted + wanted
        if hits < max(given, wanted):
            errors.append(f"{row['file']}: {row['kind']} {field} {told}")


def _fields(row: Row, person: Person | None) -> dict[str, tuple[int, int, int, str]]:
    label = row["person"] or {}
    names = [each for each in (label.get("name"), *label.get("aliases", ())) if each]
    organization = row.get("organization_header")
    companies = [each for each in (row["company"], organization) if each]
    return {
        "name": _one([_plain(each) for each in names], _value(person, "name"), is_wanted=bool(names)),
        "email": _one([_plain(label.get("email") or "")], _value(person, "email"), is_wanted=bool(label.get("email"))),
        "phone": _phones(row, person),
        "company": _one(
            [_plain(each) for each in companies], _value(person, "company"), is_wanted=bool(row["company"])
        ),
        "title": _one([_plain(row["title"] or "")], _value(person, "title"), is_wanted=bool(row["title"])),
        "address": _one([_plain(row["address"] or "")], _value(person, "address"), is_wanted=bool(row["address"])),
        "website": _websites(row, person),
        "language": _one([row["language"]], _value(person, "language"), is_wanted=True),
    }


def _one(accepted: list[str], value: str, *, is_wanted: bool) -> tuple[int, int, int, str]:
    is_hit = bool(value) and _plain(value) in [each for each in accepted if each]
    # What another header says too is right, but was not asked for.
    return int(is_hit), int(bool(value)), int(is_wanted or is_hit), f"{accepted} read as {value!r}"


def _value(person: Person | None, name: str) -> str:
    field: Field | None = getattr(person, name) if person else None
    return field.value if field else ""


def _phones(row: Row, person: Person | None) -> tuple[int, int, int, str]:
    given = {_digits(each.value): each for each in person.phones} if person else {}
    faxes = [_digits(each) for each in row["fax"]]
    given = {digits: each for digits, each in given.items() if not any(_is_same(digits, fax) for fax in faxes)}
    wanted = [_digits(each) for each in row.get("phones_e164") or row["phones"]]
    # Where the normal form is known, it must be that; else the digits as written must end alike.
    exact = bool(row.get("phones_e164"))
    hits = sum(any(each == other if exact else _is_same(each, other) for other in given) for each in wanted)
    told = f"{row.get('phones_e164') or row['phones']} read as {[each.value for each in given.values()]}"
    return hits, len(given), len(wanted), told


def _is_same(one: str, other: str) -> bool:
    shorter, longer = sorted((one.lstrip("0"), other.lstrip("0")), key=len)
    return len(shorter) >= 6 and longer.endswith(shorter)


def _digits(text: str) -> str:
    text = text.replace("(0)", "") if "+" in text else text
    return re.sub(r"\D", "", text)


def _websites(row: Row, person: Person | None) -> tuple[int, int, int, str]:
    given = {_site(each.value) for each in person.websites} if person else set()
    wanted = {_site(each) for each in row["urls_in_signature"]}
    return len(given & wanted), len(given), len(wanted), f"{sorted(wanted)} read as {sorted(given)}"


def _site(url: str) -> str:
    return re.sub(r"^https?://", "", url.strip(" <>").lower()).rstrip("/.")


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.lower())
    bare = "".join(each for each in plain if not unicodedata.combining(each))
    return " ".join(bare.strip(" .,").split())
