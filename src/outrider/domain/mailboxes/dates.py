"""The day an absent person says they are back, in the words of nine languages."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

FURTHEST = timedelta(days=370)

_MONTHS = (
    ("jan", "gen", "ene", "stycz"), ("feb", "fév", "fev", "luteg"), ("mar", "mär", "maart"), ("apr", "avr", "abr", "kwie"),
    ("may", "mai", "mag", "mei", "mayo", "maja"), ("jun", "juin", "giu", "czerw"), ("jul", "juil", "lug", "lipc"),
    ("aug", "aoû", "aou", "ago", "sierp"),
    ("sep", "set", "wrze"), ("oct", "okt", "ott", "out", "paźdz"), ("nov", "listop"), ("dec", "dez", "déc", "dic", "grud"),
)  # fmt: skip
_WEEKDAYS = (
    ("monday", "montag", "lundi", "lunes", "segunda", "lunedì", "maandag", "poniedzia", "月曜"),
    ("tuesday", "dienstag", "mardi", "martes", "terça", "martedì", "dinsdag", "wtor", "火曜"),
    ("wednesday", "mittwoch", "mercredi", "miércoles", "quarta", "mercoledì", "woensdag", "środ", "水曜"),
    ("thursday", "donnerstag", "jeudi", "jueves", "quinta", "giovedì", "donderdag", "czwart", "木曜"),
    ("friday", "freitag", "vendredi", "viernes", "sexta", "venerdì", "vrijdag", "piąt", "金曜"),
    ("saturday", "samstag", "sonnabend", "samedi", "sábado", "sabato", "zaterdag", "sobot", "土曜"),
    ("sunday", "sonntag", "dimanche", "domingo", "domenica", "zondag", "niedziel", "日曜"),
)
# Stems of Polish take their endings; Japanese stands for itself.
_POLISH = r"(?:ł|e?k|ek|ku|a|ą|ę|y)\w{0,3}"
_WEEKDAY_NAMES = [
    name + (_POLISH if name in {"poniedzia", "wtor", "środ", "czwart", "piąt", "sobot", "niedziel"} else "")
    for names in _WEEKDAYS
    for name in names
    if not name.endswith("曜")
]
_MONTH = rf"\b(?P<mon>(?:{'|'.join(name for names in _MONTHS for name in names)})[a-zà-ÿ]{{0,9}})\b\.?"
_YEAR = r"(?:,?\s+(?:de\s+|del\s+)?(?P<y>\d{4})\b)?"
# "Friday, 12 June" is named by its date: with a year or a week between, the weekday alone would mislead.
_NO_DATE = rf"(?!,?\s+(?:(?:the|den|dem|le|el|il|dia)\s+)?(?:\d|{_MONTH.replace('?P<mon>', '?:')}))"
_MENTIONS = (
    re.compile(r"(?:(?P<y>\d{4})年)?(?P<m>\d{1,2})月(?P<d>\d{1,2})日"),
    re.compile(r"\b(?P<y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<![\d.:/-])(?P<d>\d{1,2})(?P<sep>[./-])(?P<m>\d{1,2})(?:(?P=sep)(?P<y>\d{4}|\d{2})\b)?(?![\d:])"),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.|º|°|er|e)?\s+(?:of\s+|de\s+)?{_MONTH}{_YEAR}", re.IGNORECASE),
    re.compile(rf"{_MONTH}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\s*[:.]\d){_YEAR}", re.IGNORECASE),
    re.compile(rf"{_MONTH}\s+(?:de\s+)?(?P<y>\d{{4}})\b", re.IGNORECASE),
    re.compile(rf"\b(?P<day>{'|'.join(_WEEKDAY_NAMES)})(?:-feira)?\b{_NO_DATE}", re.IGNORECASE),
    re.compile(
        rf"\bthe\s+(?P<only>\d{{1,2}})(?:st|nd|rd|th)\b(?!\s+(?:of|floor|{_MONTH.replace('?P<mon>', '?:')}))",
        re.IGNORECASE,
    ),
    re.compile(rf"\b(?:in|im|en|em|w|we)\s+{_MONTH}(?!\s*\.?\d)", re.IGNORECASE),
    re.compile(r"(?P<tomorrow>明日)"),
    re.compile(r"(?P<day>[月火水木金土日]曜)"),
    re.compile(r"(?<!\w)(?P<tomorrow>tomorrow|morgen|demain|mañana|domani|amanhã|jutro|明日)\b", re.IGNORECASE),
)
# Words by a day that make it the day of return; "until" makes it the last day away.
_BACK = re.compile(
    r"\b(?:back|return\w*|re-?open\w*|again|di nuovo|de nouveau|de nuevo|de novo|opnieuw|znowu|zurück\w*|wieder|rückkehr|(?:de )?retour|rentr\w+|revien\w+|reprend\w*"
    r"|vuelv\w+|vuelta|regres\w+|reincorpor\w+|volt(?:o|arei|amos|aremos|a)|retorn\w+|torn(?:o|erò|iamo|eremo)"
    r"|rientr\w+|ritorn\w+|riapr\w+|terug\w*|weer|wrac\w+|wróc\w+|powr[aó]\w+|będę)\b|以降|より(?:営業|出社)|に?(?:戻|復帰|出社)",
    re.IGNORECASE,
)
_UNTIL = re.compile(
    r"\b(?:until|till?|through|thru|bis|jusqu\W?\w{0,3}|hasta|até|fino|tot|t/m)\b|\bdo\s+(?:dnia\s+)?$|まで", re.IGNORECASE
)  # fmt: skip
_SHORT_UNTIL = re.compile(
    r"\d.*\W(?:to|and|au|al|a|ao|e|et|y|-|–|～|~)\s*(?:the |le |el |il )?(?:\w{4,10},? )?$", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[!?;\n]|(?<!\d)\.\s")
_WRAP = re.compile(r"(?<!\n)\n(?!\n)")
_NEXT_CLAUSE = re.compile(r",|\s(?:and|but|und|et|y|e|en)\s", re.IGNORECASE)
_BEFORE, _AFTER = 60, 30  # characters


def back_on(text: str, *, received: date) -> date | None:
    """Returns the first day the writer can be reached again; None where none is named or it makes no sense.

    A last day of absence counts as the day before that, except for "until Monday", which means Monday.
    """
    text = _WRAP.sub(" ", text.replace("\u00a0", " "))
    last_day_away: date | None = None
    for match in _mentions(text):
        day = _day(match, received)
        if day is None or not received <= day <= received + FURTHEST:
            continue
        meaning = _meaning(text, match)
        if meaning is _BACK:
            return day
        if meaning is _UNTIL and last_day_away is None:
            last_day_away = day if _is_return(match) else day + timedelta(days=1)
    return last_day_away


def _is_return(match: re.Match[str]) -> bool:
    """Whether "until" it means that the writer is there that day: "until Monday", "until August 2027"."""
    return match.groupdict().get("d") is None


def _mentions(text: str) -> Iterator[re.Match[str]]:
    """Every day that is named, in order of place; where two readings overlap, the longer."""
    found = [match for pattern in _MENTIONS for match in pattern.finditer(text)]
    end = 0
    for match in sorted(found, key=lambda each: (each.start(), -each.end())):
        if match.start() >= end:
            end = match.end()
            yield match


def _meaning(text: str, match: re.Match[str]) -> re.Pattern[str] | None:
    before = _SENTENCE_END.split(text[max(0, match.start() - _BEFORE) : match.start()])[-1]
    # Japanese sets such words behind the day.
    after = _SENTENCE_END.split(text[match.end() : match.end() + _AFTER])[0]
    after = _NEXT_CLAUSE.split(after)[0]
    # What stands before another day belongs to that day.
    if not any(sign.isdigit() for sign in after) and _BACK.search(after):
        return _BACK
    if _BACK.search(before):
        return _BACK
    return _UNTIL if _UNTIL.search(before) or after.startswith("まで") or _SHORT_UNTIL.search(before) else None


def _day(match: re.Match[str], received: date) -> date | None:
    groups = match.groupdict()
    if groups.get("tomorrow"):
        return received + timedelta(days=1)
    if groups.get("only"):
        return _next_such(int(groups["only"]), received)
    if groups.get("day"):
        ahead = (_place(_WEEKDAYS, groups["day"]) - received.weekday()) % 7 or 7
        return received + timedelta(days=ahead)
    month = int(groups["m"]) if groups.get("m") else _place(_MONTHS, groups["mon"]) + 1
    day = int(groups.get("d") or 1)
    if month > 12 >= day and groups.get("sep") == "/":  # noqa: PLR2004  # as Americans write it
        day, month = month, day
    return _in_year(groups.get("y"), month, day, received)


def _next_such(day: int, received: date) -> date | None:
    """The next day of a month that has this number."""
    for ahead in range(1, 62):
        if (found := received + timedelta(days=ahead)).day == day:
            return found
    return None


def _in_year(year: str | None, month: int, day: int, received: date) -> date | None:
    """Without a year it is the next such day."""
    try:
        if year:
            return date(int(year) + (2000 if len(year) == 2 else 0), month, day)  # noqa: PLR2004  # two digits
        named = date(received.year, month, day)
        return named if named >= received else named.replace(year=received.year + 1)
    except ValueError:
        return None


def _place(names: tuple[tuple[str, ...], ...], word: str) -> int:
    lowered = word.lower()
    return next(place for place, starts in enumerate(names) if lowered.startswith(starts))
