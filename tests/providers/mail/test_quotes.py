"""Where an answer's own words end: the lines of many programs in nine languages."""

import json
from pathlib import Path
from typing import Any

import pytest

from outrider.providers.mail.html_text import text_of
from outrider.providers.mail.mime import parse, visible_text

CLIENTS = Path(__file__).parents[2] / "data" / "clients" / "replies"
ROWS = [json.loads(line) for line in (CLIENTS / "labels.jsonl").read_text("utf-8").splitlines()]

OWN = "Yes, gladly.\nCall me on Monday."
# Lines above a quote as programs write them; each is tried with a quote in marks and without.
ABOVE = [
    "On Mon, May 4, 2026 at 10:15 AM Ann Able <ann@a.example> wrote:",
    "On Mon, May 4, 2026 at 10:15 AM Ann Able <\nann@a.example> wrote:",
    "On 4 May 2026, at 10:15, Ann Able <ann@a.example> wrote:",
    "On Monday, May 4th, 2026 at 10:15 AM, Ann Able <ann@a.example> wrote:",
    "Am Mo., 4. Mai 2026 um 10:15 Uhr schrieb Ann Able <ann@a.example>:",
    "Am 04.05.2026 um 10:15 schrieb Ann Able:",
    "Le lun. 4 mai 2026 à 10:15, Ann Able <ann@a.example> a écrit :",
    "Le 04/05/2026 à 10:15, Ann Able a écrit :",
    "El lun, 4 may 2026 a las 10:15, Ann Able (<ann@a.example>) escribió:",
    "El 4/5/26 a las 10:15, Ann Able escribió:",
    "Il giorno lun 4 mag 2026 alle ore 10:15 Ann Able <ann@a.example> ha scritto:",
    "Il 04/05/2026 10:15, Ann Able ha scritto:",
    "Em seg., 4 de mai. de 2026 às 10:15, Ann Able <ann@a.example> escreveu:",
    "Em 04/05/2026 10:15, Ann Able escreveu:",
    "Op ma 4 mei 2026 om 10:15 schreef Ann Able <ann@a.example>:",
    "Op 04-05-2026 om 10:15 schreef Ann Able:",
    "pon., 4 maj 2026 o 10:15 Ann Able <ann@a.example> napisał(a):",
    "W dniu 04.05.2026 o 10:15, Ann Able pisze:",
    "2026年5月4日(月) 10:15 Ann Able <ann@a.example>:",
    "2026/05/04 10:15、Ann Able <ann@a.example>のメール:",
    "4 мая 2026 г., в 10:15, Ann Able <ann@a.example> написал(а):",
    "Vào 10:15 4 tháng 5, 2026, Ann Able <ann@a.example> đã viết:",
    "Den 04/05/2026 kl. 10.15 skrev Ann Able <ann@a.example>:",
    "man. 4. mai 2026 kl. 10:15 skrev Ann Able <ann@a.example>:",
    "ma 4. toukok. 2026 klo 10.15 Ann Able (ann@a.example) kirjoitti:",
    "在 2026年5月4日，上午10:15，Ann Able <ann@a.example> 写道：",
    "2026-05-04 10:15 GMT+02:00 Ann Able <ann@a.example>:",
    "2026/5/4 Ann Able <ann@a.example>",
    "Ann Able <ann@a.example> wrote on 05/04/2026 10:15:",
    "On Mon, May 4, 2026 at 10:15 AM, Ann Able\nvia Some List <list@a.example>\nwrote:",
    "At 10:15 04/05/2026, Ann Able wrote:",
    "Dne 4.5.2026 v 10:15 Ann Able napsal(a):",
    "2026. máj. 4., H 10:15 Ann Able <ann@a.example> ezt írta:",
    "În lun., 4 mai 2026 la 10:15, Ann Able <ann@a.example> a scris:",
    "4 May 2026 Pzt 10:15 tarihinde Ann Able <ann@a.example> şunu yazdı:",
    "пн, 4 мая 2026 г. в 10:15, Ann Able <ann@a.example>:",
    "Den mån 4 maj 2026 kl 10:15 skrev Ann Able <ann@a.example>:",
]
# What separates an answer from a quote without marks.
BETWEEN = [
    "-----Original Message-----\nFrom: Ann Able\nSent: Monday, 4 May 2026\nTo: Bob\nSubject: A proposal",
    "________________________________\nFrom: Ann Able <ann@a.example>\nSent: Monday\nTo: Bob\nSubject: A proposal",
    "From: Ann Able <ann@a.example>\nSent: Monday, May 4, 2026 10:15 AM\nTo: Bob\nSubject: A proposal",
    "Von: Ann Able <ann@a.example>\nGesendet: Montag, 4. Mai 2026 10:15\nAn: Bob\nBetreff: Ein Vorschlag",
    "De : Ann Able <ann@a.example>\nEnvoyé : lundi 4 mai 2026 10:15\nÀ : Bob\nObjet : Une proposition",
    "De: Ann Able <ann@a.example>\nEnviado: lunes, 4 de mayo de 2026 10:15\nPara: Bob\nAsunto: Una propuesta",
    "Da: Ann Able <ann@a.example>\nInviato: lunedì 4 maggio 2026 10:15\nA: Bob\nOggetto: Una proposta",
    "De: Ann Able <ann@a.example>\nEnviada em: segunda-feira, 4 de maio de 2026 10:15\nPara: Bob\nAssunto: Uma proposta",
    "Van: Ann Able <ann@a.example>\nVerzonden: maandag 4 mei 2026 10:15\nAan: Bob\nOnderwerp: Een voorstel",
    "Od: Ann Able <ann@a.example>\nWysłano: poniedziałek, 4 maja 2026 10:15\nDo: Bob\nTemat: Propozycja",
    "差出人: Ann Able <ann@a.example>\n送信日時: 2026年5月4日 10:15\n宛先: Bob\n件名: ご提案",
    "*From:* Ann Able <ann@a.example>\n*Sent:* Monday\n*To:* Bob\n*Subject:* A proposal",
    "-------- Ursprüngliche Nachricht --------\nBetreff: Ein Vorschlag\nDatum: 4.5.2026\nVon: Ann Able <ann@a.example>",
    "-------- Message d'origine --------\nDe : Ann Able\nDate : 04/05/2026",
    "---------- Forwarded message ---------\nFrom: Ann Able <ann@a.example>\nDate: Mon\nSubject: A proposal",
    "---- On Mon, 04 May 2026 10:15:00 Ann Able<ann@a.example> wrote ----",
    "---- Ann Able wrote ----",
    "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐",
    "##- Please type your reply above this line -##",
    "-------- Original message --------\nFrom: Ann Able <ann@a.example>\nDate: 04/05/2026 10:15 (GMT+01:00)\nTo: Bob\nSubject: A proposal",
    "Début du message réexpédié :\n\nDe: Ann Able <ann@a.example>\nObjet: Une proposition",
]
ADDED = [
    "Sent from my iPhone", "Get Outlook for iOS<https://aka.ms/o0ukef>", "Von meinem iPhone gesendet", "Gesendet mit der GMX Mail App",
    "Envoyé de mon iPhone", "Envoyé à partir de Outlook pour Android", "Enviado desde mi iPhone", "Enviado do meu iPhone",
    "Inviato da iPhone", "Verstuurd vanaf mijn iPhone", "Verzonden vanaf mijn Samsung", "Wysłane z iPhone'a", "iPhoneから送信",
    "Sent via BlackBerry", "Sent from Yahoo Mail on Android", "Obter o Outlook para Android", "Diese Nachricht wurde von meinem Android-Mobiltelefon gesendet.",
]  # fmt: skip
BELOW = [
    "-- \nBob Baker\nBaker & Co", "--\nBob", "—\nBob", "Best regards,\nBob\n\n-- \nBob Baker, +49 30 1234",
    "Mit freundlichen Grüßen\nBob Baker\n\nVon meinem iPhone gesendet", "This e-mail and any attachments are confidential and intended solely for Ann.",
    "CONFIDENTIALITY NOTICE: This message is private.", "Diese E-Mail enthält vertrauliche Informationen und ist nur für den Adressaten bestimmt.",
    "Ce message et ses pièces jointes sont confidentiels.", "Este mensaje es confidencial y va dirigido a su destinatario.",
    "Le informazioni contenute in questo messaggio sono riservate.", "Este e-mail é confidencial e destina-se a quem o recebe.",
    "Dit bericht is vertrouwelijk en uitsluitend bestemd voor u.", "Niniejsza wiadomość jest poufna i przeznaczona wyłącznie dla adresata.",
    "____________\nriders mailing list\nriders@lists.b.example\nhttps://lists.b.example/listinfo/riders",
]  # fmt: skip
# What people write that only looks like any of it.
KEPT = [
    "On Monday I wrote to Ann, she said 10:15 is fine.",
    "I am from: Rome.\nTo: be honest, no.",
    "From: Paris\nTo: Rome\nDate: 4 May",
    "Here is my list:\n- one\n- two",
    "We sent from our side all there is.",
    "Sent with the truck on Monday.\nPlease sign for it.",
    "Try the new version first.",
    "Important note: we meet on Tuesday.",
    "Gesendet mit DHL, kommt morgen.",
    "Inviato con il corriere ieri.",
    "Enviado por correo ayer.",
    "Envoyé par la poste hier.",
    "Regards go to Ann.\nAlso, what is the price?",
    "The subject: prices.\nThe date: May.",
    "I got this forwarded message: is it yours?",
    "Please read:\n\nthe manual",
    "Am 4. Mai um 10:15 passt es mir gut:",
]


@pytest.mark.parametrize("above", ABOVE)
def test_a_quote_is_left_out_with_the_line_above_it(above: str) -> None:
    assert visible_text(f"{OWN}\n\n{above}\n\n> What do you think?\n> Ann\n") == OWN
    assert visible_text(f"{OWN}\n\n{above}\n\nWhat do you think?\nAnn\n") == OWN


@pytest.mark.parametrize("between", BETWEEN)
def test_a_separator_ends_the_writers_words(between: str) -> None:
    assert visible_text(f"{OWN}\n\n{between}\n\nWhat do you think?\n") == OWN
    assert visible_text(f"\ufeff{OWN}\r\n\r\n{between}\r\n\r\nWhat do you think?\r\n") == OWN


@pytest.mark.parametrize("line", ADDED)
def test_what_a_program_adds_is_left_out(line: str) -> None:
    assert visible_text(f"{OWN}\n\n{line}\n") == OWN
    assert visible_text(f"{OWN}\n\n{line}\n\nOn 4 May 2026, at 10:15, Ann <ann@a.example> wrote:\n\n> Hello") == OWN


@pytest.mark.parametrize("below", BELOW)
def test_a_signature_or_small_print_is_left_out(below: str) -> None:
    assert visible_text(f"{OWN}\n\n{below}\n") == OWN


@pytest.mark.parametrize("text", KEPT)
def test_what_people_write_is_kept(text: str) -> None:
    assert visible_text(text) == text


def test_a_closing_without_a_signature_is_the_writers_own() -> None:
    assert visible_text(f"{OWN}\n\nThanks,\nBob") == f"{OWN}\n\nThanks,\nBob"


def test_answers_between_quotes_are_kept() -> None:
    text = "> Shall we meet?\n\nYes.\n\n> When?\n\nMonday.\n"
    assert " ".join(visible_text(text).split()) == "Yes. Monday."


def test_the_rest_of_a_wrapped_quote_is_no_answer() -> None:
    quote = "> " + "a long line that some gateway has wrapped without a mark " * 2
    assert visible_text(f"{OWN}\n\n{quote}\nas it came\n> and went\n") == OWN


HTML = {
    "gmail": '<div>Yes, gladly.<br>Call me on Monday.</div><br><div class="gmail_quote"><div class="gmail_attr">On Mon, May 4, 2026 at 10:15 AM'
    ' Ann &lt;<a href="mailto:ann@a.example">ann@a.example</a>&gt; wrote:<br></div><blockquote>What?</blockquote></div>',
    "outlook": '<p>Yes, gladly.</p><p>Call me on Monday.</p><div id="divRplyFwdMsg"><b>Lähettäjä kukin:</b> Ann<br></div><div>What?</div>',
    "apple": '<div>Yes, gladly.</div><div>Call me on Monday.</div><div><br><blockquote type="cite"><div>On 4 May 2026, at 10:15, Ann'
    " &lt;ann@a.example&gt; wrote:</div><div>What?</div></blockquote></div>",
    "thunderbird": '<p>Yes, gladly.<br>Call me on Monday.</p><div class="moz-cite-prefix">Am 04.05.2026 um 10:15 schrieb Ann:<br></div>'
    "<blockquote>What?</blockquote>",
    "yahoo": '<div>Yes, gladly.</div><div>Call me on Monday.</div><div class="yahoo_quoted"><div>On Monday, May 4, 2026 at 10:15:00 AM GMT+2,'
    " Ann &lt;ann@a.example&gt; wrote: </div><div>What?</div></div>",
    "signed": '<div>Yes, gladly.<br>Call me on Monday.</div><div class="gmail_signature">Bob Baker<br>Baker &amp; Co</div>',
}


@pytest.mark.parametrize("program", HTML)
def test_html_alone_gives_the_same_words(program: str) -> None:
    assert visible_text(text_of(HTML[program])).replace("\n\n", "\n") == OWN


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row['file']} {row['origin']}") for row in ROWS])
def test_what_mail_clients_make_of_an_answer_is_taken_apart(row: dict[str, Any]) -> None:
    mail = parse((CLIENTS / row["file"]).read_bytes())
    if row["kind"] == "forward":
        assert mail.forwarded is not None
        assert mail.forwarded.sender is not None
        assert mail.forwarded.sender.address == row["forwarded"]["from_email"]
        assert [each.address for each in mail.forwarded.to] == [each["email"] for each in row["forwarded"]["to"]]
        assert visible_text(mail.forwarded.note) == (row["visible_text"] or "")
    else:
        assert " ".join(visible_text(mail.text).split()) in {" ".join(text.split()) for text in row["accept"]}


def test_a_line_between_rules_ends_the_words_only_above_the_fields_of_a_mail() -> None:
    assert visible_text("Yes.\n\n---- Courriel initial ----\nDe : Ann\nObjet : A call\n\nHello") == "Yes."
    agenda = "Agenda:\n\n---- Morning ----\nWelcome\n---- Noon ----\nLunch"
    assert visible_text(agenda) == agenda


@pytest.mark.parametrize(
    "line", ["Outlook on Android crashes for me since Monday.", "Yahoo Mail: does it show the pictures?"]
)
def test_a_person_may_write_of_mail_programs(line: str) -> None:
    assert visible_text(f"Hello.\n{line}") == f"Hello.\n{line}"
