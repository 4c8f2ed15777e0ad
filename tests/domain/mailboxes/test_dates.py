from datetime import date

import pytest

from outrider.domain.mailboxes.dates import back_on

MONDAY = date(2026, 5, 4)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("I am away from 4 May to 15 May.", date(2026, 5, 16)),
        ("Away until 15 May; back on 18 May.", date(2026, 5, 18)),
        ("I will not return\nuntil 06/08/2026.", date(2026, 8, 6)),
        ("I'll be back on 5/18/2026.", date(2026, 5, 18)),
        ("Back on Wednesday, June 17.", date(2026, 6, 17)),
        ("Back on 2 January.", date(2027, 1, 2)),
        ("Ich bin vom 4.5. bis 15.5. nicht da.", date(2026, 5, 16)),
        ("Je suis absent à partir du 04/05/2026 de retour le 12/05/2026.", date(2026, 5, 12)),
        ("Retour le 1er juillet.", date(2026, 7, 1)),
        ("Retour le 3 juin.", date(2026, 6, 3)),
        ("Jestem na urlopie, wracam 23 lipca.", date(2026, 7, 23)),
        ("Jestem na urlopie do 23 lipca.", date(2026, 7, 24)),
        ("Dziś nieobecny, będę jutro.", date(2026, 5, 5)),
        ("誠に勝手ながら、5月11日まで休業とさせていただきます。", date(2026, 5, 12)),
        ("I will be out until and including May 12.", date(2026, 5, 13)),
        ("I'm away from May 4 to May 15.", date(2026, 5, 16)),
        ("I am out of office 4 May - 15 May, returning 18 May.", date(2026, 5, 18)),
        ("Back in the office Monday, May 11th.", date(2026, 5, 11)),
        ("I'll return on the 12th of May.", date(2026, 5, 12)),
        ("I am on leave through May 29, 2026.", date(2026, 5, 30)),
        ("Returning next Wednesday.", date(2026, 5, 6)),
        ("I will be back in the office on 05/18/2026.", date(2026, 5, 18)),
        ("I will be back on 18/05/2026.", date(2026, 5, 18)),
        ("I'm off till Thursday 14 May.", date(2026, 5, 15)),
        ("Out today, back tomorrow morning.", date(2026, 5, 5)),
        ("I'll be back in June.", date(2026, 6, 1)),
        ("On leave from 1 May 2026 until 1 September 2026.", date(2026, 9, 2)),
        ("Our office reopens on June 1st.", date(2026, 6, 1)),
        ("Bin bis zum 15. Mai 2026 im Urlaub.", date(2026, 5, 16)),
        ("Ich bin vom 04.05. bis 15.05. nicht da.", date(2026, 5, 16)),
        ("Ab 18. Mai bin ich wieder erreichbar.", date(2026, 5, 18)),
        ("Am Donnerstag bin ich zurück.", date(2026, 5, 7)),
        ("Ich bin ab dem 1. Juni 2026 wieder im Büro.", date(2026, 6, 1)),
        ("Zurück ab 11.5.", date(2026, 5, 11)),
        ("Wieder da am Montag, 11. Mai.", date(2026, 5, 11)),
        ("Ich bin bis Ende Mai in Elternzeit und ab 2. Juni zurück.", date(2026, 6, 2)),
        ("Je serai absent du 4 au 15 mai inclus.", date(2026, 5, 16)),
        ("De retour le lundi 18 mai.", date(2026, 5, 18)),
        ("Je reviens le 1er juin 2026.", date(2026, 6, 1)),
        ("Absent jusqu'au 15/05.", date(2026, 5, 16)),
        ("Je serai de retour demain.", date(2026, 5, 5)),
        ("Estaré fuera del 4 al 15 de mayo.", date(2026, 5, 16)),
        ("Vuelvo el lunes 18 de mayo.", date(2026, 5, 18)),
        ("Regreso el 1 de junio de 2026.", date(2026, 6, 1)),
        ("Estaré de vuelta mañana.", date(2026, 5, 5)),
        ("Sono assente dal 4 al 15 maggio.", date(2026, 5, 16)),
        ("Rientrerò lunedì 18 maggio 2026.", date(2026, 5, 18)),
        ("Tornerò il 1° giugno.", date(2026, 6, 1)),
        ("Sarò di nuovo in ufficio giovedì.", date(2026, 5, 7)),
        ("Estou ausente de 4 a 15 de maio.", date(2026, 5, 16)),
        ("Regresso a 18 de maio de 2026.", date(2026, 5, 18)),
        ("Estarei de volta na segunda-feira.", date(2026, 5, 11)),
        ("Volto dia 1 de junho.", date(2026, 6, 1)),
        ("Ik ben afwezig van 4 tot en met 15 mei.", date(2026, 5, 16)),
        ("Maandag 18 mei ben ik weer aanwezig.", date(2026, 5, 18)),
        ("Ik ben terug op 1 juni 2026.", date(2026, 6, 1)),
        ("Vanaf donderdag ben ik weer bereikbaar.", date(2026, 5, 7)),
        ("Jestem nieobecny od 4 do 15 maja.", date(2026, 5, 16)),
        ("Wracam 18 maja 2026.", date(2026, 5, 18)),
        ("Będę z powrotem w poniedziałek.", date(2026, 5, 11)),
        ("Wracam do pracy 1 czerwca.", date(2026, 6, 1)),
        ("5月4日から5月15日まで不在にします。", date(2026, 5, 16)),
        ("5月18日から出社します。", date(2026, 5, 18)),
        ("2026年6月1日より復帰いたします。", date(2026, 6, 1)),
        ("来週月曜日に戻ります。", date(2026, 5, 11)),
        ("明日戻ります。", date(2026, 5, 5)),
        ("Volto a partir do dia 12 de maio.", date(2026, 5, 12)),
    ],
)
def test_the_first_day_back_is_found(text: str, day: date) -> None:
    assert back_on(text, received=MONDAY) == day


@pytest.mark.parametrize(
    "text",
    [
        "I was away until 1 May 2024.",
        "Our fair is on 12 June.",
        "I start on 12 May.",
        "Back on 31 February.",
        "Back on 99.99.",
        "Call 030 12.34 56 or come back at 10.30.",
        "",
    ],
)
def test_a_day_that_makes_no_sense_or_means_something_else_is_none(text: str) -> None:
    assert back_on(text, received=MONDAY) is None


def test_a_long_text_of_days_is_read_in_little_time() -> None:
    assert back_on("1.1.2020 " * 500, received=MONDAY) is None
