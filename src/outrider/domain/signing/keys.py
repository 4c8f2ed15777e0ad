"""Making signing keys, and signing mail with them."""

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.crypto import Keyring, Vault
from outrider.core.errors import Invalid
from outrider.core.ids import new_id
from outrider.domain.accounts.actions import normalise_email
from outrider.domain.accounts.permissions import Actor
from outrider.domain.accounts.vault import open_vault
from outrider.domain.signing.models import SigningKey

BITS = 2048  # RFC 8301 3.2: receivers must take it; more doesn't fit one DNS string
# RFC 6376 5.4.1, and what RFC 8058 3.1 wants covered.
SIGNED = (
    b"from", b"to", b"subject", b"date", b"message-id", b"in-reply-to", b"references", b"mime-version",
    b"content-type", b"content-transfer-encoding", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
_HEADER = re.compile(rb"^([A-Za-z0-9-]+):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one domain. Takes milliseconds of computing: not for the event loop."""

    domain: str
    selector: str
    private_key: bytes = field(repr=False)

    def sign(self, raw: bytes) -> bytes:
        head, _, _ = raw.partition(b"\r\n\r\n")
        present = {name.lower() for name in _HEADER.findall(head)}
        covered = [name for name in SIGNED if name in present]
        signature: bytes = dkim.sign(
            raw,
            self.selector.encode(),
            self.domain.encode("idna"),
            self.private_key,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=covered,
        )
        return signature + raw


async def create(db: AsyncSession, keyring: Keyring, domain: str, *, by: Actor, at: datetime) -> SigningKey:
    """Returns the domain's key, making it at first. It signs nothing before `activate`."""
    domain = domain.strip().lower().rstrip(".")
    normalise_email(f"someone@{domain}")
    if (found := await find(db, by, domain)) is not None:
        return found
    private = rsa.generate_private_key(65537, BITS)
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    key = SigningKey(
        workspace_id=by.workspace_id,
        id=new_id(),
        domain=domain,
        selector=f"outrider{at:%Y%m}",
        public_key=base64.b64encode(public).decode(),
        created_at=at,
    )
    vault = await open_vault(db, keyring, by.workspace_id)
    key.private_key = vault.seal(pem.decode(), table="signing_keys", column="private_key", row_id=key.id)
    db.add(key)
    await db.flush()
    return key


async def activate(db: AsyncSession, key: SigningKey, published: list[str], *, at: datetime) -> None:
    """Signs from now on. Raises Invalid unless the public half is among the TXT records found at `record_name`."""
    wanted = key.public_key
    if not any(wanted in re.sub(r"\s", "", record) for record in published):
        raise Invalid(
            f"The DNS does not hold the key yet. Publish as TXT at {key.record_name}: {key.record}", field="domain"
        )
    key.active_at = key.active_at or at
    await db.flush()


async def find(db: AsyncSession, by: Actor, domain: str) -> SigningKey | None:
    found: SigningKey | None = await db.scalar(
        select(SigningKey).where(SigningKey.workspace_id == by.workspace_id, SigningKey.domain == domain)
    )
    return found


async def signer_of(db: AsyncSession, vault: Vault, workspace_id: UUID, domain: str) -> Signer | None:
    """Returns what signs mail from a domain, None where that is left to the mailbox's server."""
    key = await db.scalar(
        select(SigningKey).where(
            SigningKey.workspace_id == workspace_id, SigningKey.domain == domain, SigningKey.active_at.is_not(None)
        )
    )
    if key is None:
        return None
    pem = vault.open(key.private_key, table="signing_keys", column="private_key", row_id=key.id)
    return Signer(key.domain, key.selector, pem.encode())
