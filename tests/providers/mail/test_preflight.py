"""Twenty-four domains as one meets them, each with what a receiver would miss."""

import base64
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from outrider.providers.mail.dns import Dns
from outrider.providers.mail.preflight import Check, Verdict, examine
from tests.stand_ins import zones

DOMAIN = "firm.example"


def rsa_key(bits: int) -> str:
    public = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


STRONG, WEAK = rsa_key(2048), rsa_key(1024)
EDWARDS = base64.b64encode(
    ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
).decode()


def txt(*texts: str) -> list[str]:
    """As a zone file has them: strings of at most 255 characters."""
    return [" ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250)) for text in texts]


GOOD: zones.Zones = {
    (DOMAIN, "MX"): ["10 mx.firm.example."],
    (DOMAIN, "TXT"): txt("v=spf1 mx -all", "google-site-verification=abc"),
    ("mail._domainkey.firm.example", "TXT"): txt(f"v=DKIM1; k=rsa; p={STRONG}"),
    ("_dmarc.firm.example", "TXT"): txt("v=DMARC1; p=none; rua=mailto:d@firm.example"),
}
GOOGLE = {
    (DOMAIN, "TXT"): txt("v=spf1 include:_spf.google.com ~all"),
    ("_spf.google.com", "TXT"): txt("v=spf1 include:_netblocks.google.com ~all"),
    ("_netblocks.google.com", "TXT"): txt("v=spf1 ip4:192.0.2.0/24 ~all"),
    ("google._domainkey.firm.example", "TXT"): txt(f"v=DKIM1; k=rsa; p={STRONG}"),
    ("mail._domainkey.firm.example", "TXT"): [],
}
MANY = {
    (DOMAIN, "TXT"): txt("v=spf1 " + " ".join(f"include:s{number}.example" for number in range(6)) + " ~all"),
    **{(f"s{number}.example", "TXT"): txt("v=spf1 include:inner.example ip4:192.0.2.1 ~all") for number in range(6)},
    ("inner.example", "TXT"): txt("v=spf1 ip4:192.0.2.2 ~all"),
}


@dataclass(frozen=True)
class Zone:
    """What differs from GOOD, and what is said of it: by check, the verdict and words of message or record."""

    name: str
    records: zones.Zones = field(default_factory=dict)
    said: dict[str, tuple[Verdict, str]] = field(default_factory=dict)
    server: str = ""
    domain: str = DOMAIN


FAIL, WARN, OK, UNKNOWN = Verdict.FAIL, Verdict.WARN, Verdict.OK, Verdict.UNKNOWN
ZONES = [
    Zone("all in order"),
    Zone("no SPF", {(DOMAIN, "TXT"): txt("hello")}, {"spf": (FAIL, "TXT of firm.example: v=spf1 mx ~all")}),
    Zone("two SPF", {(DOMAIN, "TXT"): txt("v=spf1 mx -all", "v=spf1 a -all")}, {"spf": (FAIL, "2 SPF records")}),
    Zone("SPF lets everybody", {(DOMAIN, "TXT"): txt("v=spf1 mx +all")}, {"spf": (FAIL, "+all")}),
    Zone("SPF without an end", {(DOMAIN, "TXT"): txt("v=spf1 mx")}, {"spf": (WARN, "end it with ~all")}),
    Zone("SPF with a typing error", {(DOMAIN, "TXT"): txt("v=spf1 mx inculde:x.example -all")}, {"spf": (FAIL, "inculde")}),
    Zone("SPF over ten lookups", MANY, {"spf": (FAIL, "more than 10 lookups")}),
    Zone("SPF includes nothing", {(DOMAIN, "TXT"): txt("v=spf1 include:gone.example -all")}, {"spf": (FAIL, "gone.example")}),
    Zone(
        "SPF of names that are gone",
        {(DOMAIN, "TXT"): txt("v=spf1 a:x1.example a:x2.example a:x3.example -all")},
        {"spf": (FAIL, "do not exist")},
    ),
    Zone(
        "SPF by redirect",
        {(DOMAIN, "TXT"): txt("v=spf1 redirect=shared.example"), ("shared.example", "TXT"): txt("v=spf1 mx -all"),
         ("shared.example", "MX"): ["10 mx.shared.example."]},
    ),
    Zone("Google, all in order", GOOGLE, {}, "smtp.gmail.com"),
    Zone(
        "Google sends, SPF knows nothing of it",
        {**GOOGLE, (DOMAIN, "TXT"): txt("v=spf1 mx -all")},
        {"spf": (FAIL, "add include:_spf.google.com")},
        "smtp.gmail.com",
    ),
    Zone(
        "Microsoft sends, no key published",
        {(DOMAIN, "TXT"): txt("v=spf1 include:spf.protection.outlook.com -all"),
         ("spf.protection.outlook.com", "TXT"): txt("v=spf1 ip4:192.0.2.0/24 -all"),
         ("mail._domainkey.firm.example", "TXT"): []},
        {"dkim": (FAIL, "TXT of selector1._domainkey.firm.example")},
        "smtp.office365.com",
    ),
    Zone("no DKIM", {("mail._domainkey.firm.example", "TXT"): []}, {"dkim": (FAIL, "_domainkey.firm.example")}),
    Zone("DKIM withdrawn", {("mail._domainkey.firm.example", "TXT"): txt("v=DKIM1; p=")}, {"dkim": (FAIL, "withdrawn")}),
    Zone("DKIM cut off", {("mail._domainkey.firm.example", "TXT"): txt(f"v=DKIM1; p={STRONG[:200]}")}, {"dkim": (FAIL, "can't be read")}),
    Zone("DKIM of 1024 bits", {("mail._domainkey.firm.example", "TXT"): txt(f"v=DKIM1; p={WEAK}")}, {"dkim": (WARN, "1024 bits")}),
    Zone("DKIM by Ed25519", {("mail._domainkey.firm.example", "TXT"): txt(f"v=DKIM1; k=ed25519; p={EDWARDS}")}),
    Zone("no DMARC", {("_dmarc.firm.example", "TXT"): []}, {"dmarc": (FAIL, "TXT of _dmarc.firm.example: v=DMARC1")}),
    Zone("two DMARC", {("_dmarc.firm.example", "TXT"): txt("v=DMARC1; p=none", "v=DMARC1; p=reject")}, {"dmarc": (FAIL, "2 records")}),
    Zone("DMARC without a policy", {("_dmarc.firm.example", "TXT"): txt("v=DMARC1; rua=mailto:x@firm.example")}, {"dmarc": (FAIL, "p=")}),
    Zone(
        "a subdomain under its firm's DMARC",
        {("mail.firm.co.uk", "MX"): ["10 mx.firm.example."], ("mail.firm.co.uk", "TXT"): txt("v=spf1 mx -all"),
         ("default._domainkey.mail.firm.co.uk", "TXT"): txt(f"p={STRONG}"),
         ("_dmarc.firm.co.uk", "TXT"): txt("v=DMARC1; p=reject; sp=quarantine")},
        {"dmarc": (OK, "policy quarantine, from _dmarc.firm.co.uk")},
        domain="mail.firm.co.uk",
    ),
    Zone("takes no mail", {(DOMAIN, "MX"): ["0 ."]}, {"mx": (FAIL, "takes no mail"), "spf": (OK, "")}),
    Zone("nowhere at all", {}, dict.fromkeys(("mx", "spf", "dkim", "dmarc"), (FAIL, "nowhere.example")), domain="nowhere.example"),
]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone.name)
async def test_what_is_missing_is_named(zone: Zone) -> None:
    found = await asked({**GOOD, **zone.records}, zone.domain, zone.server)
    for name, check in found.items():
        verdict, words = zone.said.get(name, (OK, ""))
        assert check.verdict is verdict, check
        assert words in check.message + check.record, check


async def test_a_dns_that_does_not_answer_condemns_nobody() -> None:
    found = await asked(GOOD, "firm.fails", "")
    assert {check.verdict for check in found.values()} == {UNKNOWN}


def test_there_are_twenty_four_of_them() -> None:
    assert len({zone.name for zone in ZONES}) == 24


async def asked(records: zones.Zones, domain: str, server: str) -> dict[str, Check]:
    async with zones.serving({key: texts for key, texts in records.items() if texts}) as (_, address):
        return {check.name: check for check in await examine(Dns([address]), domain, server=server)}
