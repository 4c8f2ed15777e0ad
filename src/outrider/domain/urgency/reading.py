"""What the child processes do with stored mail: judge it, and learn from what was said of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter

from outrider.domain.urgency import judging, learning
from outrider.domain.urgency.judging import Judgement, Subject
from outrider.domain.urgency.learning import Example, Learnt
from outrider.domain.urgency.topics import Topic
from outrider.providers.mail.mime import visible_text
from outrider.providers.mail.sandbox import Given, Reading

MOST_TEXT = 20_000  # characters of a mail


@dataclass(frozen=True, slots=True)
class Taught:
    """A mail with what its user said of it."""

    mail: Subject
    is_urgent: bool
    topic: Topic | None
    weight: float


SUBJECT = TypeAdapter(Subject)
LESSONS = TypeAdapter(list[Taught])


def judge(raw: bytes, _received_at: datetime, poison: str | None = None) -> Judgement | None:
    """Judges a mail by its stored words; None where they kill the process that reads them."""
    return None if poison else judging.judge(_own_words(SUBJECT.validate_json(raw)))


def learn(raw: bytes, _received_at: datetime, poison: str | None = None) -> Learnt | None:
    if poison:
        return None
    taught = LESSONS.validate_json(raw)
    return learning.learn(
        [Example(judging.judge(_own_words(each.mail)), each.is_urgent, each.topic, each.weight) for each in taught]
    )


JUDGING = Reading(judge, TypeAdapter(Judgement | None))
LEARNING = Reading(learn, TypeAdapter(Learnt | None))


def given(mails: Sequence[Subject]) -> list[Given]:
    return [Given(SUBJECT.dump_json(replace(each, text=each.text[:MOST_TEXT]))) for each in mails]


def lessons(taught: Sequence[Taught]) -> Given:
    return Given(LESSONS.dump_json(list(taught)))


def _own_words(mail: Subject) -> Subject:
    return replace(mail, text=visible_text(mail.text) or mail.text)
