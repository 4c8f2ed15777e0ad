"""Secrets at rest: a key-encryption key wraps one data key a workspace, and that seals single values.

AES-256-GCM throughout. What is sealed is bound to its place (table, column, row, workspace) and opens nowhere else.
"""

import base64
import binascii
import hmac
import os
import re
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from outrider.core.errors import AppError

KEY_BYTES = 32
NONCE_BYTES = 12
DATA_KEY_ID_BYTES = 8
_VERSION = 1
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class KeyringError(ValueError):
    """The encryption keys can't be used. The message holds no part of them."""


class SecretUnreadableError(AppError):
    """A stored secret does not open: it was changed, moved, or sealed under a key we no longer have."""

    code = "secret_unreadable"


def generate_key() -> str:
    """Returns a fresh key in the form the settings take it, without its id."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


class Keyring:
    """The key-encryption keys, read from `id:BASE64,id:BASE64`: the first one writes, all of them read.

    A wrapped data key is: version, length of the key's id, that id, nonce, ciphertext. Raises KeyringError.
    """

    def __init__(self, text: str) -> None:
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        if not entries:
            raise KeyringError("No encryption key is set. Expected id:key[,id:key...], each key 32 bytes in base64.")
        keys = [_read_entry(number, entry) for number, entry in enumerate(entries, start=1)]
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys}
        if len(self._ciphers) < len(keys):
            raise KeyringError("Two encryption keys have the same id.")
        self._current = keys[0][0]

    def new_data_key(self, workspace_id: UUID) -> bytes:
        """Returns a fresh data key, wrapped under the current key."""
        return self._wrap(workspace_id, os.urandom(DATA_KEY_ID_BYTES + KEY_BYTES))

    def vault(self, workspace_id: UUID, wrapped: bytes) -> "Vault":
        """Raises SecretUnreadableError."""
        return Vault(workspace_id, self._unwrap(workspace_id, wrapped))

    def rewrap(self, workspace_id: UUID, wrapped: bytes) -> bytes:
        """Returns the same data key wrapped under the current key; what it sealed stays as it is."""
        return self._wrap(workspace_id, self._unwrap(workspace_id, wrapped))

    def is_current(self, wrapped: bytes) -> bool:
        return _header_of_wrapped(wrapped) == self.current_header

    @property
    def current_header(self) -> bytes:
        """What every data key wrapped under the current key begins with."""
        return _wrap_header(self._current)

    def _wrap(self, workspace_id: UUID, data_key: bytes) -> bytes:
        header = _wrap_header(self._current)
        return _seal(self._ciphers[self._current], header, data_key, _key_place(workspace_id))

    def _unwrap(self, workspace_id: UUID, wrapped: bytes) -> bytes:
        header = _header_of_wrapped(wrapped)
        cipher = self._ciphers.get(header[2:].decode("ascii", errors="replace"))
        if cipher is None:
            raise SecretUnreadableError("The workspace's secrets were stored under an encryption key that is not set.")
        return _open(cipher, header, wrapped, _key_place(workspace_id))


class Vault:
    """Seals and opens the secrets of one workspace. A sealed value is: version, data key's id, nonce, ciphertext."""

    def __init__(self, workspace_id: UUID, data_key: bytes) -> None:
        self._workspace_id = workspace_id
        self._header = bytes([_VERSION]) + data_key[:DATA_KEY_ID_BYTES]
        self._key = data_key[DATA_KEY_ID_BYTES:]
        self._cipher = AESGCM(self._key)

    def seal(self, plaintext: str, *, table: str, column: str, row_id: UUID) -> bytes:
        place = self._place(table, column, row_id)
        return _seal(self._cipher, self._header, plaintext.encode(), place)

    def open(self, sealed: bytes, *, table: str, column: str, row_id: UUID) -> str:
        """Raises SecretUnreadableError."""
        return _open(self._cipher, self._header, sealed, self._place(table, column, row_id)).decode()

    def digest(self, text: str, *, purpose: str) -> bytes:
        """Recognises a text without keeping it (HMAC-SHA256): the same text gives the same bytes in one workspace."""
        return hmac.digest(derive(self._key, purpose, KEY_BYTES), text.encode(), "sha256")

    def _place(self, table: str, column: str, row_id: UUID) -> bytes:
        if "|" in table or "|" in column:
            raise ValueError("a table or column can't have a | in its name")  # it would blur one place into another
        return f"{table}|{column}|{row_id}|{self._workspace_id}".encode()


def derive(key: bytes, purpose: str, length: int) -> bytes:
    """A key that tells nothing of the one it comes from (RFC 5869)."""
    return HKDF(SHA256(), length, salt=None, info=f"outrider {purpose}".encode()).derive(key)


def _read_entry(number: int, entry: str) -> tuple[str, bytes]:
    # Only the position is told: an entry without an id would put the key itself into the message.
    key_id, colon, encoded = entry.partition(":")
    if not colon or not _KEY_ID.fullmatch(key_id):
        raise KeyringError(f"Encryption key {number} has no id. Expected id:key, the id of letters, digits, _ and -.")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise KeyringError(f"Encryption key {number} is not valid base64.") from None
    if len(key) != KEY_BYTES:
        raise KeyringError(f"Encryption key {number} has {len(key)} bytes; it needs {KEY_BYTES}.")
    if len(set(key)) < KEY_BYTES // 4:
        raise KeyringError(f"Encryption key {number} is not random.")
    return key_id, key


def _wrap_header(key_id: str) -> bytes:
    return bytes([_VERSION, len(key_id)]) + key_id.encode()


def _header_of_wrapped(wrapped: bytes) -> bytes:
    if len(wrapped) < 2 or wrapped[0] != _VERSION:  # noqa: PLR2004 (version and length)
        raise SecretUnreadableError("The workspace's stored key has a form that is not known here.")
    return wrapped[: 2 + wrapped[1]]


def _key_place(workspace_id: UUID) -> bytes:
    return f"data key|{workspace_id}".encode()


def _seal(cipher: AESGCM, header: bytes, plaintext: bytes, place: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return header + nonce + cipher.encrypt(nonce, plaintext, header + place)


def _open(cipher: AESGCM, header: bytes, sealed: bytes, place: bytes) -> bytes:
    start = len(header) + NONCE_BYTES
    if not sealed.startswith(header):
        raise SecretUnreadableError("A stored secret was sealed under another key.")
    try:
        return cipher.decrypt(sealed[len(header) : start], sealed[start:], header + place)
    except (InvalidTag, ValueError):  # ValueError: too short to be anything
        raise SecretUnreadableError("A stored secret can't be read: it was changed, or belongs elsewhere.") from None
