"""Notifications of web forms: labels and values, in the ways that form programs write them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from outrider.domain.harvest.extraction_lines import Line

_LABELS = {
    "name": (
        "name", "full name", "your name", "contact name", "contact person", "contact", "nom complet", "nombre completo", "nome completo", "volledige naam",
        "vor- und nachname", "vollständiger name", "ihr name", "ansprechpartner", "nom et prénom", "nom", "votre nom", "nombre", "nombre y apellidos", "su nombre", "nome",
        "nome e cognome", "o seu nome", "seu nome", "naam", "uw naam", "contactpersoon", "nombre de contacto", "nom du contact",
    ),
    "first": ("first name", "given name", "vorname", "prénom", "nombre de pila", "primeiro nome", "nome próprio", "voornaam"),
    "last": ("last name", "surname", "family name", "nachname", "familienname", "nom de famille", "apellidos", "apellido", "sobrenome", "apelido", "cognome", "achternaam"),
    "email": (
        "email", "e-mail", "email address", "e-mail address", "e-mail-adresse", "emailadresse", "your email", "work email", "business email", "mail", "adresse e-mail",
        "adresse email", "adresse mail", "courriel", "correo electrónico", "correo", "correo electronico", "dirección de correo", "endereço de e-mail", "e-mail profissional",
        "indirizzo e-mail", "indirizzo email", "posta elettronica", "e-mailadres", "mailadres", "company email", "geschäftliche e-mail", "e-mail professionnel",
    ),
    "phone": (
        "phone", "phone number", "telephone", "telephone number", "tel", "tel no", "mobile", "mobile phone", "mobile number", "cell", "cell phone", "contact number", "work phone", "telefon",
        "telefonnummer", "rufnummer", "handy", "mobil", "mobilnummer", "téléphone", "numéro de téléphone", "portable", "tél", "teléfono", "número de teléfono", "móvil", "celular",
        "telefone", "telemóvel", "número de telefone", "telefono", "numero di telefono", "cellulare", "telefoon", "telefoonnummer", "mobiel", "mobiele nummer", "gsm", "whatsapp",
    ),
    "company": (
        "company", "company name", "organisation", "organization", "business", "business name", "firma", "unternehmen", "firmenname", "société", "entreprise", "nom de la société",
        "nom de l'entreprise", "empresa", "compañía", "nombre de la empresa", "nome da empresa", "organización", "azienda", "società", "ditta", "ragione sociale", "nome azienda", "bedrijf", "bedrijfsnaam", "organisatie",
    ),
    "title": (
        "job title", "title", "position", "role", "your role", "job", "funktion", "berufsbezeichnung", "jobtitel", "fonction", "poste", "intitulé du poste", "cargo", "puesto",
        "função", "ruolo", "qualifica", "posizione", "functie", "functietitel", "functieomschrijving",
    ),
    "address": (
        "address", "postal address", "street address", "your address", "adresse", "anschrift", "adresse postale", "dirección", "domicilio", "endereço", "morada", "indirizzo", "adres",
    ),
    "website": ("website", "web site", "url", "homepage", "webseite", "site web", "site internet", "sitio web", "página web", "site", "sito web", "sito"),
    "message": (
        "message", "message body", "your message", "comments", "comment", "enquiry", "inquiry", "question", "details", "notes", "how can we help", "how can we help you", "nachricht", "nachrichtentext", "ihre nachricht",
        "mitteilung", "anfrage", "bemerkungen", "anmerkungen", "frage", "corps du message", "votre message", "commentaire", "commentaires", "demande", "mensaje", "cuerpo del mensaje", "comentarios", "consulta",
        "mensagem", "corpo da mensagem", "comentários", "pedido", "messaggio", "corpo del messaggio", "richiesta", "note", "bericht", "uw bericht", "berichttekst", "berichtinhoud", "opmerkingen", "vraag", "texte du message", "testo del messaggio",
    ),
    "from": ("from", "von", "de", "da", "van", "par", "absender", "expéditeur", "remitente", "remetente", "mittente", "afzender"),
    "other": ("subject", "betreff", "objet", "asunto", "assunto", "oggetto", "onderwerp", "form name", "fax"),
}  # fmt: skip
_KIND_OF = {label: kind for kind, labels in _LABELS.items() for label in labels}
_COLON = re.compile(r"\s*[*•-]?\s{0,4}(?P<label>[^\W\d][^:：\n]{0,40}?)[\s.*]{0,40}[:：]\s{0,4}\**\s?(?P<value>.*)$")
# The likeliest label at the start of a line without a colon is the longest one; single letters and mail fields don't count.
_BARE = re.compile(
    r"\s{0,4}(?P<label>"
    + "|".join(re.escape(label) for label in sorted(_KIND_OF, key=len, reverse=True) if _KIND_OF[label] not in {"from", "other"})
    + r")\*?\s{1,40}(?P<value>\S.*)$",
    re.IGNORECASE,
)  # fmt: skip
_ADDRESS = re.compile(r"[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_MAIL_FIELDS = re.compile(
    r"\s*(?:to|date|sent|an|datum|gesendet|à|envoyé|para|fecha|enviado|data|inviato|aan|verzonden)\s?:", re.IGNORECASE
)
_FOOTER = re.compile(
    r"\s*(?:[-—_=]{2,}\s*$|(?:this e-?mail|sent (?:via|from)|view contact|if you think|to edit|does this|powered by|diese e-mail|gesendet (?:über|von)|envoyé (?:via|depuis)|enviado (?:desde|por)|inviato da|verzonden (?:via|vanaf))\b)",
    re.IGNORECASE,
)
Split = Callable[[Line], tuple[str, Line]]
_LONGEST = 300  # lines of a mail that can be a form
_LOOKED_AT = 120  # lines
_LONGEST_VALUE = 120
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Form:
    """`values` by kind; `message` are the lines of the free text."""

    values: dict[str, Line]
    message: list[Line]


def find(all_lines: list[Line]) -> Form | None:
    """Colons tell labels best, then lines of their own, then labels with nothing between them and the value."""
    if len(all_lines) > _LONGEST:
        return None  # a newsletter has such lines somewhere
    looked_at = all_lines[:_LOOKED_AT]
    for reader in (_with_colons, _with_own_lines, _with_blanks):
        form = reader(looked_at)
        if form is not None and _is_form(form):
            return form
    return None


def address_in(text: str) -> str | None:
    match = _ADDRESS.search(text)
    return match[0].lower() if match else None


def _is_form(form: Form) -> bool:
    kinds = form.values.keys()
    has_address = any(address_in(form.values[kind].text) for kind in ("email", "from") if kind in kinds)
    if "from" in kinds and not form.message:
        return False  # letters begin so too
    has_name = bool(kinds & {"name", "first", "last", "from"})
    others = len(kinds & {"phone", "company", "title", "address", "website"}) + bool(form.message)
    return has_name and (has_address or "phone" in kinds) and (others > 0 or len(kinds) > _FEWEST)


def _with_colons(lines: list[Line]) -> Form | None:
    if sum(bool(_MAIL_FIELDS.match(line.text)) for line in lines[:12]) > 1:
        return None  # the head of a quoted mail
    return _collect(lines, _split_at_colon)


def _with_blanks(lines: list[Line]) -> Form | None:
    return _collect(lines, _split_at_blank)


def _with_own_lines(lines: list[Line]) -> Form | None:
    values: dict[str, Line] = {}
    message: list[Line] = []
    written = [line for line in lines if line.text.strip()]
    skip = False
    for at, line in enumerate(written):
        kind = _KIND_OF.get(_folded(line.text))
        if skip or kind in {None, "from", "other"} or at + 1 >= len(written):
            skip = False
            continue
        following = written[at + 1]
        if _folded(following.text) in _KIND_OF:
            continue
        skip = True
        if kind == "message" and not message:
            message = _message(written, at + 1, _split_nothing)
        elif kind is not None:
            values.setdefault(kind, following)
    return Form(values, message)


def _collect(lines: list[Line], split: Split) -> Form:
    values: dict[str, Line] = {}
    message: list[Line] = []
    for at, line in enumerate(lines):
        kind, value = split(line)
        if kind == "message" and not message:
            message = ([value] if value.text else []) + _message(lines, at + 1, split)
        elif kind and kind != "message" and value.text and len(value.text) <= _LONGEST_VALUE:
            values.setdefault(kind, value)
    return Form(values, message)


def _message(lines: list[Line], start: int, split: Split) -> list[Line]:
    """Until the next label, or the footer of the program that sent it."""
    found: list[Line] = []
    for line in lines[start:]:
        if split(line)[0] or _KIND_OF.get(_folded(line.text)) or _FOOTER.match(line.text):
            break
        found.append(line)
    while found and not found[-1].text.strip():
        found.pop()
    return found


def _split_at_colon(line: Line) -> tuple[str, Line]:
    match = _COLON.match(line.text)
    if match is None:
        return "", line
    return _KIND_OF.get(_folded(match["label"]), ""), _part(line, match)


def _split_at_blank(line: Line) -> tuple[str, Line]:
    match = _BARE.match(line.text)
    if match is None:
        return "", line
    return _KIND_OF[_folded(match["label"])], _part(line, match)


def _split_nothing(line: Line) -> tuple[str, Line]:
    return "", line


def _part(line: Line, match: re.Match[str]) -> Line:
    value = match["value"].strip()
    return Line(value, line.start + match.start("value"), line.source)


def _folded(label: str) -> str:
    return " ".join(label.replace("_", " ").strip(" *.:?\t\u00a0").lower().split())
