"""What a mail is about shows in its words, its subject, and who sends it."""

from outrider.domain.urgency import about
from outrider.domain.urgency.topics import Topic
from outrider.domain.urgency.words import tokens_of


def topic(text: str, *, subject: str = "", sender: str = "c.test eve Eve Adams", is_own_house: bool = False) -> Topic:
    tokens = tokens_of(f"{subject}.\n{text}", 100)
    return about.topic_of(about.clues(subject, sender, tokens, (), is_own_house=is_own_house))


def test_words_of_a_topic_decide_in_every_language() -> None:
    assert topic("Anbei die Rechnung, bitte die Überweisung an die Bank.") is Topic.FINANCIAL
    assert topic("Le comité d'investissement et les actionnaires ont voté la levée de fonds.") is Topic.INVESTOR
    assert topic("De vergadering is verzet, de afspraak staat in de agenda.") is Topic.MEETING


def test_a_word_in_the_subject_counts_more_than_one_below() -> None:
    assert topic("About the invoice.", subject="Investor meeting with the board") is not Topic.FINANCIAL


def test_who_sends_it_decides_where_words_say_little() -> None:
    assert topic("Here are the numbers.", sender="northcapital fund Ada") is Topic.INVESTOR
    assert topic("Could you look at this?", is_own_house=True) is Topic.TEAM
    assert topic("Xyzzy") is Topic.OTHER
