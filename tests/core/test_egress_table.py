"""Which addresses count as public, against the IANA registries and against another implementation."""

import random
from collections import Counter
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from ssrfguard import DEFAULT_DENIED

from outrider.core.egress_table import Address, Allowance, is_public, normal_host, parse

Network = IPv4Network | IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, text.split()))


# Written out again from the registries on purpose: a slip in the table must not slip in here too.
SPECIAL_V4 = networks(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 169.254.169.254/32 172.16.0.0/12 192.0.0.0/24 "
    "192.0.0.8/32 192.0.0.170/31 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 "
    "192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32"
)
SPECIAL_V6 = networks(
    "::/128 ::1/128 ::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128 2001:2::/48 "
    "2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 "
    "3fff::/20 5f00::/16 fc00::/7 fd00:ec2::254/128 fe80::/10 fec0::/10 ff00::/8 ff02::1/128 4000::/3 a000::/3"
)
NAT64, MAPPED = IPv6Network("64:ff9b::/96"), IPv6Network("::ffff:0:0/96")
# Space the five registries hand out to networks.
ALLOCATED_V6 = networks("2001:200::/23 2001:4000::/23 2400::/12 2600::/13 2630::/12 2800::/12 2a00::/11 2c00::/12")
SEED = 20261


def any_of(rng: random.Random, network: Network) -> Address:
    return network[rng.randrange(network.num_addresses)]


def any_special(rng: random.Random) -> Address:
    special = any_of(rng, rng.choice(SPECIAL_V4 + SPECIAL_V6))
    if isinstance(special, IPv4Address) and rng.random() < 0.5:
        wrapper = rng.choice((NAT64, MAPPED))
        return IPv6Address(int(wrapper.network_address) | int(special))
    return special


def any_public(rng: random.Random) -> Address:
    if rng.random() < 0.5:
        return any_of(rng, rng.choice(ALLOCATED_V6))
    while True:
        address = IPv4Address(rng.randrange(2**32))
        if not any(address in network for network in SPECIAL_V4):
            return address


def test_no_special_address_is_public():
    rng = random.Random(SEED)
    drawn = [any_special(rng) for _ in range(10_000)]
    allowed = [address for address in drawn if is_public(parse(str(address)))]
    print(f"seed {SEED}: {len(allowed)} of {len(drawn)} special addresses allowed")
    assert allowed == []


def test_the_edges_of_every_special_block_are_not_public():
    for block in SPECIAL_V4 + SPECIAL_V6:
        assert not is_public(block[0]), block[0]
        assert not is_public(block[-1]), block[-1]


def test_every_public_address_is_public():
    rng = random.Random(SEED)
    drawn = [any_public(rng) for _ in range(1_000)]
    refused = [address for address in drawn if not is_public(parse(str(address)))]
    print(f"seed {SEED}: {len(refused)} of {len(drawn)} public addresses refused")
    assert refused == []


def test_an_ipv4_host_behind_nat64_or_mapped_into_ipv6_is_judged_by_its_own_address():
    assert is_public(parse("64:ff9b::8.8.8.8"))
    assert is_public(parse("::ffff:8.8.8.8"))
    assert not is_public(parse("64:ff9b::169.254.169.254"))
    assert not is_public(parse("::ffff:169.254.169.254"))


def test_a_zone_never_makes_an_address_public():
    assert not is_public(parse("fe80::1%1"))
    assert not is_public(parse("2606:4700::1111%1"))


# Why we refuse what ssrfguard lets through. It never happens the other way round.
STRICTER = {
    "infrastructure anycast and identifiers: no web or mail server lives there": networks(
        "192.0.0.9/32 192.0.0.10/32 192.31.196.0/24 192.52.193.0/24 192.175.48.0/24 2001:1::/32 2001:3::/32 "
        "2001:4:112::/48 2001:20::/28 2001:30::/28 2620:4f:8000::/48"
    ),
    "dead tunnels and embeddings, even of public addresses: 6to4, Teredo, IPv4-compatible": networks(
        "2002::/16 2001::/32 ::/96"
    ),
    "outside 2000::/3, so nobody holds it": networks("::/3 4000::/2 8000::/1"),
}


def test_every_disagreement_with_ssrfguard_is_explained():
    rng = random.Random(SEED)
    drawn = [any_special(rng) for _ in range(10_000)]
    drawn += [IPv4Address(rng.randrange(2**32)) for _ in range(5_000)]
    drawn += [IPv6Address(rng.randrange(2**128)) for _ in range(2_500)]
    drawn += [any_of(rng, IPv6Network("2000::/3")) for _ in range(2_500)]
    reasons: Counter[str] = Counter()
    for address in drawn:
        ours, theirs = is_public(parse(str(address))), not DEFAULT_DENIED.classify(address).blocked
        if ours != theirs:
            reasons[_why_stricter(address) if theirs else f"laxer: {address}"] += 1
    print(f"{sum(reasons.values())} of {len(drawn)} verdicts differ:", *reasons.items(), sep="\n  ")
    assert set(reasons) <= set(STRICTER)


def _why_stricter(address: Address) -> str:
    judged = address
    if isinstance(address, IPv6Address) and (address in NAT64 or address in MAPPED):
        judged = IPv4Address(int(address) & 0xFFFF_FFFF)
    for reason, networks in STRICTER.items():
        if any(judged in network for network in networks):
            return reason
    return f"unexplained: {address}"


@pytest.mark.parametrize(
    ("entry", "name", "address", "port", "is_covered"),
    [
        ("mail.internal", "mail.internal", "10.0.0.1", 993, True),
        ("Mail.Internal.", "mail.internal", "10.0.0.1", 993, True),
        ("mail.internal", "evil-mail.internal", "10.0.0.1", 993, False),
        ("mail.internal", "x.mail.internal", "10.0.0.1", 993, False),
        ("mail.internal:25", "mail.internal", "10.0.0.1", 25, True),
        ("mail.internal:25", "mail.internal", "10.0.0.1", 22, False),
        ("10.0.0.0/8", "any.example", "10.9.9.9", 80, True),
        ("10.0.0.0/8", "any.example", "11.0.0.1", 80, False),
        ("10.0.0.0/8", "any.example", "fd00::1", 80, False),
        ("10.0.0.0/8:25", "any.example", "10.9.9.9", 80, False),
        ("127.0.0.1:8080", "127.0.0.1", "127.0.0.1", 8080, True),
        ("127.0.0.1", "127.0.0.2", "127.0.0.2", 80, False),
        ("fd00::/8", "any.example", "fd00::1", 80, True),
        ("[fd00::1]:25", "any.example", "fd00::1", 25, True),
        ("[fd00::1]:25", "any.example", "fd00::1", 80, False),
        ("::1", "localhost", "::1", 80, True),
    ],
)
def test_an_allowance_covers_exactly_what_it_names(entry, name, address, port, is_covered):
    assert Allowance.read(entry).covers(name, ip_address(address), port) is is_covered


@pytest.mark.parametrize("entry", ["", "host:", "host:0", "host:65536", "host:x", "*.example.com", "a b", "1.2.3:80"])
def test_an_allowance_that_means_nothing_is_refused(entry):
    with pytest.raises(ValueError, match="allowed hosts"):
        Allowance.read(entry)


def test_a_host_has_one_spelling():
    assert normal_host("EXAMPLE.com.") == "example.com"
    assert normal_host("bücher.example") == "xn--bcher-kva.example"
    assert normal_host("[::1]") == "::1"
    assert normal_host("::FFFF:127.0.0.1") == "127.0.0.1"


@pytest.mark.parametrize(
    "host", ["", ".", "a..b", "-a.example", "a b", "a/b", "a@b", "a\r\nb", "a\0b", "a%00b", "x" * 64, "a." * 127 + "aa"]
)
def test_a_malformed_host_is_refused(host):
    with pytest.raises(ValueError, match=r"."):
        normal_host(host)


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.0x1", "1.2.3.4.5", "0x"])
def test_a_host_that_a_resolver_would_read_as_a_number_is_refused(host):
    with pytest.raises(ValueError, match="neither a name nor a plain address"):
        normal_host(host)
