"""The names mail programs give to header fields when they quote or forward a mail as text, in two dozen languages."""

_NAMES = {
    "from": (
        "from|sender|von|absender|de|expéditeur|remitente|da|mittente|remetente|van|afzender|från|avsändare|fra|afsender|avsender"
        "|od|nadawca|odesílatel|odesilatel|odosielateľ|pošiljatelj|šalje|от|от кого|отправитель|від|від кого|відправник|lähettäjä|saatja"
        "|feladó|kimden|gönderen|de la|expeditor|差出人|送信者|发件人|寄件者|寄件人|發件人|보낸 사람|보낸사람|από|מאת|من"
    ),
    "date": (
        "date|sent|date sent|sent on|datum|gesendet|gesendet am|envoyé|envoyé le|date d'envoi|fecha|enviado|enviado el|enviado em|enviada"
        "|enviada em|enviada el|data|inviato|inviato il|data invio|verzonden|verzonden op|verstuurd|skickat|skickades|dato|sendt|sendt den"
        "|päivämäärä|pvm|päiväys|lähetetty|wysłano|wysłane|data wysłania|odesláno|odoslané|odoslaný|dátum|elküldve|küldve|küldés dátuma|poslano|dată|trimis"
        "|дата|дата отправки|отправлено|надіслано|відправлено|tarih|gönderildi|gönderilen|gönderilme tarihi|gönderim zamanı|saadetud|kuupäev"
        "|日時|日付|送信日時|发送时间|日期|發送時間|寄件日期|날짜|보낸 날짜|ημερομηνία|datum slanja|στάλθηκε"
    ),
    "to": (
        "to|recipient|an|empfänger|à|a|pour|destinataire|para|destinatario|per|destinatário|aan|ontvanger|till|mottagare|til|modtager|mottaker"
        "|do|adresat|komu|pre|prima|za|primatelj|кому|получатель|отримувач|vastaanottaja|kenelle|saaja|kellele|címzett|címzettek|kime|alıcı"
        "|către|la|destinatar|宛先|收件人|收件者|받는 사람|받는사람|προς|אל|إلى"
    ),
    "cc": (
        "cc|kopie|kopie an|copie|copie à|copia|cópia|kopi|kopia|kopio|kopii|másolat|másolatot kap|kópia|dw|do wiadomości|do wiad.|копия|копія|bilgi"
        "|koopia|抄送|副本|참조|κοιν.|κοινοποίηση|v kopii|kópia:|kopija|cc/bcc"
    ),
    "subject": (
        "subject|betreff|betrifft|objet|sujet|asunto|oggetto|assunto|onderwerp|emne|ämne|aihe|otsikko|temat|předmět|predmet|predmet:|tárgy|subiect"
        "|тема|konu|teema|件名|主题|主旨|主題|제목|θέμα|naslov|נושא|الموضوع"
    ),
    "reply-to": (
        "reply-to|reply to|antwort an|antwortadresse|répondre à|responder a|rispondi a|risposta|antwoord aan|beantwoorden|svar till|svar til|odpowiedz do"
        "|odpověď|odpovědět|odpovedať|vastaus|ответить|ответ|yanıtla|yanıtlama adresi|válaszcím|răspuns către|返信先|回复|odgovor"
    ),
    "other": "bcc|message-id|organization|importance|priority|attachments?|attachments|x-mailer|list-id|resent-from|wichtigkeit|importancia|importance",
}  # fmt: skip
KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split("|")}
_LONGEST_NAME = 30
_AROUND = " \t\u00a0*_>|\ufeff\u200e\u200f"


def kind_of(line: str) -> str:
    """Which field a line names ("from", "date", "to", "cc", "subject", "reply-to", "other"); nothing if it is none."""
    return split(line)[0]


def split(line: str) -> tuple[str, str]:
    """The field that a line names, and its value. Stars and quote marks around the name do not count."""
    start = line[: _LONGEST_NAME + 20].replace("：", ":")
    name, colon, _ = start.partition(":")
    if not colon or len(name) > _LONGEST_NAME + 10:
        return "", ""
    kind = KINDS.get(name.strip(_AROUND).lower(), "")
    return kind, line[len(name) + 1 :].lstrip(_AROUND).rstrip(" *\t\r\n\u00a0") if kind else ""
