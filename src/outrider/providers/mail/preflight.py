"""Whether receivers will believe mail from a domain: MX, SPF, DKIM and DMARC, each with the record that is missing.

What large receivers ask for: support.google.com/a/answer/81126, learn.microsoft.com on 5.7.515.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from outrider.core.domains import registrable
from outrider.providers.mail import spf
from outrider.providers.mail.dns import Dns, LookupFailed
from outrider.providers.mail.spf import SpfBroken

SHORTEST_KEY, GOOD_KEY = 1024, 2048  # bits (RFC 8301 3.2)
USUAL_SELECTORS = ("default", "mail", "dkim", "k1", "s1", "s2", "key1")
POLICIES = frozenset({"none", "quarantine", "reject"})
_TAG = re.compile(r"\s*([a-z]+)\s*=\s*([^;]*?)\s*(?:;|$)", re.IGNORECASE)


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"  # the DNS did not answer


@dataclass(frozen=True, slots=True)
class Check:
    """`record` is what to publish, or to change, empty where all is well."""

    name: Literal["mx", "spf", "dkim", "dmarc"]
    verdict: Verdict
    message: str
    record: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """Who hands a domain's mail on, as far as it shows in the DNS. `include` names its servers in SPF."""

    name: str
    include: str
    selectors: tuple[str, ...]


HOSTS = {
    "google": Host("Google", "_spf.google.com", ("google", "20230601", "20221208")),
    "microsoft": Host("Microsoft", "spf.protection.outlook.com", ("selector1", "selector2")),
    "zoho": Host("Zoho", "zoho.com", ("zmail", "zoho")),
    "fastmail": Host("Fastmail", "spf.messagingengine.com", ("fm1", "fm2", "fm3")),
}
OF_HOSTS = {
    "google.com": "google", "gmail.com": "google", "googleapis.com": "google", "googlemail.com": "google",
    "outlook.com": "microsoft", "office365.com": "microsoft", "microsoft.com": "microsoft",
    "zoho.com": "zoho", "zoho.eu": "zoho", "messagingengine.com": "fastmail", "fastmail.com": "fastmail",
}  # fmt: skip


def host_of(server: str) -> Host | None:
    """Returns who runs a mail server of this name, None where nothing is known of it."""
    found = OF_HOSTS.get(registrable(server.lower()))
    return HOSTS[found] if found else None


async def examine(dns: Dns, domain: str, *, server: str = "", selectors: Sequence[str] = ()) -> list[Check]:
    """Examines a domain. `server` is the name of the one that sends for it, `selectors` are those known to sign."""
    domain = domain.lower().rstrip(".")
    host = host_of(server) if server else None
    wanted = [*selectors, *(host.selectors if host else ()), *(() if selectors else USUAL_SELECTORS)]
    return list(
        await asyncio.gather(
            _guarded("mx", _mx(dns, domain)),
            _guarded("spf", _spf(dns, domain, host)),
            _guarded("dkim", _dkim(dns, domain, list(dict.fromkeys(wanted)))),
            _guarded("dmarc", _dmarc(dns, domain)),
        )
    )


async def _guarded(name: Literal["mx", "spf", "dkim", "dmarc"], check: Awaitable[Check]) -> Check:
    try:
        return await check
    except LookupFailed as error:
        return Check(name, Verdict.UNKNOWN, str(error))


async def _mx(dns: Dns, domain: str) -> Check:
    servers = await dns.mx(domain)
    if servers == ["."]:
        return Check("mx", Verdict.FAIL, f"{domain} says that it takes no mail: no answer can come back.", "MX")
    if servers:
        return Check("mx", Verdict.OK, f"mail for {domain} goes to {servers[0]}")
    if await dns.has_address(domain):
        return Check("mx", Verdict.WARN, f"{domain} has no MX; answers go to the host itself.", f"MX of {domain}")
    return Check(
        "mx", Verdict.FAIL, f"{domain} has neither MX nor address: no answer can come back.", f"MX of {domain}"
    )


async def _spf(dns: Dns, domain: str, host: Host | None) -> Check:
    include = f"include:{host.include}" if host else "mx"
    try:
        policy = await spf.read(dns, domain)
    except SpfBroken as broken:
        return Check("spf", Verdict.FAIL, str(broken), f"TXT of {domain}: v=spf1 {include} ~all")
    if policy is None:
        return Check("spf", Verdict.FAIL, f"{domain} has no SPF record.", f"TXT of {domain}: v=spf1 {include} ~all")
    if policy.ending == "+":
        record = f"TXT of {domain}: end it with ~all"
        return Check("spf", Verdict.FAIL, "It lets everybody send for the domain (+all).", record)
    if host is not None and host.include not in policy.included:
        return Check(
            "spf",
            Verdict.FAIL,
            f"{host.name}'s servers, which send for {domain}, are not in its SPF record.",
            f"TXT of {domain}: add {include}",
        )
    if policy.ending not in {"~", "-"}:
        return Check(
            "spf", Verdict.WARN, "It does not say what others may not do.", f"TXT of {domain}: end it with ~all"
        )
    return Check("spf", Verdict.OK, f"in order, {policy.lookups} of {spf.MOST_LOOKUPS} lookups")


async def _dkim(dns: Dns, domain: str, selectors: Sequence[str]) -> Check:
    async def key_of(selector: str) -> tuple[str, str | None]:
        name = f"{selector}._domainkey.{domain}"
        records = [each for each in await dns.txt(name) if "p" in _tags(each)]
        return name, _tags(records[0])["p"] if records else None

    found = {name: key for name, key in await asyncio.gather(*map(key_of, selectors)) if key is not None}
    if not found:
        name = f"{selectors[0]}._domainkey.{domain}"
        message = f"No DKIM key was found at {', '.join(selectors[:3])}… of {domain}."
        return Check("dkim", Verdict.FAIL, message, f"TXT of {name}: the key your mail provider shows")
    best = max(found, key=lambda name: _bits(found[name]))
    bits = _bits(found[best])
    if not bits:
        return Check("dkim", Verdict.FAIL, f"The key at {best} was withdrawn or can't be read.", f"TXT of {best}")
    if bits < SHORTEST_KEY:
        return Check("dkim", Verdict.FAIL, f"The key at {best} has {bits} bits; receivers ignore it.", f"TXT of {best}")
    if bits < GOOD_KEY:
        return Check("dkim", Verdict.WARN, f"The key at {best} has {bits} bits; 2048 are usual.", f"TXT of {best}")
    return Check("dkim", Verdict.OK, f"key at {best}")


def _bits(key: str) -> int:
    """The strength of a published key (RSA bits, or what Ed25519 is worth), 0 where there is none."""
    try:
        data = base64.b64decode(re.sub(r"\s", "", key), validate=True)
        if len(data) == 32:  # noqa: PLR2004  # an Ed25519 key is published bare (RFC 8463 4.2)
            return GOOD_KEY
        loaded = load_der_public_key(data)
    except (ValueError, binascii.Error):
        return 0
    return loaded.key_size if isinstance(loaded, RSAPublicKey) else 0


async def _dmarc(dns: Dns, domain: str) -> Check:
    wanted = f"TXT of _dmarc.{domain}: v=DMARC1; p=none; rua=mailto:postmaster@{domain}"
    for place in dict.fromkeys((domain, registrable(domain))):
        records = [each for each in await dns.txt(f"_dmarc.{place}") if re.match(r"v\s*=\s*DMARC1\s*(;|$)", each)]
        if len(records) > 1:
            return Check("dmarc", Verdict.FAIL, f"_dmarc.{place} has {len(records)} records; only one counts.", wanted)
        if records:
            tags = _tags(records[0])
            policy = tags.get("p", "").lower()
            if place != domain:
                policy = tags.get("sp", policy).lower()
            if policy not in POLICIES:
                return Check("dmarc", Verdict.FAIL, f"The record at _dmarc.{place} names no valid policy (p=).", wanted)
            return Check("dmarc", Verdict.OK, f"policy {policy}, from _dmarc.{place}")
    return Check("dmarc", Verdict.FAIL, f"{domain} has no DMARC record.", wanted)


def _tags(record: str) -> dict[str, str]:
    return {match[1].lower(): match[2] for match in _TAG.finditer(record)}
