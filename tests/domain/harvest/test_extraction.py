"""The lead in a mail: forms, forwards, letters, and what brings none."""

import time
from datetime import UTC, datetime

import pytest

from outrider.domain.harvest.extraction import extract
from outrider.domain.harvest.lead import Extraction, Origin, Source
from outrider.domain.mailboxes.classify import classify
from outrider.providers.mail.mime import parse

RECEIVED = datetime(2026, 3, 2, tzinfo=UTC)


def _read(
    text: str, *, sender: str = "Robot <noreply@shop.example>", subject: str = "Anfrage", **headers: str
) -> Extraction:
    more = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    head = f"From: {sender}\nTo: hello@studio.example\nSubject: {subject}\n{more}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
    mail = parse((head + text).encode())
    return extract(mail, classify(mail, received_at=RECEIVED))


FORMS = {
    "en": "Name: Ada Stone\nEmail: ada@stone.example\nPhone: 0161 496 0111\nCompany: Stone Mill\nMessage: How much is it?\n",
    "de": "Name: Ada Stone\nE-Mail: ada@stone.example\nTelefon: 030 23125 111\nFirma: Stone Mill\nNachricht: Was kostet es?\n",
    "fr": "Nom: Ada Stone\nE-mail: ada@stone.example\nTéléphone: 01 99 00 11 22\nSociété: Stone Mill\nMessage: Combien est-ce pour nous ?\n",
    "es": "Nombre: Ada Stone\nCorreo electrónico: ada@stone.example\nTeléfono: 910 00 00 22\nEmpresa: Stone Mill\nMensaje: ¿Cuánto es para nosotros?\n",
    "pt": "Nome: Ada Stone\nE-mail: ada@stone.example\nTelefone: +351 210 000 022\nEmpresa: Stone Mill\nMensagem: Quanto é para nós?\n",
    "it": "Nome: Ada Stone\nEmail: ada@stone.example\nTelefono: 06 0000 0222\nAzienda: Stone Mill\nMessaggio: Quanto è per noi?\n",
    "nl": "Naam: Ada Stone\nE-mail: ada@stone.example\nTelefoon: 020 200 0022\nBedrijf: Stone Mill\nBericht: Wat kost het voor ons?\n",
}


@pytest.mark.parametrize("language", sorted(FORMS))
@pytest.mark.parametrize("layout", ["colons", "blanks", "own lines"])
def test_a_form_in_seven_languages_and_three_layouts_names_the_person_who_filled_it_in(
    language: str, layout: str
) -> None:
    text = FORMS[language].replace(": ", {"colons": ": ", "blanks": " ", "own lines": "\n"}[layout])
    found = _read(text)
    person = found.person
    assert found.is_lead
    assert person is not None
    assert person.origin is Origin.FORM
    assert person.name is not None
    assert person.name.value == "Ada Stone"
    assert person.email is not None
    assert person.email.value == "ada@stone.example"
    assert person.company is not None
    assert person.company.value == "Stone Mill"
    assert len(person.phones) == 1
    assert person.phones[0].value.startswith("+")


def test_the_evidence_of_a_field_is_where_it_stands_in_the_text() -> None:
    text = FORMS["de"]
    person = _read(text).person
    assert person is not None
    for field in (person.name, person.email, person.company, *person.phones):
        assert field is not None
        assert field.evidence.source is Source.TEXT
        assert text[field.evidence.start : field.evidence.end] == field.evidence.quote
        assert 0 < field.confidence <= 1


def test_a_letter_gives_the_signer_and_not_the_fax() -> None:
    found = _read(
        "Guten Tag,\n\nwir brauchen zwanzig Stühle. Was kosten die bei Ihnen?\n\nMit freundlichen Grüßen\nVera Lindholz\nLeiterin Einkauf\n"
        "Lindholz Möbel GmbH\nHafenweg 3, 20457 Hamburg\nTel. 040 66969 555\nFax 040 66969 556\nwww.lindholz.example\n",
        sender="Vera Lindholz <v@lindholz.example>",
    )
    person = found.person
    assert found.is_lead
    assert person is not None
    assert person.title is not None
    assert person.company is not None
    assert person.address is not None
    assert person.language is not None
    assert person.title.value == "Leiterin Einkauf"
    assert person.company.value == "Lindholz Möbel GmbH"
    assert person.address.value == "Hafenweg 3, 20457 Hamburg"
    assert [phone.value for phone in person.phones] == ["+494066969555"]
    assert [site.value for site in person.websites] == ["www.lindholz.example"]
    assert person.language.value == "de"


def test_a_forwarded_enquiry_is_the_first_writers() -> None:
    found = _read(
        "Yours?\n\nBob Helper\n+44 20 7946 0001\n\n---------- Forwarded message ---------\nFrom: Ines Prado <ines@prado.example>\n"
        "Date: Tue, 3 Feb 2026 at 10:12\nSubject: Prices\nTo: <info@studio.example>\n\nWhat do you charge for a day?\n\nInes Prado\n0161 496 0333\n",
        sender="Bob Helper <bob@studio.example>", subject="Fwd: Prices",
    )  # fmt: skip
    assert found.is_lead
    assert found.person is not None
    assert found.person.email is not None
    assert found.person.email.value == "ines@prado.example"
    assert [phone.value for phone in found.person.phones] == ["+441614960333"]


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        pytest.param("I am out of the office until Monday.", {"Auto_Submitted": "auto-replied"}, id="absence"),
        pytest.param("Our newsletter: click here to order now. Unsubscribe at http://x.example", {}, id="newsletter"),
        pytest.param("Dear Sir,\nMy late father deposited US$ 20 million in a security company. I need your urgent assistance to transfer the fund.", {}, id="advance fee"),
        pytest.param("Come and see.", {"X_Spam_Flag": "YES"}, id="flagged"),
    ],
)  # fmt: skip
def test_automatic_mail_and_spam_bring_no_lead(text: str, headers: dict[str, str]) -> None:
    found = _read(text, sender="Max Gold <max@gold.example>", **headers)
    assert not found.is_lead
    assert found.skipped


def test_a_lists_mail_names_its_writer_and_is_no_lead() -> None:
    found = _read(
        "I think so too.\n\n-- \nKim Poe\n", sender="Kim Poe <kim@poe.example>", List_Id="<talk.list.example>"
    )
    assert not found.is_lead
    assert found.person is not None
    assert found.person.name is not None
    assert found.person.name.value == "Kim Poe"


@pytest.mark.parametrize("piece", ["1 ", "a@", "Name: ", "Tel ", "www.", "\n-- \n", "<", "+1(", "a. ", "Street 1, ", "late ", "$1.00 ", "transfer ", "Name ....", "Aa ", "\n"])  # fmt: skip
@pytest.mark.parametrize("width", [1_000_000, 390, 80], ids=["one line", "long lines", "lines"])
def test_a_hostile_megabyte_takes_less_than_a_second_of_a_processor(piece: str, width: int) -> None:
    line = piece * (width // len(piece))
    text = "Name: A\nEmail: a@b.example\n" + f"{line}\n" * (1_000_000 // len(line))
    mail = parse(b"From: a@b.example\nContent-Type: text/plain; charset=utf-8\n\n" + text.encode())
    verdict = classify(mail, received_at=RECEIVED)
    started = time.process_time()
    extract(mail, verdict)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("signature", "address"),
    [
        ("Strand Road\nDerry\nBT48 7BY", "Strand Road, Derry, BT48 7BY"),
        ("Skogsvägen 3\n02360 ESBO\nFINLAND", "Skogsvägen 3, 02360 ESBO, FINLAND"),
        ("1200 Main Street, Salem OR 97301\nGary\nInc", "1200 Main Street, Salem OR 97301"),
        ("Registered Linux user #66350 Debian 3.0", None),
    ],
    ids=["a street above its code", "a number behind its street", "names below a code", "a number of a user"],
)
def test_an_address_has_the_lines_that_belong_to_it(signature: str, address: str | None) -> None:
    found = _read(
        f"Hello,\n\nplease call me.\n\n-- \nGrace Hopper\n{signature}\n", sender="Grace Hopper <grace@sea.example>"
    )
    assert found.person is not None
    assert (found.person.address.value if found.person.address else None) == address


@pytest.mark.parametrize(
    ("line", "company"),
    [
        ("Hopper Software Ltd. (Cork)", "Hopper Software Ltd."),
        ("Grace Hopper, Dept of Mathematics, Harbour University, Ireland", "Harbour University"),
        ("Marseille, France", None),
    ],
    ids=["its town in brackets", "its department before", "a town"],
)
def test_a_company_is_the_whole_and_no_place(line: str, company: str | None) -> None:
    found = _read(
        f"Hello,\n\nplease call me.\n\n-- \nGrace Hopper\n{line}\n", sender="Grace Hopper <grace@sea.example>"
    )
    assert found.person is not None
    assert (found.person.company.value if found.person.company else None) == company


@pytest.mark.parametrize(
    ("said", "budget", "date", "sentiment"),
    [
        ("We love it. Our budget is $12,500 and we start in May 2027.", "$12,500", "May 2027", "positive"),
        ("Unser Budget liegt bei 8.000 Euro, wir brauchen es bis zum 15. März.", "8.000 Euro", "15. März", "neutral"),
        ("Notre budget est de 3 000 €. Il nous le faut avant le 12/04/2027.", "3 000 €", "12/04/2027", "neutral"),
        ("I am disappointed: it cost $90 and broke in March.", None, None, "negative"),
        ("Could you call me on Monday?", None, None, "neutral"),
    ],
    ids=["in English", "in German", "in French", "a complaint", "nothing asked"],
)
def test_what_is_asked_for_is_read_where_it_is_said(
    said: str, budget: str | None, date: str | None, sentiment: str
) -> None:
    person = _read(f"Hello,\n\n{said}\n\nGrace Hopper\n", sender="Grace Hopper <grace@sea.example>").person
    assert person is not None
    found = [each.value if each else None for each in (person.budget, person.date, person.sentiment)]
    assert found == [budget, date, sentiment]
