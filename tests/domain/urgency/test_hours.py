"""Hours of today are told from hours that are over, from spans of the past, and from numbers."""

from datetime import UTC, datetime

import pytest

from outrider.domain.urgency.hours import due_soon
from outrider.domain.urgency.words import tokens_of

TWO = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "by 4", "at 15:00", "um 16 Uhr", "à 14h30", "às 16h", "alle 16.30", "om 14.30 uur", "before 3 pm", "in 25 minutes",
        "within two hours", "in zwei Stunden", "dans une heure", "tra un'ora", "binnen 30 minuten", "a las 17:00",
        "at five", "um vier Uhr", "a las seis", "alle quattro", "om vijf uur",
    ],
)  # fmt: skip
def test_what_is_still_to_come_today_is_soon(text: str) -> None:
    assert due_soon(tokens_of(text, 50), TWO)


@pytest.mark.parametrize(
    "text",
    [
        "at 09:30", "11 minutes ago", "hace 5 minutos", "5 minuten geleden", "within 48 hours", "4 people", "25:00", "12.75",
        "we met for 3 hours", "at 23:30", "at one", "five people", "at ten",
    ],
)  # fmt: skip
def test_what_is_over_far_off_or_no_time_is_not(text: str) -> None:
    assert not due_soon(tokens_of(text, 50), TWO)
