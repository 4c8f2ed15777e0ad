"""Phone numbers in a line: found by their shape, read by the country that the mail speaks of."""

import re
from collections.abc import Iterable

import phonenumbers

from outrider.domain.harvest.extraction_lines import Line
from outrider.domain.harvest.lead import Field

_NUMBER = re.compile(r"(?<![\w./@=#-])(?:\+|\(\+?)?\d(?:[ ./()\u00a0‑–-]{0,3}\d){5,16}(?![\d@=])")
_FAX = re.compile(r"\b(?:tele)?fax\b|\bfacsimile\b|\bf(?=[:.]? ?[+(\d])", re.IGNORECASE)
_FAX_AFTER = re.compile(r"[ (]{0,2}fax\b|fax", re.IGNORECASE)
_PHONE = re.compile(
    r"\b(?:tel[eé]?(?:fon\w*|phone|foon\w*|f)?|t[eé]l[eé]phone|phone|ph|mob(?:ile?|iel|il)?|cell?(?:ular\w*|phone)?|handy|portable|m[oó]vil|telem[oó]vel"
    r"|gsm|voice|office|work|home|direct|desk|whatsapp|call|ring|rufen|appel\w*|llam\w+|chiam\w+|lig\w+|bel\w*|[tmpvhwod])\b",
    re.IGNORECASE,
)
_NOT_PHONE = re.compile(
    r"\d{5}-\d{4}$|\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d\d\b|\d{4}-\d\d-\d\d|(?:\d{1,3}\.){3}\d{1,3}$|\d{1,3}(?:[.,]\d{3})+$"
)
_OTHER_LABEL = re.compile(
    r"\b(?:iban|vat|ust|siret|siren|kvk|btw|nif|cif|p\.? ?iva|partita|cnpj|hrb|icq|key|fingerprint|gpg|pgp|id|ref\w*|order|nr|n°|isbn|issn|uin)\b",
    re.IGNORECASE,
)
_BY_LANGUAGE = {"de": "DE", "fr": "FR", "es": "ES", "pt": "PT", "it": "IT", "nl": "NL"}
_BY_MONEY = (("£", "GB"), ("CHF", "CH"), ("R$", "BR"), ("€", "IE"), ("$", "US"))
_BY_DOMAIN = {"uk": "GB"}
_COUNTRY_DOMAIN = re.compile(r"\.([a-z]{2})$")
_AMERICAN = re.compile(r"^\(?[2-9]\d\d\)?[ .-]{0,2}[2-9]\d\d[ .-]\d{4}$")
_BOUND = 12


def regions(*, language: str, text: str, domains: Iterable[str], default: str | None) -> tuple[str, ...]:
    """Countries to try, likeliest first: of the addresses, of numbers with a country in the same text, of the language."""
    found: list[str] = []
    countries = (match[1] for domain in domains if (match := _COUNTRY_DOMAIN.search(domain)))
    found += [_BY_DOMAIN.get(country, country.upper()) for country in countries]
    if default:
        found.append(default)
    if language in _BY_LANGUAGE:
        found.append(_BY_LANGUAGE[language])
    else:
        found += [region for sign, region in _BY_MONEY if sign in text][:1]
        found += ["GB", "US"]
    known = phonenumbers.SUPPORTED_REGIONS
    return tuple(dict.fromkeys(region for region in found if region in known))


def read(line: Line, countries: tuple[str, ...], *, is_expected: bool) -> list[Field]:
    """`is_expected`: in a phone field or a signature a number needs no further sign; elsewhere it must be a valid one."""
    if sum(character.isdigit() for character in line.text) < 6:  # noqa: PLR2004
        return []
    found: list[Field] = []
    for match in list(_NUMBER.finditer(line.text))[:_BOUND]:
        before = line.text[max(0, match.start() - 24) : match.start()]
        after = line.text[match.end() : match.end() + 6]
        if _is_fax(before) or _FAX_AFTER.match(after) or _NOT_PHONE.match(match[0]) or _OTHER_LABEL.search(before):
            continue
        is_named = _PHONE.search(before) is not None
        if line.text[match.end() : match.end() + 1] in {"/", "_"} or not 6 < sum(map(str.isdigit, match[0])) < 16:  # noqa: PLR2004
            continue
        number = _parse(match[0], countries, is_strict=not (is_expected or is_named))
        if number is None:
            continue
        found.append(line.field(match[0], 0.95 if is_named or match[0].startswith("+") else 0.8, value=number))
    return found


def _is_fax(before: str) -> bool:
    fax, phone = list(_FAX.finditer(before)), list(_PHONE.finditer(before))
    return bool(fax) and (not phone or phone[-1].end() <= fax[-1].end())


def _parse(written: str, countries: tuple[str, ...], *, is_strict: bool) -> str | None:
    plain = written.replace("(0)", "") if "+" in written else written
    plain = plain.replace("(+", "+")
    if _AMERICAN.match(plain.strip()) and "US" not in countries[:1]:
        countries = ("US", *countries)
    is_possible = phonenumbers.is_possible_number
    candidates: list[phonenumbers.PhoneNumber] = []
    for country in countries or ("ZZ",):
        try:
            candidates.append(phonenumbers.parse(plain, country))
        except phonenumbers.NumberParseException:
            continue
    best = next((each for each in candidates if phonenumbers.is_valid_number(each)), None)
    if best is None and not is_strict:
        best = next((each for each in candidates if is_possible(each)), None)
    if best is not None:
        return phonenumbers.format_number(best, phonenumbers.PhoneNumberFormat.E164)
    return None
