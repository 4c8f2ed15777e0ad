"""What a text of a language model may hold."""

import pytest

from outrider.domain.llm import checking

SOURCE = "Pay invoice 4711 of 1,500.00 EUR by 3 June, 14:30, or call +44 20 7946 0958. See https://b.test/pay?x=1 or bob@b.test."


@pytest.mark.parametrize(
    "text",
    [
        "Bob asks you to pay invoice 4711 by the 3rd of June, half past two.",
        "1500.00 EUR are due.",
        "1500,00 EUR sind am 3. Juni um 14.30 Uhr fällig.",
        "Write to bob@b.test.",
        "It is at https://b.test/pay?x=1.",
        "Call +442079460958.",
        "No number at all, e.g. none.",
    ],
)
def test_what_the_source_has_may_be_said(text: str) -> None:
    assert checking.invented(text, SOURCE) is None


@pytest.mark.parametrize(
    "text",
    [
        "Pay invoice 4712.", "Pay 15,000.00 EUR.", "Write to eve@evil.test.", "See www.evil.test.", "See evil.example/x",
        "Call +44 20 7946 0959.", "Call 7946 4711 1500.", "Ring tel://1.", "HTTPS://EVIL.TEST/", "Pay by 4 June.",
    ],
)  # fmt: skip
def test_what_the_source_has_not_is_named(text: str) -> None:
    assert checking.invented(text, SOURCE) is not None


@pytest.mark.parametrize(
    "text",
    [
        "Press 9 to hear more.", "Drücken Sie jetzt 9.", "Tapez 9.", "Pulse 9.", "Write to bob@b.test.", "See b.test/pay.",
        "Call 020 7946 0958.", "<Say>Hello</Say>", "**Now**", "&lt;Hangup/&gt;", "Then press the star key.", "Press, when asked, nine.",
    ],
)  # fmt: skip
def test_what_no_trusted_voice_says(text: str) -> None:
    assert checking.unspeakable(text) is not None


@pytest.mark.parametrize("text", ["Bob needs your signature before noon.", "Um 14:30 Uhr, Zimmer 12. Eilt!", "L'offre expire le 3 juin.", "The press release is out. Your bank called at 3."])  # fmt: skip
def test_plain_speech_is_said(text: str) -> None:
    assert checking.unspeakable(text) is None


def test_a_hostile_megabyte_is_read_in_time() -> None:
    for unit in ("1 ", "a.", "@", "1.", "a@", "http://"):
        text = unit * (200_000 // len(unit))
        checking.invented(text[:4_000], text)
        checking.unspeakable(text)
