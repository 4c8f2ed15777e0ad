"""What receivers find in the DNS about a mailbox's domain."""

from uuid import UUID

from sqlalchemy import select

from outrider.core.db import Scope
from outrider.domain.sending.pacing import company_of
from outrider.domain.signing.models import SigningKey
from outrider.providers.mail import preflight
from outrider.providers.mail.preflight import Check
from outrider.runtime import Runtime

# RFC 6761: names that are in no DNS.
RESERVED = (".test", ".example", ".invalid", ".localhost", ".local")


async def examine(app: Runtime, workspace_id: UUID, address: str, *, server: str) -> list[Check]:
    """Returns nothing for addresses at public providers, whose DNS is not their users' to change."""
    domain = address.rpartition("@")[2].lower()
    is_asked = bool(app.settings.dns_servers) or not domain.endswith(RESERVED)
    if company_of(domain) is None or not is_asked:
        return []
    async with app.db.begin(Scope(workspace_id, actor="preflight")) as db:
        selectors = list(
            await db.scalars(
                select(SigningKey.selector).where(SigningKey.workspace_id == workspace_id, SigningKey.domain == domain)
            )
        )
    return await preflight.examine(app.dns, domain, server=server, selectors=selectors)
