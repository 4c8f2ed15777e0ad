"""Which language a text is in, by its small words."""

import re

_WORD = re.compile(r"[^\W\d_]{1,20}")
_LOOKED_AT = 4_000
# Scripts that one language uses most; a few letters in a row are no accident.
_SCRIPT = re.compile(
    r"(?P<ja>[぀-ヿ]{2})|(?P<ko>[가-힯]{2})|(?P<zh>[一-鿿]{4})|(?P<ru>[а-яё]{4})|(?P<el>[α-ω]{4})|(?P<ar>[ء-ي]{4})"
)
_WORDS = {
    "en": "you about from week they was were been also there if so just has an as at by or but all any new need like get which when will looking quote price phone company name email message request form the and of to is in you for we that with have are our would could can your this i my on please it be do not how what",
    "de": "wann wo sie ihr ihre unser unsere brauchen suche gern gerne bitte nachricht telefon firma anfrage angebot inklusive anbieten nach bei aus vom zum zur grüßen auch noch nur oder wenn der die das und ist wir ich sie nicht ein eine einen für mit auf wie bitte können uns zu den im von haben möchte sind guten was kostet es wird dem",
    "fr": "quel combien votre vos nos je souhaite souhaitons devis société téléphone prénom nom demande faire peut au aux ou ce cette ne plus depuis et merci cordialement le la les et est nous je vous pour une un des du avec pas dans bonjour merci sur que notre votre de qui pouvez cherchons mon au en",
    "es": "cuánto quisiera podría podrían queremos necesitamos presupuesto nombre teléfono empresa mensaje dos desde semana usted ustedes saludo saludos está más muy este esta hay son hola al el la los las y es nosotros para una un con por que no en hola gracias del nuestro usted quiero se de necesito su como me lo al buenas cuanto",
    "pt": "gostaria podem queremos precisamos orçamento nome telefone mensagem solicito cotação mês desde você vocês cumprimentos está mais muito este esta há são ao pela pelo até o a os as e é nós para uma um com por que não em olá obrigado do da nosso você quero se de preciso seu como me no na dos são bom",
    "it": "quanto possiamo vorremmo abbiamo bisogno preventivo nome telefono azienda messaggio ritiro consegna servono colli peso data desideriamo potete più molto questo questa ci ho hanno alla dal dalla richiesta ruolo il la i le e è noi per una un con che non in buongiorno grazie del della nostro voi vorrei si di sono come mi al gli da ho avrei salve",
    "nl": "kost kosten zoeken willen offerte naam telefoon bedrijf bericht gewicht laadplaats losplaats nodig vervoer groet groeten hallo beste heb er om uit tot over bij nog maar als dan mijn hun de het een en is wij we ik voor met niet van op dat te zijn graag kunnen ons onze u jullie wat hoe naar bij hebben aan kan ook goedendag wil",
}
_LANGUAGES_OF: dict[str, list[tuple[str, float]]] = {}
for _language, _words in _WORDS.items():
    for _word in set(_words.split()):
        _LANGUAGES_OF.setdefault(_word, []).append((_language, 0.4 if len(_word) == 1 else 1.0))
_LETTERS = {
    "ß": "de", "ü": "de", "ö": "de", "ñ": "es", "¿": "es", "¡": "es", "ã": "pt", "õ": "pt", "ì": "it", "ò": "it", "ù": "it",
    "ê": "fr", "œ": "fr", "ij": "nl",
}  # fmt: skip


def guess(text: str) -> tuple[str, float]:
    """Returns an ISO 639-1 code and a confidence; "" where nothing tells."""
    text = text[:_LOOKED_AT].lower()
    if match := _SCRIPT.search(text):
        return next((name for name in ("ja", "ko", "zh", "ru", "el", "ar") if match[name]), ""), 0.9
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
