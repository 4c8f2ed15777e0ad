"""Why mail was refused: what servers really answer, and what is made of it."""

import time
from dataclasses import replace

import pytest

from outrider.domain.mailboxes.refusals import Reason, judge
from outrider.providers.mail import transcripts
from outrider.providers.mail.parsed import ReportedRecipient
from tests.domain.mailboxes.answers import ANSWERS
from tests.domain.mailboxes.paraphrases import PARAPHRASES
from tests.domain.mailboxes.published import LOGGED, PUBLISHED, PUBLISHED_LATER

SAID = {
    Reason.USER_UNKNOWN: (
        "550-5.1.1 The email account that you tried to reach does not exist. Please try double-checking the address",
        "550 5.1.1 <a@b.example>: Recipient address rejected: User unknown in virtual mailbox table",
        "550 5.4.1 Recipient address rejected: Access denied. [AM5EUR02FT033.eop-EUR02.prod.protection.outlook.com]",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "550 5.5.0 Requested action not taken: mailbox unavailable. (in reply to RCPT TO command)",
        "550 No such user - psmtp (in reply to RCPT TO command)",
        "550 5.1.0 Address rejected. (in reply to RCPT TO command)",
        "550 5.7.1 <a@b.example>... User unknown (in reply to RCPT TO command)",
        "511 sorry, no mailbox here by that name (#5.1.1 - chkuser)",
        "550 Invalid recipient <a@b.example> (#5.1.1)",
        "550 Unrouteable address (in reply to RCPT TO command)",
        "550 Benutzer unbekannt (in reply to RCPT TO command)",
        "550 Utilisateur inconnu (in reply to RCPT TO command)",
    ),
    Reason.FILTERED: (
        "550 Requested action not taken: mailbox unavailable (in reply to end of DATA command)",
        "550 5.2.1 User Unknown (in reply to end of DATA command)",
    ),
    Reason.MAILBOX_FULL: (
        "552-5.2.2 The email account that you tried to reach is over quota",
        "452 4.2.2 The recipient's inbox is out of storage space",
        "554 5.2.2 mailbox full;STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
        "552 Requested mail action aborted: exceeded storage allocation",
        "550 Mailquota exceeded",
        "554 Transaction failed: user over quota",
        "550 Das Postfach ist voll",
    ),
    Reason.SUSPEND: (
        "550 5.2.1 The email account that you tried to reach is disabled",
        "554 delivery error: dd This user's mailbox has been suspended",
        "550 Account inactive",
        "550 User account is locked",
    ),
    Reason.HOST_UNKNOWN: (
        "5.1.2 The recipient address may contain a domain that does not exist: Host or domain name not found.",
        "DNS Error: DNS type 'mx' lookup of nope.example responded with code NXDOMAIN Domain name not found: nope.example",
        "550 5.1.2 Host unknown (Name server: nope.example: host not found)",
        "Sorry, I couldn't find any host named nope.example. (#5.1.2)",
        "550 Domain does not exist",
    ),
    Reason.NOT_ACCEPT: (
        "556 5.1.10 Recipient address has null MX",
        "Domain example.com does not accept mail (nullMX)",
        "521 5.3.2 host does not accept mail",
    ),
    Reason.REJECTED: (
        "550 5.1.8 Sender address rejected: Domain not found",
        "550 5.1.7 <a@b.example>: Sender address rejected: undeliverable address",
        "550 Verification failed for <a@b.example> Sender verify failed",
        "553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)",
        "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required",
        "554 5.7.1 You are not allowed to post to this mailing list",
    ),
    Reason.BLOCKED: (
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "550 SC-001 (BAY004-MC1F11) Unfortunately, messages from 192.0.2.1 weren't sent. Part of their network is on our block list.",
        "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied",
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
        "550 Your IP address 192.0.2.1 has been blacklisted",
        "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)",
        "450 4.2.0 <a@b.example>: Recipient address rejected: Greylisted, please try again later",
    ),
    Reason.BAD_REPUTATION: (
        "421-4.7.0 Our system has detected that this message is suspicious due to the very low reputation of the sending IP",
        "554 5.7.1 Your access has been rejected due to the sending MTA's poor reputation.",
        "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints",
    ),
    Reason.REQUIRE_PTR: (
        "550 5.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]",
        "550-5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record setup",
    ),
    Reason.AUTH_FAILURE: (
        "550-5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy.",
        "550 5.7.23 The message was rejected because of Sender Policy Framework violation",
        "550 5.7.515 Access denied, sending domain example.com doesn't meet the required authentication level.",
        "550 5.7.0 SPF check: fail",
    ),
    Reason.NO_RELAYING: (
        "554 5.7.1 <a@b.example>: Relay access denied",
        "550 5.7.64 TenantAttribution; Relay Access Denied",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    ),
    Reason.SPEEDING: (
        "450-4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message later.",
        "421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address.",
        "550 5.4.5 Daily user sending limit exceeded.",
    ),
    Reason.TOO_MANY_CONNECTIONS: (
        "421 4.7.0 Too many concurrent SMTP connections from this IP",
        "452 4.5.3 Too many recipients",
    ),
    Reason.SPAM_DETECTED: (
        "550-5.7.1 Our system has detected that this message is likely unsolicited mail.",
        "554 5.7.1 This message has been blocked because it contains SPAM",
        "550 High probability of spam",
        "550 Blacklisted URL in message, see lookup.uribl.com",
    ),
    Reason.VIRUS_DETECTED: ("550 5.7.1 virus Eicar-Test-Signature detected by ClamAV",),
    Reason.MESSAGE_TOO_BIG: (
        "552 5.3.4 Message size exceeds fixed maximum message size (52428800)",
        "523 the message size 12345 exceeds the size limit 1000 allowed for this server",
    ),
    Reason.EXCEEDS_LIMIT: ("552 5.2.3 Message length exceeds administrative limit",),
    Reason.CONTENT_ERROR: ("550 5.6.0 improper use of 8-bit data in message header",),
    Reason.NOT_COMPLIANT: ("550 5.7.1 This message is not RFC 5322 compliant, there are multiple From headers",),
    Reason.POLICY_VIOLATION: (
        "554 5.7.9 Message not accepted for policy reasons.",
        "550 5.7.1 Message rejected due to local policy",
    ),
    Reason.SECURITY_ERROR: ("530 5.7.0 Must issue a STARTTLS command first", "554 5.7.1 Rejected"),
    Reason.EXPIRED: (
        "4.4.7 Message expired: unable to deliver in 840 minutes.",
        "connect to mx.example.com[192.0.2.1]:25: Connection timed out",
    ),
    Reason.NETWORK_ERROR: ("554 5.4.6 Too many hops", "5.4.6 mail for example.com loops back to myself"),
    Reason.SYSTEM_ERROR: ("451 4.3.0 Temporary lookup failure", "550 5.3.5 Local configuration error"),
    Reason.SYSTEM_FULL: ("452 4.3.1 Insufficient system storage",),
    Reason.MAILER_ERROR: ('Command died with status 1: "/usr/bin/procmail"',),
    Reason.HAS_MOVED: ("551 5.1.6 User has moved; please try <new@b.example>",),
    Reason.SYNTAX_ERROR: ("501 5.5.4 Syntax error in parameters or arguments",),
    Reason.ON_HOLD: ("550 Nobody knows why",),
}  # fmt: skip
CASES = [(reason, text) for reason, texts in SAID.items() for text in texts]
HARD = {Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.HAS_MOVED, Reason.NOT_ACCEPT}


def told(text: str, *, status: str = "", category: str = "", action: str = "failed") -> ReportedRecipient:
    status = status or transcripts.status_in(text)
    return ReportedRecipient("a@b.example", action, status, text, transcripts.command_in(text), category)


@pytest.mark.parametrize(("reason", "text"), CASES, ids=[text[:40] for _, text in CASES])
def test_what_servers_answer_is_understood(reason: Reason, text: str) -> None:
    refusal = judge(told(text))
    assert refusal.reason is reason
    assert refusal.is_hard == (reason in HARD)


@pytest.mark.parametrize(("reason", "text"), ANSWERS)
def test_systems_large_and_small_are_understood(reason: str, text: str) -> None:
    assert judge(told(text)).reason == reason


REPEATED = (
    "postfach konto ",
    "ip адрес сервер ",
    "user ",
    "no longer ",
    "sender from ",
    "domain name ",
    "host server mail ",
    "mailbox is not x ",
    "recipient's ",
)


@pytest.mark.parametrize(
    ("reason", "text"), [(reason, text) for reason, texts in PARAPHRASES.items() for text in texts]
)
def test_the_same_in_other_words_is_understood(reason: str, text: str) -> None:
    assert judge(told(text)).reason == reason


@pytest.mark.parametrize(
    ("server", "answers"),
    [(server, answers) for table in (PUBLISHED, PUBLISHED_LATER, LOGGED) for (server, _), answers in table.items()],
)
def test_what_an_operator_publishes_of_its_answers_is_understood(
    server: str, answers: tuple[tuple[str, str], ...]
) -> None:
    judged = {text: judge(told(text)) for _, text in answers}
    assert {text: refusal.reason for text, refusal in judged.items()} == {text: reason for reason, text in answers}
    assert all(refusal.is_hard == (refusal.reason in HARD) for refusal in judged.values()), server


def test_the_cause_of_a_limit_counts_and_not_the_limit() -> None:
    said = "421 4.7.0 This mail has been rate limited because {}"
    assert judge(told(said.format("the reputation of your IP is low"))).reason is Reason.BAD_REPUTATION
    assert judge(told(said.format("DKIM did not pass"))).reason is Reason.AUTH_FAILURE


def test_an_operators_own_code_decides_only_where_words_and_code_say_nothing() -> None:
    assert judge(told("554 HL:IPB mx14")).reason is Reason.BLOCKED
    assert judge(told("550 5.1.1 no such user. HL:IPB mx14")).reason is Reason.USER_UNKNOWN
    assert judge(told("550 XY:ABC mx14")).reason is Reason.ON_HOLD


def test_a_code_that_its_operator_lists_with_one_cause_decides_before_the_words() -> None:
    assert judge(told("554 5.7.1 Client host rejected: #216 lpn LPN000_630")).reason is Reason.POLICY_VIOLATION
    assert judge(told("550 5.2.0 Mail rejete. Mail rejected. OFR_506")).reason is Reason.SPAM_DETECTED


@pytest.mark.parametrize(("command", "reason"), [("DATA", Reason.REJECTED), ("RCPT", Reason.USER_UNKNOWN)])
def test_docomo_hides_after_the_content_that_a_recipient_takes_no_mail_of_a_sender(
    command: str, reason: Reason
) -> None:
    prose = "<a@docomo.ne.jp>: host mfsmax.docomo.ne.jp[203.0.113.9] said: 550 Unknown user a@docomo.ne.jp"
    refused = replace(told("550 Unknown user a@docomo.ne.jp"), command=command)
    assert judge(refused, prose=prose).reason is reason


def test_a_bounce_that_says_nothing_has_no_reason() -> None:
    assert judge(told(""), prose=". . . --- ---").reason is Reason.UNDEFINED


def test_an_answer_of_many_lines_reads_as_one() -> None:
    said = (
        "550-5.7.1 [192.0.2.1] The IP you use is not authorized to 550-5.7.1 send email directly to us. 550 5.7.1 Bye"
    )
    assert judge(told(said)).reason is Reason.BLOCKED


def test_what_does_not_exist_where_the_sender_was_refused_is_the_sender() -> None:
    refusal = judge(told("553 mybox.a.example does not exist (in reply to MAIL FROM command)"))
    assert (refusal.reason, refusal.is_hard) == (Reason.REJECTED, False)


def test_a_recipient_who_refuses_is_no_unknown_one() -> None:
    for said in (
        "553 User refused to receive this mail.",
        "550 Mail is rejected by recipients",
        "550 Bob has blocked you",
    ):
        refusal = judge(told(f"{said} (in reply to RCPT TO command)"))
        assert (refusal.reason, refusal.is_hard) == (Reason.FILTERED, False)


@pytest.mark.parametrize("word", REPEATED)
def test_words_meant_to_be_slow_are_looked_at_in_little_time(word: str) -> None:
    started = time.perf_counter()
    judge(told((word * 1_500)[:1_500]))
    assert time.perf_counter() - started < 0.25


def test_every_reason_is_known_by_an_answer_but_one_that_has_none() -> None:
    assert {reason for reason, _ in CASES} == set(Reason) - {Reason.UNDEFINED}
    assert judge(told("")).reason is Reason.UNDEFINED


def test_a_specific_code_decides_where_the_words_say_nothing() -> None:
    assert judge(told("550 5.1.6 no")).reason is Reason.HAS_MOVED
    assert judge(told("no", status="4.4.7")).reason is Reason.EXPIRED
    assert judge(told("no", status="5.7.1")).reason is Reason.SECURITY_ERROR


def test_an_address_that_sounds_like_a_reason_is_none() -> None:
    said = "550 5.1.1 <spam-virus@quota-exceeded.example> User unknown"
    assert judge(told(said)).reason is Reason.USER_UNKNOWN


def test_what_the_rest_of_the_bounce_says_counts_where_the_code_says_nothing() -> None:
    assert judge(told("", status="5.0.0"), prose="The mailbox of the user is full.").reason is Reason.MAILBOX_FULL
    assert judge(told("", status="5.3.4"), prose="The mailbox of the user is full.").reason is Reason.MESSAGE_TOO_BIG


def test_a_local_programs_exit_and_a_reporters_own_category_are_read() -> None:
    assert judge(told("67", status="5.3.0")).reason is Reason.USER_UNKNOWN
    assert judge(told("554 delivery error", category="bad-mailbox")).reason is Reason.USER_UNKNOWN
    assert judge(told("temporary failure", status="4.3.0", category="x-unix")).reason is Reason.MAILER_ERROR


def test_what_is_only_late_is_soft_even_if_the_host_takes_no_mail() -> None:
    assert not judge(told("421 4.3.2 not accepting network messages")).is_hard
    assert judge(told("521 5.3.2 not accepting network messages")).is_hard


def test_what_is_told_to_others_has_a_bound() -> None:
    refusal = judge(told("550 5.1.1 " + "x" * 10_000))
    assert refusal.told()["reason"] == "userunknown"
    assert len(str(refusal.told()["diagnostic"])) == 300
