"""Whether a machine fetched a link or picture: security gateways follow every link, mail programs fetch every picture
unread, often through a network and with a browser's name of its own.
"""

import ipaddress
import re
from datetime import datetime, timedelta
from functools import cache

# Nobody reads and decides this soon after delivery.
TOO_SOON = timedelta(seconds=10)
# Two different links of one mail within this time were followed by a program.
BURST = timedelta(seconds=3)
# What fetches by itself says so, or says nothing at all.
_AGENT = re.compile(
    r"bot\b|crawl|spider|scan|preview|proxy|fetch|monitor|curl|wget|python|java/|go-http|okhttp|libwww|http-?client|headless"
    r"|phantom|slurp|facebookexternalhit|barracuda|mimecast|proofpoint|safelinks|defender|symantec|fireeye|trendmicro"
    r"|ironport|sophos|zscaler|forcepoint|cloudmark|trustwave|virustotal|urlscan|office(?: |/)|outlook|thunderbird|ms-?office",
    re.IGNORECASE,
)
_BARE = re.compile(r"^Mozilla/5\.0(?: \([^)]*\))?$")  # Apple's privacy proxy and several scanners end here
# Published by their operators: mail gateways, and the proxies that fetch for Gmail and Apple Mail.
NETWORKS = {
    "Google": ("64.233.160.0/19", "66.102.0.0/20", "66.249.64.0/19", "72.14.192.0/18", "74.125.0.0/16", "209.85.128.0/17"),
    "Microsoft": ("40.92.0.0/15", "40.107.0.0/16", "52.100.0.0/14", "104.47.0.0/17", "2a01:111:f400::/48", "2a01:111:f403::/48"),
    "Apple": ("17.0.0.0/8", "2620:149::/32"),
    "Proofpoint": ("67.231.144.0/20", "148.163.128.0/19", "185.132.180.0/22", "185.183.28.0/22"),
    "Mimecast": ("91.220.42.0/24", "103.13.69.0/24", "146.101.78.0/24", "185.58.84.0/22", "195.130.217.0/24",
                 "205.139.110.0/23", "207.211.30.0/23", "207.82.80.0/24"),
    "Barracuda": ("64.235.144.0/20", "209.222.80.0/21"),
}  # fmt: skip


def machine_of(*, method: str, agent: str, address: str, at: datetime, sent_at: datetime | None) -> str | None:
    """Says by what a machine is known, None for what may be a person."""
    by_name = _AGENT.search(agent)
    operator = operator_of(address)
    known = (
        (method == "HEAD", "It asked for no content (HEAD)."),
        (not agent.strip(), "It gave no name."),
        (by_name is not None, f"Its name: {by_name[0] if by_name else ''}"),
        (_BARE.match(agent) is not None, "Its name is no browser's."),
        (operator is not None, f"It came from {operator}'s network."),
        (sent_at is not None and at - sent_at < TOO_SOON, "It came sooner than anybody reads."),
    )
    return next((why for is_machine, why in known if is_machine), None)


def operator_of(address: str) -> str | None:
    """Returns who runs the network of an address, if it is one of those that fetch mail's links."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    sought = mapped or parsed
    return next((operator for network, operator in _networks() if sought in network), None)


@cache
def _networks() -> list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str]]:
    return [(ipaddress.ip_network(each), operator) for operator, networks in NETWORKS.items() for each in networks]
