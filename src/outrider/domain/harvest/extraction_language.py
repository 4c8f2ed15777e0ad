"""Which language a text is in, by its small words."""

import re

_WORD = re.compile(r"[^\W\d_]{1,20}")
_LOOKED_AT = 4_000
_WORDS = {
    "en": "the and of to is in you for we that with have are our would could can your this i my on please it be do not how what",
    "de": "der die das und ist wir ich sie nicht ein eine einen für mit auf wie bitte können uns zu den im von haben möchte sind guten was kostet es wird dem",
    "fr": "le la les et est nous je vous pour une un des du avec pas dans bonjour merci sur que notre votre de qui pouvez cherchons mon au en",
    "es": "el la los las y es nosotros para una un con por que no en hola gracias del nuestro usted quiero se de necesito su como me lo al buenas cuanto",
    "pt": "o a os as e é nós para uma um com por que não em olá obrigado do da nosso você quero se de preciso seu como me no na dos são bom",
    "it": "il la i le e è noi per una un con che non in buongiorno grazie del della nostro voi vorrei si di sono come mi al gli da ho avrei salve",
    "nl": "de het een en is wij we ik voor met niet van op dat te zijn graag kunnen ons onze u jullie wat hoe naar bij hebben aan kan ook goedendag wil",
}
_LANGUAGES_OF: dict[str, list[tuple[str, float]]] = {}
for _language, _words in _WORDS.items():
    for _word in set(_words.split()):
        _LANGUAGES_OF.setdefault(_word, []).append((_language, 1.0))
_LETTERS = {
    "ß": "de", "ü": "de", "ö": "de", "ñ": "es", "¿": "es", "¡": "es", "ã": "pt", "õ": "pt", "ì": "it", "ò": "it", "ù": "it",
    "ê": "fr", "œ": "fr", "ij": "nl",
}  # fmt: skip


def guess(text: str) -> tuple[str, float]:
    """Returns an ISO 639-1 code and a confidence; "" where nothing tells."""
    text = text[:_LOOKED_AT].lower()
    scores = dict.fromkeys(_WORDS, 0.0)
    for match in _WORD.finditer(text):
        languages = _LANGUAGES_OF.get(match[0], [])
        for language, weight in languages:
            scores[language] += weight / len(languages)
    for letter, language in _LETTERS.items():
        scores[language] += 0.3 * min(text.count(letter), 4)
    best, second = sorted(scores.values(), reverse=True)[:2]
    if not best:
        return "", 0.0
    language = max(scores, key=lambda each: scores[each])
    return language, round(min(0.99, 0.5 + (best - second) / (2 * best)), 2)
