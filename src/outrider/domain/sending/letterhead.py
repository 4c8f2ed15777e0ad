"""What every mail of a mailbox carries besides its text: the way to end it, its sender's address, a signature. An answer
to one person carries the signature alone.
"""

from dataclasses import dataclass, field
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import signed
from outrider.core.crypto import Vault
from outrider.domain.accounts.models import Workspace
from outrider.domain.accounts.vault import open_vault
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending.models import ANSWER, Outgoing, Send
from outrider.domain.signing import keys
from outrider.domain.signing.keys import Signer
from outrider.domain.suppressions.models import UNSUBSCRIBE, UNSUBSCRIBE_PATH
from outrider.domain.tracking import links
from outrider.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Letterhead:
    """`base_url` is empty where the world can't reach this server by HTTPS, which one-click needs (RFC 8058 3.1)."""

    vault: Vault = field(repr=False)
    base_url: str = ""
    postal_address: str = ""
    signer: Signer | None = None
    tracks_opens: bool = False
    tracks_clicks: bool = False

    def headers(self, send: Send | Outgoing, mailbox: Mailbox) -> list[tuple[str, str]]:
        if send.origin == ANSWER:
            return []
        by_mail = f"<mailto:{quote(mailbox.address, safe='@.')}?subject=unsubscribe>"
        if link := self.link(send):
            return [
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
                ("List-Unsubscribe", f"<{link}>, {by_mail}"),
            ]
        return [("List-Unsubscribe", by_mail)]

    def footer(self, send: Send | Outgoing) -> str:
        """What stands under the text where the workspace says who it is."""
        if not self.postal_address or send.origin == ANSWER:
            return ""
        link = self.link(send)
        ending = f"No more mail from us: {link}" if link else "Answer “unsubscribe” and you get no more mail from us."
        return f"\n\n-- \n{self.postal_address}\n{ending}\n"

    def link(self, send: Send | Outgoing) -> str:
        if not self.base_url:
            return ""
        token = signed.mint(self.vault, send.workspace_id, send.id, purpose=UNSUBSCRIBE)
        return f"{self.base_url}{UNSUBSCRIBE_PATH}{token}"

    def html(self, send: Send | Outgoing, text: str) -> str | None:
        """The same text as HTML where something of it is tracked; else a plain mail stays one."""
        is_tracked = (self.tracks_opens or self.tracks_clicks) and send.origin != ANSWER
        if not self.base_url or not is_tracked:
            return None
        return links.html_of(
            text,
            vault=self.vault,
            base_url=self.base_url,
            workspace_id=send.workspace_id,
            send_id=send.id,
            clicks=self.tracks_clicks,
            opens=self.tracks_opens,
        )


async def of(app: Runtime, db: AsyncSession, mailbox: Mailbox) -> Letterhead:
    vault = await open_vault(db, app.keyring, mailbox.workspace_id)
    workspace = await db.get_one(Workspace, mailbox.workspace_id)
    public = app.settings.public_url
    return Letterhead(
        vault,
        base_url=public if public.startswith("https://") else "",
        postal_address=workspace.postal_address,
        tracks_opens=workspace.tracks_opens,
        tracks_clicks=workspace.tracks_clicks,
        signer=await keys.signer_of(db, vault, mailbox.workspace_id, mailbox.address.rpartition("@")[2].lower()),
    )
