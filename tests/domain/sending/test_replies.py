"""Sixty replies of real servers and what each of them means."""

import pytest

from outrider.domain.sending.replies import CONSEQUENCES, ReplyClass, classify

GONE, FULL, POLICY = ReplyClass.RECIPIENT_GONE, ReplyClass.RECIPIENT_FULL, ReplyClass.POLICY
LOGIN, LIMIT, DOMAIN = ReplyClass.LOGIN, ReplyClass.SENDER_LIMIT, ReplyClass.DOMAIN_AUTHENTICATION
GREY, LATER, REFUSED = ReplyClass.GREYLISTED, ReplyClass.LATER, ReplyClass.REFUSED
LARGE, CONTENT = ReplyClass.TOO_LARGE, ReplyClass.CONTENT

REPLIES: list[tuple[int, str | None, str, ReplyClass]] = [
    # Gmail
    (550, "5.1.1", "The email account that you tried to reach does not exist. Please try double-checking", GONE),
    (550, "5.2.1", "The email account that you tried to reach is inactive.", GONE),
    (552, "5.2.2", "The email account that you tried to reach is over quota.", FULL),
    (452, "4.2.2", "The email account that you tried to reach is over quota.", FULL),
    (550, "5.4.5", "Daily user sending limit exceeded. For more information on Gmail sending limits go to", LIMIT),
    (421, "4.7.28", "Gmail has detected an unusual rate of unsolicited mail originating from your IP address.", LIMIT),
    (550, "5.7.26", "This mail is unauthenticated, which poses a security risk to the sender and Gmail users", DOMAIN),
    (550, "5.7.1", "Our system has detected that this message is likely unsolicited mail.", POLICY),
    (535, "5.7.8", "Username and Password not accepted. Learn more at", LOGIN),
    (534, "5.7.9", "Application-specific password required.", LOGIN),
    (552, "5.3.4", "Your message exceeded Google's message size limits.", LARGE),
    (421, "4.7.0", "Try again later, closing connection.", LATER),
    (550, "5.7.25", "The IP address sending this message does not have a PTR record setup", DOMAIN),
    (530, "5.7.0", "Authentication Required. Learn more at", LOGIN),
    # Microsoft
    (550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", GONE),
    (550, "5.7.515", "Access denied, sending domain does not meet the required authentication level.", DOMAIN),
    (550, "5.7.30", "Basic authentication is not supported for Client Submission.", LOGIN),
    (535, "5.7.139", "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.", LOGIN),
    (550, "5.7.705", "Access denied, tenant has exceeded threshold", LIMIT),
    (550, "5.7.606", "Access denied, banned sending IP [203.0.113.9]", POLICY),
    (554, "5.2.0", "STOREDRV.Submission.Exception:SubmissionQuotaExceededException; exceeded the maximum", LIMIT),
    (432, "4.3.2", "Concurrent connections limit exceeded", LATER),
    (451, "4.7.500", "Server busy. Please try again later from [203.0.113.9].", LATER),
    (550, "5.4.1", "Recipient address rejected: Access denied.", GONE),
    (452, "4.5.3", "Too many recipients", LIMIT),
    # Yahoo and AOL
    (554, None, "delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.com) [0]", GONE),
    (421, "4.7.0", "[TSS04] Messages from 203.0.113.9 temporarily deferred due to user complaints", LATER),
    (553, "5.7.1", "[BL21] Connections will not be accepted because the IP is in Spamhaus's list", POLICY),
    (552, None, "1 Requested mail action aborted, mailbox not found", GONE),
    # Postfix
    (550, "5.1.1", "<nobody@b.test>: Recipient address rejected: User unknown in local recipient table", GONE),
    (450, "4.2.0", "<bob@b.test>: Recipient address rejected: Greylisted, see http://postgrey", GREY),
    (451, "4.3.0", "<bob@b.test>: Temporary lookup failure", LATER),
    (554, "5.7.1", "<bob@b.test>: Relay access denied", POLICY),
    (452, "4.3.1", "Insufficient system storage", LATER),
    (553, "5.7.1", "<ada@a.test>: Sender address rejected: not owned by user bob@a.test", POLICY),
    # Exim
    (550, None, "Unrouteable address", GONE),
    (550, None, "No Such User Here", GONE),
    (451, None, "Greylisted, please try again in 300 seconds", GREY),
    (552, None, "Mailbox is full / Blocks limit exceeded / Inode limit exceeded", FULL),
    (550, None, "Message rejected because it looks like SPAM", POLICY),
    (550, None, "Domain x has exceeded the max emails per hour (150/150) allowed. Message discarded. rate limit", LIMIT),
    # Sendmail and others of old
    (550, "5.1.1", "<x@c.test>... User unknown", GONE),
    (553, "5.1.3", "<x@>... User address required", GONE),
    (451, "4.7.1", "Greylisting in action, please come back later", GREY),
    (571, None, "Delivery not authorized, message refused", REFUSED),
    # Filters in front
    (550, "5.7.1", "Email rejected per SPF policy", DOMAIN),
    (554, None, "Blocked by Proofpoint for poor reputation", POLICY),
    (550, None, "Administrative prohibition - envelope blocked (Mimecast)", POLICY),
    (554, "5.7.1", "Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org", POLICY),
    (550, None, "permanent failure for one or more recipients (x@c.test:blocked) barracuda", POLICY),
    # Amazon, SendGrid and hosters
    (454, None, "Throttling failure: Daily message quota exceeded. sending quota exceeded", LIMIT),
    (535, None, "Authentication Credentials Invalid", LOGIN),
    (554, None, "Message rejected: Email address is not verified.", REFUSED),
    (451, "4.7.1", "Sorry, the daily sending quota is reached", LIMIT),
    (550, None, "5.7.1 Your mail was rejected because its content is denied by policy", POLICY),
    (550, None, "Requested action not taken: mailbox unavailable", GONE),
    (550, None, "The recipient's address is inactive", GONE),
    # Content and form
    (554, "5.6.0", "Message contains invalid header", CONTENT),
    (553, "5.6.7", "SMTPUTF8 is required, but was not offered by host", CONTENT),
    (523, "5.3.4", "Message too big for system", LARGE),
]  # fmt: skip


def test_there_are_sixty() -> None:
    assert len(REPLIES) >= 60


@pytest.mark.parametrize(("code", "enhanced", "text", "kind"), REPLIES, ids=[text[:40] for _, _, text, _ in REPLIES])
def test_a_real_reply_has_its_class(code: int, enhanced: str | None, text: str, kind: ReplyClass) -> None:
    assert classify(code, enhanced, text) is kind


@pytest.mark.parametrize(
    ("code", "kind"), [(499, LATER), (450, LATER), (599, REFUSED), (550, REFUSED), (None, LATER), (250, LATER)]
)
def test_an_unknown_reply_is_the_safe_class(code: int | None, kind: ReplyClass) -> None:
    assert classify(code, None, "Zebras on the line") is kind


def test_no_reply_about_the_sender_says_that_the_person_is_gone() -> None:
    for code, enhanced, text, kind in REPLIES:
        if kind in {POLICY, LIMIT, DOMAIN, LOGIN}:
            assert classify(code, enhanced, text) is not GONE


@pytest.mark.parametrize("kind", list(ReplyClass))
def test_every_class_says_what_to_do(kind: ReplyClass) -> None:
    assert CONSEQUENCES[kind].advice.endswith(".")
