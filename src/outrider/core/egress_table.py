"""What counts as the public internet, and what the operator lets through besides it.

The deny table is our own: `ipaddress.is_global` says True of multicast, fec0::/10 and NAT64 forms of private addresses.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

# The IANA special-purpose registries in whole, plus multicast. The few blocks in them that are globally reachable
# (AS112, AMT, port control anycast) serve the network itself: no web or mail server lives there.
DENIED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private use
            "100.64.0.0/10",  # carrier NAT
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link local, cloud metadata
            "172.16.0.0/12",  # private use
            "192.0.0.0/24",  # IETF protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relay anycast, deprecated
            "192.168.0.0/16",  # private use
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)

# Global unicast is 2000::/3 and nothing else is handed out (RFC 4291 2.4), so the rest is denied at a stroke.
DENIED_V6 = tuple(
    map(
        IPv6Network,
        (
            "::/3",  # unspecified, loopback, IPv4-compatible, 64:ff9b:1::/48 (local NAT64), discard-only 100::/64
            "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarking, AMT
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: a tunnel to any IPv4 address, private ones too
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
            "4000::/2",  # not allocated, and 5f00::/16 (segment routing)
            "8000::/1",  # unique local, link local, fec0::/10 (site local), multicast
        ),
    )
)

# What DNS64 makes of an IPv4-only host on an IPv6-only network (RFC 6052): the one translation we follow.
_NAT64 = IPv6Network("64:ff9b::/96")


def parse(text: str) -> Address:
    """Reads a numeric address; one that maps IPv4 into IPv6 becomes the IPv4 address it means. Raises ValueError."""
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in DENIED_V4)
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return not any(address in network for network in DENIED_V6)


# One label of a host name; underscores occur in the wild though no standard has them in host names.
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# Resolvers read these as numbers: 127.1, 0x7f000001, 017700000001 (WHATWG URL, "ends in a number").
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
MAX_NAME = 253


def normal_host(text: str) -> str:
    """Returns the one spelling of a host name or numeric address that the guard compares. Raises ValueError."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return str(parse(bare))
    except ValueError:
        pass  # not numeric: a name
    if len(bare) > MAX_NAME:
        raise ValueError("the host name is too long")
    name = bare.encode("idna").decode("ascii").lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > MAX_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("the host name is malformed")
    if _NUMBER.fullmatch(labels[-1]):
        raise ValueError("the host is neither a name nor a plain address")
    return name


@dataclass(frozen=True, slots=True)
class Allowance:
    """One entry of the operator's list: a name or a network, on one port or on all."""

    name: str | None
    network: IPv4Network | IPv6Network | None
    port: int | None

    @classmethod
    def read(cls, text: str) -> "Allowance":
        """Reads `host`, `10.0.0.0/8`, `fd00::/8`, `host:25` or `[fd00::1]:25`. Raises ValueError."""
        bracketed = re.fullmatch(r"\[([^]]+)\](?::(.+))?", text)
        if bracketed:
            host, port = bracketed[1], bracketed[2]
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        else:
            host, port = text, None
        if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
            raise ValueError(f"{text!r} in the list of allowed hosts has no valid port")
        try:
            return cls(None, ip_network(host, strict=False), int(port) if port else None)
        except ValueError:
            pass  # not a network: a name
        try:
            return cls(normal_host(host), None, int(port) if port else None)
        except ValueError as error:
            raise ValueError(f"{text!r} in the list of allowed hosts is no host, address or network") from error

    def covers(self, name: str, address: Address, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        return address in self.network if self.network is not None else name == self.name
