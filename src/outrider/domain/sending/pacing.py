"""How much may leave a mailbox, and how fast: calculations only, all over rolling 24 hours."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from outrider.core.domains import registrable

DAY = timedelta(days=1)
# A mailbox that sent this much in its last thirty days has shown that it is used, and needs no ramp.
ESTABLISHED = 100


@dataclass(frozen=True, slots=True)
class Cap:
    """What a provider documents: mails in 24 hours, mails in a minute."""

    daily: int | None = None
    per_minute: int | None = None


# support.google.com/a/answer/166852 (Workspace), learn.microsoft.com on Exchange Online's sending limits.
GMAIL = Cap(daily=500)
WORKSPACE = Cap(daily=2_000)
EXCHANGE = Cap(daily=10_000, per_minute=30)
NO_CAP = Cap()
GMAIL_HOSTS = ("gmail.com", "googlemail.com", "googleapis.com", "google.com", "google")
EXCHANGE_HOSTS = ("office365.com", "outlook.com", "microsoft.com")
CONSUMER_GMAIL = frozenset({"gmail.com", "googlemail.com"})


@dataclass(frozen=True, slots=True)
class Pace:
    """What bounds a claim besides the row itself. A new mailbox begins with `ramp_start` mails in 24 hours and gains
    `ramp_step` a day; between two mails of a mailbox lies a random time from `gap_min` to `gap_max`.
    """

    lease: timedelta
    worker: str
    domain_limit: int
    company_limit: int = 1_000_000
    ramp_start: int = 1_000_000
    ramp_step: int = 0
    gap_min: timedelta = timedelta(0)
    gap_max: timedelta = timedelta(0)


def cap_of(host: str, address: str) -> Cap:
    """Returns the documented limits of the provider behind a server's name."""
    if host.endswith(GMAIL_HOSTS):
        return GMAIL if address.rpartition("@")[2].lower() in CONSUMER_GMAIL else WORKSPACE
    return EXCHANGE if host.endswith(EXCHANGE_HOSTS) else NO_CAP


def allowance(daily_limit: int, cap: Cap, ramp_from: datetime | None, now: datetime, pace: Pace) -> int:
    """How many mails may leave in any 24 hours: the least of its owner's limit, the provider's and the ramp's."""
    bounds = [daily_limit]
    if cap.daily is not None:
        bounds.append(cap.daily)
    if ramp_from is not None:
        bounds.append(pace.ramp_start + pace.ramp_step * max((now - ramp_from) // DAY, 0))
    return min(bounds)


def gap(cap: Cap, pace: Pace, *, draw: float | None = None) -> timedelta:
    """The time until a mailbox's next mail, random so that it looks like a person's, never over the provider's rate."""
    draw = random.random() if draw is None else draw  # noqa: S311  # spreads load, hides nothing
    least = timedelta(minutes=1) / cap.per_minute if cap.per_minute else timedelta(0)
    return max(pace.gap_min + (pace.gap_max - pace.gap_min) * draw, least)


def company_of(domain: str) -> str | None:
    """The registrable domain of a firm, None for public mail providers, whose users have nothing in common."""
    company = registrable(domain)
    return None if company in PUBLIC_PROVIDERS or company.split(".")[0] in PUBLIC_NAMES else company


# Known under many countries' endings.
PUBLIC_NAMES = frozenset({"yahoo", "hotmail", "outlook", "live", "ymail", "rocketmail", "gmx"})
PUBLIC_PROVIDERS = frozenset(
    {
        "126.com", "163.com", "aol.com", "arcor.de", "att.net", "bluewin.ch", "bt.com", "btinternet.com", "comcast.net",
        "cox.net", "daum.net", "fastmail.com", "fastmail.fm", "foxmail.com", "free.fr", "freenet.de", "gmail.com",
        "googlemail.com", "hey.com", "hushmail.com", "icloud.com", "inbox.lv", "interia.pl", "laposte.net", "libero.it",
        "mac.com", "mail.com", "mail.ru", "mailbox.org", "me.com", "msn.com", "naver.com", "o2.pl", "onet.pl",
        "optonline.net", "orange.fr", "pm.me", "posteo.de", "proton.me", "protonmail.com", "qq.com", "rambler.ru",
        "rediffmail.com", "rogers.com", "sbcglobal.net", "sfr.fr", "shaw.ca", "skynet.be", "t-online.de", "telenet.be",
        "terra.com.br", "tiscali.it", "tuta.com", "tutanota.com", "uol.com.br", "verizon.net", "virgilio.it",
        "wanadoo.fr", "web.de", "wp.pl", "yandex.com", "yandex.ru", "ziggo.nl", "zoho.com",
    }
)  # fmt: skip
