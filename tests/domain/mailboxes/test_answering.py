from datetime import UTC, datetime, timedelta

import pytest

from outrider.domain.mailboxes.answering import is_within_limits, why_not
from outrider.domain.mailboxes.classify import classify
from outrider.providers.mail.mime import parse

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def judge(headers: str = "", sender: str = "bob@example.org") -> str:
    mail = parse(f"From: {sender}\n{headers}In-Reply-To: <1@x>\nSubject: Re: Hello\n\nYes, call me.\n".encode())
    return why_not(mail, classify(mail, received_at=NOON), own_loop_id="outrider-1")


def test_a_persons_letter_may_be_answered() -> None:
    assert judge() == ""
    assert judge("Auto-Submitted: no\nX-Loop: another\nReturn-Path: <bob@example.org>\n") == ""


def test_precedence_alone_forbids_nothing() -> None:
    assert judge("Precedence: bulk\n") == ""


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: auto-replied\n",
        "Return-Path: <>\n",
        'Content-Type: multipart/report; boundary="b"\n',
        "List-Id: <dev.example.org>\n",
        "X-Auto-Response-Suppress: All\n",
        "X-Loop: outrider-1\n",
    ],
)
def test_a_mail_that_shows_a_machine_is_never_answered(headers: str) -> None:
    assert judge(headers)


@pytest.mark.parametrize("local", ["noreply", "no-reply", "do-not-reply", "donotreply", "mailer-daemon", "x-request"])
def test_an_address_that_nobody_reads_is_never_answered(local: str) -> None:
    assert judge(sender=f"{local}@example.org")


def test_two_machines_that_answer_each_other_stop_at_once() -> None:
    answers, last = 0, None
    for minute in range(100):
        at = NOON + timedelta(minutes=minute)
        if is_within_limits(last, answers, at=at):
            answers, last = answers + 1, at
    assert answers == 1


def test_a_thread_gets_three_automatic_answers_at_most() -> None:
    assert is_within_limits(NOON - timedelta(hours=24), 2, at=NOON)
    assert not is_within_limits(NOON - timedelta(hours=24), 3, at=NOON)
    assert not is_within_limits(NOON - timedelta(hours=23), 0, at=NOON)
