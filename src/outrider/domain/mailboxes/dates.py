"""The day an absent person says they are back, in the words of seven languages."""

import re
from datetime import date, timedelta

_MONTHS = (
    ("jan", "gen", "ene"), ("feb", "fév", "fev"), ("mar", "mär", "maa"), ("apr", "avr", "abr"), ("may", "mai", "mag", "mei"),
    ("jun", "jui", "giu"), ("jul", "lug"), ("aug", "aoû", "ago"), ("sep", "set"), ("oct", "okt", "ott", "out"),
    ("nov",), ("dec", "dez", "déc", "dic"),
)  # fmt: skip
_WEEKDAYS = (
    ("monday", "montag", "lundi", "lunes", "segunda", "lunedì", "maandag"),
    ("tuesday", "dienstag", "mardi", "martes", "terça", "martedì", "dinsdag"),
    ("wednesday", "mittwoch", "mercredi", "miércoles", "quarta", "mercoledì", "woensdag"),
    ("thursday", "donnerstag", "jeudi", "jueves", "quinta", "giovedì", "donderdag"),
    ("friday", "freitag", "vendredi", "viernes", "sexta", "venerdì", "vrijdag"),
    ("saturday", "samstag", "samedi", "sábado", "sabato", "zaterdag"),
    ("sunday", "sonntag", "dimanche", "domingo", "domenica", "zondag"),
)
_UNTIL = r"(?:until|till|through|back (?:on|in the office on)|return(?:ing)?(?: on)?|bis(?: zum| einschließlich)?|zurück(?: am| ab)?|wieder (?:am|ab)|ab dem|jusqu'?au|de retour le|hasta(?: el)?|de vuelta el|regreso el|até(?: o dia)?|de volta (?:em|no dia)|fino al?|rientr(?:o|erò) il|di ritorno il|tot(?: en met)?|terug op|vanaf)"
_WORD = r"[a-zà-ÿ]{3,12}"
_PATTERNS = (
    re.compile(rf"{_UNTIL}\W{{1,3}}(?:{_WORD},?\s)?(?P<y>\d{{4}})-(?P<m>\d{{1,2}})-(?P<d>\d{{1,2}})", re.IGNORECASE),
    re.compile(rf"{_UNTIL}\W{{1,3}}(?:{_WORD},?\s)?(?:the |den |le |el |il )?(?P<d>\d{{1,2}})[./](?P<m>\d{{1,2}})[./]?(?P<y>\d{{4}}|\d{{2}})?", re.IGNORECASE),
    re.compile(rf"{_UNTIL}\W{{1,3}}(?:{_WORD},?\s)?(?:the |den |le |el |il )?(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.|º|er)?\s(?:of |de )?(?P<mon>{_WORD})\.?,?(?:\s(?:de )?(?P<y>\d{{4}}))?", re.IGNORECASE),
    re.compile(rf"{_UNTIL}\W{{1,3}}(?:{_WORD},?\s)?(?P<mon>{_WORD})\.?\s(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?(?:\s(?P<y>\d{{4}}))?", re.IGNORECASE),
)  # fmt: skip
_WEEKDAY = re.compile(
    rf"{_UNTIL}\W{{1,3}}(?:next |kommenden |nächsten |prochain |próximo )?(?P<day>{_WORD})", re.IGNORECASE
)
_IS_BACK = re.compile(
    r"back|return|zurück|wieder|ab dem|retour|vuelta|regreso|volta|rientr|ritorno|terug|vanaf", re.IGNORECASE
)
FURTHEST = timedelta(days=370)


def back_on(text: str, *, received: date) -> date | None:
    """Returns the first day the writer can be reached again; None where none is named or it makes no sense.

    A last day of absence ("until Friday") counts as the day after.
    """
    for pattern in _PATTERNS:
        if (match := pattern.search(text)) and (named := _named(match, received)) is not None:
            return _first_day_back(match[0], named, received)
    if (match := _WEEKDAY.search(text)) and (number := _weekday(match["day"])) is not None:
        ahead = (number - received.weekday()) % 7 or 7
        return _first_day_back(match[0], received + timedelta(days=ahead), received, is_weekday=True)
    return None


def _first_day_back(words: str, named: date, received: date, *, is_weekday: bool = False) -> date | None:
    # "until Monday" means back on Monday; "until 12 May" mostly names the last day away.
    is_back_then = bool(_IS_BACK.search(words)) or is_weekday
    day = named if is_back_then else named + timedelta(days=1)
    return day if received <= day <= received + FURTHEST else None


def _named(match: re.Match[str], received: date) -> date | None:
    groups = match.groupdict()
    month = int(groups["m"]) if groups.get("m") else _month(groups.get("mon") or "")
    if month is None:
        return None
    year = int(groups["y"]) if groups.get("y") else received.year
    year += 2000 if year < 100 else 0  # noqa: PLR2004  # two digits
    try:
        named = date(year, month, int(groups["d"]))
        # A day in the past without a year lies in the next one.
        return named.replace(year=year + 1) if not groups.get("y") and named < received else named
    except ValueError:
        return None


def _month(word: str) -> int | None:
    lowered = word.lower()
    return next((number for number, names in enumerate(_MONTHS, start=1) if lowered.startswith(names)), None)


def _weekday(word: str) -> int | None:
    lowered = word.lower()
    return next((number for number, names in enumerate(_WEEKDAYS) if lowered.startswith(names)), None)
