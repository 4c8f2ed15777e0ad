"""What machines write in nine languages: subjects and sentences of absences, acknowledgements, receipts and bounces."""

import re

from outrider.providers.mail.sieve import Sieved


def _any(*patterns: str) -> Sieved:
    return Sieved(re.compile("|".join(patterns), re.IGNORECASE))


ANSWER_PREFIX = re.compile(r"^\s*(?:re|aw|sv|antw|odp|rif|r|res|tr|wg)\s?:\s*", re.IGNORECASE)
FORWARD_PREFIX = re.compile(r"^\s*(?:fwd?|wg|tr|rv|i|doorst|enc|vs|pd)\s?:", re.IGNORECASE)

# Subjects a person would hardly type; of an absence, or of any automatic answer.
AWAY_SUBJECT = _any(
    r"^out[ -]of[ -](?:the[ -])?office(?! (?:party|meeting|lunch|event))\b", r"^ooo\b", r"^away\b", r"\b(is|am|are) (currently )?(out of (the )?office|away)\b",
    r"^(i am|i'm) (currently )?(on (holiday|vacation|leave|annual)|away|out of)\b", r"^(on )?(annual leave|vacation|holidays?)\W*$", r"^vacation (re|notice|message)",
    r"^abwesen(d|heit)", r"\bist (außer haus|nicht im (büro|haus)|abwesend)", r"^nicht im (büro|haus)", r"^urlaub(snotiz|smeldung)?\W*$",
    r"^absen(t|ce)\b", r"\best absente?(\(e\))?", r"^en (congés?|vacances)\b",
    r"^(estoy )?fuera de (la )?oficina", r"^ausen(te|cia)\b", r"\bestá fuera de la oficina", r"^de vacaciones",
    r"^fora d[oe] escritório", r"^ausênci", r"^(de )?férias\W*$", r"^fuori (ufficio|sede)", r"^assen(te|za)\b", r"^in ferie\b",
    r"^(afwezig|niet aanwezig)", r"\bis (niet aanwezig|afwezig)", r"^(met )?vakantie\W*$", r"^frånvar", r"^på semester", r"^fravær",
    r"^(jestem )?(poza biurem|nieobecn)", r"^(jestem )?na urlopie", r"^message d'absence", r"^avis d'absence", r"^bin (im urlaub|nicht da|abwesend|verreist)",
    r"^(不在|休業|休暇|夏季休業|年末年始)", r"^not in the office", r"^niet op kantoor", r"^afwezigheid", r"^non in ufficio", r"^no estoy en la oficina",
)  # fmt: skip
AUTOMATIC_SUBJECT = _any(
    r"^\W{0,2}auto(mat(ic|ed))?[- ]?(reply|response|answer|responder)\b", r"^automatische (antwort|reaktion)",
    r"^réponse automatique", r"^respuesta autom[aá]tica", r"^resposta autom[aá]tica", r"^risposta automatica",
    r"^automatisch (antwoord|bericht)", r"^auto(matiskt? )?svar", r"^odpowiedź automatyczna", r"^automatyczna odpowiedź",
    r"^autoodpowiedź", r"^[【\[]?自動(返信|応答|送信)", r"^auto:",
)  # fmt: skip
# Weaker: they count only on a mail that answers nothing.
RECEIVED_SUBJECT = _any(
    r"^(we('ve| have)? (got|received)|thank you for (contacting|your (e-?mail|message|application|enquiry|inquiry|request)))",
    r"^your (message|request|enquiry|inquiry|e-?mail) (has been|was) received", r"^(ticket|case|request) (#|id|no\.?|\d)",
    r"^eingangsbestätigung", r"^wir haben ihre", r"^accusé de réception", r"^(nous avons bien reçu)", r"^acuse de recibo",
    r"^hemos recibido", r"^confirmação de (rece|remetente)", r"^recebemos ", r"^conferma di ricezione", r"^abbiamo ricevuto",
    r"^ontvangstbevestiging", r"^(wij|we) hebben uw", r"^please confirm (\(conf#|your (message|address))",
    r"^no longer (with|at|employed)", r"^mottagningsbekräftelse", r"^potwierdzenie otrzymania",
)  # fmt: skip
AWAY_BODY = _any(
    r"\b(am|are|is|be|'m|'re) (currently |now )?(out of (the |my )?office|on (\w+ )?leave|on (vacation|holidays?)|travell?ing"
    r"|away from|out (today|until|from|till)|away (until|from|till)|closed)", r"\b(limited|no) access to (my )?e-?mail",
    r"\bwill return on\b", r"\bupon my return\b", r"\bon my return\b", r"\b(bin|sind|ist|werde|befinde) .{0,40}(im urlaub|abwesend"
    r"|außer haus|in elternzeit|auf dienstreise|nicht (mehr )?(im (büro|haus)|erreichbar|am platz)|geschlossen)",
    r"\bheute .{0,40}morgen .{0,20}wieder", r"nach meiner rückkehr", r"\b(suis|serai|sommes|serons|est) .{0,30}(absent|en congé"
    r"|en vacances|en déplacement|fermée?s?\b)", r"\bdès mon retour\b",
    r"\b(estoy|estaré|me encuentro|permanece|estamos|estaremos) .{0,30}(fuera|de vacaciones|de baja|ausente|cerrado)",
    r"\b(estou|estarei|encontro-me|estamos|estaremos) .{0,30}(fora|de férias|ausente|de licença|encerrad)",
    r"\b(sono|sarò|siamo|è) .{0,30}(fuori (ufficio|sede)|in ferie|assente|in vacanza|chius[oi] per)",
    r"\b(ben|zal|zijn|is) .{0,40}(afwezig|niet aanwezig|(met|op) vakantie|met verlof|niet op kantoor|gesloten)",
    r"\b(är|kommer att vara) .{0,30}(på semester|frånvarande|ledig|tjänstledig)", r"\b(er|vil være) .{0,30}(på ferie"
    r"|fraværende|bortreist)", r"\b(jestem|będę|przebywam|dziś) .{0,30}(poza biurem|na urlopie|nieobecn|na zwolnieniu)",
    r"\b(away|working|in the office|work) (on )?(mon|tues|wednes|thurs|fri)days? (and|or|to|through) \w+days? only", r"休業|休暇|不在|夏休み",
    r"\b(em|na|no) licença", r"\bdziś nieobecn",
)  # fmt: skip
GONE_BODY = _any(
    r"\bno longer (works?|working|with|employed|at)\b(?! on\b)", r"\bhas left (the company|us|our company)\b", r"\bdoes(n't| not) work here any ?more",
    r"\b(has |have )?retired (in|from|on|after|at)\b", r"nicht mehr (für|bei|in) .{0,40}(tätig|beschäftigt|unternehmen)",
    r"unternehmen verlassen", r"\bim ruhestand\b|^bin in rente", r"ne (travaille|fait) plus (partie|chez|pour)?", r"a quitté (l'entreprise|la société|notre)",
    r"ya no (trabaj[ao]|forma parte)", r"ha dejado (la empresa|de trabajar)", r"já não (colabora|trabalha)", r"não (trabalha|faz) mais",
    r"deixou a empresa", r"non (lavora|collabora) più", r"ha lasciato (l'azienda|la società)", r"niet (meer|langer) (werkzaam|in dienst)",
    r"werkt niet (meer|langer) (bij|voor)", r"arbetar inte längre", r"nie pracuje już|już nie pracuje|nie jest już pracownik", r"退職(いた|し)",
)  # fmt: skip
CHALLENGE = _any(
    r"\bask new senders\b", r"(to deliver|release) .{0,40}your (message|e-?mail).{0,60}(reply to this|click|confirm)",
    r"just reply to this message, leaving the subject", r"(confirm|verify) (that )?you are (a (real )?person|human|not a (robot|spammer))",
    r"anti-?spam\b.{0,60}(click|klicken|cliquez|haga clic|clique|clicca|klik|kliknij)", r"per consegnare il tuo messaggio",
    r"(para|pour) (entregar|liberar|livrer|remettre) .{0,30}(mensaje|mensagem|message).{0,60}(respond|clique|cliquez|haga)",
    r"um ihre (e-?mail|nachricht) zuzustellen.{0,60}(antworten|klicken|bestätigen)",
)  # fmt: skip
# Of these, what a person would not write even about such systems.
SURE_CHALLENGE = _any(
    r"\bi ask new senders to (solve|click|confirm|verify)", r"^just reply to this message, leaving the subject intact",
)  # fmt: skip
# A mail that says of itself, in its own words, that no person wrote it.
# Stand in whatever the pattern below them finds, in small letters: most texts have none, which is known much sooner.
AUTOMATIC_STEMS = ("autom", "自動")
AUTOMATIC_BODY = _any(
    r"\b(this|it) is an? automat(ed|ic)(ally generated)? (reply|response|message|e-?mail|notification|answer)",
    r"this (message|e-?mail|reply) (was|has been|is) (created|generated|sent) automatically",
    r"dies(e|es)? (ist eine|e-?mail wurde|nachricht wurde) automatisch", r"automatisch (generierte|erstellte) (e-?mail|nachricht)",
    r"cec?i est (une réponse|un message) automatique", r"(message|courriel|réponse) (généré|envoyé)e? automatiquement",
    r"(este es un )?(mensaje|correo) (automático|generado automáticamente)", r"esta é uma (mensagem|resposta) automática",
    r"mensagem (automática|gerada automaticamente)", r"questo è un messaggio automatico", r"messaggio generato automaticamente",
    r"dit is een automatisch", r"automatisch gegenereerd", r"detta är ett automatiskt", r"wiadomość (wygenerowana )?automatyczn",
    r"(?:^|[.!\n])\s*(?:messaggio|mensaje|mensagem) automatic[oa]|(?:^|[.!\n])\s*(?:message|réponse) automatique", r"automatische (?:antwort|eingangsbestätigung|benachrichtigung)",
    r"automatyczna odpowiedź|odpowiedź automatyczna", r"自動(?:返信|送信|配信)(?:メール|です|され|して)", r"(?:created|generated|sent) automatically by",
)  # fmt: skip
# Nobody reads what is sent there.
UNREAD_BODY = _any(
    r"\b(?:mail ?box|inbox|e-?mail account|e-?mail address|address) is (?:no longer|not(?: being)?|un)[ -]?(?:monitored|attended|checked|read)\b(?!\?)",
    r"postfach wird nicht (?:mehr )?(?:gelesen|betreut|überwacht)", r"(?:boîte|adresse)\b.{0,30} n'est (?:plus|pas) (?:consultée|lue|relevée|surveillée)",
    r"(?:buzón|dirección|cuenta)\b.{0,30} (?:ya )?no (?:se (?:lee|revisa|consulta|atiende)|está supervisad[oa])", r"(?:casella|indirizzo)\b.{0,30} non (?:è|viene) (?:più )?(?:presidiat|monitorat|lett|consultat)[oa]",
    r"(?:caixa|endereço)\b.{0,30} (?:já )?não (?:é|está a ser) (?:monitorizad|monitorad|lid|consultad)[oa]", r"(?:mailbox|postvak|adres) wordt niet (?:meer )?(?:gelezen|bekeken|beheerd|gemonitord)",
    r"(?:skrzynka|adres)\b.{0,30} nie jest (?:już )?(?:monitorowan|obsługiwan|odczytywan)[ay]", r"(?:このメールアドレス|本アドレス|このメールボックス).{0,12}(?:使用されておりません|確認(?:して)?おりません)",
)  # fmt: skip
NO_ANSWER_STEMS = ("reply", "respond", "répond", "rispond", "nicht", "niet", "odpowiada", "送信専用", "返信")
NO_ANSWER_BODY = _any(
    r"do not (reply|respond) to this (e-?mail|message)", r"auf diese (e-?mail|nachricht) (bitte )?nicht", r"ne pas répondre à ce",
    r"no responda (a )?este", r"não responda (a )?est", r"non rispond(ere|a|ete) a quest", r"niet (te )?(antwoorden|reageren) op dit",
    r"antworten sie (bitte )?nicht auf diese", r"prosimy (na (nią|tę wiadomość) )?nie odpowiadać", r"送信専用|返信(いただけ|でき)ません|返信しないで",
)  # fmt: skip
# "Not delivered", as mail systems say it in German, French, Spanish, Italian, Portuguese, Dutch, Polish, Russian, Japanese.
_NOT_DELIVERED = (
    r"nicht .{0,30}(?:zugestellt|ausgeliefert|übermittelt)|zustell(?:ung|versuch)\b.{0,40}(?:fehlgeschlagen|gescheitert|nicht möglich)|zustellfehler|unzustell",
    r"\bpas (?:pu )?(?:être |été )?(?:remis|distribu|délivr|livr|achemin)|\bnon (?:remis|distribu|délivr|livr)|(?:échec|erreur|impossibilité) (?:de |d'|lors de )?(?:la |l')?(?:remise|distribution|livraison|acheminement)",
    r"\bno (?:se |ha |han |pudo |puede |podido |fue |ser |sido |poder ){0,4}entreg|(?:error|fallo|fallida) (?:de|en|al) .{0,6}entreg|(?:mensaje|correo) (?:devuelto|rechazado)|fue (?:rechazado|devuelto)",
    r"\bnon (?:è |e' |stato |può |essere |possibile |ha ){0,4}(?:recapit|consegn)|(?:mancat[oa]|impossibile|errore di) (?:il |la )?(?:recapit|consegn)",
    r"\bnão (?:pôde |foi |possível |ser |pode ){0,4}entreg|falha (?:na|de) entrega|mensagem devolvida",
    r"\bniet (?:worden |is |kunnen )?(?:afgeleverd|bezorgd|geleverd)|onbestelbaar|(?:aflevering|bezorging)\b.{0,20}mislukt",
    r"\bnie (?:(?:została|mogła|udało się|można|być).{0,20})?(?:dostarcz|doręcz)|nie(?:dostarcz|doręcz)|zwrot wiadomości|błąd dostarcz",
    r"не (?:удалось|может быть|был\w?) .{0,20}достав|недоставлен|не доставлен",
    r"(?:配信|送信|配送|お届け|届け).{0,12}(?:できません|出来ません|できなかった|不能|失敗|エラー)",
)
BOUNCE_SUBJECT = _any(
    *_NOT_DELIVERED, r"^(?:message|mail|e-?mail) (?:rejected|refused|blocked|returned|bounced)\b",
    r"undeliver(ed|able)", r"delivery (status notification|failure|notification|has failed|failed|error|problem|report)",
    r"mail (delivery )?(failed|failure|(system )?error|warning)", r"failed mail", r"processing error", r"error during delivery",
    r"delivery (notification|warning|report|to .{0,60} failed)", r"automatically rejected", r"not delivered", r"delivery of .{0,60} failed", r"(e?mail|message) delivery (failed|failure)", r"returned mail",
    r"failure (notice|delivery)", r"(could|can|was) ?not (be )?(delivered|sent)", r"(error|problem) (sending|delivering) your",
    r"nondeliverable", r"non-?delivery", r"user unknown", r"unzustellbar", r"nicht zugestellt", r"unzustellbarkeit",
    r"non remis", r"échec de (la )?(remise|distribution)", r"no se (puede|pudo|ha podido) entregar", r"no entregado",
    r"não (entregue|foi possível entregar)", r"mancat[oa] (recapito|consegna)", r"impossibile recapitare", r"onbestelbaar",
    r"kan inte levereras", r"niedostarcz", r"配信不能|配送失敗|エラーメール|送信エラー|メールエラー|配信エラー", r"退信|投递失败|传输失败|无法投递|無法傳遞",
)  # fmt: skip
BOUNCE_BODY = _any(
    r"(could|can|was) ?n(o|')t (be )?deliver(ed)?", r"undeliver(ed|able)", r"delivery (has )?failed", r"(permanent|fatal) errors?",
    r"user unknown", r"unknown user", r"no such (user|recipient)", r"mailbox (is )?(full|unavailable|not found)", r"over quota",
    r"recipient (address )?rejected", r"does not exist", r"host (unknown|not found)", r"smtp error|said: [45]\d\d",
    r"unable to (deliver|send)", r"returned to sender", r"(has been|was) returned", r"did not (reach|receive)", r"not a valid user", r"konnte nicht (zugestellt|übermittelt)", r"n'a pas pu être (remis|délivré)",
    r"no (se )?(pudo|ha podido) (ser )?entregar?", r"配信できません|届けることができません|送信できません",
)  # fmt: skip
DELAY = _any(
    r"^delayed\b", r"\bdelayed (mail|\d+ hours)", r"delivery (status notification \(delay\)|delayed|is delayed)", r"still being retried",
    r"warning: .{0,60}(could not be sent|not (yet )?(been )?(sent|delivered)|delayed)", r"has not yet been delivered",
    r"this is a warning (message )?only", r"verzögert", r"noch nicht zugestellt", r"retardée?\b|en attente de remise", r"con retraso",
    r"vertraagd", r"ritardat[oa]", r"atrasad[oa]",
)  # fmt: skip
DELAY_BODY = _any(
    r"this is a warning (message )?only", r"has not yet been delivered", r"(will|shall) (be retried|keep trying|continue to try|retry)",
    r"delivery (attempts will continue|will continue to be attempted)", r"do not need to (resend|re-send)", r"still being retried",
)  # fmt: skip
RECEIPT_SUBJECT = _any(
    r"^(read|gelesen|lu|leído|lida|letto|gelezen|läst|przeczytano)\s?:", r"\bread receipt\b", r"^lesebestätigung",
    r"^confirmation de lecture", r"^confirmación de lectura", r"^confirmação de leitura", r"^conferma di lettura",
    r"^leesbevestiging", r"^return receipt",
)  # fmt: skip
CALENDAR_SUBJECT = _any(
    r"^(accepted|declined|tentative(ly accepted)?|zugesagt|abgelehnt|mit vorbehalt|accepté|refusé|aceptad[ao]|rechazad[ao]"
    r"|aceite|aceito|recusad[ao]|accettato|rifiutato|geaccepteerd|geweigerd|afgewezen|accepterat|avböjt)\s?:"
)
MACHINE_SENDER = _any(
    r"^(m?daemon|mailer[-_]?daemon|post[-_]?master|mail[-_]?daemon|mail\.?delivery\.?(system|subsystem)|bounces?)([+@\s-]|$)"
)
# Nobody reads what is sent there, so nobody writes from there.
NOBODY_SENDER = _any(
    r"^(?:(?:do)?[-_.]?not?[-_.]?repl(?:y|ies)|noreply|mailer|mailsystem|mail[-_.]?admin|system|bounces?)[\w.+=-]{0,40}@"
)
# What a mail system says of a mail that only a mail system can say.
UNDELIVERED_BODY = _any(
    *_NOT_DELIVERED,
    r"(?:message|mail|e-?mail) (?:for|to) <?[^\s@<>]{1,64}@[^\s<>]{3,80}>? .{0,20}(?:was|is|has|could)(?: not|n't) (?:be |been )?(?:delivered|sent)\b",
    r"(?:your|the) (?:mail|message|e-?mail)\b.{0,80}\s.{0,40}(?:could|can) ?not be delivered to\W{0,3}\s*<?[^\s@]{1,64}@",
    r"could not be delivered to:? ?\s*<[^\s@<>]{1,64}@",
    r"(?:送信|配信|配送|お届け).{0,20}(?:できません|出来ません)",
    r"^error message below:\s{1,4}[45]\d\d",
    r"(?:could|can|was|were|has|have)(?:n't| ?not)? (?:been |be )?(?:deliver(?:ed)?|sent|postponed)\b.{0,120}\b(?:to|recipients?|address(?:es)?|users?)\b\W{0,6}\s{0,8}(?:\(?s?\)?:?)?\s{0,8}[\"'<]{0,2}[^\s@<>]{1,64}@",
    r"(?:failed|undelivered|undeliverable) recipients?\b.{0,20}\s{0,8}[\"'<]{0,2}[^\s@<>]{1,64}@|non-?delivery report|undeliverable\s+to\s+\S{1,64}@",
    r"(?:unable|failed) to deliver (?:your |the |this )?(?:message|mail|e-?mail)\b.{0,60}<?[^\s@<>]{1,64}@|delivery (?:of (?:your |the )?(?:e?-?mail|message) )?to (?:this address|the following).{0,80}(?:fail|postponed|abort|delayed)",
    r"<?[^\s@<>]{1,64}@[^\s<>]{3,80}>?\W{1,6}(?:no such user|user unknown|unknown user|mailbox (?:is )?full|mailbox unavailable|requested action not taken)",
    r"the following (?:mail|message|e-?mail) could not be delivered|(?:mail|message|e-?mail) (?:has been |was )?returned because",
    r"konnte (?:leider )?nicht (?:an .{0,80})?(?:zugestellt|ausgeliefert|übermittelt) werden|n'a (?:pas )?pu (?:etre|être) (?:d[eé]livr|remis|distribu|livr)|no (?:se )?(?:pudo|ha podido|puede) (?:ser )?entreg|non è stato possibile (?:consegnare|recapitare|inviare)|não (?:pôde|foi possível|pode) (?:ser )?entreg|kon(?:den)? niet (?:worden )?(?:af|be)?geleverd|nie (?:mogła|została|można|udało się) .{0,20}dostarcz|无法(?:发送|投递|送达)|無法(?:傳送|投遞|送達)",
)
DELIVERED_BODY = _any(
    r"(?:successfully|has been|have been|was|were) (?:successfully )?(?:delivered|relayed)\b(?! to the following recipients? failed)"
)
TRANSCRIPT = _any(r"^\W*transcript of session follows", r"^ ?out: [45]\d\d ")
ROBOT_SENDER = _any(
    r"(?:^|[-_.])(?:robot|mailbot|auto-?(?:reply|responder|answer|mail(?:er)?)|vacation|majordomo|listserv|mail-?robot)(?:[-_.+]|@)"
)
