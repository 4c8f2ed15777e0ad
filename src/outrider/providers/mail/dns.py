"""Questions to the DNS, and the difference between "there is none" and "nobody could say"."""

from collections.abc import Sequence
from dataclasses import dataclass

from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT
from dns.resolver import NXDOMAIN, NoAnswer, NoNameservers

PATIENCE = 5.0  # seconds for one question, over all servers
MOST_RECORDS = 50


class LookupFailed(Exception):
    """Nobody answered, or not sensibly: this says nothing about the domain."""


@dataclass(frozen=True, slots=True)
class Dns:
    """Asks the machine's own resolvers, or those given as (address, port)."""

    servers: Sequence[tuple[str, int]] = ()

    async def txt(self, name: str) -> list[str]:
        """Returns a name's TXT records, the strings of each joined (RFC 7208 3.3). Raises LookupFailed."""
        records = await self._ask(name, "TXT")
        return [b"".join(each.strings).decode("utf-8", "replace") for each in records if isinstance(each, TXT)]

    async def mx(self, name: str) -> list[str]:
        """Returns a domain's mail servers, the preferred one first; `.` where it takes no mail (RFC 7505)."""
        records = [each for each in await self._ask(name, "MX") if isinstance(each, MX)]
        ordered = sorted(records, key=lambda each: each.preference)
        return [each.exchange.to_text().rstrip(".").lower() or "." for each in ordered]

    async def has_address(self, name: str) -> bool:
        return bool(await self._ask(name, "A") or await self._ask(name, "AAAA"))

    async def _ask(self, name: str, kind: str) -> list[object]:
        try:
            answer = await self._resolver().resolve(name, kind, lifetime=PATIENCE, search=False)
        except (NXDOMAIN, NoAnswer):
            return []
        except (NoNameservers, DNSException, OSError, UnicodeError) as error:
            raise LookupFailed(f"The DNS gave no answer for {kind} of {name}.") from error
        return list(answer)[:MOST_RECORDS]

    def _resolver(self) -> Resolver:
        if not self.servers:
            return Resolver()
        resolver = Resolver(configure=False)
        resolver.nameservers = [address for address, _ in self.servers]
        resolver.port = self.servers[0][1]
        return resolver
