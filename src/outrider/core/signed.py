"""Texts for links that can't be guessed, changed or carried to another workspace.

A token is a payload and its HMAC under the workspace's own key, so it goes on working while encryption keys are
exchanged. The payload can be read by whoever has the link: it holds identifiers, never a secret.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from uuid import UUID

from outrider.core.crypto import Vault
from outrider.core.errors import NotFound

ID, MAC = 16, 16


class LinkInvalid(NotFound):
    code = "link_invalid"

    def __init__(self) -> None:
        super().__init__("This link is not complete. Open it again from the mail it came in.")


@dataclass(frozen=True, slots=True)
class Token:
    """What a link says, not yet verified; `more` is what follows the two identifiers."""

    workspace_id: UUID
    subject_id: UUID
    more: bytes
    mac: bytes

    @property
    def payload(self) -> bytes:
        return self.workspace_id.bytes + self.subject_id.bytes + self.more


def mint(vault: Vault, workspace_id: UUID, subject_id: UUID, *, purpose: str, more: bytes = b"") -> str:
    payload = workspace_id.bytes + subject_id.bytes + more
    return _text(payload + _mac(vault, payload, purpose))


def read(token: str) -> Token:
    """Raises LinkInvalid."""
    try:
        data = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise LinkInvalid from None
    if len(data) < 2 * ID + MAC or _text(data) != token:
        raise LinkInvalid
    return Token(UUID(bytes=data[:ID]), UUID(bytes=data[ID : 2 * ID]), data[2 * ID : -MAC], data[-MAC:])


def spelled(token: Token) -> str:
    """Returns the text that a token was read from."""
    return _text(token.payload + token.mac)


def verify(vault: Vault, token: Token, *, purpose: str) -> None:
    """Raises LinkInvalid."""
    if not hmac.compare_digest(_mac(vault, token.payload, purpose), token.mac):
        raise LinkInvalid


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _mac(vault: Vault, payload: bytes, purpose: str) -> bytes:
    return vault.digest(payload.hex(), purpose=purpose)[:MAC]
