"""Words by which a mail shows what kind of sender is behind it: each pattern, what it counts, and how it is called."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from outrider.providers.mail.sieve import Sieve


@dataclass(frozen=True, slots=True)
class Sign:
    pattern: re.Pattern[str]
    points: float
    what: str


def _signs(*rows: tuple[str, float, str]) -> tuple[Sign, ...]:
    return tuple(Sign(re.compile(pattern, re.IGNORECASE), points, what) for pattern, points, what in rows)


class Signs:
    """The signs of several kinds that are looked for in one text."""

    def __init__(self, by_kind: Mapping[str, tuple[Sign, ...]]) -> None:
        self._signs = [(kind, sign) for kind, signs in by_kind.items() for sign in signs]
        self._sieve = Sieve([sign.pattern for _, sign in self._signs])

    def maybe_in(self, text: str) -> list[tuple[str, Sign]]:
        """Returns the kind and sign of those that the text may show, and no beginning of it shows another."""
        found = self._sieve.may_hold(text)
        return [each for place, each in enumerate(self._signs) if place in found]


# Of the address before the @.
ROBOT = re.compile(
    r"(?:^|[.+_-])(?:[\w-]*ro?bot|bot|disputes?|replies|no-?reply|do-?not-?reply|ne-?pas-?repondre|nao-?responda|no-?responder|notif\w*|alerts?|cron|root|nobody|daemon|mailer-daemon|postmaster"
    r"|bounces?|receipts?|invoices?|rechnung\w*|billing|facturation|tracking|status|system|security|bugzilla|jira|jenkins|build\w*|ci|git\w*"
    r"|accounts?|konto\w*|verif\w*|reminders?|tickets?|orders?|bestellung\w*|pedidos?|commandes?|ordini|submissions?|www-data|apache|mailman|listserv|majordomo"
    r"|support|service|helpdesk|domains?|payments?|zahlung\w*)(?:$|[.+_-])",
    re.IGNORECASE,
)
LETTER = re.compile(
    r"(?:^|[.+_-])(?:news\w*|rss\w*|digest|daily\w*|weekly\w*|editors?|redactie|redaktion|redazione|redaction|letters?|bulletin|headlines|toc|press\w*|tips?|list|trivia|e?zine|subscriptions?|nyhetsbrev|boletim|boletin)"
    r"(?:$|[.+_-])",
    re.IGNORECASE,
)
SHOP = re.compile(
    r"(?:^|[.+_-])(?:offers?|angebote?|promo\w*|deals?|sales?|marketing|shop|store|ofertas?|offres?|offerte|cupons?|coupons?|rabatt\w*|aanbieding\w*|specials?|rewards?|join|hello)"
    r"(?:$|[.+_-])",
    re.IGNORECASE,
)
ANSWER = re.compile(
    r"^\s*(?:\[[^\]]{1,40}\]\s*)?(?:re|aw|sv|antw|odp|rif|res|vs|tr|wg|fwd?|doorst)(?:\[\d+\])?\s*:", re.IGNORECASE
)

_DAY = (
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|mo|tue?|wed|thu|fri|montag|dienstag|mittwoch|donnerstag|freitag|samstag|lundi|mardi|mercredi|jeudi|vendredi|lunes|martes|mi[ée]rcoles|jueves|viernes"
    r"|luned[iì]|marted[iì]|mercoled[iì]|gioved[iì]|venerd[iì]|maandag|dinsdag|woensdag|donderdag|vrijdag|segunda|ter[çc]a|quarta|quinta|sexta|tomorrow|morgen|demain|ma[ñn]ana|domani|amanh[ãa]|next week)"
)
MEETING_SUBJECT = _signs(
    ((r"^\W*(?:(?:updated |new )?invitation|invite|cancell?ed(?: event)?|accepted|declined|tentative(?:ly accepted)?|(?:re)?scheduled?|einladung|abgesagt|zugesagt|abgelehnt|angenommen"
     r"|termin(?:vorschlag|einladung|absage|verschiebung)?|uitnodiging|geannuleerd|geaccepteerd|invitaci[oó]n|cancelad[oa]|aceptad[oa]|convite|aceite|invito|annullato|accettato|invitation|annul[ée]e?|accept[ée]e?|refus[ée]e?|zaproszenie)\s*:"), 3.0, "a calendar's subject"),
    (r"\b(?:meeting|appointment|reminder of (?:your )?(?:call|appointment)|your (?:seat|booking|call|slot)|interview|1:1|catch[- ]?up|stand-?up|webinar)\b.{0,60}(?:\d{1,2}[:.h]\d\d|\d ?[ap]m\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|today)", 2.5, "a meeting with its time"),
    (r"\b(?:cita|termin|afspraak|rendez-vous|appuntamento|consulta|reuni[oó]n|reuni[aã]o|r[ée]union|besprechung|spotkanie)\b.{0,60}(?:\d{1,2}[:.h]\d\d|\b(?:lunes|martes|mi[ée]rcoles|jueves|viernes|montag|dienstag|mittwoch|donnerstag|freitag|lundi|mardi|mercredi|jeudi|vendredi)\b)", 2.5, "a meeting with its time"),
    (r"\b(?:re-?schedul\w+|scheduling|choose (?:a )?dates?|pick a (?:time|date|slot)|find a time|(?:moving|move|postpone|push|cancel) (?:our|the|my|today'?s|tomorrow'?s) \S+|terminvorschlag|terminfindung|new event:|event scheduled|terminabstimmung|verplaatsen|d[ée]placer|cambio de hora)(?:\b|(?<=:))", 3.5, "arranging a time"),
    (r"\b(?:our|the|your) (?:1:1|meeting|call|sync|stand-?up|catch-?up|appointment|interview)\b", 1.5, "a meeting"),
    (r"\b(?:agenda|visit|call|meeting|meet|demo|workshop|besuch|treffen|visite|visita|bezoek|reuni\w+|r[ée]union|spotkanie)\b.{0,40}\b" + _DAY + r"\b", 2.5, "a meeting and its day"),
    (r"\b(?:lunch|coffee|call|meet(?:ing)?|drinks|dinner|treffen|kaffee|mittagessen|bellen|appel|llamada|caff[eè]|chiamata)\b.{0,40}(?:\?|\b(?:mon|tues|wednes|thurs|fri)day|\bnext week|\btomorrow)", 2.0, "arranging a time"),
)  # fmt: skip
MEETING_TEXT = _signs(
    (r"\b" + _DAY + r"\b.{0,30}(?:\d{1,2}[:.h]\d\d|\d ?[ap]m\b|\bat \d|\bum \d|\bom \d|\bà \d|\balle \d|\ba las \d|\bàs \d).{0,40}\b(?:suits?|works?|is fine|passt|geht|convient|me va|va bene|schikt|komt uit|está bien|serve|fica bem|pasuje)\b", 3.0, "it agrees on a time"),
    (r"(?<![\d:T])\b\d{1,2}[:.h]\d\d\b(?![:\d]).{1,60}(?<![\d:T])\b\d{1,2}[:.h]\d\d\b(?![:\d])", 1.0, "hours of a day"),
    (r"\b(?:does|would|is|passt|geht|uitkomt|schikt|convient|vous va|te va|le va|va bene|pode ser)\b.{0,50}\b" + _DAY + r"\b.{0,60}\?", 3.0, "it asks for a time"),
    ((r"\b(?:are you (?:free|available|around)|do you have time|can we (?:meet|talk|push|move|postpone|reschedule)|could we (?:meet|push|move)|let'?s (?:meet|push|move)|which do you prefer|what time (?:works|suits)"
     r"|hast du zeit|haben sie zeit|passt (?:es|ihnen|dir)|k[öo]nnen wir uns treffen|heb je tijd|kun je|[êe]tes-vous (?:libre|disponible)|es-tu (?:libre|dispo)|est[áa]s libre|tiene tiempo|podemos (?:vernos|reunirnos)|sei libero|[èe] libero)\b"), 2.0, "it asks for a time"),
    ((r"\b(?:would like to meet|has (?:scheduled|booked|invited you)|has been (?:scheduled|rescheduled|booked)|join link|dial[- ]in|add to calendar|invites you to (?:choose|a meeting)|pick the times?|this invitation|cette invitation|esta invitaci[óo]n|diese einladung|deze uitnodiging"
     r"|you'?re (?:booked|registered)|(?:le )?recordamos su cita|ihr termin|uw afspraak|votre rendez-vous|su cita|il suo appuntamento|reschedule or cancel|confirm,? (?:change|reschedule)|umbuchen oder absagen)\b"), 2.0, "it is about a meeting"),
)  # fmt: skip

TOOL_SUBJECT = _signs(
    (r"\b(?:receipt|invoice|payment|paid|refund|statement|order(?: (?:no|number|confirm\w+|shipped))|shipped|delivered|out for delivery|parcel|package|your trip|subscription (?:renew\w+|confirm\w+)|renews?|expir(?:es|ing|ed))\b", 1.5, "a transaction"),
    (r"\b(?:rechnung|zahlung|quittung|bestell(?:ung|best[äa]tigung)|sendung|paket|kontowecker|gutschrift|lastschrift|antrag|factuur|betaling|bestelling|pakket|verzonden|facture|paiement|commande|colis|livraison|factura|pago|pedido|env[ií]o|recibo|fattura|pagamento|ordine|spedizione|fatura|encomenda|paragon|zam[óo]wienie)\b", 1.5, "a transaction"),
    (r"\b(?:verif\w+|confirm your|(?:security|login|sign[- ]in|access|one[- ]time) (?:code|alert|link)|new sign[- ]in|password|2fa|passcode|best[äa]tigungscode|anmeldung|connexion|contrase[ñn]a|mot de passe|wachtwoord|passwort)\b", 2.0, "an account"),
    (r"\b(?:down|up|failed|failure|passed|succeeded|error|exception|warning|alert|critical|resolved|incident|cron|build|deploy\w*|pipeline|backup|quota|disk|monitor|traceback|timeout)\b\W", 1.0, "a system's state"),
    (r"^\W*(?:down|up|error|alert|warning|critical|resolved|cron|fixed|failed|success)\b|\bcron\b.*@|\w+(?:Error|Exception)\b", 2.0, "a system's state"),
    (r"\b(?:mentioned you|commented|assigned (?:you|to you)|new (?:issue|comment|message|follower|submission|login|device|device|sign)|sent you a|wants to connect|liked|reacted|shared .{1,40} with you|invited you to (?:join|edit|collaborate)|pull request|merge request|commit|bug \d+)\b|\b(?:cvs|svn|git):|#\d{2,}\b|\[[\w.-]+/[\w.-]+\]", 2.0, "a program's notice"),
    (r"\b(?:terms of (?:service|use)|privacy policy|nutzungsbedingungen|conditions d'utilisation|is being processed|eingegangen|ticket|case|request received|has been received)\b", 1.5, "a program's notice"),
    (r"\b(?:returned mail|undeliver\w+|failed mail|delivery (?:status|failure|fail\w*)|mail delivery)\b|\b(?:un)?subscri(?:be|ption) (?:results|confirm\w*|request)|\bconfirm [0-9a-f]{6,}|\bmailing list memberships?|\bmoderat(?:or|ion) request", 3.0, "a mail system's notice"),
)  # fmt: skip
TOOL_TEXT = _signs(
    (r"\b(?:service message|do not reply|please don'?t reply|automat(?:ed|ic|ically|isch|ique|ico|isierte)\b.{0,30}(?:mail|message|generated|nachricht|notif\w*)|antworten sie nicht|ne pas r[ée]pondre|no responda|non rispondere|niet (?:te )?beantwoorden|n[ãa]o responda)\b", 2.0, "nobody reads answers to it"),
    (r"\b(?:if (?:this|it) (?:was|wasn'?t) you|secure your account|no action is (?:needed|required)|you don'?t need to do anything|your (?:account|order|parcel|payment|domain|plan|trial|code)\b|ihre? (?:konto|bestellung|sendung|antrag|rechnung)|wurde erfasst)\b", 1.0, "it is about an account"),
    (r"(?:^|\s)(?:total|summe|totaal|importe|amount)\b.{0,20}\d+[.,]\d\d\b|\b(?:eur|usd|gbp|chf)\b.{0,3}\d|\d ?(?:eur|usd|gbp|chf)\b", 0.5, "amounts"),
    (r"\b(?:no such file|traceback|exception|http \d{3}|stack trace|update of /|modified files|exit (?:code|status)|line \d+|users affected|is down since|errata)\b", 1.5, "a system's words"),
)  # fmt: skip

LETTER_SUBJECT = _signs(
    (r"\b(?:newsletter|digest|bulletin|headlines|gazette|chronicle|rundbrief|nieuwsbrief|bolet[ií]n|boletim|infolettre|nyhetsbrev|nyhedsbrev|carta n|tech ?tips?|horoscope|(?:issue|edition|no|nr|vol|episode|folge|aflevering|num[ée]ro|n[.ºo°]+)[ .:#]*\d+)\b", 2.5, "a periodical's subject"),
    (r"\b(?:daily|weekly|monthly|today'?s|this week'?s?|wochen\w*|t[äa]glich\w*|hebdo\w*|quotidien\w*|semana|settimana|of the (?:day|week|month)|a-day|table of contents|in review|roundup|round-up|press release|what'?s new|news)\b", 1.5, "a periodical's rhythm"),
    (r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december) (?:\d{1,2}, )?\d{4}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b|\b\d{1,2} (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w* \d\d", 1.5, "the day of an issue"),
)  # fmt: skip
LETTER_TEXT = _signs(
    ((r"\b(?:in (?:this|today'?s) (?:issue|edition|week'?s)|in dieser ausgabe|dans ce num[ée]ro|en este n[úu]mero|in questo numero|welcome to (?:the|this|our|another) .{0,40}(?:newsletter|issue|edition)|view this (?:issue|email|newsletter)|thanks for reading|obrigad[ao] por ler|gracias por leer|danke f[üu]rs lesen"
     r"|merci de (?:me|nous) lire|here'?s what you need to know|for immediate release|forward (?:this|it) to a friend|back issues|e-?zine|from our sponsor|today'?s headlines|read (?:this|it) online)\b|\bvol(?:ume|\.)? ?\d+|\b(?:issue|edition|no\.) ?#?\d+\b"), 2.0, "a periodical's words"),
    (r"\bsponsored by\b|\ball rights reserved\b|\bcopyright \S+ \d{4}\b|\bnot display(?:ing|ed)? (?:properly|correctly)|\bview (?:it )?in (?:your )?browser\b", 1.0, "a mailing's words"),
    (r"\bnewsletter\b|\bsubscribers?\b|\b(?:you are|you'?re) (?:currently )?subscribed\b|\bdear (?:members|readers|parents|neighbou?rs)\b|\b(?:this|diese|cette|esta|questa|deze) (?:week|woche|semaine|semana|settimana)\b|\bnew articles\b", 1.0, "a periodical's words"),
)  # fmt: skip

SHOP_SUBJECT = _signs(
    (r"\b\d{1,2} ?(?:%|percent|prozent|por ciento|per cento|por cento|pour cent|procent)|\b(?:% off|\boff\b.{0,10}(?:everything|all)|discount|sale\b|half[- ]price|mitad de precio|metade do pre[çc]o|met[àa] prezzo|halber? preis|moiti[ée] prix|halve prijs|rabatt\w*|sconto|sconti|soldes|r[ée]duction|descuento|desconto|korting|cupom|coupon|gutschein|voucher|zni[żz]k\w+|promo\w*|oferta|offre|angebot\w*|aanbieding|offerta)", 2.5, "a discount"),
    (r"\b(?:free (?!software|bsd|lance)|save (?:up|big|now|\$|\d)|deals?\b|special (?:offer|deal)|limited|last chance|ends (?:tonight|today|soon|in)|expires? (?:today|tonight)|expira hoje|nur heute|letzte chance|derni[èe]re chance|[úu]ltim\w+ (?:d[ií]as?|giorni|hora)|ultimi giorni|today only|hurry|don'?t miss|exclusive|grants?!|sweepstakes|you'?ve been (?:selected|nominated)|congratulations on|congratulations!|guaranteed?|approved!|lowest|cheap|loan|mortgage|credit|debt|invest(?:ing|ment)|earn|income|hiring|at home|viagra|casino|weight|sex\w*|adult|toner|secrets? of)\b", 1.5, "an advertisement's subject"),
    (r"!{2,}|\${1,}\d|\bADV\b|\.{5,}|\s{5,}\S|[a-z]\d{4,}\W*$|\s[0-9]{3,}[A-Za-z]\w{4,}|^[^a-z]{18,}$", 1.5, "a subject as advertisers write it"),
    (r"\b(?:released!|now available|introducing|new release|register (?:now|today)|order (?:now|today)|web seminar|upgrade (?:now|today)|back to school|gift guide|shop\b|store\b|collection)\b", 1.0, "wares"),
    (r"\b(?:errors? on your (?:website|site)|for (?:your )?(?:business|company)|partnership (?:opportunity|proposal)|quick question|services? available|f[üu]r ihr unternehmen|pour votre entreprise|para su empresa|per la (?:sua|tua) azienda|per la vostra azienda|dla pa[ńn]stwa|voor uw bedrijf|para a sua empresa|be featured|top \d+)\b", 1.5, "selling to a firm"),
)  # fmt: skip
SHOP_TEXT = _signs(
    (r"\b(?:order|buy|shop|act|call|apply|sign up|join|register|enrol|book|claim|subscribe|click)\b(?: \w+){0,3} (?:now|today|here|below|before)\b|\blimited[- ](?:time|offer)|\bspecial (?:offer|price|deal)s?\b|\bjetzt (?:kaufen|bestellen|sichern)|\bcommandez\b|\bcompra(?:r)? (?:ahora|agora|ora)\b|\baproveite\b|\baprovech\w+|\bacquista\b|\bbestel nu\b", 1.5, "it urges to buy"),
    (r"\b(?:free (?:trial|gift|shipping|quote|audit|access|delivery|sample|consultation|report|grant)|\d{1,2} ?% (?:off|auf|de)|(?:use|usar?|utilis\w+|mit|com|con|with)? ?(?:code|c[óo]digo|codice) [A-Z]{2,}\d+|consegna gratuita|env[ií]o gratis|livraison gratuite|gratis verzending|versandkostenfrei|frete gr[áa]tis|joining fee|no (?:obligation|credit check)|money[- ]back|risk[- ]free|100 ?%|satisfaction)\b", 1.5, "an offer"),
    (r"\b(?:we|i) (?:offer|help|can help|specialise|specialize|provide|work with (?:companies|firms|a company))\b|\b(?:are|am) (?:glad|pleased|proud|happy) to (?:announce|offer|deliver|present)\b|\b(?:oferujemy|pomagamy|wir bieten|wir helfen|nous proposons|nous aidons|ofrecemos|ayudamos|offriamo|aiutiamo|oferecemos|ajudamos|wij bieden|wij helpen|we helpen|hj[äa]lper)\b", 1.5, "it offers its services"),
    (r"\b(?:shall|can|may|could|should) i (?:send|show|share|call|give)\b|\bdarf ich\b|\bmag ik\b|\bpuis-je vous\b|\bczy mog[ęe]\b|\b¿?(?:le|les|te) (?:envío|interesa|puedo)\b|\bposso (?:inviar|mandar|enviar)\w*\b|\bworth a (?:quick )?(?:chat|call)\b|\b(?:quick|\d\d[- ]?min\w*) (?:call|demo|chat|gespr[äa]ch|esta semana|cette semaine)\b|¿hablamos\b|\bhast du \d\d minuten\b|\bopen to a\b|\byour (?:website|site|main keywords|competitors)\b|\bsponsorship\b", 1.5, "it sells to a stranger"),
    (r"\b(?:million|billion)s? (?:of )?(?:dollars|people|emails)|\b(?:viagra|casino|mortgage|refinanc\w+|lose weight|toner|work (?:at|from) home|make money|extra (?:income|money)|debt|lottery|herbal|pharmac\w+|teens?|adult|porn\w*|xxx|credit card|interest rates?|insurance|investors?|home loans?|stock (?:pick|alert|market)|wholesale|catalog\w*|contests?|sweepstakes|win an?|(?:business|great|excellent) opportunit\w+|excelentes oportunidades|accessor\w+)\b", 1.0, "an advertiser's wares"),
    (r"\bdear (?:friend|sir|madam|customer|member|user|computer user|homeowner|investor)\b|\bto (?:be )?remove\w*\b|\bremove\b.{0,40}\bsubject\b|\bthis (?:e-?mail|message) (?:is|was|has been) (?:not )?(?:sent|an? ad|spam|unsolicited)|\b(?:unbelievable|lowest|best) prices?\b|\bguarantee[ds]?\b|\bopt[- ](?:in|out)\b", 1.0, "an advertiser's words"),
    (r"(?:\$|£|€) ?\d[\d.,]*\b.{0,300}(?:\$|£|€) ?\d[\d.,]*\b", 0.5, "prices"),
)  # fmt: skip
SUBJECTS = Signs(
    {"meeting": MEETING_SUBJECT, "tool": TOOL_SUBJECT, "newsletter": LETTER_SUBJECT, "promotional": SHOP_SUBJECT}
)
TEXTS = Signs({"meeting": MEETING_TEXT, "tool": TOOL_TEXT, "newsletter": LETTER_TEXT, "promotional": SHOP_TEXT})
