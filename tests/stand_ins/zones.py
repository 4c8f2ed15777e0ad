"""A name server of our own on the loopback: zones as a dictionary, and names that fail on purpose."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

# Records of a zone: (name, type) -> texts, as zone files have them; under FAILS nobody gets an answer.
Zones = Mapping[tuple[str, str], list[str]]
FAILS = "fails."


class NameServer(asyncio.DatagramProtocol):
    def __init__(self, zones: Zones) -> None:
        self.zones = {(dns.name.from_text(name), kind): records for (name, kind), records in zones.items()}
        self.names = {name for name, _ in self.zones}
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        self.asked.append(f"{question.name} {dns.rdatatype.to_text(question.rdtype)}")
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        records = self.zones.get((question.name, dns.rdatatype.to_text(question.rdtype)))
        if question.name.is_subdomain(dns.name.from_text(FAILS)):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif records:
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", question.rdtype, records))
        elif question.name not in self.names:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(max_size=4096), address)


@asynccontextmanager
async def serving(zones: Zones) -> AsyncIterator[tuple[NameServer, tuple[str, int]]]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(zones), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server, transport.get_extra_info("sockname")[:2]
    finally:
        transport.close()
