"""Which column of a spreadsheet says what about a person: by the names that address books give them, or as told."""

import re
from collections.abc import Mapping, Sequence

from outrider.core.errors import Invalid

FIELDS = (
    "name", "given_name", "family_name", "email", "phone", "organisation", "title", "department", "notes",
    "street", "city", "region", "postal_code", "country", "url", "birthday", "remote_id",
)  # fmt: skip
# Without case, digits, punctuation and the words that only tell one from another.
NAMES = {
    "name": "name|full name|display name|contact|contact name|nom complet|nombre completo",
    "given_name": "given name|first name|firstname|vorname|prénom|nombre|nome|voornaam",
    "family_name": "family name|last name|lastname|surname|nachname|nom|nom de famille|apellido|apellidos|cognome|achternaam",
    "email": "email|e mail|mail|email address|e mail address|e mail value|email value|e mail adresse|email adresse|correo|correo electrónico|courriel|adresse e mail",
    "phone": "phone|phone value|phone number|mobile|mobile phone|telephone|tel|cell|cell phone|telefon|telefonnummer|mobil|handy|téléphone|teléfono|telefono|telefone|telefoon",
    "organisation": "organization|organisation|organization name|company|company name|firma|unternehmen|société|entreprise|empresa|azienda|bedrijf",
    "title": "title|job title|position|role|organization title|funktion|poste|cargo",
    "department": "department|organization department|abteilung",
    "notes": "notes|note|comment|comments|notizen|remarques|notas",
    "street": "street|address street|street address|straße|strasse|rue|calle",
    "city": "city|address city|town|ort|stadt|ville|ciudad|città|plaats",
    "region": "state|region|province|address region|bundesland",
    "postal_code": "postal code|zip|zip code|postcode|address postal code|plz|code postal",
    "country": "country|country region|address country|land|pays|país|paese",
    "url": "url|website|website value|web page|webpage|homepage|webseite|site web|sitio web|sito web",
    "birthday": "birthday|birth date|geburtstag|date de naissance|anniversaire|cumpleaños|compleanno|verjaardag",
    "remote_id": "id|contact id|uid",
}  # fmt: skip
KNOWN = {name: field for field, names in NAMES.items() for name in names.split("|")}
TELLING_APART = re.compile(r"\b(?:home|business|work|other|primary|main)\b")
GROUP = re.compile(r"\d+|\b(?:home|business|work|other)\b", re.IGNORECASE)


def assign(header: Sequence[str], mapping: Mapping[str, str] | None) -> list[str]:
    """Returns the field of each column, an empty one where it says nothing known. Raises Invalid."""
    if mapping is None:
        fields = [_field(each) for each in header]
    else:
        if unknown := sorted(mapping.keys() - set(header)):
            raise Invalid(f"The file has no column {unknown[0]!r}. It has: {', '.join(header[:50])}.", field="mapping")
        if wrong := sorted(set(mapping.values()) - set(FIELDS)):
            raise Invalid(f"{wrong[0]!r} is no field. Fields are: {', '.join(FIELDS)}.", field="mapping")
        fields = [mapping.get(each, "") for each in header]
    if not {"email", "phone", "remote_id"} & set(fields):
        raise Invalid(
            f"No column holds an email or a phone number. Say which does by a mapping. Columns: {', '.join(header[:50])}.",
            field="mapping",
        )
    return fields


def group_of(column: str) -> str:
    """What tells `Address 2 - City` or `Home City` from others of its kind."""
    found = GROUP.search(column)
    return found[0].lower() if found else ""


def _field(column: str) -> str:
    words = " ".join(re.sub(r"[\W\d_]+", " ", column.casefold()).split())
    bare = " ".join(TELLING_APART.sub(" ", words).split())
    return KNOWN.get(words) or KNOWN.get(bare) or ""
