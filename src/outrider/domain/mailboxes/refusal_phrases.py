"""The words by which mail systems say why they refuse a mail, in the order in which they are asked.

Each matches lower-case text on one line, of at most 1,500 characters; gaps are bounded, so none can be slow.
"""

import re

from outrider.domain.mailboxes.refusal_languages import HOST_UNKNOWN


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


_BOX = r"(?:mail ?box|in ?box|mail ?drop|mail ?dir|mail ?folder|postfach|bo[iî]te|buz[oó]n|casella|caixa|account|user|recipient|メールボックス)"
_WHO = r"(?:account|mail ?box|user|recipient|customer|address|domain|id|inbox|compte|konto|cuenta|conta)"
_MINE = r"(?:your|this|sending|sender'?s?|client|connecting|source|unauthenticated|dynamic)"
_HOST = r"(?:ip|host(?:name)?|server|mta|network|machine|isp|mail ?server|system|relay|client|subnet)"

# A person's place at the other side, and that it is none, in either order.
_PLACE = r"(?:users?|user ?(?:name|id|path)|recipients?|rcpt|addressees?|mail ?boxe?s?|in ?box|mail ?drop|account|alias|address(?:es)?|e-?mail|customer|subscriber|member|person|local[- ]?part|destination|resident|party|login|empf[äa]nger|destinataire|destinatari[oa]|usuario|utente|utilisateur|benutzer|gebruiker|adres(?:sat)?|anv[äa]ndare|konto|skrzynka|u[zż]ytkownik|пользовател\w*|ящик\w*|адрес\w*|получател\w*)"
_NOWHERE = (
    r"(?:unknown|inexist\w*|non-?exist\w*|not? exists?|not (?:a |an |be )?(?:known|found|valid\w*|exist\w*|recogni[sz]ed|registered|listed|defined|ok|used?|in use|reachable|deliverable|verified|correct|active here|member|match\w*|present|configured)"
    r"|(?:does ?n.t|does not|doesnt|do not|don.t|did not|didn.t) (?:\w+ )?exist|no longer (?:exists?|valid|active|in use|used|available|here|employed|with us|works|on server)|(?:can ?not|can.t|could not|couldn.t) be (?:verified|found|located|validated|resolved|matched)|undeliverable|(?:is|are|was|were|marked|marked as) invalid"
    r"|unbekannt|inconnu\w*|desconocid\w*|sconosciut\w*|desconhecid\w*|onbekend|ok[äa]nd|nieznan\w*|nie istnieje|existiert nicht|n'existe pas|no existe|n[ãa]o existe|non esiste|bestaat niet|finns inte|неизвест\w*|не существует|не найден\w*|не зарегистрирован\w*)"
)
UNKNOWN_USER = _any(
    rf"\b{_PLACE}\b(?!'?s? (?:domain|host|server|mail (?:server|system)))(?:(?!domain|host|server)[^.]){{0,50}}?\b{_NOWHERE}",
    rf"\b(?:unknown|no such|no valid|not a (?:known|valid)|invalid|bad|wrong|incorrect|illegal|non-?exist\w*|unrecogni[sz]ed|undefined|nenhum|aucun|kein|unbekannter?) (?:\w+ ){{0,2}}?{_PLACE}\b(?!'?s? (?:domain|host|server|format))",
    r"(?:recipient|rcpt|address|user) (?:verification|validation|check) (?:fail\w*|problem|error)|unavailable (?:mail )?(?:user|recipient|mail ?box)|(?:does|do)(?: not|n.t) (?:exists?|have|know) (?:that |this |such |any )?(?:user|mail ?box|recipient|account)|not (?:an? )?user (?:of|on|at|here)|不存在|查无此|无此用户|존재하지|없는 (?:사용자|메일)|찾을 수 없",
    r"no longer (?:with (?:the|this|us|our)|employed|working|works? (?:here|for|at))|left (?:the|our) (?:company|organi[sz]ation)|нет такого|no such recipient|do(?:es)? not accept mail for (?:this|that|nonexist)|(?:has been |been |is )(?:removed|deleted|retired)\b.{0,20}(?:not|n.t) valid|can.t find (?:the )?user",
    r"\bno (?:record|mail ?box|account|user|entry|recipient|alias)s? (?:of|for|by|with|called|named|matching|at)\b|nicht (?:bekannt\w*|gefunden|vorhanden)|kein(?:e|en)? (?:gültige\w* )?(?:empfänger|postfach|benutzer)|ungültige\w* (?:empfänger|adresse)|adresse invalide",
    r"(?:^|\d |: |<>\W{0,3})(?:is |was |has )?not (?:recogni[sz]ed|used|known|found|here|exist\w*|a member|our customer)\b|no such (?:person|alias|local|name|object|one)|\bnobody (?:here )?(?:by|with|of) (?:that|this)|(?:lookup|verification|validation) (?:in .{0,30})?failed for (?:user|recipient|address)|address lookup .{0,30}failed|not a member of|user not in|illegal characters? in (?:user|local|address)",
    r"user(?:name)?\b.{0,60}(?:unknown|not (?:found|known|exist)|(?:does ?n.t|does not|doesnt) exist|not (?:listed|active)|invalid|has no|was not found|is not a)",
    r"(?:unknown|no such|invalid|bad|non-?existent|nonexistant|not a (?:known|valid)|inexistent|illegal|incorrect) "
    r"(?:local )?(?:or unknown )?(?:virtual )?(?:e?-?mail )?(?:user|recipient|mail ?box|address|account|person|customer|local[- ]?part|destination|alias|subscriber|resident|envelope recipient)",
    r"\bunknown (?:or invalid|e-?mail)|\bno (?:mail ?box|account|user|recipient|one|valid recipients?|such)\b.{0,60}(?:here|found|name|address|available|exist|by|at|recipients?)",
    r"(?:mail ?box|recipient|address|account|destination|alias)\b.{0,80}(?:unknown|unavail\w+|not (?:available|found|known|valid|present|exist|ok|local|accepted|a valid|be found|listed|recognized)"
    r"|(?:does ?n.t|does not|didn.t|doesnt) exist|could(?:n.t| not) be found|wasn.t found|was not found|is (?:invalid|inactive|unavailable|wrong)|no longer (?:exists?|valid|accept|available))",
    r"\b(?:does ?n.t|does not) have an? .{0,60}account|recipient (?:address )?rejected\W*(?:$|\(in reply|access denied)|address rejected\.?(?: \(in|$)|recipnotfound|recipientnotfound",
    r"not (?:a )?local (?:user|address|recipient)|not listed in (?:domino|public|the|name)|not in .{0,20}(?:directory|validrcptto|recipient table)|nosuchuser",
    r"badrcptto|badrecipientto|\bnot our customer|addressee unknown|\bnot? (?:a )?(?:known|valid) (?:user|recipient|mailbox|address)|user missing home directory",
    r"unknown in (?:local|virtual|relay) |(?:destinat|empf)\w{0,8}.{0,30}(?:unbekannt|inconnu|desconocid|sconosciut|onbekend|invalide|inexist)",
    r"n'existe pas|non recensé|utilisateur inconnu|usuario (?:desconocido|no existe)|no existe (?:ese|dicha|el) |benutzer unbekannt|utente (?:sconosciuto|non)|utilizador desconhecido|onbekende gebruiker"
    r"|nie ma takiego|existiert nicht|gibt es nicht|addressee not known|not hosted here|(?:do not|don't) have a (?:mail ?box|account|user)|\bnessun utente|宛先.{0,12}(?:見つかり|存在し|不明)|ユーザ.{0,10}(?:存在|見つか)|メールアドレス.{0,12}(?:見つかり|存在|ありま)",
    r"resolver\.rst\.(?:notauth|notrestricted)|only accept\w* mail from"
    r"|is not accepting (?:any )?mail(?! from)|extended inactivity|restricted sms|recipients? (?:was|were|has been) rejected by|could not be delivered to the recipient address",
)  # fmt: skip

# What only the server that holds the directory says.
NOT_LISTED = _any(
    r"not listed in (?:domino|public|the|name)|recipient ?notfound|recipnotfound|not found by smtp address lookup"
    r"|several matches found in|^unknown user\b|(?:wasn|was|could)[n' ]{0,2}t? ?(?:not )?(?:be )?found at |unknown to address|address no longer accepts|リストにありません|recipient name is not recogni|final delivery userid"
)
# What is asked before it is asked whether the recipient is unknown.
FIRST: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("filtered", _any(
        r"(?:user|recipient(?! rejected\W*(?:$|\(in reply))|addressee|subscriber|customer|mail ?box owner)s? (?:has |have |had )?(?:re(?:fuse[sd]?|ject(?:s|ed)?)|decline[sd]?|blocked|opted)\b(?! (?:because|due))|(?:reject|refus|block|den|filter)\w* by (?:the |an? |your |this )?(?:user|recipient|addressee|subscriber|owner)(?:'s|s|s')?\b(?! (?:domain|mail|server|mta|host|system|site|policy|organi|e-?mail (?:server|system)))|refuses? to (?:receive|accept)|refused due to recipient|blocked you\b|(?:personal|own|private) (?:block|black|deny)[- ]?list|chosen not to (?:receive|accept)|mail filter|owner'?s? (?:filter|rules?)|does(?: not|n.t) (?:want|wish|like) (?:to (?:receive|get) )?(?:any |more |your )?(?:e-?mail|mail|messages?)|recipient'?s? (?:own |personal )?(?:filter|block(?:ed)? list|preference|setting)|account is protected by|in (?:the )?(?:recipient|user)'?s? black ?list|受信拒否|拒收",
    )),
    ("policyviolation", _any(r"delivery (?:failure|restricted by) policy|external forwarding|- banned: ")),
    ("contenterror", _any(r"invalidcontent")),
    ("systemerror", _any(r"verification in progress|licen[sc]e (?:has )?expired")),
    ("blocked", _any(r"\bblock for spam|#bl[01]\d{4}")),
    ("notcompliantrfc", _any(r"multiple from addresses|not rfc compliant|follow rfc ?\d|standard protocol")),
    ("rejected", _any(r"sender (?:was |is )?not authenticated(?! to send anonymous)|sender\b.{0,30}\bnull mx|permissions? to send as|sendasdenied|by (?:a )?non-?member|members-only|your (?:e-?mail )?address\b.{0,60}(?:black ?list|block|bann|not (?:subscribed|allowed|permitted|authori|a member))|(?:postmaster|callback) (?:verification|verify|setup) failed|sendernotauthenticated|senderrestricted|sendernotinallowed|sender(?:'s)? (?:e?-?mail )?(?:domain|address)\b.{0,30}(?:black ?list|block(?! using)|bann)\w*(?! using)")),
    ("expired", _any(r"did not accept our requests? to connect|socket error|(?:message|envelope) (?:has )?expired|max(?:imum)? (?:time|age|queue time|retr\w+|attempts|delivery attempts)|queue (?:life ?time|time) (?:exceed|expired)|time without delivery|(?:queue|tried|trying|failing|unreachable) (?:for )?too long|time limit for delivery|multiple retries")),
    ("norelaying", _any(r"relay(?:ing)? (?:access )?(?:is )?(?:denied|prohibited|not (?:allowed|permitted))|delivery is not allowed to this")),
    ("toomanyconn", _any(r"too many (?:concurrent |simultaneous |smtp )*connections|trop de connexions")),
    ("speeding", _any(
        r"too much mail from|relay limit|peak smtp|excessive volume|max(?:imum)? (?:number of )?messages? per (?:connection|session)|(?:domain|sender|message|mail) frequency limit|throttled\b|max(?:imum)? (?:defers|e?-?mails)\b.{0,40}(?:hour|day)",
        r"(?:send(?:ing)?|daily|hourly|sent) (?:[\w ]{0,20})(?:quota|limit)[\w ]{0,12}(?:exceeded|reached)|too many recipients (?:\w+ )?this (?:hour|day)",
        r"(?:too many|excess\w*) (?:e?-?mails?|messages)\b.{0,60}(?:hour|day|minute|second|period|short|sent|from)|receiving (?:e-?mail|mail|messages) (?:at a rate|too (?:quickly|fast))",
        r"rate[- ]?(?:limit|exceed|control)\w*|throttl(?:ed|ing)|exceeded (?:the )?(?:\w+ ){0,4}rate|unusual rate of|sending (?:too fast|(?:mail|messages) too)|slow(?:er)? down"
        r"|per (?:hour|day|minute).{0,30}(?:limit|exceed)|please try again slower|mail(?:s)? sent too|too fast",
    )),
    ("spamdetected", _any(r"spam ?filter|spamassassin|\b(?:sur|ur[il]b)l\b|(?:uribl|surbl)\.|(?:black ?listed|blocked|listed) (?:url|uri|link|domain in)|(?:url|uri|link) .{0,30}(?:black ?listed|blocked|listed)")),
    ("systemfull", _any(r"disk full condition|(?:server|system|queue|spool|file ?system)\b.{0,30}(?:disk|storage|space) (?:is )?(?:full|low|exhaust)|(?:server|system) (?:is )?(?:full|out of (?:disk|space|storage))|disk (?:is )?full")),
    ("networkerror", _any(r"unverified address\b.{0,120}lost connection|servfail|(?:cname|mx|(?<!reverse )dns) lookup failed(?! perm)|(?:dns|name) ?server (?:fail|problem|error)\w*|mail loop|host not found, try again|(?:malformed|unexpected) name server reply")),
    ("securityerror", _any(r"unauthenticated senders?\b|(?:smtp )?authentication (?:is )?(?:required|needed)(?! for relay)|must (?:be |first )?authenticat|client was not authenticated|no auth command|authentication fail|must issue a starttls|not sent (?:over|via) (?:a )?tls|without tls|tls (?:is )?required|requires? (?:tls|authentication)|not authenticated to send")),
    ("mailboxfull", _any(
        r"was automatically rejected: not enough disk (?:space|quota)",  # Dovecot's words for a full mailbox
        rf"{_BOX}\b.{{0,80}}(?:\bfull\b|over[- ]?(?:its |the |their |his )?(?:disk |storage |allotted |e?-?mail )?quota|over ?quota|over (?:the )?(?:size |storage )?limit|quota (?:exceed|is|limit|violat|full)|exceed\w*.{{0,40}}(?:quota|limit|storage|size allowed|allowed|space)"
        r"|out of (?:storage|disk|space)|too (?:full|large|many messages)|(?:not|no|without) (?:have )?(?:enough|sufficient|any)?.{0,12}(?:space|storage|room)|size limit|reached .{0,30}(?:quota|limit|size)|voll|pleine|llen[oa]|pien[oa]|cheia|vol\b|一杯|いっぱい|容量)",
        r"(?:quota|storage|space|over|full|exceed\w*|size).{0,60}\b(?:mail ?box|in ?box|mail ?dir|mail ?folder)\b(?!.{0,12}(?:unavail|not found))",
        r"over ?quota|(?:disk |mail |storage |space |user )quota|quota (?:has been |was |is )?(?:exceed|full|reach|violat|over)|exceed\w* (?:\w+ ){0,4}quota|quotaexceeded|over (?:disk |mail |its |the )?(?:quota|allowed)|would be over",
        r"maildir over|too many messages (?:in|on) (?:this|the) mail|mapiexceptionshutoffquota|speicher(?:platz|volumen)|kontingent|zu ?viele (?:mails|nachrichten)|postfach.{0,30}(?:voll|überfüllt|ueberfuellt)|cu?ota .{0,20}(?:exced|super|supera)|quota .{0,20}(?:dépass|depass|superat|excedid|überschr|ueberschr)|переполнен|превышен|容量(?:不足|已满|超)|空间(?:不足|已满)|満杯|용량|przepełnion|not enough (?:storage |disk |free )?space|space (?:is )?not enough|insufficient (?:mailbox|user) (?:space|storage)|メールボックスが一杯",
        r"mailfolder is full|exceeded storage allocation|storage (?:limit|full|quota)|no (?:more )?(?:space|room) for (?:this|the) (?:user|mail)",
    )),
    ("exceedlimit", _any(r"message too large for (?:this|the) (?:user|recipient|mailbox)|is larger than the (?:current )?(?:maximum|limit) .{0,20}(?:recipient|user)|size exceeds .{0,20}(?:recipient|user)")),
    ("mesgtoobig", _any(
        r"size\b.{0,30}(?:beyond|above|over|greater than|larger than|bigger than)|too heavy|\bfile too large|(?:message|mail|e-?mail|data|content|attachment|body|msg)(?:'s)?(?: size| length| file| body)? (?:limit |is |was |has |already |has already |file )?(?:exceed\w*|too (?:big|large|long)|larger than|over (?:the )?(?:max|limit|size))",
        r"(?:max(?:imum)?|limit\w*)[\w ]{0,20}(?:message|mail|size)[\w ]{0,12}(?:size|limit|exceed)|message size (?:exceeds|limit|is|greater)|line limit exceeded|size (?:of .{0,20})?exceeds|exceed\w* .{0,30}(?:size|length|octets|bytes)\b"
        r"|exceed\w* (?:the )?max(?:imum)? (?!time|number|hop|queue|retr|attempt|age|conn)|(?:^|\d )size limit exceeded|too (?:big|large) (?:for|to|e-?mail|message)|size larger|messagetoolarge|sizelimit|nachricht zu gro|messaggio troppo grande|taille maxim",
    )),
    ("suspend", _any(
        rf"{_WHO}s?\b.{{0,60}}\b(?:disabled|suspend\w*|inactiv\w*|frozen|deactivat\w*|discontinued|locked|expired|closed|terminated|cancel\w*|dormant|not active|unavailable temporarily|archiv\w*|restricted(?! by)|inhibit\w*|gesperrt|desactiv\w*|désactiv\w*|deaktiviert|disattivat\w*)"
        r"(?!.{0,20}(?:sender|ip))",
        rf"(?:disabled|suspended|inactive|deactivated|locked|frozen|dormant|inaktiv\w*|gesperrt\w*) (?:e?-?mail ?)?{_WHO}\b|mail receiving disabled|disableduser|not accepting messages from|currently suspended|hangup",
        r"(?:account|user|mail ?box|<>|address) (?:status )?(?:is |has |was |been |are |now |currently |temporarily |administratively )*(?:not (?:yet )?(?:activated|active|enabled)|disabled|suspended|deactivated|blocked (?:due to|for) inactiv\w*|barred|on hold|retired|unsubscribed|terminated|over ?due)|account (?:under|on) (?:review|hold)|user is no longer active|mail ?box (?:is )?(?:closed|not active)",
    )),
    ("hasmoved", _any(
        r"(?:mail ?box|recipient|address|user|account|destination)\b.{0,40}(?:(?:has|have) (?:been )?(?:moved|changed|replaced)|is moved|no longer (?:works|with) )|has moved to|address (?:has )?changed|new (?:e-?mail )?address ?(?:is|:)|changed (?:the|his|her|their|its) (?:e-?mail )?address|not (?:local|our user|a local user); please try|has been replaced by",
    )),
    ("norelaying", _any(
        r"(?:den(?:y|ies|ied)|refus\w+|reject\w*|prohibit\w*|disallow\w*|unauthori[sz]ed|forbid\w*) (?:\w+ ){0,2}relay|no longer relay|(?:do(?:es)? not|don.t|doesn.t|not) handle (?:mail|messages|e-?mail)|not (?:a |our |an? accepted |in (?:our |the )?)(?:local |relay |hosted )?domains?\b|domain (?:is )?not (?:hosted|local|handled|served|configured|accepted|in (?:our|my))|destination (?:domain )?not (?:allowed|authori|permitted)",
        r"relay(?:ing)?\b.{0,40}(?:denied|not (?:permit\w+|allow\w+|author\w+|support\w+|local|enabled)|prohibit\w*|disallow\w*|refused?|access|reject\w*|disabled|blocked)",
        r"(?:unable|not (?:permit\w+|allow\w+|author\w+|configured)|can(?:'t|not)|denied|refus\w+|won't|will not|does(?:n't| not)|no|insecure) (?:\w+ ){0,3}relay|relay(?:ing)? (?:is )?(?:not|denied|prohibited)|isn't in my list of allowed rcpthosts"
        r"|we (?:do not|don't) (?:relay|accept mail for (?!this (?:address|user|recipient|mail ?box|person)))|not a (?:permitted|gateway|open relay)|mail server requires authentication when attempting to send to a non-local|local user only|you are not allowed to relay|tenantattribution|required for relay|host not (?:configured|listed) .{0,20}relay",
    )),
    ("notcompliantrfc", _any(r"against rfc|more than one .{0,15}header|not rfc ?\d{3,4} compli|rfc ?\d{3,4}.{0,40}(?:compl|violat|conform|requir|section)|multiple addresses in from|(?:duplicate|multiple|missing|invalid|malformed) ['\"]?(?:from|subject|date|message-id|to|sender)['\"]? header|messages? missing a (?:valid )?(?:message-?id|address)|rfcmessagenoncompliant|rfc-?(?:ignorant|violat)")),
    ("blocked", _any(r"dynamic ip|spams? from (?:your|this) (?:ip|host|server|network)|(?:deferred|rejected) using\b")),
    ("requireptr", _any(
        r"\bptr\b|reverse[- ]?(?:dns|lookup|mapping|hostname|name|record|address|resol)|\br-?dns\b|cannot find your (?:reverse )?host|(?:unable to|can(?:'t|not)|could not|failed to) (?:resolve|look ?up|find|reverse)[\w ]{0,20}(?:your )?(?:reverse|hostname|ip|address to name|client)"
        r"|not resolve to a (?:name|hostname)|no (?:reverse|ptr|dns (?:a-?data|ptr)|name) .{0,20}(?:found|record|data|entry|for)|unverifyable sending ips?|does not (?:have|resolve).{0,30}(?:hostname|reverse|fqdn|ptr)|dnsptr|rdns",
    )),
    ("authfailure", _any(r"\b(?:spf|dkim|dmarc|domainkeys?|sender ?id|arc)\b|unauthenticated (?:e-?mail|mail|message)|(?:fails?|failed) to pass authentication|does(?:n't| not) have authentication information|//spf\.|not pass authentication checks|sender policy framework|is not authenticated")),
    ("toomanyconn", _any(
        r"max(?:imum)? (?:number of )?(?:recipients|connections) (?:per|reached|exceed)|too many (?:invalid|unknown|bad|wrong) |too many (?:concurrent |simultaneous |smtp |open |incoming |other )*(?:connections?|sessions?|threads|smtp|errors? from|processes)|concurren\w+ (?:\w+ ){0,3}(?:limit|connection|exceed)|max(?:imum)? (?:number of |concurrent |connection\w* |smtp )*(?:connections?|sessions?)|connections? (?:rate|limit|frequency|count|number)|(?:exceed\w*|reach\w*) .{0,30}connections?|maximum connection|too many recipients|frequency (?:is )?(?:limit|exceed|too)\w*|(?:thread|session|process)s? limit|too (?:many|much) (?:\w+ ){0,2}(?:at once|simultaneous)|aup#i?n?-?13\d\d",
    )),
    ("virusdetected", _any(r"(?<!spam or )\bvirus(?:es)?\b|malware|\bworm\b|trojan|infected|virus(?:mail|infect)|malicious (?:code|content|attach|software)|(?:executable|dangerous) (?:attachment|file)|message was .{0,20}virus")),
    ("badreputation", _any(r"(?<!barracuda )reputation(?!/)|unexpected volume or user complaints|user complaints|sender ?score|\btss0\d|high (?:number|level) of complaints|complaint rate")),
    ("blocked", _any(
        r"(?:black|block|deny|reject|real-?time)[- ]?(?:hole|list)|\b(?:dns|r|x|s|d|ip|xb|sb|pb)[brw]l\b|\bdnsbl|\brbl|blocklisted|spamhaus|spamcop|barracuda(?:central|networks)|sorbs|abuseat|senderbase|uceprotect|njabl|mail-abuse|manitu|invaluement|proofpoint dynamic|\bcloudmark|open relay",
        rf"(?:{_MINE} ){{1,2}}(?:\w+ ){{0,2}}{_HOST}\b.{{0,60}}(?:block|reject|bann?ed|den(?:y|ied)|refus|not (?:permitted|allowed|authori|accept|welcome)|listed|prohibit|bad|invalid)",
        rf"(?:block|reject|bann?|den(?:y|ied)|refus|blacklist)\w*.{{0,40}}(?:{_MINE} ){{1,2}}{_HOST}\b",
        r"(?:ip|host|client|connection|address)s? .{0,10}[\[(]?\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}[\])]?.{0,40}(?:block|reject|banned|denied|refused|listed|not (?:allowed|permitted|authori))|(?:block|bann|list|reject|refus)\w* .{0,20}\[?\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\]?",
        r"banned (?:sending )?ip|blocked (?:ip|using|by|for|due|address|sender)(?! (?:our |the |a |an |its |your )?(?:\w+ )?(?:polic|filter|rule|admin))|client host (?:rejected|blocked)|(?:invalid|bad|unauthorized|disallowed|dynamic|residential|dial-?up|blocked) ip\b|no access from (?:mail )?(?:server|host)|connection (?:refused|rejected|denied|not (?:allowed|accepted|permitted)|dropped due)(?! by the|$)"
        r"|not accept(?:ing|ed)? (?:mail|connections?|e-?mail|messages?|any|smtp)[\w ]{0,20}(?:from|dynamic)|connections? not accepted from|(?:(?:helo|ehlo)|hostname)\b.{0,40}(?:reject|invalid|not|denied|forged|mismatch|bad|syntax)|(?:invalid|bad) (?:(?:helo|ehlo)|domain name|hostname)",
        r"dynamic(?:/| ip|ally)|generic (?:hostname|rdns)|not (?:authorized|allowed|permitted) to (?:send|connect)[\w' ]{0,30}(?:directly|from (?:this|your))|ip .{0,20}(?:is|has been|was) (?:block|bann|list|temporar)|part of their network is on|(?<!not )\blisted (?:at|in|on|by|with)\b|found (?:in|on) (?:a |the |one or more )?(?:dns|black|block)|identified as (?:a )?spam(?:mer| source)|(?:spammer|block|deny|reject)s? list|:blocked\)|access to (?:submit|send|this (?:mail|e-?mail))[\w -]{0,40}(?:reject|denied|refused|blocked)|not allowed to connect|\bip\b.{0,40}not (?:authori[sz]ed|allowed|permitted)|no access (?:for|from) (?:this|your) (?:ip|host|server)|(?:ip|host|address) (?:is )?not (?:in|on) (?:the |our |a )?(?:white|allow)|dynamic (?:ip|host|address|client|range|pool|network)s?|\b(?:helo|ehlo)\b.{0,40}(?:requir|argument|name|domain|host|match|valid|must|should|need|fqdn|qualified)|database of (?:abus|spam)|mismatch\w* client ip|deny ?ip|banned (?:client|host)|(?:black|bad|banned|invalid|illegal) ip\b|sender \[?\d{1,3}(?:\.\d{1,3}){3}\]? .{0,20}(?:bann|block|reject|listed)|sender address blocked\W{1,3}\d{1,3}\.|ip (?:is )?(?:banned|blocked|rejected|in black)|geo(?:graphic\w*)?[- ]?(?:location|block)|country (?:is )?(?:block|reject|not)|messages from .{0,40}weren't sent|your (?:ip|host|server|access) .{0,20}(?:was|is|has been)|access denied\.\.\.|service refuse|blocked - see|access denied (?:for|to) (?:host|ip|your)|not accepting connections|:blocked\)|\bip=\[?\d{1,3}\.\d|\((?:rly|rtr|con|dyn|dns)[:;]\w{2}|black ?listed|is in a black ?list"
        r"|temporar\w+ (?:block|deferred|blacklist|rate)|gr[ea]y ?list|email (?:is )?blocked|due to (?:the )?poor|no(?:t)? (?:dns|mx) .{0,20}for (?:your|sender)|aup#(?:\w*bl\w*|cx\w+|dns\w*|out\w*)",
    )),
    ("rejected", _any(
        r"(?:den(?:y|ies|ied)|reject\w*|refus\w*|ban(?:s|ned)|fake|forged|spoofed|bogus|mismatch\w*|invalid|unknown|verify|verif\w+ of) (?:the |this |your |of |with )?(?:sender|mail ?from|from(?: address)?|return[- ]path|envelope)\b|mail ?from\b.{0,40}(?:fail|mismatch|not match)|sender\b.{0,20}(?:black|banned|mismatch)|null (?:sender|reverse)|\bfrom: ?(?:domain|address) must|domain of .{0,20}sender|\bsender .{0,30}(?:has no|without|lacks)\b",
        r"(?:sender|mail from|envelope[- ]from|return[- ]?path|envelope sender|originator|from address|from:(?= )|reverse[- ]path|sender's?)(?!\w).{0,60}(?:reject|den(?:y|ied)|refus|block|not (?:exist|allow|accept|permit|verif|author|found|valid|local|recogn)|invalid|unknown|does ?n.?o?t|fail|bad|banned|disallow|unroutable|prohibit|has been|is not|couldn)",
        r"(?:unroutable|invalid|bad|unverified|unknown|illegal|blocked|fake|unresolvable|forged|null|denied|rejected) (?:envelope |mail |e-?mail )?(?:sender|from|return[- ]path|originator|reverse-path)|domain of sender|sender (?:verify|verification|callout|address rejected|domain|not)|purported responsible address|backscatter|(?:bounces?|null sender)[\w ]{0,15}(?:not (?:accept|allow|welcome)|are refused|rejected)",
        r"not (?:allowed|authorized|authorised|permitted) to (?:post|send (?:e?-?mail |messages? )?(?:to|from|as|for|on behalf)|submit)|not a member of (?:this|the) (?:mailing )?list|mail from you\b|not logged in|only (?:\w+ ){0,3}(?:members|subscribers|senders|authenticated) (?:\w+ ){0,4}(?:post|send|allowed|accept)|(?:no|without|not have) permission to (?:post|send)|sendernotauthenticated|senderrestricted|sender not (?:in|authenti)|email address is on (?:a|the|our)|groups\.google\.com|senderfilterconfig|no such sender|envelope from domain|sender domain has no|posting .{0,20}not (?:allowed|permitted)",
    )),
    # Only what cannot be said of a person.
    ("notaccept", _any(r"(?:host|domain|server|system)s? (?:\w+ )?(?:does(?: not|n.t)|do(?: not|n.t)|never|no longer) (?:accept|receive)s? (?:any |incoming )?(?:e-?mail|mail|messages?)(?! (?:from|in|with|for))|null ?mx|(?<!address )(?<!box )(?<!user )(?<!account )(?<!recipient )(?:never|no longer) accepts? (?:any )?(?:e-?mail|mail)\b|accepts no mail")),
    ("hostunknown", _any(HOST_UNKNOWN, r"(?:invalid|unknown|bad|non-?existent|no such|unroutable) (?:recipient |mail |e-?mail |destination |target |internet ){0,2}domain|domain look ?up failed|nonexistentdomain|nxdomain|infodomainnonexistent|(?:mail |e-?mail |recipient'?s? |destination )*domain(?: name)?\b.{0,40}(?:(?:does ?n.t|does not|do not|don.t) exist|not registered|non-?existent|could(?:n.t| not) be resolved|(?:can ?not|could not) be found|has no (?:mx|mail))|no (?:mx|mail) (?:records?|hosts?|exchangers?)\b|domain (?:name )?not found|relevant mx records? point")),
)  # fmt: skip
THEN: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("notaccept", _any(r"no mx found|couldn.t find a mail exchanger|does(?:n't| not) accept (?:any )?(?:e?-?mail|messages)|not accepting (?:network )?(?:messages|mail)|no smtp service|null ?mx|host does not (?:accept|receive)|seems? to reject all mail|no host found for existing|smtp service (?:is )?not|server does not accept|not accept(?:ing)? (?:e?-?mail|messages) (?:at|for) (?:this|the)|mx 0 \.|does not receive (?:e?-?mail)")),
    ("hostunknown", _any(
        r"host (?:not found|unknown|is unknown|name (?:is )?(?:unknown|not found|lookup failure))|unknown (?:host|domain)|no such (?:host|domain)|(?:mail |e-?mail |recipient'?s? |destination |sending )*domain(?: name)?\b.{0,60}(?:not (?:found|exist|valid|reachable|resolv|registered)|(?:does ?n.t|does not|didn.t) exist|unknown|non-?existent|is invalid|could(?:n.t| not) be found|nicht gefunden|illegal)",
        r"nxdomain|no (?:mx|such) (?:record|domain|host)|name or service not known|host or domain name not found|could(?:n't| not) find any host|invalid domain|illegal host|non-?existent (?:host|domain)|unrout(?:e)?able (?:mail )?(?:domain|address)|all host address lookups failed|(?:does ?n.t|does not) exist$|hostname (?:was )?not found|domain was not found|dns (?:error|query).{0,40}(?:not exist|no such|nxdomain)|no data known",
        r"[\w-]+\.[a-z]{2,12} does(?:n't| not) exist|domain .{0,30}couldn.t be found|unable to find (?:the )?(?:host|domain)|(?:server|host|domain) (?:can't|cannot|could not) be (?:found|located)|unrouteable domain",
    )),
    ("securityerror", _any(r"delivery not authorized")),
    ("policyviolation", _any(
        r"rejected by (?:the )?(?:destination|recipient'?s?) (?:domain|organi[sz]ation|administrator)|\bmacros?\b|password[- ]protected|encrypted (?:zip|archive|attachment)|policy error|policyviolation|mailpolicy|violation of (?!policy)|compliance|administratively (?:prohibit|reject|den)|forbidden|potential security (?:issue|risk|threat)|protocol violation|header error|message not allowed|not accepted for policy|(?:by|of|to|due|with|our|local|site|mail|security|administrative|violat\w*|against|content|reject\w*|for|email|recipient'?s?) (?:\w+ ){0,2}polic(?:y|ies)\b|polic(?:y|ies)[ :-]{1,3}(?:reason|reject|restrict|block|prohibit)",
        r"(?:attachment|file)s?\b.{0,40}(?:not (?:allowed|accepted|permitted)|prohibited|blocked|type|extension|forbidden|banned)|blocked (?:attachment|file|content)|you have exceeded the maximum|administrative prohibition|prohibited by (?:admin|policy)|not (?:accept|allow)\w* .{0,20}(?:encrypted|html)|rule imposed|rejected by (?:a )?rule|for policy|violates|illegal attachment|\bpolic(?:y|ies)\b(?!:? violat)",
    )),
    ("spamdetected", _any(
        r"\bdt:spm|\bspam(?!\.?(?:haus|cop))\w*|\b(?:ube|uce)\b|\bjunk\b|unsolicited|bulk (?:e-?)?mail|phish\w*|message content (?:was )?(?:reject|refus|deni)|content (?:was |has been )?(?:rejected|refused|denied|blocked|filter)|(?:reject|refus|block|filter)\w* (?:due to|because of|by|for) (?:its |the |message |suspicious )?(?:content|filter|url)|looks like|suspicious|likely to be|gtube|bayes|scor(?:e|ing)|considered (?:as )?|brightmail|amavis|dspam|rspamd|filtered as|classified as|hvu:|blacklisted url|surbl|uribl|advert|bulk|message rejected (?:due|because|by content)|contents? .{0,20}(?:reject|unaccept)|not accept.{0,20}content|high probability",
    )),
    ("systemfull", _any(r"insufficient (?:disk|system|server|free|queue) ?(?:space|storage|resources)|no space left|disk (?:is )?full|file system (?:is )?full|mail system full|out of disk|low on (?:disk )?space|not enough (?:disk|system)|system storage")),
    ("mailererror", _any(r"\bpipe to\b|procmail|command (?:fail|died|output|line usage|time)|(?:exit|exited|return(?:ed)?) (?:with )?(?:status|code|value|exit)|unknown mailer error|mailer (?:error|died|\")|child (?:process|status)|returned (?:error|exit)|died (?:on|with) signal|exit status|delivery (?:agent|program) |local delivery failed|qmail-local|maildrop|external program|x-unix")),
    ("systemerror", _any(
        r"fwd-connect|negative greeting|too busy|load (?:is )?too high|overloaded|shutting down|going down|errno|can ?not open|(?:unable to|can(?:not|'t)|could not|failed to) (?:process|handle|complete|perform|deliver to (?:file|command))|trouble in home directory|over capacity|maintenance|ldap|directory server|queue file|operating system error|system error|(?:internal|local|server|configuration|temporary|software|unexpected|technical|processing|resource|database|backend|i/o|dns) (?:\w+ )?(?:error|problem|failure|issue)s?|out of (?:memory|resources)|misconfigur\w*|(?:can(?:'t|not)|could not|unable to|failed to) (?:create|open|write|read|exec|append|allocate|load|query|access|start|connect to (?:database|ldap|mysql))|input/output error",
        r"does not support (?:tls|starttls)|service (?:is )?(?:currently |temporarily )?unavailable|temporar(?:y|ily) (?:\w+ )?(?:unavailable|fail|error|problem|unable)|bad file|permission denied|insufficient permission|delivery to file forbidden|try (?:again )?later|system (?:is )?(?:down|busy|overload)|server (?:is )?(?:busy|down|overload)|mail (?:server|system) (?:is )?(?:temporar|unavail)|resources (?:temporarily )?(?:unavail|restrict)|user lookup|lookup (?:fail|error)|unable to verify|not verified",
    )),
    ("contenterror", _any(r"mime/reject|without .{0,20}(?:field|header)s?\b|missing .{0,15}(?:field|header)|character sets?|invalid (?:message )?(?:structure|data)|no subject|empty (?:message|body|subject)|base64|8-?bit|mime (?:error|header|message|type)|(?:invalid|bad|malformed|broken|improper\w*) (?:\w+ ){0,2}(?:mime|header|content|charset|encoding|format\w*|message)|too many ['\"]?received|headers? (?:too|is too|are too|line)|bare (?:lf|cr|linefeed)|improper use|content[- ](?:type|transfer)|non-?ascii|charset|smtputf8|internationalized|utf-?8|line (?:is )?too long|message (?:contains|has|header)|not supported (?:media|content)|duplicate header")),
    ("networkerror", _any(
        r"network (?:error|is unreachable|unreachable|problem)|no route|host (?:is )?unreachable|connection .{0,40}(?:broken|dropped)\b|(?:routing|mail|message|forwarding|delivery|e-?mail) (?:forwarding )?loop|loop(?:s|ing)? (?:detected|back|message)|(?:is|are) looping|already has my delivered-to|hop count|too many hops|loops back|lost connection|connection (?:was |has been |is )?(?:unexpectedly )?(?:reset|closed|broken|aborted|lost|dropped|interrupt|terminated|died|failed)|malformed (?:or unexpected )?name server|(?:domain )?name server|nameserver|dns (?:lookup|server|temporar|timeout|fail|soft|problem)|temporar\w+ .{0,20}(?:lookup|resol)",
        r"wasn't able to establish an smtp connection|(?:can(?:'t|not)|could(?:n't| not)|unable to) (?:connect|establish|make)|bad connection|socket (?:closed|reset)|tls .{0,20}(?:handshake|negotiat)|host name lookup fail|error (?:on|during) (?:connect|dns)|unable to (?:resolve|lookup|look up|route)|could not (?:be )?resolve|route to host|find a gateway|unrout",
    )),
    ("expired", _any(
        r"tim(?:e|ed)[- ]?out|timeout|retry time|(?:message|envelope|delivery|mail|time|attempts?|queue)\b.{0,30}expired|expired .{0,20}(?:queue|delivery)|queue too long|could not be delivered for|(?:for|after|in|past) (?:the (?:last|past) )?\d+ ?(?:hours?|days?|minutes?|hrs?)\b|giving up|deferred|too old|not reachable|unreachable|connection refused|refused (?:the )?connection|did not (?:accept our|respond|answer)|no (?:response|answer)|not respond\w*|still undelivered|has been (?:queued|delayed)|been trying|unable to deliver (?:this )?(?:message )?(?:after|in|within)|delay(?:ed)? reason|socket error|delivery attempts|failed \d+ (?:attempts|times)|\d+ attempts|retr(?:y|ies|ied)|delayed",
    )),
    ("syntaxerror", _any(r"command (?:parameter |not |unrecognized|unknown)|syntax error|unrecognized command|not implemented|bad sequence|invalid (?:command|parameter|argument)|unexpected command|angle-brackets|expected word|domain missing|unmatched doublequote|parameter")),
)  # fmt: skip

# Where no phrase is known, what is spoken of: the stem of a word says little, but more than nothing.
LAST: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("spamdetected", _any(r"\bspam|content\b")),
    ("norelaying", _any(r"\brelay(?!s?\.)")),
    ("blocked", _any(r"\b(?:helo|ehlo)|open ?relay|attack|abus(?:e|ive)|\b(?:your|sending|client|remote|source) (?:ip|host|server|network)\b|\bip\b|\bhosts?\b.{0,20}(?:not|reject|refus|den)")),
    ("securityerror", _any(r"\b(?:tls|ssl|starttls|encrypt\w*|certificate|auth\w*|login|password|credentials)\b")),
    ("rejected", _any(r"\b(?:sender|from(?: address|:)|return[- ]path|originator|black mail|your address)\b")),
    ("toomanyconn", _any(r"\b(?:concurren\w+|simultaneous\w*|sessions?|connections)\b")),
    ("speeding", _any(r"\btoo (?:many|much|often|quickly)\b|\b(?:rate|hourly|daily|frequen\w+)\b")),
    ("mesgtoobig", _any(r"\b(?:size|bytes|octets|megabytes|mb|large|big)\b")),
    ("mailboxfull", _any(r"\b(?:quota|full|storage|space)\b")),
    ("systemerror", _any(r"\b(?:queue|database|memory|disk|temporar\w+|internal|resource\w*|backend|busy|overload\w*|maintenance|unavailable|try (?:it )?(?:again|later))\b")),
    ("contenterror", _any(r"\b(?:headers?|mime|charset|encoding|body|format)\b")),
)  # fmt: skip
# Of whom a refused recipient command speaks when it names nothing else.
RECIPIENT = _any(r"\b(?:user|recipient|rcpt|mail ?box|account|addressee|empf[äa]nger|destinatai?r\w+)\b")
# Codes of operators' own. Orange and La Poste list one cause for each; NetEase gives its codes for several, so that words
# beside them say more.
LISTED = re.compile(r"\b(?:ofr\w{0,4}|lpn\d{3})_(\d{3})\b")
CODE = re.compile(r"\b((?:hl|mi|rp|dt|wm):\w{3})\b")
CODES = {
    "104": "toomanyconn", "403": "rejected", "405": "rejected", "416": "userunknown", "417": "mailboxfull", "506": "spamdetected",
    "517": "authfailure", "630": "policyviolation", "hl:icc": "toomanyconn", "hl:ifc": "speeding", "hl:ipb": "blocked", "hl:rep": "blocked", "hl:mep": "blocked",
    "dt:rbl": "blocked", "wm:bli": "blocked", "mi:dmc": "speeding", "mi:sfq": "speeding", "rp:drc": "toomanyconn", "mi:cel": "syntaxerror",
    "mi:ccl": "syntaxerror", "rp:cel": "syntaxerror", "rp:ccl": "syntaxerror", "dt:spm": "spamdetected",
}  # fmt: skip
