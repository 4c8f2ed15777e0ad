"""The words of `refusal_phrases` as systems of other countries say them; asked where the English ones say nothing.

German, French, Spanish, Italian, Portuguese, Dutch, Polish, Russian, Japanese, Chinese, Korean. Written without what
only an accent tells apart, since half of the systems leave accents out.
"""

import re

_BOX = r"(?:postfach|bo[iî]te|buz[oó]n|casella|caixa|mailbox|postvak|postbus|skrzynk\w*|ящик\w*|конто|konto|compte|cuenta|conta|account|benutzer\w*|utilisateur|usuari\w+|usu[aá]rio|utente|gebruiker|u[zż]ytkowni\w*|пользовател\w*|аккаунт\w*|учетн\w+ запис\w+)"
_BOX_EAST = r"(?:メールボックス|受信箱|受信トレイ|ユーザー?|アカウント|邮箱|信箱|郵箱|用户|帐号|账号|收件人|메일함|편지함|사용자|계정)"
_HOST = r"(?:\bip\b|\bserver|serveur|servidor|сервер\w*|адрес\w* ip)"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


# What is not there is the host; asked before it is asked whether the recipient is unknown.
HOST_UNKNOWN = (
    r"(?:\bdom[aä](?:in|än)\w*|domaine|dom[ií]nio|domena|домен\w*|rechnername|\bh[ôo]te\b|zieldomain|域名|ドメイン|도메인).{0,40}"
    r"(?:existiert nicht|nicht gefunden|unbekannt|n.existe pas|introuvable|inconnu|no existe|no encontrad|desconocid|non esiste|inesistente|sconosciut"
    r"|n[ãa]o existe|n[ãa]o encontrad|desconhecid|bestaat niet|niet gevonden|onbekend|nie istnieje|nie znalezion|nieznan|не существует|не найден|不存在|見つか|存在しま|없)"
)
_PLACE = r"\b(?:empf(?:ä|ae)nger\w*|adress\w*|postfach|benutzer\w*|konto|destinatair\w*|destinat[aá]ri\w*|bo[iî]te|utilisateur|compte|direcci[oó]n|buz[oó]n|usu[aá]ri[oa]|cuenta|indirizzo|casella|utente|endere[cç]o|caixa|utilizador|conta|ontvanger|adres|gebruiker|postvak|mailbox|odbiorc\w+|skrzynk\w+|u[zż]ytkownik\w*|адрес\w*|ящик\w*|получател\w*|пользовател\w*)"
_NOWHERE = r"(?:existiert nicht|existieren nicht|unbekannt|nicht (?:gefunden|bekannt|vorhanden)|ung(?:ü|ue)ltig|n.existe pas|inconnue?s?|introuvables?|(?:non |in)valid[eo]|no existe|desconocid|no (?:se )?(?:ha )?(?:encontr|sido encontr)|inv[aá]lid[oa]|non esiste|inesistente|sconosciut|non (?:è stat[oa] )?trovat|n[ãa]o existe|desconhecid|n[ãa]o (?:foi )?encontrad|bestaat niet|onbekend|niet gevonden|ongeldig|nie istnieje|nieznan|nie znalezion|niepoprawn|nieprawid[łl]ow|не существует|не найден|неизвест|несуществующ|недейств)"
# Asked where no command is told, too: who answers in these languages is not one of the filters that answer for others.
UNKNOWN_USER = re.compile(
    rf"{_PLACE}\b.{{0,50}}?\b{_NOWHERE}|{_NOWHERE}.{{0,30}}\b{_PLACE}"
    r"|(?:宛先|メールアドレス|アドレス|ユーザー?|受信者).{0,16}(?:存在しま|存在しない|見つか|不明|有効では)|(?:收件人|用户|地址|邮箱|账号|帐号).{0,8}(?:不存在|无效|不正确)|查无此"
)
SAID_ELSEWHERE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("spamdetected", _any(r"垃圾邮件|垃圾郵件|迷惑メール|スパム|스팸|\bспам|spamu\b|no desead|ind[ée]sirable|ongewenst|unerw(?:ü|ue)nscht|indesiderat|niechcian|n[ãa]o solicitad|indesejad")),
    ("virusdetected", _any(r"ウイルス|病毒|바이러스|вирус|\bwirus")),
    ("mailboxfull", _any(
        rf"{_BOX}.{{0,60}}(?:\bvoll\b|(?:ü|ue)berf(?:ü|ue)llt|plein|satur[ée]|llen[oa]|satura|pien[oa]|esaurit|chei[ao]|lotad|\bvol\b|pe[łl]n[ay]|przepe|полон|переполн|заполн)",
        rf"{_BOX_EAST}.{{0,20}}(?:容量|一杯|いっぱい|満|超え|超過|满|滿|超|초과|가득)",
        r"speicher(?:limit|grenze)|brak miejsca|(?:nicht gen(?:ü|ue)gend|kein) (?:speicher|platz)|espac[eio]+ (?:insuf|agotado|esgotado)|sin espacio|spazio (?:insuff|esaurito)|(?:onvoldoende|geen) ruimte|(?:недостаточно|нет) места|квот\w+ .{0,20}превыш|超出.{0,6}容量|空间不足",
    )),
    ("mesgtoobig", _any(r"(?:nachricht|mail) .{0,20}zu gro|trop (?:volumineu|gros|grand)|demasiado grande|troppo grande|muito grande|excede o tamanho|te groot|(?:za|zbyt) du[zż]|слишком больш|邮件.{0,6}(?:过大|超过)|大きすぎ|サイズ.{0,10}超")),
    ("blocked", _any(rf"{_HOST}.{{0,50}}(?:gesperrt|blockiert|bloquead|bloqu[ée]|bloccat|zablokowan|geblokkeerd|заблокирован|封|ブロック|拒否|黑名单)", r"schwarze\w? liste|liste noire|lista negra|lista nera|zwarte lijst|czarn\w+ li[sś]|ч[её]рн\w+ спис|黑名单|ブラックリスト|차단")),
    ("suspend", _any(
        rf"{_BOX}.{{0,50}}(?:gesperrt|deaktiviert|stillgelegt|geschlossen|inaktiv|suspend|bloqu|d[ée]sactiv|ferm[ée]|inacti|desativ|desactiv|deshabilit|dad[oa] de baja|sospes|bloccat|disabilit|disattiv|inattiv|inativ|geblokkeerd|gedeactiveerd|opgeheven|inactief|zablokowan|nieaktywn|zawieszon|заблокирован|отключен|деактивир|неактив)",
        rf"{_BOX_EAST}.{{0,12}}(?:停止|無効|凍結|禁用|停用|冻结|锁定|被封|정지|비활성|휴면)",
    )),
    ("authfailure", _any(r"absender\w* .{0,20}(?:nicht authentifiziert)|发件人身份|なりすまし")),
    ("speeding", _any(r"zu viele (?:nachrichten|mails)|trop de (?:messages|mails)|demasiados (?:mensajes|correos)|troppi messaggi|muitas mensagens|te veel berichten|zbyt wiele wiadomo|слишком много (?:писем|сообщ)|过于频繁|频率|送信数")),
    ("expired", _any(r"zeit(?:ü|ue)berschreitung|d[ée]lai .{0,20}(?:d[ée]pass|expir)|tiempo de espera|tempo (?:limite|scaduto|esgotado)|verlopen|up[łl]yn[ąa][łl]|limit czasu|истек\w+|время ожидания|超时|タイムアウト|時間内に")),
    ("networkerror", _any(r"verbindung .{0,30}(?:fehlgeschlagen|nicht m(?:ö|oe)glich|abgebrochen)|connexion .{0,20}(?:impossible|[ée]chou)|no se pudo conectar|impossibile connettersi|n[ãa]o foi poss[ií]vel conectar|geen verbinding|nie mo[zż]na po[łl][ąa]czy|не удалось (?:подключ|соедин)|无法连接|接続できません")),
    ("policyviolation", _any(r"\brichtlinie|politique|pol[ií]tica|\bbeleid|polityk|политик|策略|ポリシー|정책")),
)  # fmt: skip
