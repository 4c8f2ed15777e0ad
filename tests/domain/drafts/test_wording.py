"""Letters that templates write."""

import pytest

from outrider.domain.drafts import wording
from outrider.domain.harvest import extraction_language


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "pt", "it", "nl"])
def test_an_acknowledgement_is_in_the_mails_language(language: str) -> None:
    text = wording.acknowledgement(language, name="Bob Baker", subject="", sender="Ada Lovelace")
    assert extraction_language.guess(text)[0] == language
    assert text.splitlines()[0].rstrip(",:").endswith("Bob Baker")
    assert text.endswith("\nAda Lovelace")
    assert "{" not in text


def test_a_language_that_nobody_knows_here_is_english() -> None:
    assert wording.acknowledgement("xx", name="", subject="", sender="").startswith("Hello,\n")


def test_a_subject_is_named_without_its_marks_and_in_one_line() -> None:
    assert wording.topic("AW: Re[2]: The\r\n offer") == "The offer"
    assert wording.topic("x" * 121) == ""
    text = wording.acknowledgement("en", name="Bob\nBcc: x", subject="The offer", sender="Ada")
    assert "about “The offer”" in text
    assert text.startswith("Hello Bob Bcc: x,")
