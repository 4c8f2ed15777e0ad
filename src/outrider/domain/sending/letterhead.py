"""What every mail of a mailbox carries besides its text: the way to end it, its sender's address, a signature."""

from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.crypto import Vault
from outrider.domain.accounts.models import Workspace
from outrider.domain.accounts.vault import open_vault
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending.models import Send
from outrider.domain.signing import keys
from outrider.domain.signing.keys import Signer
from outrider.domain.suppressions import links
from outrider.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Letterhead:
    """`base_url` is empty where the world can't reach this server by HTTPS, which one-click needs (RFC 8058 3.1)."""

    vault: Vault = field(repr=False)
    base_url: str = ""
    postal_address: str = ""
    signer: Signer | None = None

    def write(self, mail: EmailMessage, send: Send, mailbox: Mailbox) -> None:
        """Adds the headers."""
        ways = [f"<mailto:{quote(mailbox.address, safe='@.')}?subject=unsubscribe>"]
        if link := self.link(send):
            ways.insert(0, f"<{link}>")
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail["List-Unsubscribe"] = ", ".join(ways)

    def footer(self, send: Send) -> str:
        """What stands under the text where the workspace says who it is."""
        if not self.postal_address:
            return ""
        link = self.link(send)
        ending = f"No more mail from us: {link}" if link else "Answer “unsubscribe” and you get no more mail from us."
        return f"\n\n-- \n{self.postal_address}\n{ending}\n"

    def link(self, send: Send) -> str:
        if not self.base_url:
            return ""
        return f"{self.base_url}{links.PATH}{links.mint(self.vault, send.workspace_id, send.id)}"


async def of(app: Runtime, db: AsyncSession, mailbox: Mailbox) -> Letterhead:
    vault = await open_vault(db, app.keyring, mailbox.workspace_id)
    workspace = await db.get_one(Workspace, mailbox.workspace_id)
    public = app.settings.public_url
    return Letterhead(
        vault,
        base_url=public if public.startswith("https://") else "",
        postal_address=workspace.postal_address,
        signer=await keys.signer_of(db, vault, mailbox.workspace_id, mailbox.address.rpartition("@")[2].lower()),
    )
