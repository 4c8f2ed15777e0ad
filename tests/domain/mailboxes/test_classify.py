import json
import re
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from outrider.domain.mailboxes import phrases
from outrider.domain.mailboxes.classify import classify
from outrider.domain.mailboxes.refusals import Reason
from outrider.domain.mailboxes.verdict import Kind, Verdict
from outrider.providers.mail.mime import parse, visible_text
from tests.domain.mailboxes.notices import BARE, MARKED

SAMPLES = Path(__file__).parents[2] / "data" / "bounces"
CLIENTS = Path(__file__).parents[2] / "data" / "clients"
KINDS = {
    "ooo": Kind.OUT_OF_OFFICE,
    "left_company": Kind.LEFT_COMPANY,
    "auto": Kind.AUTO_REPLY,
    "human": Kind.HUMAN,
}
MONDAY = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 16, 10, 40, tzinfo=UTC)
SIEVE = "Auto-Submitted: auto-replied (vacation)"
EXCHANGE = "Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All"
GMAIL = "Auto-Submitted: auto-replied\nPrecedence: bulk\nX-Autoreply: yes"
CPANEL = "X-Autorespond: 1\nPrecedence: bulk"
ANSWER = "In-Reply-To: <ours@example.com>\nReferences: <ours@example.com>"

# Headers, subject, text, day of return.
AWAY: list[tuple[str, str, str, date | None]] = [
    (SIEVE, "Out of office: Hello", "I am away until Friday.", date(2026, 5, 8)),
    (SIEVE, "Re: Hello", "On holiday, back on 18 May.", date(2026, 5, 18)),
    (EXCHANGE, "Automatic reply: Hello", "I am out of the office and will return on May 11, 2026.", date(2026, 5, 11)),
    (GMAIL, "Re: Hello", "I'm on parental leave and will be back in September 2026.", date(2026, 9, 1)),
    (CPANEL, "Autoreply: Hello", "We are closed through 2026-05-10.", date(2026, 5, 11)),
    ("", "Out of Office: Hello", "I'm out of the office today and back tomorrow.", date(2026, 5, 5)),
    ("", "Bob Miller is out of the office.", "I will be out of the office from 05/05/2026.", None),
    ("Precedence: bulk", "Hello", "I am on annual leave with limited access to email.", None),
    (EXCHANGE, "Automatische Antwort: Hallo", "Ich bin bis 15.05.2026 nicht im Büro.", date(2026, 5, 16)),
    (SIEVE, "Abwesenheitsnotiz", "Ich bin im Urlaub und ab Montag, den 18. Mai wieder erreichbar.", date(2026, 5, 18)),
    ("", "Abwesend: Hallo", "Ich bin im Urlaub, zurück am 12.5.", date(2026, 5, 12)),
    ("", "Karl Maier ist außer Haus", "Ich kehre zurück am 20.05.2026.", date(2026, 5, 20)),
    (EXCHANGE, "Réponse automatique : Bonjour", "Je suis absent jusqu'au 15 mai inclus.", date(2026, 5, 16)),
    (SIEVE, "Absence du bureau", "Je suis en congé, de retour le 18/05/2026.", date(2026, 5, 18)),
    (GMAIL, "Re: Bonjour", "En vacances du 4 au 12 mai, de retour le 13 mai.", date(2026, 5, 13)),
    (
        "",
        "Message d'absence",
        "Ceci est une réponse automatique. Je suis en déplacement, retour lundi.",
        date(2026, 5, 11),
    ),
    (EXCHANGE, "Respuesta automática: Hola", "Estoy fuera de la oficina hasta el 15 de mayo.", date(2026, 5, 16)),
    (SIEVE, "Fuera de la oficina", "Estoy de vacaciones, vuelvo el 18 de mayo de 2026.", date(2026, 5, 18)),
    ("", "Fuera de oficina: Hola", "Estaré ausente. Me reincorporo el lunes.", date(2026, 5, 11)),
    (EXCHANGE, "Risposta automatica: Salve", "Sono fuori ufficio fino al 15 maggio.", date(2026, 5, 16)),
    (SIEVE, "Assente", "Sono in ferie e rientro il 18/05.", date(2026, 5, 18)),
    ("", "Fuori ufficio: Salve", "Sono in ferie, torno lunedì.", date(2026, 5, 11)),
    (EXCHANGE, "Resposta automática: Olá", "Estou de férias até 15 de maio.", date(2026, 5, 16)),
    (SIEVE, "Ausência", "Estarei fora e regresso no dia 18 de maio.", date(2026, 5, 18)),
    ("", "Fora do escritório: Olá", "Estarei ausente, volto segunda-feira.", date(2026, 5, 11)),
    (EXCHANGE, "Automatisch antwoord: Hallo", "Ik ben afwezig tot en met 15 mei.", date(2026, 5, 16)),
    (SIEVE, "Afwezig", "Ik ben met vakantie en terug op 18 mei 2026.", date(2026, 5, 18)),
    ("", "Afwezig: Hallo", "Ik ben op vakantie, maandag weer terug.", date(2026, 5, 11)),
    (EXCHANGE, "Autosvar: Hej", "Jag är på semester.", None),
    (SIEVE, "Autoodpowiedź: Oferta", "Jestem na urlopie.", None),
    (SIEVE, "Fravær", "Jeg er på ferie.", None),
]

# Subject, text, further headers: what people write, however much it sounds like a machine.
WRITTEN = [
    ("Re: Hello", "Yes, let's talk on Monday.", ""),
    ("Re: Hello", "I'm on vacation until Friday, but call me on Monday, this looks great.", ""),
    ("Re: Hello", "I am out of the office today. Tomorrow at ten?", ""),
    ("Re: Hello", "No thanks.", "Precedence: bulk"),
    ("Re: Hello", "Please put me on your list.", "Precedence: list\nList-Id: <dev.example.org>"),
    ("Re: Hello", "Who are you?\n\n> I am out of the office until Friday.", ""),
    ("Re: Automatic reply: Hello", "I'm back now. What is the price?", ""),
    ("Re: Out of office", "Thanks, enjoy it! We can speak next week.", ""),
    ("Re: Undeliverable: Hello", "Your mail bounced at first, but I got it now.", ""),
    ("Fwd: Returned mail: see transcript for details", "Look: 550 5.1.1 user unknown. Which address is right?", ""),
    ("Re: Delivery failed yesterday", "The parcel could not be delivered, please send it again.", ""),
    ("Re: your message could not be sent?", "It arrived, all is fine.", ""),
    ("Re: Hello", "Sure.", "X-Auto-Response-Suppress: All"),
    ("Re: Hello", "Sure.", "Auto-Submitted: no"),
    ("Re: Hello", "", ""),
    ("Re: Hello", "I am away from my desk, so just yes.", "Precedence: bulk\nList-Id: <dev.example.org>"),
    ("I'm on TV tonight", "Watch me, then let us speak.", ""),
    ("Accepted: your offer", "We accept. " + "Here is what we need from you before we can start. " * 8, ""),
    ("Re: Hallo", "Ich bin bis Freitag im Urlaub, danach gern.", ""),
    ("Re: Bonjour", "Je suis en congé cette semaine, rappelez-moi lundi.", ""),
    ("Re: Hola", "Estoy de vacaciones, hablamos el lunes.", ""),
    ("Re: Salve", "Sono in ferie, sentiamoci lunedì.", ""),
    ("Re: Olá", "Estou de férias, falamos depois.", ""),
    ("Re: Hallo", "Ik ben op vakantie, bel me maandag.", ""),
    ("Away day next month, can you help us?", "We plan an event.", ""),
    ("Out of office party", "We would love your catering.", ""),
    ("Vacation policy software: a question about your price", "How much is it?", ""),
]  # fmt: skip


# Short answers as people write them, many of them about absences, robots and failures; with those above over a hundred.
ANSWERS = [
    "Yes please.", "Sure, call me.", "No.", "Not now.", "Who is this?", "How much?", "Thanks, but no.", "Send me the price list.", "Ok",
    "Can we move it to Friday? I'm out of the office on Thursday.", "I'll be on vacation next week, after that gladly.", "👍",
    "I was on leave until yesterday, sorry for the late answer.", "My colleague left the company last year. I do this now.",
    "Bob no longer works on this, I do. What is it about?", "I saw your automated message. Is anybody there?", "Are you a robot?",
    "Your last mail bounced, this one came through.", "The link does not work, it says error 550.", "Our mailbox was full, sorry.",
    "I received your message. Let me think about it.", "We have received your offer and will decide on Monday.", "Please confirm the time.",
    "Ja, gern.", "Nein danke.", "Rufen Sie mich an.", "Ich bin ab Montag wieder da, dann gern.", "Was kostet das?", "Wer sind Sie?",
    "Ich war im Urlaub und lese das erst jetzt.", "Frau Maier ist nicht mehr bei uns, ich bin zuständig. Worum geht es?", "Passt, Dienstag um zehn.",
    "Ist das eine automatische Mail?", "Die letzte Nachricht kam nicht an.", "Oui, avec plaisir.", "Non merci.", "Appelez-moi demain.",
    "Je rentre de congés lundi, on en parle ensuite.", "Quel est le prix ?", "C'est un message automatique ?", "D'accord pour mardi.",
    "Je suis en déplacement, mais écrivez-moi.", "Sí, claro.", "No, gracias.", "Llámeme el lunes.", "¿Cuánto cuesta?", "Vuelvo de vacaciones el lunes, hablamos.",
    "¿Es un mensaje automático?", "Estoy fuera esta semana, ¿el martes?", "Perfecto, gracias.", "Sì, volentieri.", "No grazie.", "Mi chiami lunedì.",
    "Quanto costa?", "Torno lunedì dalle ferie, sentiamoci dopo.", "È una risposta automatica?", "Va bene martedì.", "Sim, claro.", "Não, obrigado.",
    "Ligue-me segunda-feira.", "Quanto custa?", "Volto de férias na segunda, falamos depois.", "É uma mensagem automática?", "Ja, graag.",
    "Nee, bedankt.", "Bel me maandag.", "Wat kost het?", "Ik ben maandag terug van vakantie, dan graag.", "Is dit een automatisch bericht?",
    "Tak, chętnie.", "Nie, dziękuję.", "Proszę zadzwonić w poniedziałek.", "Ile to kosztuje?", "Wracam z urlopu w poniedziałek, porozmawiajmy.",
    "はい、お願いします。", "結構です。", "月曜日に電話をください。", "いくらですか。", "来週は休みですが、その後なら大丈夫です。",
]  # fmt: skip


def judge(subject: str, text: str, headers: str = "", sender: str = "Bob <bob@example.org>") -> Verdict:
    lines = [f"From: {sender}", "To: me@example.com", f"Subject: {subject}", *headers.splitlines()]
    mail = parse(("\n".join(line for line in lines if line) + "\n\n" + text).encode())
    return classify(mail, received_at=MONDAY)


@pytest.mark.parametrize(("headers", "subject", "text", "back"), AWAY)
def test_an_absence_notice_is_no_answer_and_its_day_of_return_is_known(
    headers: str, subject: str, text: str, back: date | None
) -> None:
    verdict = judge(subject, text, f"{headers}\n{ANSWER}")
    assert verdict.kind is Kind.OUT_OF_OFFICE
    assert verdict.returns_on == back


@pytest.mark.parametrize(("subject", "text", "headers"), WRITTEN)
def test_a_persons_answer_is_never_missed(subject: str, text: str, headers: str) -> None:
    assert judge(subject, text, f"{headers}\n{ANSWER}").kind is Kind.HUMAN


@pytest.mark.parametrize("text", ANSWERS)
def test_a_short_answer_in_any_language_is_a_persons(text: str) -> None:
    quoted = "\n\nOn Mon, May 4, 2026 at 10:15 AM Me <me@example.com> wrote:\n> I am out of the office until Friday.\n"
    assert judge("Re: Hello", text, ANSWER).kind is Kind.HUMAN
    assert judge("Re: Hello", text + quoted, f"{ANSWER}\nMIME-Version: 1.0").kind is Kind.HUMAN
    assert len(ANSWERS) + len(WRITTEN) >= 100


@pytest.mark.parametrize(
    ("subject", "text", "headers"),
    [
        ("Re: Hello", "We have received your message, ticket 4711.", "Auto-Submitted: auto-replied"),
        ("We have received your message", "Thank you.", ""),
        ("Eingangsbestätigung", "Vielen Dank.", ""),
        ("Re: Hello", "This is an automated message. Somebody will answer you.", ""),
        ("Re: Hello", "Thank you.", "X-Autoreply: yes"),
        ("Re: Hello", "Thank you.", "Precedence: auto_reply"),
    ],
)
def test_other_automatic_answers_are_no_persons(subject: str, text: str, headers: str) -> None:
    assert judge(subject, text, headers).kind is Kind.AUTO_REPLY


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.eml")), ids=lambda path: path.stem)
def test_bounces_of_real_systems_are_told_from_delays(path: Path) -> None:
    verdict = classify(parse(path.read_bytes()), received_at=MONDAY)
    assert verdict.kind is (Kind.DELAY if path.stem == "delayed" else Kind.BOUNCE)
    assert verdict.bounced
    assert verdict.reason not in {None, Reason.ON_HOLD, Reason.UNDEFINED}


def test_a_bounce_without_a_report_gives_its_address_and_status() -> None:
    text = "Your mail could not be delivered.\n\n<ann@example.org>: 550 5.1.1 no such user\n\n--- Original message ---\nTo: x@y.example"
    verdict = judge("failure notice", text, "Return-Path: <>", sender="MAILER-DAEMON")
    assert verdict.kind is Kind.BOUNCE
    assert [(each.address, each.status) for each in verdict.bounced] == [("ann@example.org", "5.1.1")]


def test_failed_recipients_named_in_a_header_are_taken_from_there() -> None:
    verdict = judge("Mail delivery failed", "5.2.2 mailbox full", "X-Failed-Recipients: Ann@example.org")
    assert [(each.address, each.status) for each in verdict.bounced] == [("ann@example.org", "5.2.2")]


def test_one_who_is_gone_names_who_took_over() -> None:
    text = "Bob no longer works here. Please write to Eve Stone, eve@example.org, who took over."
    assert judge("Re: Hello", text, EXCHANGE).successor == "eve@example.org"
    away = judge("Automatic reply", "I am away until Friday. Urgent: carol@example.org.", EXCHANGE)
    assert (away.kind, away.successor) == (Kind.OUT_OF_OFFICE, "carol@example.org")


def test_a_notice_that_somebody_is_gone_needs_no_header() -> None:
    text = "Ich bin im Ruhestand. Mein Nachfolger ist Ole Kramer: ole@kramer.example"
    assert judge("Bin in Rente", text).kind is Kind.LEFT_COMPANY
    assert judge("Re: Angebot", text, ANSWER).kind is Kind.HUMAN


def test_a_robot_is_no_person_whatever_it_says() -> None:
    assert judge("The file you wanted", "Here it is.", sender="docs-robot@example.org").kind is Kind.AUTO_REPLY


HOSTILE = {
    "words": "away from " * 100_000,
    "addresses": "a@b.example " * 80_000,
    "one address": "a" * 500_000 + "@" + "b." * 250_000,
    "dates": "until 1 may 2026 " * 60_000,
    "quotes": "> " * 500_000,
    "headers of quotes": "On 1 May 2026 at 10:00 " * 43_000,
    "fields": "From: a\nTo: b\n" * 70_000,
    "rules": "-" * 1_000_000,
    "announcements": "---- Forwarded message\n" * 45_000,
    "codes": "550 5.1.1 " * 100_000,
    "dialogue": ">>> RCPT To:<a@b.example>\n" * 38_000,
    "blanks": " " * 1_000_000,
    "new lines": "\n" * 1_000_000,
    "braces": "{" * 1_000_000,
    "asking": "please unsubscribe me from " * 38_000,
    "html": "<div><blockquote>" * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("subject", ["Re: Hello", "Fwd: Hello", "Undelivered Mail Returned to Sender"])
def test_no_mail_of_a_megabyte_takes_a_second(name: str, subject: str) -> None:
    kind = "html" if name == "html" else "plain"
    head = f"From: MAILER-DAEMON@b.example\nReturn-Path: <>\nSubject: {subject}\nContent-Type: text/{kind}\n\n"
    raw = (head + HOSTILE[name]).encode()
    started = time.process_time()
    mail = parse(raw)
    classify(mail, received_at=MONDAY)
    visible_text(mail.text)
    assert time.process_time() - started < 1


def test_an_absence_notice_with_an_empty_return_path_is_no_bounce() -> None:
    assert judge("Out of office", "I am away until Friday.", f"Return-Path: <>\n{SIEVE}").kind is Kind.OUT_OF_OFFICE


def test_an_answered_invitation_is_a_calendars_and_an_invitation_a_persons() -> None:
    for method, kind in (("REPLY", Kind.CALENDAR), ("REQUEST", Kind.HUMAN)):
        headers = f'Content-Type: text/calendar; method="{method}"'
        assert judge("Intro call", "BEGIN:VCALENDAR", headers).kind is kind


def test_a_read_receipt_is_a_receipt() -> None:
    headers = 'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"'
    text = "--b\n\nRead.\n--b\nContent-Type: message/disposition-notification\n\nDisposition: manual-action; displayed\n--b--"
    assert judge("Whatever", text, headers).kind is Kind.RECEIPT
    assert judge("Read: Hello", "Your message was read.").kind is Kind.RECEIPT


def test_a_newsletter_is_bulk_and_a_list_members_answer_is_not() -> None:
    assert judge("News", "Buy!", "List-Unsubscribe: <https://example.org/u>").kind is Kind.BULK
    assert judge("Re: Hello", "Yes.", f"List-Id: <dev.example.org>\n{ANSWER}").kind is Kind.HUMAN
    assert judge("Re: Hello", "Yes.", "List-Id: <dev.example.org>").kind is Kind.HUMAN


@pytest.mark.parametrize(
    "text",
    [
        "Bob no longer works here.",
        "Frau Schubert ist nicht mehr für unser Unternehmen tätig.",
        "Ya no trabajo en Nubia.",
        "Pani Maj nie jest już pracownikiem naszej firmy.",
    ],
)
def test_who_left_the_company_is_not_merely_away(text: str) -> None:
    assert judge("Re: Hello", text, EXCHANGE).kind is Kind.LEFT_COMPANY
    assert judge("Re: Hello", text, ANSWER).kind is Kind.HUMAN  # a person may say the same


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in MARKED.items() for text in texts])
def test_the_kind_of_an_automatic_answer_is_told_by_its_words(kind: Kind, text: str) -> None:
    assert judge("Re: Hello", text, f"{SIEVE.partition(' (')[0]}\nMIME-Version: 1.0").kind is kind


@pytest.mark.parametrize(("subject", "text"), BARE)
def test_a_notice_without_a_header_is_no_persons_answer(subject: str, text: str) -> None:
    assert judge(subject, text).kind in {Kind.OUT_OF_OFFICE, Kind.LEFT_COMPANY, Kind.AUTO_REPLY, Kind.CHALLENGE}


def test_who_asks_the_sender_to_prove_themselves_is_a_challenge() -> None:
    asking = "To stop spam I ask new senders to solve a puzzle: https://c.example/1"
    assert judge("Re: Hello", asking, ANSWER).kind is Kind.CHALLENGE
    assert judge("Re: Hello", "Per consegnare il tuo messaggio rispondi.", EXCHANGE).kind is Kind.CHALLENGE
    wondering = "Before I answer your email, could you confirm the price?"
    assert judge("Re: Hello", wondering, ANSWER).kind is Kind.HUMAN


def test_a_feedback_report_is_a_complaint() -> None:
    boundary = 'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary="b"'
    body = "--b\nContent-Type: text/plain\n\nAn abuse report.\n--b\nContent-Type: message/feedback-report\n\n"
    assert judge("Report", f"{body}Feedback-Type: abuse\n\n--b--\n", boundary).kind is Kind.COMPLAINT


SAMPLE = Path(__file__).parents[2] / "data" / "judging" / "autoreplies"


def test_no_person_of_the_sample_is_missed_and_no_machine_taken_for_one() -> None:
    rows = [json.loads(line) for line in (SAMPLE / "labels.jsonl").read_text("utf-8").splitlines()]
    wrong = []
    for row in rows:
        mail = parse((SAMPLE / row["file"]).read_bytes())
        verdict = classify(mail, received_at=mail.sent_at or MONDAY)
        if (verdict.kind in {Kind.HUMAN, Kind.UNSUBSCRIBE}) != (row["class"] == "human"):
            wrong.append((row["file"], verdict.evidence))
    assert len(rows) > 50
    assert not wrong


@pytest.mark.parametrize(
    ("pattern", "stems", "text"),
    [
        *(
            (phrases.AUTOMATIC_BODY, phrases.AUTOMATIC_STEMS, text)
            for text in (
                "THIS IS AN AUTOMATED REPLY", "This message was created automatically", "Dies ist eine automatisch",
                "Automatisch generierte Nachricht", "Ceci est un message automatique", "message généré automatiquement",
                "Mensaje automático", "Esta é uma mensagem automática", "MENSAGEM AUTOMÁTICA",
                "messaggio generato automaticamente", "dit is een automatisch", "Detta är ett automatiskt",
                "wiadomość automatyczna", "Messaggio automatico", "Automatische Antwort", "automatyczna odpowiedź",
                "自動返信メール", "sent automatically by",
            )
        ),
        *(
            (phrases.NO_ANSWER_BODY, phrases.NO_ANSWER_STEMS, text)
            for text in (
                "Do NOT reply to this e-mail", "do not respond to this message", "Auf diese Nachricht bitte nicht",
                "Ne pas RÉPONDRE à ce message", "No responda a este", "não responda a este", "non rispondere a questa",
                "niet antwoorden op dit", "Antworten Sie bitte nicht auf diese", "prosimy nie odpowiadać", "送信専用",
                "返信できません", "返信しないで",
            )
        ),
    ],
)  # fmt: skip
def test_a_stem_stands_in_whatever_its_pattern_finds(
    pattern: re.Pattern[str], stems: tuple[str, ...], text: str
) -> None:
    found = pattern.search(text)
    assert found is not None
    assert any(stem in found[0].lower() for stem in stems)


def labelled(folder: str) -> list[Any]:
    rows = [json.loads(line) for line in (CLIENTS / folder / "labels.jsonl").read_text("utf-8").splitlines()]
    return [pytest.param(row, id=row["file"]) for row in rows]


@pytest.mark.parametrize("row", labelled("autoreplies"))
def test_absences_and_people_who_speak_of_theirs_are_told_apart_in_nine_languages(row: dict[str, Any]) -> None:
    verdict = classify(parse((CLIENTS / "autoreplies" / row["file"]).read_bytes()), received_at=NOVEMBER)
    assert verdict.kind is (Kind.UNSUBSCRIBE if row["intent"] == "unsubscribe" else KINDS[row["class"]])
    if row["return_date"]:
        day = date.fromisoformat(row["return_date"])
        assert verdict.returns_on in ({day, day + timedelta(days=1)} if row["return_kind"] == "until" else {day})
    if row["class"] != "human":
        assert verdict.successor == row["forward_to"]


@pytest.mark.parametrize("row", labelled("bounces"))
def test_a_bounce_in_the_words_of_any_language_is_found_with_its_reason(row: dict[str, Any]) -> None:
    verdict = classify(parse((CLIENTS / "bounces" / row["file"]).read_bytes()), received_at=NOVEMBER)
    assert (verdict.kind, verdict.reason, verdict.is_hard) == (Kind.BOUNCE, row["reason"], row["hard"])
    assert [each.address for each in verdict.bounced] == row["recipients"]


NOT_DELIVERED = (
    "Nicht zugestellt", "E-Mail wurde nicht ausgeliefert", "Nachricht nicht übermittelt", "Zustellung fehlgeschlagen", "Message non distribué",
    "Échec de la livraison", "Correo no entregado", "Mensaje devuelto", "Fallo en la entrega", "Messaggio non recapitato", "Mancata consegna",
    "Mensagem não entregue", "Falha na entrega", "Bericht niet afgeleverd", "Niet bezorgd", "Bezorging mislukt", "Nie dostarczono wiadomości",
    "Zwrot wiadomości", "Błąd dostarczania", "Не удалось доставить письмо", "配信できません", "メール送信エラー", "お届けできませんでした",
    "Undeliverable: Hello", "Message rejected",
)  # fmt: skip


@pytest.mark.parametrize("subject", NOT_DELIVERED)
def test_a_daemons_subject_tells_of_a_bounce_in_any_language(subject: str) -> None:
    assert judge(subject, "bob@b.example", sender="MAILER-DAEMON@b.example").kind is Kind.BOUNCE


@pytest.mark.parametrize(
    "subject", ["Re: Unzustellbar: Hallo", "Nicht zugestellt?", "Re: Mensaje no entregado", "Message rejected"]
)
def test_a_person_who_writes_of_a_bounce_sends_none(subject: str) -> None:
    text = "Hallo Ada, deine Nachricht an mich kam zurück. Kannst du sie noch einmal schicken?"
    verdict = judge(subject, text, "Return-Path: <bob@b.example>")
    assert verdict.kind is Kind.HUMAN


def test_an_address_that_nobody_reads_is_no_person() -> None:
    for text in (
        "This mailbox is no longer monitored. Please write to sales@b.example.",
        "Dieses Postfach wird nicht mehr gelesen.",
        "Cette boîte n'est plus consultée.",
    ):
        assert judge("Re: Hello", text).kind is not Kind.HUMAN
    assert judge("Re: Hello", "Is this mailbox not monitored any more?").kind is Kind.HUMAN
