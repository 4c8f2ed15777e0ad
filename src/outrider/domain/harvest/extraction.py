"""The lead in a mail: who wrote it, how to reach them, for whom they write. No network, no tables, nothing random."""

import re
from collections.abc import Sequence

from outrider.domain.harvest import (
    extraction_forms,
    extraction_language,
    extraction_lines,
    extraction_phones,
    extraction_signatures,
    extraction_unwanted,
    extraction_wishes,
)
from outrider.domain.harvest.extraction_forms import Form
from outrider.domain.harvest.extraction_lines import Line
from outrider.domain.harvest.lead import Evidence, Extraction, Field, Origin, Person, Source
from outrider.domain.mailboxes.verdict import Kind, Verdict
from outrider.providers.mail.mime import visible_text
from outrider.providers.mail.parsed import Forwarded, Mailbox, ParsedMail

MOST_PHONES = 6
_LONGEST_UNSIGNED = 1_500  # people who ask for something and give no name write less
_UNSURE = 0.8
_PEOPLE = frozenset({Kind.HUMAN, Kind.BULK})
# A form's program writes from an address that takes no answers, so the classifier may take its mail for automatic.
_MAY_BE_FORM = frozenset({Kind.HUMAN, Kind.AUTO_REPLY, Kind.BULK, Kind.RECEIPT})
_VIA = re.compile(r"\s+(?:via|über|par|por|tramite)\s.{1,80}$|\s*\((?:by way of|via)[^)]{0,80}\)", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\s*[\[({][^\])}]{0,80}[\])}]\s*")


def extract(mail: ParsedMail, verdict: Verdict, *, region: str | None = None) -> Extraction:
    """`region` (ISO 3166-1) is where numbers without a country code are thought to be, unless the mail says otherwise."""
    text_lines = extraction_lines.lines(mail.text)
    if verdict.kind in _MAY_BE_FORM and not mail.in_reply_to and mail.forwarded is None:
        form = extraction_forms.find(text_lines)
        if form is not None and (person := _of_form(mail, form, region)) is not None:
            said = person.message.value if person.message else ""
            return Extraction(person, extraction_unwanted.why_text(said))
    if verdict.kind not in _PEOPLE:
        return Extraction(None, f"Not a letter ({verdict.kind}): {verdict.evidence}")
    if mail.forwarded is not None and mail.forwarded.sender is not None:
        unwanted = extraction_unwanted.why(mail, mail.forwarded.text)
        return Extraction(None if unwanted else _of_forward(mail.forwarded, mail.forwarded.sender, region), unwanted)
    return _letter(mail, verdict, text_lines, region)


def _letter(mail: ParsedMail, verdict: Verdict, text_lines: list[Line], region: str | None) -> Extraction:
    if mail.sender is None:
        return Extraction(None, "It has no sender.")
    is_list = verdict.kind is Kind.BULK or any(
        name in mail.headers for name in ("list-id", "mailing-list", "list-post")
    )
    own = extraction_lines.own(text_lines)
    # A list's own footer says how to leave it.
    judged = own if is_list else text_lines
    if unwanted := extraction_unwanted.why(mail, "\n".join(line.text for line in judged)):
        return Extraction(None, unwanted)
    person = _of_letter(mail, mail.sender, own, Origin.LIST if is_list else Origin.LETTER, region)
    if is_list:
        return Extraction(person, "A mailing list's mail.")
    is_nobodys = person.name is None and len(mail.text) > _LONGEST_UNSIGNED
    return Extraction(person, "A long letter that names no writer." if is_nobodys else "")


def _of_form(mail: ParsedMail, form: Form, region: str | None) -> Person | None:
    values = form.values
    email = next(
        (values[kind].field(found, 0.98, value=found.lower()) for kind in ("email", "from")
         if kind in values and (found := _written_address(values[kind].text))), None,
    )  # fmt: skip
    sender = mail.sender.address if mail.sender else ""
    if email is None or (email.value == sender and "message" not in values and not form.message):
        email = _header_field(mail.reply_to, Source.REPLY_TO) if email is None else email
    name = _form_name(values)
    if name is None and email is None:
        return None
    message = _message(form.message)
    language = _language(message.value if message else "") or _language(mail.text)
    if language is None or language.confidence < _UNSURE:
        language = _language(f"{message.value if message else ''}\n{mail.text}\n{mail.subject}") or language
    countries = extraction_phones.regions(
        language=language.value if language else "", text=mail.text[:4_000],
        domains=_domains(email, mail), default=region,
    )  # fmt: skip
    phones = extraction_phones.read(values["phone"], countries, is_expected=True) if "phone" in values else []
    if not phones:
        phones = _phones(form.message, countries, is_expected=False)
    site = extraction_signatures.websites([values["website"]]) if "website" in values else ()
    return Person(
        Origin.FORM,
        name=name,
        email=email,
        phones=tuple(phones[:MOST_PHONES]),
        company=_whole(values.get("company")),
        title=_whole(values.get("title")),
        address=_whole(values.get("address")),
        websites=site,
        language=language,
        message=message,
        **_wishes(message.value if message else "", mail.text, Source.TEXT),
    )


def _of_forward(forwarded: Forwarded, sender: Mailbox, region: str | None) -> Person:
    lines = extraction_lines.own(extraction_lines.lines(forwarded.text, Source.FORWARDED))
    return _person(sender, Source.FORWARDED_FROM, lines, forwarded.text, Origin.FORWARD, region, organization="")


def _of_letter(mail: ParsedMail, sender: Mailbox, own: list[Line], origin: Origin, region: str | None) -> Person:
    organization = next(iter(mail.headers.get("organization", ())), "").strip()
    return _person(sender, Source.FROM, own, mail.text, origin, region, organization=organization)


def _person(
    sender: Mailbox,
    source: Source,
    own: list[Line],
    text: str,
    origin: Origin,
    region: str | None,
    *,
    organization: str,
) -> Person:
    header_name = _name(sender.name)
    block, is_marked = extraction_lines.signature(own)
    signed = extraction_signatures.closing(block, is_marked=is_marked, name=header_name)
    name = Field(header_name, 0.95, Evidence(source, sender.name)) if header_name else _signed_name(signed or block)
    domain = sender.address.rpartition("@")[2]
    said = visible_text(text)
    language = _language(said or text)
    body = Source.FORWARDED if origin is Origin.FORWARD else Source.TEXT
    countries = extraction_phones.regions(
        language=language.value if language else "", text=text[:4_000], domains=(domain,), default=region
    )
    phones = _phones(signed, countries, is_expected=True)
    known = {id(line) for line in signed}
    rest = [line for line in own if id(line) not in known]
    if not phones:
        phones = _phones(rest[-40:] if len(rest) > 80 else rest, countries, is_expected=False)  # noqa: PLR2004
    title, company = extraction_signatures.title_and_company(signed, name=name.value if name else "", domain=domain)
    if organization and company is None:
        company = Field(organization, 0.9, Evidence(Source.ORGANIZATION, organization))
    return Person(
        origin,
        name=name,
        email=Field(sender.address, 0.99, Evidence(source, sender.address)) if sender.address else None,
        phones=tuple(phones[:MOST_PHONES]),
        company=company,
        title=title,
        address=extraction_signatures.address(signed, name=name.value if name else ""),
        websites=extraction_signatures.websites(signed),
        language=language,
        message=Field(said, 0.8, Evidence(body, said[:200])),
        **_wishes(said, text, body),
    )


def _wishes(said: str, text: str, source: Source) -> dict[str, Field | None]:
    return {
        "budget": extraction_wishes.budget(said, text, source),
        "date": extraction_wishes.date(said, text, source),
        "sentiment": extraction_wishes.sentiment(said, text, source),
    }


def _name(header: str) -> str:
    """The person in a From header: "Ann Lee via Forum", "Lee, Ann" and "'Ann Lee'" are all Ann Lee."""
    bare = _IN_BRACKETS.sub(" ", _VIA.sub("", header)).strip(" '\"<>,;")
    if "@" in bare or not any(each.isalpha() for each in bare):
        return ""
    last, comma, first = bare.partition(",")
    if comma and len(last.split()) <= 3 and 0 < len(first.split()) <= 3 and "," not in first and "." not in first:  # noqa: PLR2004
        return f"{first.strip()} {last.strip()}"
    return " ".join(bare.split())


def _signed_name(block: Sequence[Line]) -> Field | None:
    for line in block[:4]:
        bare = line.text.strip(" ,.*_-\t")
        if extraction_signatures.looks_like_name(bare):
            return line.field(bare, 0.7)
    return None


def _form_name(values: dict[str, Line]) -> Field | None:
    if "name" in values and (name := values["name"].text.strip()):
        # "Nom" is a whole name on most French forms, and the last name where the first one stands beside it.
        if "first" in values and "last" not in values:
            return values["name"].field(name, 0.9, value=f"{values['first'].text.strip()} {name}")
        return values["name"].field(name, 0.97)
    parts = [values[kind].text.strip() for kind in ("first", "last") if kind in values]
    if parts:
        line = values["first"] if "first" in values else values["last"]
        return line.field(line.text.strip(), 0.95, value=" ".join(parts))
    if "from" in values:
        before = values["from"].text.partition("<")[0].strip(" \"'")
        return values["from"].field(before, 0.95) if before and "@" not in before else None
    return None


def _written_address(text: str) -> str | None:
    found = extraction_forms.address_in(text)
    if found is None:
        return None
    at = text.lower().find(found)
    return text[at : at + len(found)]


def _header_field(mailboxes: Sequence[Mailbox], source: Source) -> Field | None:
    return next((Field(each.address, 0.9, Evidence(source, each.address)) for each in mailboxes if each.address), None)


def _domains(email: Field | None, mail: ParsedMail) -> list[str]:
    own = [email.value.rpartition("@")[2]] if email else []
    return own + [each.address.rpartition("@")[2] for each in mail.to[:2]]


def _phones(lines: Sequence[Line], countries: tuple[str, ...], *, is_expected: bool) -> list[Field]:
    found: dict[str, Field] = {}
    for line in lines:
        for phone in extraction_phones.read(line, countries, is_expected=is_expected):
            found.setdefault(phone.value, phone)
    return list(found.values())


def _language(text: str) -> Field | None:
    language, confidence = extraction_language.guess(text)
    return Field(language, confidence, Evidence(Source.TEXT, text[:80])) if language else None


def _message(lines: Sequence[Line]) -> Field | None:
    if not lines:
        return None
    text = "\n".join(line.text for line in lines).strip()
    last = lines[-1]
    evidence = Evidence(last.source, text[:200], lines[0].start, last.start + len(last.text))
    return Field(text, 0.95, evidence) if text else None


def _whole(line: Line | None) -> Field | None:
    return line.field(line.text.strip(), 0.95) if line is not None and line.text.strip() else None
