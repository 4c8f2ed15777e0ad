"""The link in a mail by which its recipient ends all further mail (RFC 8058).

A token names the workspace and the send and is signed with the workspace's own key: it says nothing of anybody, can't
be guessed or changed, and goes on working while encryption keys are exchanged.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from uuid import UUID

from outrider.core.crypto import Vault
from outrider.core.errors import NotFound

PATH = "/u/"
PURPOSE = "unsubscribe link"
ID, MAC = 16, 16


class LinkInvalid(NotFound):
    code = "link_invalid"

    def __init__(self) -> None:
        super().__init__(
            "This link is not complete. Open it again from the mail, or answer the mail with: unsubscribe."
        )


@dataclass(frozen=True, slots=True)
class Token:
    """What a link names, not yet verified."""

    workspace_id: UUID
    send_id: UUID
    mac: bytes


def mint(vault: Vault, workspace_id: UUID, send_id: UUID) -> str:
    named = workspace_id.bytes + send_id.bytes
    return base64.urlsafe_b64encode(named + _mac(vault, named)).decode()


def read(token: str) -> Token:
    """Raises LinkInvalid."""
    try:
        data = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise LinkInvalid from None
    if len(data) != 2 * ID + MAC or base64.urlsafe_b64encode(data).decode() != token:
        raise LinkInvalid
    return Token(UUID(bytes=data[:ID]), UUID(bytes=data[ID : 2 * ID]), data[2 * ID :])


def verify(vault: Vault, token: Token) -> None:
    """Raises LinkInvalid."""
    if not hmac.compare_digest(_mac(vault, token.workspace_id.bytes + token.send_id.bytes), token.mac):
        raise LinkInvalid


def _mac(vault: Vault, named: bytes) -> bytes:
    return vault.digest(named.hex(), purpose=PURPOSE)[:MAC]
