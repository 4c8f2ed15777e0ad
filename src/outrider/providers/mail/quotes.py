"""Where in an answer the quoted mail begins, and what programs and companies add: habits of many programs and languages."""

import re

from outrider.providers.mail import field_names
from outrider.providers.mail.sieve import FOR_ONE, Sieve

_LONGEST = 400  # characters of a line, or of a few joined, that are looked at
_MOST_LINES = 7  # over which programs wrap the line above a quote
_BLOCK = 10  # lines in which the fields of an Outlook quote must stand
_FEWEST_FIELDS = 3

# The middles of the words for "forwarded".
FORWARD_STEMS = (
    "forward", "fwd", "weitergeleitet", "transfer", "transfér", "réexpédi", "reenviad", "rinviat", "inoltrat", "encaminhad", "doorgestuurd",
    "przekazan", "przekazywan", "przesłan", "転送", "转发", "轉寄", "vidarebefordra", "videresend", "välitet", "edelleenlähetet", "edastat",
    "továbbít", "přepos", "prepos", "пересыл", "пересила", "переслан", "перенаправлен", "переадресован", "iletil", "iletiy", "i̇letil", "i̇leti ",
    "ileti ", "yönlendir", "redirec", "proslijeđen", "prosleđen", "posredovan", "προωθ", "diteruskan", "전달",
)  # fmt: skip
_MAY_FORWARD = Sieve([re.compile("|".join(map(re.escape, FORWARD_STEMS)))], memory=FOR_ONE)
_FORWARDED = "|".join((*FORWARD_STEMS, "[iİ]let(?:il|iy|i )"))
# "---- Forwarded message ----", "Begin forwarded message:", and the rest of that line: some programs go on in it.
ANNOUNCED = re.compile(
    rf"[\s>*]{{0,12}}(?:-{{2,}}|_{{2,}})\s*[^\n:]{{0,40}}(?:{_FORWARDED})[^\n:]{{0,60}}?(?:-{{2,}}|_{{2,}})[\s*]{{0,4}}(?P<rest>.*)$"
    rf"|[\s>*]{{0,12}}[^\n:@]{{0,40}}(?:{_FORWARDED})[^\n:@]{{0,40}}[:：][\s*]{{0,4}}$",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r"\b(?:wrote|writes|schrieb|schreibt|geschrieben|a écrit|écrit|escribió|escribiste|va escriure|ha scritto|scrive|scritto|escreveu|schreef|geschreven|skrev"
    r"|kirjoitti|napisał(?:\(a\)|a)?|pisze|napsala?|napísala?|píše|написал(?:\(а\)|а)?|пише|пишет|wrote:|írta|ezt írta|a scris|yazdı|şunu yazdı|kirjutas|je napisa[ol](?:/la)?|έγραψε"
    r"|đã viết|menulis|написав|写道|寫道|のメール|さんは書きました|さんが書きました|님이 작성)[^\w\n]?.{0,120}[:：\-–—*]+\s*$",
    re.IGNORECASE,
)
_WHEN_OR_WHO = re.compile(r"\d{1,2}[:.h/]\d{2}|\b(?:19|20)\d\d\b|\S@\S")
_BEGINS = re.compile(
    r"[\s>*\ufeff-]*(?:(?:on|am|le|el|il|em|op|den|dnia|w dniu|in data|il giorno|na|på|at|no dia|a|à|vào|pada|στις|dne|dňa|u|ma|pe|pe data)\b|\d{1,4}[./年-]|\d{1,2}\.?\s\w{3,12}|\w{2,12}[.,]\s"
    r"|[\"<]|\w{1,30}(?: \w{1,30}){0,4} <)",
    re.IGNORECASE,
)
# "2016-10-24 15:36 GMT+02:00 Some One <one@example.com>:", as some versions write without a verb.
_DATE_AND_ADDRESS = re.compile(
    r"\s*(?:\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}\.? \w{3,10}\.? \d{4})[^\n]{0,200}<\s*(?:mailto:)?[^<>]*@[^<>]*>\s*[:：]?\s*$"
)
# The same in any language: a time or a year, an address in brackets, at the end a colon.
_TIME_ADDRESS_COLON = re.compile(
    r"(?=[^\n]{0,200}(?:\d{1,2}[:.h]\d{2}|\b(?:19|20)\d\d\b))[^\n]{6,250}<\s*(?:mailto:)?[^<>\s]{1,64}@[^<>]{1,200}>[^\n<>]{0,40}[:：]\s*$"
)
_SEPARATOR = re.compile(
    r"[\s*>]*(?:[-_=*—‐]{2,}\s*(?:(?:original|forwarded|reply|replied|reply) (?:message|e?mail)|(?:ursprüngliche|weitergeleitete|original)[ -]?(?:nachricht|mail)"
    r"|message (?:d['’]origine|d['’]original|transféré|original|réexpédié)|mensaje (?:original|reenviado)|messaggio (?:originale|inoltrato|originario)"
    r"|mensagem (?:original|encaminhada|reencaminhada)|(?:oorspronkelijk|doorgestuurd|origineel) bericht|original(?:meddelande|t meddelande)|ursprungligt meddelande|oprindelig (?:meddelelse|besked)|opprinnelig melding"
    r"|alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość|(?:původní|pôvodná) (?:zpráva|správa)|eredeti üzenet|mesaj original|исходное сообщение|пересылаемое сообщение|元のメッセージ|original ?メッセージ|原始邮件|原始郵件|원본 메일)"
    r"[^\n]{0,20}|_{10,}|(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|début du message (?:réexpédié|transféré)|inicio del mensaje reenviado|inizio messaggio inoltrato"
    r"|begin doorgestuurd bericht|início da mensagem (?:re)?encaminhada|początek przekazywanej wiadomości|転送されたメッセージ) ?:)\s*$",
    re.IGNORECASE,
)
# "----- Mail original -----": a few words between rules, in whatever language, where the fields of a mail follow.
_FRAMED = re.compile(r"[\s>*]{0,12}-{4,}[ ]{0,4}[^\W\d_][^\n:]{0,40}?[ ]{0,4}-{4,}\s*$")
# "---- Ann wrote ----", and the line above which a service wants its answers.
_SEPARATOR_OF_WORDS = re.compile(
    r"[\s*>]*(?:-{2,}[^\n]{1,160}\b(?:wrote|schrieb|écrit|escribió|scritto|escreveu|schreef|napisał(?:\(a\))?|skrev)\s*-{2,}"
    r"|[-=#*_ ]{0,12}(?:please )?(?:(?:type|write|enter|add) your (?:reply|response|answer) above|reply above|antworten sie (?:bitte )?(?:über|oberhalb)|répondre au-dessus"
    r"|responda (?:por encima|acima)|rispondi sopra|antwoord boven) [^\n]{0,60})\s*$",
    re.IGNORECASE,
)
_PROGRAMS = (
    r"(?:outlook|mail\b|e-?mail app|yahoo|samsung|proton|gmail|gmx|web\.de|t-online|mobile|iphone|ipad|ios|android|blackberry|typeapp|bluemail|superhuman|spark|aol|hey\b|front\b|edison"
    r"|mailbird|windows|canary|newton|airmail|postbox|huawei|xiaomi|nokia|galaxy|smartphone|handy|telefon|téléphone|teléfono|telefoon|cellulare|telemóvel|celular|htc|sony|lg\b|oneplus|pixel|thunderbird|k-9|fairemail|libero|orange|sfr|free\b|wp\.pl|onet|interia)"
)
_ADDED = re.compile(
    rf"\W{{0,3}}(?:sent (?:from my\b|(?:from|via|with|by|using) (?:the |a |an |my )?(?:all new |new )?{_PROGRAMS})|(?:get|download|try|baixar|descargar|pobierz|hämta|hent) (?:o |aplikacj\w )?{_PROGRAMS}"
    rf"|von (?:meinem|unterwegs|mobil)\b.{{0,40}}(?:gesendet|$)|diese nachricht wurde (?:von|mit)\b.{{0,60}}gesendet|gesendet (?:von meinem\b|(?:von|mit|über|aus) (?:der |dem |meine[mr] )?{_PROGRAMS})|von .{{2,40}} gesendet\W*$"
    rf"|envoyé (?:de(?:puis)? mon\b|(?:depuis|à partir d\w*|avec|via) (?:l['’]|la |le |mon )?(?:application |messagerie )?{_PROGRAMS})|(?:télécharge[zr]|obtene[zr]|obtenir) {_PROGRAMS}"
    rf"|enviad[oa] (?:desde mi\b|do meu\b|(?:desde|do|a partir d[eo]|através d[eo]|con|com) (?:el |o |mi |meu )?{_PROGRAMS})|obt(?:én|ener|enha|er)\b.{{0,6}}outlook"
    rf"|inviato (?:dal mio\b|(?:da|dal|con|tramite) (?:il |la |mio )?{_PROGRAMS})|(?:scarica|ottieni) outlook|ver(?:zonden|stuurd) (?:(?:vanaf|met|via|vanuit) (?:mijn\b|{_PROGRAMS}))|(?:download )?outlook voor "
    rf"|wysłan[eoy] z (?:mojego\b|{_PROGRAMS})|pobierz {_PROGRAMS}|skickat från (?:min|{_PROGRAMS})|sendt fra (?:min|{_PROGRAMS})|lähetetty (?:i(?:phone|pad)|puhelim)|отправлено (?:с|из) |odesláno z|odoslané z|trimis de pe"
    r"|(?:iphone|ipad|android|outlook|yahoo|ソフトバンク|au|ドコモ).{0,24}(?:から送信|で送信|より送信)|発?送信元|outlook (?:\w{2,8} )?(?:ios|android)(?: ?<http[^>\n]{0,80}>)?(?: ?(?:herunterladen|downloaden|ophalen|を入手(?:する)?))?\W*$|yahoo mail ?: ?\w+, \w+,? \w[^\n]{0,30}$|从我的.{0,12}发送|發自我的|나의 .{0,12}에서 보냄)",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"(?:--|—|– ?–|- -)\s{0,2}$")
_CLOSING = re.compile(
    r"\W{0,3}(?:(?:with )?(?:best|kind|warm|many|kindest|warmest)?\s?(?:regards|wishes)|all the best|best|cheers|thanks|thank you|many thanks|thanks again|sincerely(?: yours)?|yours(?: sincerely| truly| faithfully)?|respectfully|br|rgds"
    r"|(?:mit )?(?:freundlichen|besten|lieben|vielen|herzlichen|schönen) grü(?:ß|ss)en?|(?:viele|beste|liebe|schöne|freundliche|herzliche) grü(?:ß|ss)e|mfg|lg|vg|gru(?:ß|ss)|danke|cordialement|bien (?:cordialement|à vous)|salutations|merci|amicalement"
    r"|saludos(?: cordiales)?|un (?:cordial )?saludo|atentamente|gracias|cordiali saluti|distinti saluti|un saluto|saluti|grazie|atenciosamente|cumprimentos|com os melhores cumprimentos|obrigad[oa]|abraço|met vriendelijke groet(?:en)?|vriendelijke groet(?:en)?|groet(?:en|jes)?|bedankt"
    r"|pozdrawiam|z poważaniem|dziękuję|med vänlig hälsning|mvh|よろしくお願い(?:いた)?し?ます|敬具)\s*[,.!]?\s*$",
    re.IGNORECASE,
)
_DISCLAIMER = re.compile(
    r"\W{0,6}(?:(?:this|the information (?:contained )?in this|the contents? of this) (?:e-?mail|message|communication|transmission)\b.{0,120}(?:confidential|intended (?:solely|only|for)|privileged|proprietary)"
    r"|(?:confidentiality|disclaimer|legal) (?:notice|note|warning|disclaimer|information)\b\W{0,3}(?:\s|$)|disclaimer\s*[:.]|please (?:consider the environment|think before you print)|if you (?:are not|have received|received) (?:the intended|this (?:e-?mail|message) in error)"
    r"|diese (?:e-?mail|nachricht)\b.{0,80}(?:vertraulich|ausschließlich|nur für)|der inhalt dieser (?:e-?mail|nachricht)|bitte (?:denken|prüfen) sie .{0,40}(?:ausdruck|drucken|umwelt)"
    r"|(?:ce|le présent|les informations contenues dans ce) (?:message|courriel|e-?mail)\b.{0,100}(?:confidentiel|destinat|exclusi)|este (?:mensaje|correo|e-?mail)\b.{0,100}(?:confidencial|exclusiv|destin)"
    r"|(?:le informazioni contenute|questo messaggio|questa e-?mail|il presente messaggio)\b.{0,120}(?:riservat|confidenzial|esclusiv|messaggio)|est[ea] (?:mensagem|e-?mail)\b.{0,100}(?:confidencia|exclusiv|destin)|(?:dit|deze) (?:bericht|e-?mail|boodschap)\b.{0,100}(?:vertrouwelijk|uitsluitend|bestemd)"
    r"|(?:niniejsz\w+|ta|treść tej) (?:wiadomoś\w+|korespondencj\w+)\b.{0,100}(?:poufn|wyłącznie|przeznaczon)|(?:本|この)(?:メール|電子メール).{0,60}(?:機密|秘密|宛て|受信者))",
    re.IGNORECASE,
)
_LIST_FOOTER = re.compile(
    r"mailing list|listinfo|mailman|unsubscribe|groups\.google|googlegroups|abmelden|désabonn|-(?:users|devel|dev|list)@|lists?\.",
    re.IGNORECASE,
)
_COLONS = frozenset(":：-–—*")
_RULES = frozenset("-_=*—‐#")
_RULE = re.compile(r"[-_=*~]{2,}\s*$")
_LAST = 6  # lines under a closing that can be a name


def quote_header(lines: list[str], at: int) -> int:
    """Returns over how many lines a line like "On Monday Ann wrote:" goes that starts here; 0 if none does."""
    first = lines[at][:_LONGEST]
    if not first.strip():
        return 0
    joined, told = "", 0
    for count, line in enumerate(lines[at : at + _MOST_LINES], 1):
        if not line.strip():
            continue
        joined = f"{joined} {line.strip()}".strip()[:_LONGEST]
        told += 1
        if told > 4 or (told > 1 and field_names.kind_of(line)):  # noqa: PLR2004  # they never wrap that far
            return 0
        if _is_header(joined):
            return count
        if not _BEGINS.match(first) or not _WHEN_OR_WHO.search(joined):
            return 0
    return 0


def _is_header(joined: str) -> bool:
    if _DATE_AND_ADDRESS.match(joined):
        return True
    if joined[-1:] not in _COLONS:
        return False
    return bool((_WROTE.search(joined) and _WHEN_OR_WHO.search(joined)) or _TIME_ADDRESS_COLON.match(joined))


def is_end(lines: list[str], at: int) -> bool:
    """Whether nothing of the writer's words follows: a separator, or the fields of the quoted mail."""
    line = lines[at][:_LONGEST]
    if may_announce(line) and (_SEPARATOR.match(line) or _SEPARATOR_OF_WORDS.match(line) or _is_announced(lines, at)):
        return True
    return _is_field_block(lines, at)


def may_announce(line: str) -> bool:
    """A quick look before the slow ones: whether it is framed by a rule, or ends in a colon."""
    bare = line.strip(" \t>*\r")
    return bare[:1] in _RULES or bare[-1:] in {":", "："} or "reply above" in bare.lower()


def may_speak_of_forwarding(text: str) -> bool:
    return bool(_MAY_FORWARD.may_hold(text))


def announced(line: str) -> re.Match[str] | None:
    """What a line says that announces a forwarded mail."""
    return ANNOUNCED.match(line) if may_announce(line) and may_speak_of_forwarding(line) else None


def header_ends(lines: list[str]) -> list[bool]:
    """Whether a line like "On Monday Ann wrote:" may begin at each of the lines: one must end in a sign of it soon."""
    far = -_MOST_LINES
    found = [False] * len(lines)
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        # Where the lines are long, what is looked at may end within one.
        last = line.rstrip()[-1:]
        if last in _COLONS or last == ">" or len(line) >= _LONGEST // 4:
            far = at
        found[at] = 0 <= far < at + _MOST_LINES
    return found


def is_signature(lines: list[str], at: int) -> bool:
    """Whether a signature, a company's small print or a list's footer begins here."""
    line = lines[at][:_LONGEST]
    if len(line) < 6:  # noqa: PLR2004
        if _SIGNATURE.match(line):
            return True
    elif _DISCLAIMER.match(line):
        return True
    return (
        line[:1] in _RULES
        and _RULE.match(line) is not None
        and any(
            _LIST_FOOTER.search(each[:_LONGEST]) or _DISCLAIMER.match(each[:_LONGEST])
            for each in lines[at + 1 : at + 5]
        )
    )


def is_added(line: str) -> bool:
    """Whether a mail program put the line there: "Sent from my phone"."""
    return len(line) < 160 and _ADDED.match(line) is not None  # noqa: PLR2004  # longer ones are somebody's


def is_left_over(lines: list[str], at: int) -> bool:
    """Whether the line is the end of a quoted line that was wrapped without its mark."""
    if at == 0 or at + 1 >= len(lines):
        return False
    before, line, after = lines[at - 1], lines[at], lines[at + 1]
    return (
        before.startswith(">")
        and after.startswith(">")
        and len(before) >= 60  # noqa: PLR2004  # shorter lines are not wrapped
        and len(line) < 40  # noqa: PLR2004
        and line[:1].islower()
    )


def closing(lines: list[str]) -> int:
    """Returns where a closing ("Best regards", a name) begins that ends these lines; their number if none does."""
    written = [place for place, line in enumerate(lines) if line.strip()]
    for place in written[-_LAST:]:
        if place and _CLOSING.match(lines[place][:80]) and all(len(line) < 60 for line in lines[place + 1 :]):  # noqa: PLR2004
            return place if place > written[0] else len(lines)
    return len(lines)


def _is_field_block(lines: list[str], at: int) -> bool:
    """The fields of a quoted mail; a person who lists "From: Paris, To: Rome" names no subject and no address."""
    if field_names.kind_of(lines[at]) not in {"from", "subject", "date"}:
        return False
    block = lines[at : at + _BLOCK]
    end = next(
        (
            place
            for place, line in enumerate(block)
            if not line.strip(" >*\t") and place > 1 and not _goes_on(block, place)
        ),
        len(block),
    )
    kinds = {field_names.kind_of(line) for line in block[:end]} - {""}
    is_mails = (
        "subject" in kinds or any("@" in line[:_LONGEST] for line in block[:end]) or any(map(_is_dated, block[1:2]))
    )
    return "from" in kinds and len(kinds) >= _FEWEST_FIELDS and is_mails


def _is_dated(line: str) -> bool:
    """Whether a moment of sending stands there, not just a day: marks of direction may stand between the digits."""
    kind, value = field_names.split(line[:_LONGEST])
    plain = re.sub(r"[\u200e\u200f\u202a-\u202e]", "", value)
    return kind == "date" and bool(re.search(r"\b(?:19|20)\d\d\b", plain) and re.search(r"\d{1,2}[:.]\d{2}", plain))


def _is_announced(lines: list[str], at: int) -> bool:
    match = announced(lines[at][:_LONGEST])
    if match is None and not _FRAMED.match(lines[at][:_LONGEST]):
        return False
    following = [line for line in lines[at + 1 : at + 6] if line.strip(" >*\t")][:2]
    return bool(match and match["rest"]) or any(field_names.kind_of(line) for line in following)


def _goes_on(block: list[str], place: int) -> bool:
    return any(field_names.kind_of(line) for line in block[place + 1 : place + 2])
