"""What a mail asks for, where it says so: how much may be spent, by when; and in what mood it is written."""

import re

from outrider.domain.harvest.lead import Evidence, Field, Source

LOOKED_AT = 8_000  # characters
_AROUND = 60  # characters between a word and the amount that it is about
_SENTENCE = re.compile(r"[^.!?\n]*(?:[.](?=\d)[^.!?\n]*)*[.!?\n]?")
_AMOUNT = re.compile(
    r"(?:€|£|R?\$|\b(?:EUR|USD|GBP|CHF|BRL))\s?\d[\d.,'\u00a0\u202f]{0,12}(?: \d{3}){0,3}(?:\s?(?:k|m|mio)\b)?"
    r"|\b\d[\d.,'\u00a0\u202f]{0,12}(?: \d{3}){0,3}(?:\s?(?:k|tsd|mio)\b\.?)?\s?(?:€|£|\$|\b(?:euros?|EUR|USD|GBP|CHF|BRL|dollars?|pounds?|francs?|reais|franken)\b)",
    re.IGNORECASE,
)
_BUDGET = re.compile(
    r"\b(?:budget\w*|price range|(?:can|could|want to|may) spend|afford|presupuesto|orçamento|bilancio|preisrahmen|kostenrahmen|ausgeben|dépenser|gastar|spendere|besteden)\b",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:jan(?:uar[yi]?|vier)?|ene(?:ro)?|gen(?:naio)?|feb(?:ruar[yi]?|rero|braio)?|févr(?:ier)?|fevereiro|mar(?:ch|zo|ço)?|märz|mars|maart|apr(?:il[e]?)?|avril"
    r"|abr(?:il)?|may|mai|mayo|maio|maggio|mei|jun[ie]?|juin|junio|junho|giugno|jul[yi]?|juillet|julio|julho|luglio|aug(?:ust(?:us)?)?|août|agosto"
    r"|sep(?:t(?:ember|embre|iembre)?)?|setembro|settembre|o[ck]t(?:ober|obre|ubre)?|outubro|ottobre|nov(?:ember|embre|iembre|embro)?|de[cz](?:ember|embro)?|décembre|diciembre|dicembre)"
)
_DATE = re.compile(
    rf"\b(?:\d{{4}}-\d\d-\d\d|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}|\d{{1,2}}(?:\.|st|nd|rd|th|er)?(?: (?:of|de))? {_MONTH}\b\.?(?:,? (?:de )?\d{{4}})?"
    rf"|{_MONTH}\b\.?(?: \d{{1,2}}(?:st|nd|rd|th)?\b(?!:))?(?:,? \d{{4}})?)",
    re.IGNORECASE,
)
_BY = re.compile(
    r"\b(?:by|until|till|before|deadline\w*|start(?:ing|s)? (?:in|on|from)|due|no later than|bis(?: zum)?|spätestens|vor dem|ab(?: dem)?|avant(?: le)?|d['’]ici(?: le)?|à partir d[ue]|antes del?|para el|a partir del?|até|entro(?: il)?|dal|vóór|tegen|uiterlijk|vanaf)"
    r"(?: the| den| dem| el| il| le| o)?[: ]{1,3}$",
    re.IGNORECASE,
)
_MOODS = {
    "positive": re.compile(
        r"\b(?:great|excellent|love(?:ly)?|looking forward|happy|pleased|delighted|wonderful|interested|freue\w*|begeistert|toll|gerne|interessiert|ravie?s?|heureu\w+|excellent\w*|intéressée?s?|encantad[oa]s?|interesad[oa]s?|excelente"
        r"|feliz|interessad[oa]s?|felic[ei]|ottim[oa]|interessat[oi]|enthousiast|geïnteresseerd|graag)\b",
        re.IGNORECASE,
    ),
    "negative": re.compile(
        r"\b(?:complain\w*|disappoint\w*|unacceptable|terrible|angry|upset|refund\w*|broken|useless|still waiting|never (?:answered|arrived|received)|enttäusch\w*|ärgerlich|beschwer\w*|unzumutbar|defekt|kaputt|déçue?s?|inacceptable|plainte|cassée?s?|decepcionad[oa]s?|queja\w*|inaceptable|roto"
        r"|desapontad[oa]s?|reclama\w+|inaceitável|delus[oaie]|reclamo|inaccettabile|rotto|teleurgesteld|klacht\w*|onaanvaardbaar|kapot)\b",
        re.IGNORECASE,
    ),
}


def budget(said: str, text: str, source: Source) -> Field | None:
    """An amount of money in a sentence that speaks of what may be spent. `said` is a part of `text`."""
    for sentence in _SENTENCE.finditer(said[:LOOKED_AT]):
        for word in _BUDGET.finditer(sentence[0]):
            amounts = list(_AMOUNT.finditer(sentence[0], max(word.start() - _AROUND, 0), word.end() + _AROUND))
            after = [each for each in amounts if each.start() >= word.end()]
            if found := next(iter(after or amounts), None):
                return _field(found[0].strip(), 0.85, text, source)
    return None


def date(said: str, text: str, source: Source) -> Field | None:
    """The first date that something is wanted by or from, as it is written."""
    for found in _DATE.finditer(said[:LOOKED_AT]):
        if _BY.search(said, max(found.start() - 30, 0), found.start()):
            return _field(found[0].strip(" ,."), 0.75, text, source)
    return None


def sentiment(said: str, text: str, source: Source) -> Field | None:
    """positive, neutral or negative, by its words; complaints weigh more than courtesies."""
    if not said.strip():
        return None
    good, bad = (_MOODS[mood].search(said[:LOOKED_AT]) for mood in ("positive", "negative"))
    if bad:
        return _field(bad[0], 0.5 if good else 0.7, text, source, value="negative")
    if good:
        return _field(good[0], 0.6, text, source, value="positive")
    return Field("neutral", 0.5, Evidence(source, said[:80]))


def _field(quote: str, confidence: float, text: str, source: Source, *, value: str | None = None) -> Field:
    at = text.find(quote)
    start, end = (at, at + len(quote)) if at >= 0 else (0, 0)
    return Field(quote if value is None else value, confidence, Evidence(source, quote, start, end))
