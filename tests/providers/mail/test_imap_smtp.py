"""Connecting, checking and using whole mailboxes on Dovecot and Postfix."""

import re
from collections.abc import AsyncIterator

import pytest

from outrider.core.egress import Egress
from outrider.providers.mail.connecting import Network
from outrider.providers.mail.imap_smtp import ImapSmtp
from outrider.providers.mail.interface import (
    ConnectFailed,
    MailProvider,
    Outcome,
    Role,
    Security,
    SendFailed,
    Server,
    ServerAccount,
    Step,
)
from tests.providers.mail.conftest import AccountOf
from tests.providers.mail.scripted import smtp_server
from tests.real.mail_servers import MailServers

pytestmark = pytest.mark.real


class NoDeadline:
    def has_passed(self) -> bool:
        return False


def message(recipient: str, subject: str) -> bytes:
    head = f"From: alice@a.test\r\nTo: {recipient}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@a.test>\r\n"
    return f"{head}\r\nHello\r\n.\r\nGoodbye\r\n".encode()


async def failure(provider: MailProvider, account: ServerAccount) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as caught:
        await provider.verify(account)
    error = caught.value
    assert error.hint
    for secret in filter(None, (account.password, account.access_token)):
        assert secret not in f"{error.message} {error.hint} {error!r}"
    return error


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
@pytest.mark.parametrize("by_token", [False, True])
async def test_a_mailbox_connects(
    provider: ImapSmtp, account_of: AccountOf, mail: MailServers, security: Security, by_token: bool
) -> None:
    credentials = {"access_token": mail.access_token("alice@a.test")} if by_token else {}
    before = len(mail.messages("alice@a.test"))
    verified = await provider.verify(account_of("alice@a.test", security=security, **credentials))
    assert {Role.INBOX, Role.SENT} <= {folder.role for folder in verified.folders}
    assert {"IDLE", "CONDSTORE"} <= verified.features  # which Dovecot tells only after the login
    assert "SIZE" in verified.features
    assert len(mail.messages("alice@a.test")) == before


async def test_a_wrong_password_needs_a_person(provider: ImapSmtp, account_of: AccountOf) -> None:
    error = await failure(provider, account_of("alice@a.test", password="definitely wrong"))
    assert (error.step, error.server, error.is_terminal) == (Step.LOGIN, "imap", True)
    assert "app password" in error.hint


async def test_an_expired_token_needs_a_person(provider: ImapSmtp, account_of: AccountOf, mail: MailServers) -> None:
    token = mail.access_token("alice@a.test", lifetime=-60)
    error = await failure(provider, account_of("alice@a.test", access_token=token))
    assert (error.step, error.server, error.is_terminal) == (Step.LOGIN, "imap", True)


async def test_a_token_of_another_user_opens_nothing(
    provider: ImapSmtp, account_of: AccountOf, mail: MailServers
) -> None:
    token = mail.access_token("bob@b.test")
    assert (await failure(provider, account_of("alice@a.test", access_token=token))).step is Step.LOGIN


@pytest.mark.parametrize("server", ["imap", "smtp"])
async def test_an_unknown_host_is_a_dns_failure(provider: ImapSmtp, account_of: AccountOf, server: str) -> None:
    nowhere = Server("mail.nowhere.invalid", 993, Security.TLS)
    error = await failure(provider, account_of("alice@a.test", **{server: nowhere}))
    assert (error.step, error.server) == (Step.DNS, server)


@pytest.mark.parametrize("server", ["imap", "smtp"])
async def test_a_closed_port_is_a_failure_to_connect(provider: ImapSmtp, account_of: AccountOf, server: str) -> None:
    error = await failure(provider, account_of("alice@a.test", **{server: Server("localhost", 1, Security.TLS)}))
    assert (error.step, error.server) == (Step.CONNECT, server)
    assert "port" in error.hint


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_an_untrusted_certificate_ends_the_connection(
    distrusting: ImapSmtp, account_of: AccountOf, security: Security
) -> None:
    account = account_of("alice@a.test", security=security)
    error = await failure(distrusting, account)
    assert (error.step, error.server, error.is_terminal) == (Step.TLS, "imap", True)
    with pytest.raises(ConnectFailed) as caught:
        async with distrusting.sender(account):
            pass
    assert (caught.value.step, caught.value.server) == (Step.TLS, "smtp")


async def test_a_certificate_for_another_name_ends_the_connection(mail: MailServers, account_of: AccountOf) -> None:
    async def loopback(_: str, __: int) -> list[str]:
        return ["127.0.0.1"]

    egress = Egress(allow=("mail.example.com",), resolver=loopback)
    provider = ImapSmtp(Network(egress, mail.trusting_context()))
    other_name = Server("mail.example.com", mail.ports["imaps"], Security.TLS)
    assert (await failure(provider, account_of("alice@a.test", imap=other_name))).step is Step.TLS
    provider.close()
    await egress.aclose()


async def test_tls_on_a_starttls_port_is_a_tls_failure(
    provider: ImapSmtp, account_of: AccountOf, mail: MailServers
) -> None:
    plain_port = Server(mail.host, mail.ports["imap"], Security.TLS)
    assert (await failure(provider, account_of("alice@a.test", imap=plain_port))).step is Step.TLS


async def test_no_encryption_is_refused_unless_the_operator_allows_the_host(
    provider: ImapSmtp, account_of: AccountOf
) -> None:
    error = await failure(provider, account_of("alice@a.test", security=Security.NONE))
    assert (error.step, error.is_terminal) == (Step.TLS, True)


async def test_addresses_inside_are_not_reached(mail: MailServers, account_of: AccountOf) -> None:
    egress = Egress()
    provider = ImapSmtp(Network(egress, mail.trusting_context()))
    error = await failure(provider, account_of("alice@a.test"))
    assert (error.step, error.is_terminal) == (Step.CONNECT, True)
    provider.close()
    await egress.aclose()


async def test_another_person_s_address_cannot_send(provider: ImapSmtp, account_of: AccountOf) -> None:
    login = {"username": "carol@a.test", "password": "pw-carol"}
    error = await failure(provider, account_of("alice@a.test", **login))
    assert (error.step, error.server, error.is_terminal) == (Step.SEND, "smtp", True)


@pytest.fixture
async def recipient(mail: MailServers) -> AsyncIterator[str]:
    mail.reset("bob@b.test")
    yield "bob@b.test"
    mail.reset("bob@b.test")


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_a_mail_sent_arrives_whole(
    provider: ImapSmtp, account_of: AccountOf, mail: MailServers, recipient: str, security: Security
) -> None:
    raw = message(recipient, "whole")
    async with provider.sender(account_of("alice@a.test", security=security)) as sender:
        reply = await sender.send(raw, sender="alice@a.test", recipient=recipient, deadline=NoDeadline())
    assert re.search("queued as", reply.proof)
    arrived = mail.wait_for(recipient, lambda mail: mail["Subject"] == "whole")
    assert arrived.get_content() == "Hello\r\n.\r\nGoodbye\r\n"
    assert arrived["Return-Path"] == "<alice@a.test>"


async def test_a_refused_recipient_does_not_spoil_the_connection(
    provider: ImapSmtp, account_of: AccountOf, mail: MailServers, recipient: str
) -> None:
    async with provider.sender(account_of("alice@a.test")) as sender:
        with pytest.raises(SendFailed) as caught:
            await sender.send(b"", sender="alice@a.test", recipient="rejected@b.test", deadline=NoDeadline())
        raw = message(recipient, "next")
        await sender.send(raw, sender="alice@a.test", recipient=recipient, deadline=NoDeadline())
    assert (caught.value.outcome, caught.value.code, caught.value.enhanced) == (Outcome.REFUSED, 550, "5.1.1")
    mail.wait_for(recipient, lambda mail: mail["Subject"] == "next")


async def test_a_message_beyond_the_server_s_size_is_refused_before_it_is_sent(
    provider: ImapSmtp, account_of: AccountOf, recipient: str
) -> None:
    raw = message(recipient, "large") + b"a line of text\r\n" * 1_500_000
    async with provider.sender(account_of("alice@a.test")) as sender:
        with pytest.raises(SendFailed) as caught:
            await sender.send(raw, sender="alice@a.test", recipient=recipient, deadline=NoDeadline())
    assert (caught.value.outcome, caught.value.enhanced) == (Outcome.REFUSED, "5.3.4")


async def test_a_large_message_arrives(
    provider: ImapSmtp, account_of: AccountOf, mail: MailServers, recipient: str
) -> None:
    raw = message(recipient, "ten-megabytes") + b".a line of text\r\n" * 600_000
    async with provider.sender(account_of("alice@a.test")) as sender:
        await sender.send(raw, sender="alice@a.test", recipient=recipient, deadline=NoDeadline())
    arrived = mail.wait_for(recipient, lambda mail: mail["Subject"] == "ten-megabytes")
    assert arrived.get_content().count("\n.a line of text") == 600_000


async def test_a_bounce_comes_back_to_the_sender(provider: ImapSmtp, alice: ServerAccount, mail: MailServers) -> None:
    async with provider.sender(alice) as sender:
        raw = message("x@gone.test", "bounces")
        await sender.send(raw, sender="alice@a.test", recipient="x@gone.test", deadline=NoDeadline())
    report = mail.wait_for("alice@a.test", lambda mail: mail.get_content_type() == "multipart/report")
    assert "5.1.1" in report.as_string()


async def test_the_first_failing_step_is_the_one_reported(provider: ImapSmtp, account_of: AccountOf) -> None:
    both = Server("mail.nowhere.invalid", 465, Security.TLS)
    error = await failure(provider, account_of("alice@a.test", password="wrong", smtp=both))
    assert (error.step, error.server) == (Step.LOGIN, "imap")


async def test_a_provider_is_patient_with_a_login_that_fails_for_now(
    egress: Egress, mail: MailServers, account_of: AccountOf
) -> None:
    network = Network(egress, mail.trusting_context(), unencrypted_hosts=frozenset({"127.0.0.1"}))
    provider = ImapSmtp(network)
    async with smtp_server({"AUTH": b"421 4.3.2 shutting down"}) as busy:
        smtp = Server("127.0.0.1", busy.port, Security.NONE)
        error = await failure(provider, account_of("alice@a.test", smtp=smtp))
    assert (error.server, error.is_terminal) == ("smtp", False)
    provider.close()
