"""Each stage of a send, on servers that fail in it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from outrider.core.egress import Egress
from outrider.providers.mail.connecting import Network
from outrider.providers.mail.imap_smtp import ImapSmtp
from outrider.providers.mail.interface import (
    ConnectFailed,
    Outcome,
    Receipt,
    Security,
    SendFailed,
    Server,
    ServerAccount,
    Step,
)
from outrider.providers.mail.smtp_send import SmtpTimeouts, wire_blocks
from tests.providers.mail.payloads import INJECTIONS
from tests.providers.mail.scripted import DROP, SILENCE, Heard, smtp_server

MESSAGE = b"Subject: Hello\r\n\r\nHello\r\n"
QUICK = SmtpTimeouts(connect=2, greeting=0.3, command=0.3, data=0.3, block=0.3, final=0.3, close=0.3)


@dataclass
class Clock:
    """A deadline that says when it was asked."""

    passed: bool = False
    asked: int = 0

    def has_passed(self) -> bool:
        self.asked += 1
        return self.passed


@pytest.fixture
def plain(egress: Egress) -> ImapSmtp:
    return ImapSmtp(Network(egress, unencrypted_hosts=frozenset({"127.0.0.1"})), smtp_timeouts=QUICK)


def account_at(server: Heard, *, security: Security = Security.NONE) -> ServerAccount:
    at = Server("127.0.0.1", server.port, security)
    return ServerAccount("alice@a.test", "alice@a.test", imap=at, smtp=at, password="very secret")


Send = Callable[..., Awaitable[Receipt]]


@pytest.fixture
def send(plain: ImapSmtp) -> Send:
    async def one(
        server: Heard,
        raw: bytes = MESSAGE,
        *,
        sender: str = "alice@a.test",
        recipient: str = "bob@b.test",
        deadline: Clock | None = None,
    ) -> str:
        async with plain.sender(account_at(server)) as connection:
            return await connection.send(raw, sender=sender, recipient=recipient, deadline=deadline or Clock())

    return one


async def failure(sending: Awaitable[Receipt]) -> SendFailed:
    with pytest.raises(SendFailed) as caught:
        await sending
    return caught.value


async def test_a_message_arrives_and_the_answer_is_returned(send: Send) -> None:
    async with smtp_server() as server:
        assert await send(server) == Receipt("2.0.0 queued")
    assert server.messages == [MESSAGE]
    assert server.lines[2:5] == [b"MAIL FROM:<alice@a.test> SIZE=25", b"RCPT TO:<bob@b.test>", b"DATA"]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
async def test_a_refusal_at_any_stage_is_final(send: Send, stage: str) -> None:
    async with smtp_server({stage: b"550-5.7.1 first line\r\n550 5.7.1 second line"}) as server:
        error = await failure(send(server))
    assert (error.outcome, error.code, error.enhanced) == (Outcome.REFUSED, 550, "5.7.1")
    assert error.reply == "5.7.1 first line 5.7.1 second line"


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
async def test_a_temporary_failure_at_any_stage_may_be_tried_again(send: Send, stage: str) -> None:
    async with smtp_server({stage: b"451 4.3.0 come back later"}) as server:
        error = await failure(send(server))
    assert (error.outcome, error.code, error.enhanced) == (Outcome.DEFERRED, 451, "4.3.0")


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("how", [DROP, SILENCE, b"nonsense"])
async def test_a_connection_that_fails_before_the_body_took_nothing(send: Send, stage: str, how: bytes) -> None:
    async with smtp_server({stage: how}) as server:
        error = await failure(send(server))
    assert error.outcome is Outcome.DEFERRED
    assert server.messages == []


async def test_a_drop_in_the_middle_of_the_body_took_nothing(send: Send) -> None:
    async with smtp_server({"dot": DROP}, body_limit=1000) as server:
        error = await failure(send(server, MESSAGE + b"a line of text\r\n" * 500_000))
    assert error.outcome is Outcome.DEFERRED


async def test_a_refusal_in_the_middle_of_the_body_is_heard(send: Send) -> None:
    async with smtp_server({"dot": b"552 5.3.4 too large"}, body_limit=1000) as server:
        error = await failure(send(server, MESSAGE + b"a line of text\r\n" * 500_000))
    assert (error.outcome, error.enhanced) == (Outcome.REFUSED, "5.3.4")


async def test_a_server_that_stops_reading_holds_no_one_for_long(send: Send) -> None:
    async with smtp_server(stops_reading=True) as server:
        error = await asyncio.wait_for(failure(send(server, MESSAGE + b"a line of text\r\n" * 500_000)), 5)
    assert error.outcome is Outcome.DEFERRED


@pytest.mark.parametrize("how", [DROP, SILENCE, b"nonsense", b"354 what?"])
async def test_without_a_clear_answer_to_the_final_dot_the_outcome_is_unknown(send: Send, how: bytes) -> None:
    async with smtp_server({"dot": how}) as server:
        error = await failure(send(server))
    assert error.outcome is Outcome.UNKNOWN
    assert server.messages == [MESSAGE]


async def test_nothing_is_given_away_after_the_deadline(send: Send) -> None:
    deadline = Clock(passed=True)
    async with smtp_server() as server:
        error = await failure(send(server, deadline=deadline))
        await asyncio.sleep(0.05)
    assert error.outcome is Outcome.OVERDUE
    assert deadline.asked == 1
    assert "DATA" in server.verbs()
    assert server.messages in ([], [b""])  # the connection ended where a message would have begun


async def test_the_deadline_is_asked_only_once_the_server_waits_for_the_body(send: Send) -> None:
    deadline = Clock(passed=True)
    async with smtp_server({"RCPT": b"450 4.2.1 busy"}) as server:
        await failure(send(server, deadline=deadline))
    assert deadline.asked == 0


async def test_after_a_refusal_the_connection_takes_the_next_message(plain: ImapSmtp) -> None:
    async with smtp_server({"RCPT": b"550 5.1.1 nobody"}) as server, plain.sender(account_at(server)) as connection:
        for _ in range(3):
            error = await failure(
                connection.send(MESSAGE, sender="alice@a.test", recipient="bob@b.test", deadline=Clock())
            )
            assert error.outcome is Outcome.REFUSED
    assert server.verbs().count("RSET") == 3
    assert server.verbs().count("EHLO") == 1


async def test_after_a_drop_the_connection_defers_the_next_message(plain: ImapSmtp) -> None:
    async with smtp_server({"dot": DROP}) as server, plain.sender(account_at(server)) as connection:
        outcomes = [
            (await failure(connection.send(MESSAGE, sender="a@a.test", recipient="b@b.test", deadline=Clock()))).outcome
            for _ in range(2)
        ]
    assert outcomes == [Outcome.UNKNOWN, Outcome.DEFERRED]


async def test_dots_and_line_ends_arrive_as_the_standard_wants_them(send: Send) -> None:
    async with smtp_server() as server:
        await send(server, b"Subject: x\n\n.\r\n..two\rlone\n.last")
    assert server.messages == [b"Subject: x\r\n\r\n..\r\n...two\r\nlone\r\n..last\r\n"]


def test_blocks_of_a_large_message_are_cut_only_between_lines() -> None:
    raw = b"".join(b".line %d\r\n" % number for number in range(50_000))
    blocks = list(wire_blocks(raw))
    assert len(blocks) > 5
    assert b"".join(blocks) == raw.replace(b"\r\n.", b"\r\n..").replace(b".line 0", b"..line 0", 1)


async def test_addresses_beyond_ascii_need_the_server_to_offer_it(send: Send) -> None:
    async with smtp_server() as server:
        await send(server, recipient="jürgen@b.test")
    assert b"SMTPUTF8" in server.lines[2]
    assert "jürgen".encode() in server.lines[3]
    async with smtp_server({"EHLO": b"250-x\r\n250 AUTH PLAIN"}) as server:
        error = await failure(send(server, recipient="jürgen@b.test"))
    assert (error.outcome, error.enhanced) == (Outcome.REFUSED, "5.6.7")


async def test_8_bit_messages_are_announced(send: Send) -> None:
    async with smtp_server() as server:
        await send(server, "Subject: x\r\n\r\nGrüße\r\n".encode())
    assert server.lines[2].endswith(b"BODY=8BITMIME")
    async with smtp_server({"EHLO": b"250-x\r\n250 AUTH PLAIN"}) as server:
        error = await failure(send(server, "Subject: x\r\n\r\nGrüße\r\n".encode()))
    assert (error.outcome, error.enhanced) == (Outcome.REFUSED, "5.6.3")


async def test_no_address_smuggles_in_a_command_or_a_recipient(plain: ImapSmtp) -> None:
    assert len(INJECTIONS) >= 40
    async with smtp_server() as server, plain.sender(account_at(server)) as connection:
        for payload in INJECTIONS:
            for sender, recipient in ((payload, "bob@b.test"), ("alice@a.test", payload)):
                error = await failure(connection.send(MESSAGE, sender=sender, recipient=recipient, deadline=Clock()))
                assert error.outcome is Outcome.REFUSED
    assert server.verbs() == ["EHLO", "AUTH", "QUIT"]


async def connect_failure(provider: ImapSmtp, account: ServerAccount) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as caught:
        async with provider.sender(account):
            pass
    assert caught.value.server == "smtp"
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("greeting", [b"554 5.7.1 go away", SILENCE, DROP])
async def test_a_server_that_does_not_greet_is_a_failure_to_connect(plain: ImapSmtp, greeting: bytes) -> None:
    async with smtp_server({"GREETING": greeting}) as server:
        error = await connect_failure(plain, account_at(server))
    assert error.step is Step.CONNECT


async def test_a_refused_login_needs_a_person_and_repeats_no_secret(plain: ImapSmtp) -> None:
    async with smtp_server(
        {"AUTH": b"535 5.7.8 wrong: AGFsaWNlQGEudGVzdAB2ZXJ5IHNlY3JldA== very secret\x07"}
    ) as server:
        error = await connect_failure(plain, account_at(server))
    assert (error.step, error.is_terminal) == (Step.LOGIN, True)
    assert error.message == "535 5.7.8 wrong: … …"


async def test_a_login_that_fails_for_now_needs_no_person(plain: ImapSmtp) -> None:
    async with smtp_server({"AUTH": b"454 4.7.0 Temporary authentication failure"}) as server:
        error = await connect_failure(plain, account_at(server))
    assert (error.step, error.is_terminal) == (Step.LOGIN, False)


async def test_only_hosts_the_operator_named_go_without_encryption(egress: Egress) -> None:
    strict = ImapSmtp(Network(egress), smtp_timeouts=QUICK)
    async with smtp_server() as server:
        error = await connect_failure(strict, account_at(server))
    assert error.step is Step.TLS
    assert server.lines == []


async def test_without_starttls_no_password_is_sent(plain: ImapSmtp) -> None:
    async with smtp_server() as server:
        error = await connect_failure(plain, account_at(server, security=Security.STARTTLS))
    assert error.step is Step.TLS
    assert "AUTH" not in server.verbs()


async def test_tls_on_a_port_without_it_is_a_tls_failure(plain: ImapSmtp) -> None:
    async with smtp_server() as server:
        error = await connect_failure(plain, account_at(server, security=Security.TLS))
    assert error.step is Step.TLS
