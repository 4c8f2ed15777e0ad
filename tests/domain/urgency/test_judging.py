"""Whether mail deserves a call, in seven languages, and what speaks against it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.urgency.judging import Subject, judge, lexicon
from outrider.domain.urgency.topics import Topic

TEN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def mail(text: str, *, subject: str = "", sender: str = "eve@c.test", name: str = "Eve Adams") -> Subject:
    return Subject(subject, text, sender, name, Kind.HUMAN, SenderType.PERSONAL, TEN)


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        (Topic.CUSTOMER, "Your platform has been down for our shops since 9:40, customers are waiting. Can you call me?"),
        (Topic.FINANCIAL, "Die Bank hat die Gehälter zurückgewiesen. Ohne Ihre Freigabe bis 12 Uhr werden sie nicht überwiesen."),
        (Topic.INVESTOR, "Le comité d'investissement vote à 11h30 et il me faut votre accord, sinon la levée de fonds tombe."),
        (Topic.PARTNERSHIP, "La licitación cierra a las 12:00 y falta tu firma en el contrato, si no quedamos excluidos."),
        (Topic.TEAM, "Um colega caiu da escada no armazém, a ambulância está a chegar. Não encontro o contacto da família."),
        (Topic.MEETING, "La riunione è anticipata a oggi alle 11, il volo parte dopo: serve la tua conferma entro mezz'ora."),
        (Topic.PRODUCT_LAUNCH, "De lancering staat om 11.00 uur gepland maar de app store toont verkeerde prijzen. Stoppen we?"),
    ],
)  # fmt: skip
def test_what_is_lost_within_hours_is_urgent_in_every_language(topic: Topic, text: str) -> None:
    found = judge(mail(text))
    assert (found.is_urgent, found.topic) == (True, topic)


@pytest.mark.parametrize(
    "text",
    [
        "The outage is resolved, everything is back since 9:40. Thanks for the quick fix.",
        "Reminder: the fire drill is today at 11. No action needed.",
        "Anbei unsere Rechnung, zahlbar innerhalb von 30 Tagen.",
        "Necesito que hagas un pago urgente hoy. Estoy reunido, no me llames, contesta solo por aquí.",
        "Your mailbox will be deactivated within 2 hours. Click here to verify your password.",
        "Kun je volgende week eens naar mijn voorstel kijken? Geen haast.",
        "Hier c'était la catastrophe, aujourd'hui tout va bien.",
        "URGENT!!! Only today 50% off, offer ends at 12:00. Buy now!",
        "",
    ],
)
def test_what_is_over_planned_routine_or_fraud_is_not(text: str) -> None:
    assert not judge(mail(text)).is_urgent


def test_the_same_words_from_a_machine_are_not() -> None:
    text = "The server is down since 9:40 and nobody can log in. Please call right now."
    assert judge(mail(text)).is_urgent
    assert not judge(replace(mail(text), kind=Kind.BULK)).is_urgent
    assert not judge(replace(mail(text), kind=Kind.OUT_OF_OFFICE)).is_urgent


def test_every_judgement_names_its_signs_and_the_sentence_that_tells_most() -> None:
    found = judge(mail("Hello Ada. The bank froze our account and payroll goes out at 11:00. See you."))
    assert found.sentence == "The bank froze our account and payroll goes out at 11:00."
    due = next(each for each in found.reasons if each.sign == "due_soon")
    assert (due.words, due.says) == ("at 11:00", "it names an hour of today")
    ground = judge(mail("")).score
    assert found.score == pytest.approx(sum(each.points for each in found.reasons) + ground, abs=0.01)


def test_a_colleague_is_the_team_and_advertising_is_promotion() -> None:
    assert judge(replace(mail("Could you look at this?"), is_own_house=True)).topic is Topic.TEAM
    assert judge(replace(mail("20% off, buy now"), sender_type=SenderType.PROMOTIONAL)).topic is Topic.PROMOTION
    assert judge(mail("Xyzzy")).topic is Topic.OTHER


def test_a_long_mail_is_judged_by_its_beginning() -> None:
    found = judge(mail("word " * 5_000 + "The server is down, call me now before 11:00"))
    assert not found.is_urgent


def test_no_phrase_stands_for_two_opposite_signs() -> None:
    """A sign for a call and one against it would cancel each other in silence."""
    import tomllib
    from importlib.resources import files

    signs = tomllib.loads((files("outrider.domain.urgency") / "signs.toml").read_text("utf-8"))
    by_phrase: dict[str, set[bool]] = {}
    for sign in signs.values():
        for phrase in sign["phrases"].replace("\n", ",").split(","):
            by_phrase.setdefault(phrase.strip(), set()).add(sign["points"] > 0)
    assert lexicon().points
    assert [phrase for phrase, sides in by_phrase.items() if phrase and len(sides) > 1] == []
