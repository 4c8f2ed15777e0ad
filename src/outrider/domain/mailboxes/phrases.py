"""What machines write in nine languages: subjects and sentences of absences, receipts and bounces."""

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


AWAY_SUBJECT = _any(
    r"^(re:\s*)?out of (the )?office", r"^(re:\s*)?ooo\b", r"\bautomatic reply\b", r"\bauto[- ]?reply\b",
    r"\bauto(matic)? response\b", r"^away\b", r"\bvacation\b.*\b(reply|response|notice)\b", r"on (annual )?leave",
    r"abwesenheit", r"automatische antwort", r"nicht im büro", r"urlaubsbenachrichtigung",
    r"absence du bureau", r"réponse automatique", r"message d'absence", r"absent(e)? du bureau",
    r"respuesta automática", r"fuera de (la )?oficina", r"ausencia", r"resposta automática", r"fora do escritório",
    r"ausência", r"risposta automatica", r"fuori (ufficio|sede)", r"assenza", r"automatisch antwoord", r"afwezig",
    r"niet aanwezig", r"autosvar", r"frånvaro", r"fraværende", r"fravær", r"poza biurem", r"automatyczna odpowiedź",
)  # fmt: skip
AWAY_BODY = _any(
    r"\b(am|are|is|will be) (currently )?(out of (the )?office|on (annual |parental |maternity |sick )?leave|on vacation"
    r"|on holiday|away from|travell?ing with limited)", r"limited access to (my )?e-?mail",
    r"\bi('m| am) (currently )?(away|out) (until|from|till)", r"bin (ich )?(derzeit |aktuell |momentan )?(bis|vom|nicht"
    r" im (büro|haus)|im urlaub|abwesend|außer haus)", r"nicht (mehr )?im (büro|haus)",
    r"(suis|serai) (actuellement )?(absent|en congé|en vacances|en déplacement)", r"je suis absent",
    r"(estoy|estaré|me encuentro) (actualmente )?(fuera|de vacaciones|ausente)",
    r"(estou|estarei|encontro-me) (atualmente )?(fora|de férias|ausente)",
    r"(sono|sarò) (attualmente )?(fuori (ufficio|sede)|in ferie|assente|in vacanza)",
    r"(ben|zal) (ik )?(momenteel |tot )?.{0,40}(afwezig|niet aanwezig|met vakantie|op vakantie|met verlof)",
    r"(är|kommer att vara) .{0,30}(på semester|frånvarande|ledig)", r"(er|vil være) .{0,30}(på ferie|fraværende)",
    r"(jestem|będę) .{0,30}(poza biurem|na urlopie|nieobecn)",
)  # fmt: skip
AUTOMATIC_BODY = _any(
    r"this is an automat(ed|ic) (reply|response|message|e-?mail)", r"(thank you|thanks) for (your (e-?mail|message|enquiry"
    r"|inquiry)|contacting).{0,200}(will (get back|respond|reply)|as soon as possible|within \d+ (business |working )?"
    r"(hours|days))", r"(ticket|case|request) (number|id|#).{0,80}(created|opened|received)", r"do not reply to this",
    r"dies ist eine automatisch", r"automatisch (generierte|erstellte)", r"ceci est (une réponse|un message) automatique",
    r"este es un mensaje automático", r"esta é uma (mensagem|resposta) automática", r"questo è un messaggio automatico",
    r"dit is een automatisch",
)  # fmt: skip
BOUNCE_SUBJECT = _any(
    r"undeliver(ed|able)", r"delivery (status notification|failure|has failed|failed)", r"mail delivery (failed|system)",
    r"returned mail", r"failure notice", r"message (could )?not (be )?delivered", r"unzustellbar", r"nicht zugestellt",
    r"non remis", r"échec de (la )?remise", r"no se puede entregar", r"no entregado", r"não entregue", r"mancato recapito",
    r"onbestelbaar", r"kan inte levereras", r"niedostarcz",
)  # fmt: skip
DELAY_SUBJECT = _any(
    r"delayed", r"\bwarning: .*(could not|not yet) (be )?(sent|delivered)", r"verzögert", r"still being retried"
)
RECEIPT_SUBJECT = _any(
    r"^read:", r"^gelesen:", r"^lu\s?:", r"^leído:", r"^letto:", r"^gelezen:", r"read receipt", r"lesebestätigung"
)
MACHINE_SENDER = _any(r"^(mailer-daemon|postmaster|mail-daemon|bounce[sd]?)([+@-]|$)")
