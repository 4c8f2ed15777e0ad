"""Who wrote a forwarded mail: the shapes of many programs, in many languages."""

from email.message import EmailMessage

import pytest

from outrider.providers.mail import field_names
from outrider.providers.mail.forwards import find
from outrider.providers.mail.mime import parse, visible_text
from outrider.providers.mail.parsed import Mailbox

ANN = Mailbox("ann@a.example", "Ann Able")
FIELDS = {
    "en": ("From", "Date", "Subject", "To", "Cc"), "de": ("Von", "Datum", "Betreff", "An", "Kopie"),
    "fr": ("De", "Date", "Objet", "À", "Cc"), "es": ("De", "Fecha", "Asunto", "Para", "Cc"),
    "it": ("Da", "Data", "Oggetto", "A", "Cc"), "pt": ("De", "Data", "Assunto", "Para", "Cc"),
    "nl": ("Van", "Datum", "Onderwerp", "Aan", "Cc"), "pl": ("Od", "Data", "Temat", "Do", "DW"),
    "ja": ("差出人", "日付", "件名", "宛先", "Cc"), "sv": ("Från", "Datum", "Ämne", "Till", "Kopia"),
    "cs": ("Od", "Datum", "Předmět", "Komu", "Kopie"), "ru": ("От", "Дата", "Тема", "Кому", "Копия"),
    "da": ("Fra", "Sendt", "Emne", "Til", "Cc"), "no": ("Fra", "Dato", "Emne", "Til", "Kopi"),
    "fi": ("Lähettäjä", "Lähetetty", "Aihe", "Vastaanottaja", "Kopio"), "hu": ("Feladó", "Elküldve", "Tárgy", "Címzett", "Másolatot kap"),
    "ro": ("De la", "Trimis", "Subiect", "Către", "Cc"), "hr": ("Šalje", "Poslano", "Predmet", "Prima", "Kopija"),
    "sk": ("Od", "Odoslané", "Predmet", "Komu", "Kópia"), "tr": ("Kimden", "Gönderildi", "Konu", "Kime", "Bilgi"),
    "uk": ("Від", "Надіслано", "Тема", "Кому", "Копія"), "el": ("Από", "Ημερομηνία", "Θέμα", "Προς", "Κοιν."),
}  # fmt: skip
ANNOUNCED = {
    "en": "Forwarded message", "de": "Weitergeleitete Nachricht", "fr": "Message transféré", "es": "Mensaje reenviado",
    "it": "Messaggio inoltrato", "pt": "Mensagem encaminhada", "nl": "Doorgestuurd bericht", "pl": "Przekazana wiadomość",
    "ja": "転送メッセージ", "sv": "Vidarebefordrat meddelande", "cs": "Přeposlaná zpráva", "ru": "Пересылаемое сообщение",
    "da": "Videresendt meddelelse", "no": "Videresendt melding", "fi": "Välitetty viesti", "hu": "Továbbított üzenet",
    "ro": "Mesaj redirecționat", "hr": "Proslijeđena poruka", "sk": "Preposlaná správa", "tr": "İletilmiş ileti",
    "uk": "Переслане повідомлення", "el": "Προωθημένο μήνυμα",
}  # fmt: skip
APPLE = {
    "en": "Begin forwarded message:", "de": "Anfang der weitergeleiteten Nachricht:", "fr": "Début du message réexpédié :",
    "es": "Inicio del mensaje reenviado:", "it": "Inizio messaggio inoltrato:", "pt": "Início da mensagem encaminhada:",
    "nl": "Begin doorgestuurd bericht:", "pl": "Początek przekazywanej wiadomości:", "ja": "転送されたメッセージ：",
    "cs": "Začátek přeposílané zprávy:", "da": "Start på videresendt besked:", "fi": "Välitetty viesti alkaa:",
    "hr": "Započni proslijeđenu poruku:", "hu": "Továbbított levél kezdete:", "no": "Videresendt melding:",
    "ro": "Începe mesajul redirecționat:", "ru": "Начало переадресованного сообщения:", "sk": "Začiatok preposielanej správy:",
    "sv": "Vidarebefordrat mejl:", "tr": "İleti başlangıcı:", "uk": "Початок листа, що пересилається:",
}  # fmt: skip
NOTE = "Could you look at this?"
BODY = "We need forty chairs.\n\nAnn"


def block(language: str, *, order: str = "fdst", tab: str = " ") -> str:
    names = FIELDS[language]
    values = {
        "f": (names[0], "Ann Able <ann@a.example>"), "d": (names[1], "Mon, 4 May 2026 10:15:00 +0200"), "s": (names[2], "Forty chairs"),
        "t": (names[3], "Bob Baker <bob@b.example>, carol@c.example"), "c": (names[4], "dan@d.example"),
    }  # fmt: skip
    return "\n".join(f"{values[each][0]}:{tab}{values[each][1]}" for each in order)


def check(text: str, subject: str = "Fwd: Forty chairs") -> None:
    found = find(text, subject)
    assert found is not None
    assert found.sender == ANN
    assert found.subject == "Forty chairs"
    assert "2026" in found.date
    assert found.text == BODY
    assert found.note == NOTE
    assert visible_text(text) == NOTE


@pytest.mark.parametrize("language", FIELDS)
def test_gmail_sets_the_fields_under_a_rule(language: str) -> None:
    text = f"{NOTE}\n\n---------- {ANNOUNCED[language]} ---------\n{block(language, order='fdstc')}\n\n\n{BODY}\n"
    check(text)
    check(text, subject="A mail of mine")  # the announcement is enough
    found = find(text, "Fwd: Forty chairs")
    assert found is not None
    assert found.to == (Mailbox("bob@b.example", "Bob Baker"), Mailbox("carol@c.example"))
    assert found.cc == (Mailbox("dan@d.example"),)


@pytest.mark.parametrize("language", FIELDS)
def test_thunderbird_begins_with_the_subject(language: str) -> None:
    check(f"{NOTE}\n\n-------- {ANNOUNCED[language]} --------\n{block(language, order='sdft', tab='  ')}\n\n{BODY}\n")


@pytest.mark.parametrize("language", FIELDS)
def test_outlook_sets_the_fields_alone(language: str) -> None:
    check(f"{NOTE}\n\n{block(language, order='fdts')}\n\n{BODY}\n", "FW: Forty chairs")
    check(
        f"{NOTE}\n\n________________________________\n{block(language, order='fdts')}\n\n{BODY}\n", "WG: Forty chairs"
    )


@pytest.mark.parametrize("language", APPLE)
def test_apple_quotes_what_it_forwards(language: str) -> None:
    quoted = "\n".join(
        f"> {line}".rstrip()
        for line in [APPLE[language], "", *block(language, order="fsdt").split("\n"), "", *BODY.split("\n")]
    )
    check(f"{NOTE}\n\n{quoted}\n")


def test_yahoo_sets_all_fields_on_one_line() -> None:
    line = (
        '  ----- Forwarded Message ----- From: Ann Able <ann@a.example>To: "bob@b.example" <bob@b.example>Cc: Dan <dan@d.example>'
        "Sent: Monday, May 4, 2026, 10:15:00 AM GMT+2Subject: Forty chairs"
    )
    check(f"{NOTE}\n\n{line}\n{BODY}")


@pytest.mark.parametrize(
    "sentence",
    [
        'On 4/5/2026, 10:15, "Ann Able" <ann@a.example> wrote:',
        "Am 04.05.2026 10:15 schrieb Ann Able <ann@a.example>:",
        "Le 04/05/2026 10:15, « Ann Able » <ann@a.example> a écrit :",
        "W dniu 04.05.2026, 10:15 użytkownik „Ann Able” <ann@a.example> napisał:",
        "Ann Able <ann@a.example> kirjoitti 4.5.2026 10.15:",
        "Dne 04.05.2026 10:15, „Ann Able“ <ann@a.example> napsal(a):",
        'Den 04/05/2026 10.15 skrev "Ann Able" <ann@a.example>:',
        'Dana 04.05.2026. 10:15, "Ann Able" <ann@a.example> je napisao/la:',
        "04/05/2026 10:15 időpontban, „Ann Able” <ann@a.example> írta:",
        'Il giorno 04/05/2026, 10:15, "Ann Able" <ann@a.example> ha scritto:',
        'På 04/05/2026 kl. 10:15 skrev "Ann Able" <ann@a.example>:',
        'În 04/05/2026 10:15, "Ann Able" <ann@a.example> a scris:',
        '04.05.2026 10:15, пользователь "Ann Able" <ann@a.example> написал:',
        "Dňa 04/05/2026 10:15, „Ann Able“ <ann@a.example> napísal(a):",
        '04.05.2026 10:15 tarihinde "Ann Able" <ann@a.example> şunu yazdı:',
        '04.05.2026 10:15, користувач "Ann Able" <ann@a.example> написав:',
        'Em 04/05/2026 10:15, "Ann Able" <ann@a.example> escreveu:',
        "Op 04/05/2026 10:15 heeft Ann Able <ann@a.example> geschreven:",
        'El 4/5/2026 10:15, "Ann Able" <ann@a.example> escribió:',
    ],
)
def test_outlook_for_mac_forwards_under_the_sentence_of_an_answer(sentence: str) -> None:
    check(f"{NOTE}\n\n{sentence}\n\n{BODY}", "FW: Forty chairs")
    assert find(f"{NOTE}\n\n{sentence}\n\n{BODY}", "Re: Forty chairs") is None


@pytest.mark.parametrize(
    "sender",
    [
        "Ann Able [mailto:ann@a.example]", "Ann Able<mailto:ann@a.example> <ann@a.example<mailto:ann@a.example>>",
        '"Ann Able" <ann@a.example>', "Ann Able <ann@a.example> on behalf of Shop <shop@a.example>",
    ],
)  # fmt: skip
def test_a_sender_is_read_in_any_dress(sender: str) -> None:
    found = find(
        f"From: {sender}\nSent: Monday, 4 May 2026\nTo: Bob\nSubject: Forty chairs\n\n{BODY}", "FW: Forty chairs"
    )
    assert found is not None
    assert found.sender == ANN


def test_a_sender_without_an_address_keeps_the_name() -> None:
    found = find(
        f"From: Ann Able\nSent: Monday, 4 May 2026\nTo: Bob\nSubject: Forty chairs\n\n{BODY}", "FW: Forty chairs"
    )
    assert found is not None
    assert found.sender == Mailbox("", "Ann Able")


@pytest.mark.parametrize("subject", ["Re: Forty chairs", "AW: Forty chairs", "Forty chairs"])
def test_an_answer_is_no_forward(subject: str) -> None:
    quoted = f"{NOTE}\n\n________________________________\n{block('en', order='fdts')}\n\n{BODY}"
    assert find(quoted, subject) is None
    deeper = f"{NOTE}\n\nOn 4 May 2026, at 10:15, Dan <dan@d.example> wrote:\n\n> ---- Forwarded message ----\n> {block('en')}"
    assert find(deeper, subject) is None
    assert find("I forwarded the message: from Ann, to Bob.", subject) is None


def test_a_mail_attached_as_a_whole_is_read_from_its_headers() -> None:
    inner = EmailMessage()
    inner["From"], inner["To"], inner["Subject"] = "Ann Able <ann@a.example>", "bob@b.example", "Forty chairs"
    inner["Date"] = "Mon, 4 May 2026 10:15:00 +0200"
    inner.set_content(BODY)
    outer = EmailMessage()
    outer["From"], outer["To"], outer["Subject"] = "bob@b.example", "me@m.example", "Look"
    outer.set_content(NOTE)
    outer.add_attachment(inner)
    found = parse(outer.as_bytes()).forwarded
    assert found is not None
    assert (found.sender, found.subject, found.text.strip(), found.note) == (ANN, "Forty chairs", BODY, NOTE)


def test_what_a_report_returns_is_no_forward() -> None:
    raw = (
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n\nFailed.\n'
        "--b\nContent-Type: message/rfc822\n\nFrom: ann@a.example\nSubject: x\n\nHello\n--b--"
    )
    assert parse(raw.encode()).forwarded is None


def test_a_field_is_known_by_its_name_in_any_dress() -> None:
    assert field_names.split("> *Von:* Ann") == ("from", "Ann")
    assert field_names.split("Envoyé : lundi") == ("date", "lundi")
    assert field_names.split("件名： ご提案") == ("subject", "ご提案")
    assert field_names.split("Price: 10 €") == ("", "")
    assert field_names.kind_of("no field at all") == ""
