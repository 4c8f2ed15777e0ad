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
