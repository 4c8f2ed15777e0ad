"""Who signs: title, company, address and websites out of the lines below a letter."""

import re
import unicodedata

from outrider.domain.harvest.extraction_lines import Line
from outrider.domain.harvest.lead import Evidence, Field

_TITLE = re.compile(
    r"\b(?:ceo|cto|cfo|coo|cio|chief|head|director\w*|manager\w*|engineer\w*|developer|administrator|analyst|consultant\w*|architect|president|executive|admin|founder|co-?founder|owner|partner|secretary|assistant"
    r"|professor|lecturer|researcher|scientist|coordinator|supervisor|buyer|officer|chair|editor|programmer|specialist|technician|solicitor|accountant|vice[ -]president|vp|lead|student|designer"
    r"|geschäftsführ\w*|\w*leiter\w*|inhaber\w*|vorstand\w*|\w*leitung|einkäufer\w*|einkauf|referent\w*|prokurist\w*|ingenieur\w*|sachbearbeiter\w*|vertrieb\w*|assistenz|büroleit\w*"
    r"|directeur|directrice|gérante?|responsable|chef|cheffe|ingénieure?|acheteu\w*|présidente?|adjointe?|secrétaire|chargée? d\w*|dirigeante?|fondat\w*"
    r"|director[ae]?|gerente|jef[ea]|responsável|encargad[oa]|propietari[oa]|administrador[a]?|ingenier[oa]|secretari[oa]|compras|gestor[a]?|diretor[a]?|coordenador[a]?|sóci[oa]|engenheir[oa]|proprietári[oa]|comercial"
    r"|direttore|direttrice|titolare|amministrat\w*|ingegnere|ufficio acquisti|presidente|socio|segretari[oa]|coordinat\w*"
    r"|inkoper\w*|eigena\w+|bestuurder|zaakvoerder|hoofd|medewerk\w+|beheerder|adviseur|voorzitter|directeur-\w+|projectleider|bedrijfsleider)\b",
    re.IGNORECASE,
)
_COMPANY = re.compile(
    r"\b(?:inc|incorporated|llc|ltd|limited|plc|corp|corporation|company|co|gmbh|ag|kg|ohg|ug|e\.?v|gbr|s\.?a\.?s|sarl|s\.?à\.?r\.?l|eurl|s\.?r\.?l\.?s?|s\.?p\.?a|s\.?n\.?c|s\.?l\.?u?|s\.?a|lda|ltda|b\.?v|n\.?v|v\.?o\.?f|pty|pte|oy|ab|a/s|aps"
    r"|universit\w*|universidad\w*|universidade|universität|institut\w*|college|school|schule|school|laborator\w+|group|gruppe|groupe|grupo|gruppo|groep|consulting|services|systems|solutions|software|technolog\w+|networks?|studios?|partners|associates|industries|foundation|bank"
    r"|hotel|restaurant\w*|clinic|museum|verlag|atelier|cabinet|mairie|ayuntamiento|comune|gemeente|stadt|bros|trading|logistics?|transport\w*|imports?|exports?|farm|press|labs?|media|design|bakery|legal|cooperative|society|association|verein|kanzlei|praxis)\b\.?",
    re.IGNORECASE,
)
_POSTCODE = re.compile(
    r"\b\d{4,5}(?:-\d{3,4})?\b(?=\W+[^\W\d])|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b\d{4} ?[A-Z]{2}\b|\b[A-Z]{2},? \d{5}(?:-\d{4})?\b"
    r"|\b[A-Z]\d[A-Z] \d[A-Z]\d\b|\b[A-Z]{2},? USA,? \d{5}\b|\bP\.? ?O\.? ?Box\b|\bPostfach\b|\bApartado\b|\bCasella postale\b|\bPostbus\b"
)
_STREET = re.compile(
    r"\b(?:street|st\.?|road|rd\.?|avenue|ave\.?|lane|drive|dr\.?|blvd|boulevard|square|court|close|place|quay|way|terrace|park|parkway|suite|rue|chemin|route|impasse|quai|allée|calle|c/|avda?\.?|plaza|paseo|rua|avenida|travessa|praça|largo"
    r"|via|viale|piazza|corso|vicolo|\w*(?:straße|strasse|str\.|weg|gasse|platz|allee|ring|damm|ufer|straat|laan|plein|gracht|kade|dijk|steeg))(?!\w)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\d{1,5}[a-zA-Z]?,? [A-Z][\w'’.-]+(?: [A-Z][\w'’.-]+){0,3}(?:,|$)")
_CITY = re.compile(r"[A-ZÀ-Ý][\w'’.-]+(?:[ ,]{1,2}[A-ZÀ-Ý\d][\w'’.-]*){0,3}$")
_KEY = re.compile(
    r"#\s?\d{4}|(?:[0-9A-F]{4}\s{1,2}){3}|\b(?:gpg|pgp|fingerprint|icq|uin)\b|[?!]|\b(?:19|20)\d\d\.", re.IGNORECASE
)
_MAIL_TO = re.compile(
    r"^\s*(?:us mail|mail|snail ?mail|post|addr(?:ess)?|adresse?|anschrift|dirección|indirizzo|adres)\s?:\s*",
    re.IGNORECASE,
)
_TO_CALL = re.compile(
    r"(?:\b[A-Za-z&/]{1,12}[.:]{1,2}\s{0,3}|\b[TMFP]\s|\b(?:tel|phone|fax|mobile)\s)?(?:\+|\(\+?)\d(?:[ ./()‑–-]{0,3}\d){6,16}|(?:\b[A-Za-z]{1,9}[.:]{1,2}\s{0,3}|\b[TMFP]\s)\d(?:[ ./()‑–-]{0,3}\d){6,16}.*$",
    re.IGNORECASE,
)
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"'()\[\]]{3,200}", re.IGNORECASE)
_ADDRESS = re.compile(r"[\w.+'-]{1,64}(?:@| at | \[at\] )[\w-]{1,63}\.[\w.-]{1,80}")
_PARTS = re.compile(
    r"\s*(?:\||·|•|—|–|\t|::|\s{3,}|,(?=\s)(?!\s*(?:inc|ltd|llc|gmbh|lda|corp|s\.?a|s\.?l)\b))\s*", re.IGNORECASE
)
_LABEL = re.compile(r"^\s*(?:[\w. -]{1,16}:|[TMFPEW]:?\s(?=[+(\dwh]))\s*", re.IGNORECASE)
_CLOSING = re.compile(
    r"\W*(?:regards|(?:best|kind|warm)\b.{0,14}|sincerely\b.*|yours\b.*|cheers|thanks\b.*|thank you\b.*|mit \w+ gr.{2,6}|(?:viele|liebe|beste|freundliche|herzliche) gr.{2,6}|gru(?:ß|ss)|mfg|(?:bien )?cordialement|salutations\b.*"
    r"|merci\b.*|un (?:cordial )?saludo|(?:cordiales )?saludos\b.*|atentamente|gracias\b.*|atenciosamente|(?:com os melhores )?cumprimentos|obrigad[oa]|(?:cordiali|distinti) saluti|saluti|grazie\b.*|(?:met )?vriendelijke groet\w*|groet\w*|hartelijke groet\w*|bedankt\b.*|(?:love|bye|ciao|later)\b.*)\W*$",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?:[^\W\d_][\w.'’-]{0,30}\.?\s?){1,6}$")
_PARTICLES = frozenset(
    [
        "de",
        "del",
        "della",
        "der",
        "den",
        "des",
        "di",
        "da",
        "do",
        "dos",
        "das",
        "du",
        "el",
        "la",
        "le",
        "les",
        "los",
        "van",
        "von",
        "zu",
        "zur",
        "ten",
        "ter",
        "af",
        "al",
        "bin",
        "ibn",
        "y",
        "i",
        "e",
        "und",
    ]
)
_LEGAL = re.compile(
    r"\b(?:gmbh|ltd|llc|inc|b\.?v|s\.?r\.?l|s\.?a|lda|ltda|plc|corp|ag|s\.?p\.?a|s\.?l|sarl)\b\.?", re.IGNORECASE
)
# Part of an organisation: its own name says less than that of the whole.
_DEPARTMENT = re.compile(
    r"(?:dep(?:t|artment|artement|artamento)\b|faculty|faculté|facultad|fakultät|division|office of|section|abteilung|lehrstuhl|service d)",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"\s*\([^)]{0,40}\)\s*$")
_NUMBER_LAST = re.compile(r"[^\W\d_][\w'’.-]+(?: [^\W\d_][\w'’.-]*){0,3},? \d{1,4} ?[a-zA-Z]?$")
_COUNTRY = re.compile(
    r"(?:"
    r"argentina|australia|austria|österreich|belgium|belgique|belgië|brazil|brasil|bulgaria|canada|chile|china|colombia"
    r"|croatia|czechia|denmark|danmark|egypt|england|estonia|finland|france|germany|deutschland|greece|hungary|iceland"
    r"|india|indonesia|ireland|israel|italy|italia|japan|kenya|korea|latvia|lithuania|luxembourg|malaysia|mexico|méxico"
    r"|morocco|netherlands|nederland|nigeria|norway|norge|pakistan|peru|philippines|poland|polska|portugal|romania"
    r"|russia|scotland|serbia|singapore|slovakia|slovenia|spain|españa|sweden|sverige|switzerland|schweiz|suisse"
    r"|svizzera|taiwan|thailand|tunisia|turkey|uk|usa|ukraine|uruguay|venezuela|vietnam|wales|united kingdom"
    r"|united states|new zealand|south africa|czech republic|the netherlands|hong kong|south korea|northern ireland"
    r"|united arab emirates|saudi arabia|costa rica|great britain"
    r")[ .]*",
    re.IGNORECASE,
)
_FREE = frozenset(
    [
        "gmail",
        "googlemail",
        "yahoo",
        "hotmail",
        "outlook",
        "live",
        "gmx",
        "web",
        "aol",
        "icloud",
        "me",
        "mail",
        "post",
        "inbox",
        "correo",
        "courrier",
        "posta",
        "proton",
        "protonmail",
        "libero",
        "orange",
        "wanadoo",
        "freenet",
    ]
)


def closing(block: list[Line], *, is_marked: bool, name: str) -> list[Line]:
    """The block from where it names the writer, or says goodbye; nothing where it does neither. A marked one is whole."""
    if is_marked:
        return block
    for at, line in enumerate(block):
        if _CLOSING.match(line.text) and at + 1 < len(block):
            return block[at + 1 :]
    for at, line in enumerate(block):
        if name and is_name_of(line.text, name):
            return block[at:]
    return []


def is_name_of(text: str, name: str) -> bool:
    """Whether the line begins with the name, or with what stands for it."""
    wanted = [token for token in tokens(name) if len(token) > 1] or tokens(name)
    told = [token for token in tokens(text)[:8] if len(token) > 1 or token in wanted]
    if not wanted or not told:
        return False
    both = [token for token in told if token in wanted]
    return told[0] in wanted and (len(both) >= min(2, len(wanted)) or len(told) == 1)


def looks_like_name(text: str) -> bool:
    bare = text.strip(" ,.*_-")
    words = bare.split()
    if not bare or len(bare) > 60 or not _NAME.match(bare) or not 1 < len(words) < 6:  # noqa: PLR2004
        return False
    if _CLOSING.match(text) or _TITLE.search(bare) or _COMPANY.search(bare):
        return False
    return all(word[:1].isupper() or word.lower() in _PARTICLES for word in words)


def tokens(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    return re.findall(r"[a-z]+", "".join(each for each in plain if not unicodedata.combining(each)))


def title_and_company(block: list[Line], *, name: str, domain: str) -> tuple[Field | None, Field | None]:
    title: Field | None = None
    company: Field | None = None
    department: Field | None = None
    for line in block[:8]:
        rest = _without_contacts(line.text)
        if not rest or len(rest) > 90 or _is_place(rest):  # noqa: PLR2004
            continue
        for part in _split(rest):
            kind = _kind(part, name, domain)
            if kind == "title" and title is None:
                title = line.field(part, 0.85)
            elif kind == "company" and _DEPARTMENT.match(part):
                department = department or line.field(part, 0.6)
            elif kind == "company" and company is None:
                company = line.field(_IN_BRACKETS.sub("", part) if _LEGAL.search(part) else part, 0.85)
    return title, company or department or _left_over(block, name, title)


def websites(block: list[Line]) -> tuple[Field, ...]:
    found = [
        line.field(match[0].rstrip(".,;:>)"), 0.9) for line in block for match in list(_URL.finditer(line.text))[:5]
    ]
    return tuple({each.value: each for each in found}.values())[:10]


def address(block: list[Line], *, name: str) -> Field | None:
    """A street with a number, or a postcode, with the lines of a place around it."""
    places = [_place(line.text, name) for line in block]
    first = next((at for at, part in enumerate(places) if _is_place(part)), None)
    if first is None:
        return None
    while first and _leads_to(places[first - 1], places[first]):
        first -= 1
    parts: list[str] = []
    for part in places[first : first + 6]:
        if not part or (parts and not _goes_on(parts, part)):
            break
        parts.append(part)
    source, start = block[first].source, block[first].start
    end = block[first + len(parts) - 1]
    quote = "\n".join(line.text for line in block[first : first + len(parts)])
    return Field(", ".join(parts), 0.75, Evidence(source, quote, start, end.start + len(end.text)))


def _leads_to(part: str, below: str) -> bool:
    """Whether a line that is no place by itself is one above what follows: a street or a town above a postcode."""
    if not part or len(part) > 40 or _KEY.search(part) or _COMPANY.search(part) or _TITLE.search(part):  # noqa: PLR2004
        return False
    if _STREET.search(part) or _NUMBER_LAST.match(part):
        return True
    # A town alone, right above a code alone; else it could be anybody's name.
    return bool(_CITY.match(part)) and " " not in part and _POSTCODE.fullmatch(below) is not None


def _goes_on(parts: list[str], part: str) -> bool:
    """Below a postcode there is nothing but a country."""
    if _COUNTRY.fullmatch(part) or _is_place(part):
        return True
    return not any(_POSTCODE.search(each) for each in parts) and bool(_CITY.match(part))


def _place(text: str, name: str) -> str:
    """The line without addresses, numbers to call, and the writer's name before it."""
    bare = _MAIL_TO.sub("", text, count=1)
    bare = _TO_CALL.sub("", _URL.sub("", _ADDRESS.sub("", bare)))
    if name and bare.strip().lower().startswith(name.lower()):
        bare = bare.strip()[len(name) :]
    parts = [part for part in re.split(r"\s*[|·•]\s*|\t|\s{3,}", bare) if _is_place(part)]
    return (parts[0] if parts else bare).strip(" ,.|*-_#<>\t")


def _is_place(text: str) -> bool:
    has_number = re.search(r"\d", text) is not None
    if not has_number or len(text) > 90 or _KEY.search(text):  # noqa: PLR2004
        return False
    return bool(_NUMBERED.match(text) or (_POSTCODE.search(text) or _STREET.search(text)))


def _without_contacts(text: str) -> str:
    if _ADDRESS.search(text) or _URL.search(text):
        text = _URL.sub(" | ", _ADDRESS.sub(" | ", text))
    text = re.sub(r"(?:\b[\w.]{1,8}[:.]?\s{0,2})?(?:\+|\(\+?)?\d(?:[ ./()‑–-]{0,3}\d){6,16}", " | ", text)
    return _LABEL.sub("", text).strip(" |,*-_#\t<>")


def _split(text: str) -> list[str]:
    if _LEGAL.search(text) and "|" not in text and "," not in text:
        return [text]
    parts = [part.strip(" *_#<>\"'") for part in _PARTS.split(text)]
    out: list[str] = []
    for part in parts:
        head, mark, tail = part.partition(" / ")
        if mark and not _TITLE.search(head):
            out += [head, tail]
            continue
        head, mark, tail = part.partition(" at ")
        out += [head, tail] if mark and _TITLE.search(head) else [part]
    return [part for part in out if len(part) > 1]


def _kind(part: str, name: str, domain: str) -> str:
    if _CLOSING.match(part) or part.endswith(("?", "!", ":")) or not part[:1].isalnum():
        return ""
    is_person = is_name_of(part, name)
    if _LEGAL.fullmatch(part):  # the end of a line that was broken
        return ""
    if not is_person and (_LEGAL.search(part) or _is_of_domain(part, domain)):
        return "company"
    if _TITLE.search(part) and part[:1].isupper() and not _LEGAL.search(part):
        return "title"
    if is_person and not _COMPANY.search(part):
        return ""
    return "company" if _COMPANY.search(part) and part[:1].isupper() else ""


def _is_of_domain(part: str, domain: str) -> bool:
    labels = [label for label in domain.split(".")[:-1] if label not in _FREE]
    joined = "".join(tokens(part))
    return any(len(label) > 3 and "".join(tokens(label)) and (  # noqa: PLR2004
        joined == "".join(tokens(label)) or "".join(tokens(label)) in joined or (len(joined) > 4 and joined in "".join(tokens(label)))  # noqa: PLR2004
    ) for label in labels)  # fmt: skip


def _left_over(block: list[Line], name: str, title: Field | None) -> Field | None:
    """Below a name or a title the next line of capitalised words is the company, if nothing else can be."""
    for line in block[1:4]:
        rest = _without_contacts(line.text)
        if not rest or _is_place(rest) or is_name_of(rest, name) or (title and title.value in rest):
            continue
        words = rest.split()
        is_capital = all(word[:1].isupper() or word.lower() in _PARTICLES or word in {"&", "and"} for word in words)
        if is_capital and 1 < len(words) < 6 and not re.search(r"[?!:,\"]", rest):  # noqa: PLR2004
            return line.field(rest, 0.55)
        return None
    return None
