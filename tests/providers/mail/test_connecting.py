"""What a server's refusal of a login tells the person who wants to connect."""

import pytest

from outrider.providers.mail.connecting import login_failed, words
from outrider.providers.mail.interface import Security, Server, ServerAccount, Step

AT = Server("mail.example.com", 993, Security.TLS)
BY_PASSWORD = ServerAccount("a@example.com", "a@example.com", imap=AT, smtp=AT, password="s3cret")
BY_TOKEN = ServerAccount("a@example.com", "a@example.com", imap=AT, smtp=AT, access_token="t0ken")


@pytest.mark.parametrize(
    ("answer", "is_terminal", "hint"),
    [
        ("[AUTHENTICATIONFAILED] Invalid credentials (Failure)", True, "user name"),
        ("[AUTHENTICATIONFAILED] Wrong password, try again later", True, "user name"),
        ("[ALERT] Application-specific password required: https://help.example (Failure)", True, "app password"),
        ("[ALERT] Please log in via your web login", True, "app password"),
        ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", True, "signing in"),
        ("535 5.7.8 Username and Password not accepted", True, "user name"),
        ("Login failed. Check your credentials and try again.", True, "user name"),
        ("[UNAVAILABLE] Temporary authentication failure.", False, "by ourselves"),
        ("[ALERT] Too many simultaneous connections. (Failure)", False, "by ourselves"),
        ("454 4.7.0 Temporary authentication failure", False, "by ourselves"),
        ("", True, "user name"),
    ],
)
def test_a_refused_login_says_what_to_do(answer: str, is_terminal: bool, hint: str) -> None:
    error = login_failed("imap", BY_PASSWORD, answer)
    assert error.step is Step.LOGIN
    assert error.is_terminal is is_terminal
    assert hint in error.hint
    assert error.message


def test_a_refused_token_asks_to_connect_again() -> None:
    assert "Connect the mailbox again" in login_failed("smtp", BY_TOKEN, "535 5.7.8 Bad token").hint


def test_a_server_s_words_are_short_on_one_line_and_free_of_secrets() -> None:
    said = words("no:\r\n s3cret\x1b[31m " + "x" * 1_000 + "\udcff", BY_PASSWORD)
    assert said.startswith("no:  …")
    assert len(said) <= 300
    assert said.isprintable()
    assert "t0ken" not in words("t0ken", BY_TOKEN)
    assert "\udcff" not in words("\udcff")
