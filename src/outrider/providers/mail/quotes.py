"""Where in an answer the quoted mail begins, and what mail programs add: the habits of many programs and languages."""

import re

_LONGEST = 300  # characters of a line, or of a few joined, that are looked at
_MOST_LINES = 3  # over which programs wrap the line above a quote
_BLOCK = 8  # lines in which the fields of an Outlook quote must stand
_FEWEST_FIELDS = 3

_WROTE = re.compile(
    r"\b(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev|kirjoitti|napisał(?:\(a\)|a)?|pisze"
    r"|napsala?|написала?|пише|写道|のメール)\b.{0,120}[:：\-–—*]+\s*$",
    re.IGNORECASE,
)
_WHEN_OR_WHO = re.compile(r"\d{1,2}[:.h/]\d{2}|\b(?:19|20)\d\d\b|\S@\S")
_BEGINS = re.compile(
    r"[\s>*-]*(?:(?:on|am|le|el|il|em|op|den|dnia|w dniu|in data|il giorno|på|at)\b|\d{1,4}[./-]|\w{2,12}[.,]\s)",
    re.IGNORECASE,
)
# "2016-10-24 15:36 GMT+02:00 Some One <one@example.com>:", as some versions write without a verb.
_DATE_AND_ADDRESS = re.compile(
    r"\s*(?:\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}\.? \w{3,10}\.? \d{4})\b.{0,200}<\s*[^<>]*@[^<>]*>\s*:?\s*$"
)
_SEPARATOR = re.compile(
    r"[\s*>]*(?:[-_=*—]{2,}\s*(?:(?:original|forwarded|reply) (?:message|e?mail)|(?:ursprüngliche|weitergeleitete) nachricht"
    r"|message (?:d'origine|transféré|original)|mensaje (?:original|reenviado)|messaggio (?:originale|inoltrato)"
    r"|mensagem (?:original|encaminhada)|(?:oorspronkelijk|doorgestuurd) bericht|originalmeddelande|wiadomość oryginalna)"
    r".{0,20}|_{10,}|(?:begin forwarded message|anfang der weitergeleiteten nachricht) ?:)\s*$",
    re.IGNORECASE,
)
_FROM = re.compile(r"[\s*>|]*(?:from|von|de|da|van|från|fra|od|от|lähettäjä|gönderen)\s?:", re.IGNORECASE)
_FIELD = re.compile(
    r"[\s*>|]*(?:sent|date|to|cc|subject|reply-to|gesendet|datum|an|betreff|envoyé|à|objet|enviado(?: el)?|fecha|para|asunto|cc"
    r"|assunto|data|inviato|a|oggetto|risposta|verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|wysłano|do|temat"
    r"|отправлено|дата|кому|тема)\s?(?:\([^)]{0,20}\)\s?)?:",
    re.IGNORECASE,
)
_ADDED = re.compile(
    r"\s*(?:sent from (?:my|outlook|mail for|yahoo|samsung)|get outlook for|von meinem .{2,30} gesendet|gesendet (?:von|mit) "
    r"|envoyé (?:de|depuis) mon|enviado (?:desde|do) m|inviato da(?:l mio)? |verzonden vanaf mijn|skickat från min)",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"--\s?$")


def quote_header(lines: list[str], at: int) -> int:
    """Returns over how many lines a line like "On Monday Ann wrote:" goes that starts here; 0 if none does."""
    first = lines[at][:_LONGEST]
    if not first.strip():
        return 0
    for count in range(1, _MOST_LINES + 1):
        joined = " ".join(line.strip() for line in lines[at : at + count])[:_LONGEST]
        if _DATE_AND_ADDRESS.match(joined) or (_WROTE.search(joined) and _WHEN_OR_WHO.search(joined)):
            return count
        if not _BEGINS.match(first):
            return 0
    return 0


def is_end(lines: list[str], at: int) -> bool:
    """Whether nothing of the writer's words follows: a signature, a separator, or the fields of the quoted mail."""
    line = lines[at][:_LONGEST]
    return bool(_SIGNATURE.match(line) or _SEPARATOR.match(line)) or _is_field_block(lines, at)


def is_added(line: str) -> bool:
    """Whether a mail program put the line there: "Sent from my phone"."""
    return len(line) < _LONGEST and _ADDED.match(line) is not None


def _is_field_block(lines: list[str], at: int) -> bool:
    if not _FROM.match(lines[at][:_LONGEST]):
        return False
    fields = [line for line in lines[at + 1 : at + _BLOCK] if _FIELD.match(line[:_LONGEST])]
    return len(fields) + 1 >= _FEWEST_FIELDS
