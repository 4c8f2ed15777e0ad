"""Sealed values open in their own place and nowhere else; a bad key stops the start."""

import base64
import itertools
import pickle
import random
from uuid import UUID

import pytest

from outrider.core.crypto import Keyring, KeyringError, SecretUnreadableError, Vault, generate_key
from outrider.core.ids import new_id

PLACE = {"table": "mailboxes", "column": "password"}


def a_keyring() -> Keyring:
    return Keyring(f"k0:{generate_key()}")


def a_vault(keyring: Keyring | None = None) -> Vault:
    keyring, workspace_id = keyring or a_keyring(), new_id()
    return keyring.vault(workspace_id, keyring.new_data_key(workspace_id))


@pytest.mark.parametrize("secret", ["", "hunter2", "pässwörd 🔑", "x" * 100_000])
def test_a_sealed_secret_opens_in_its_place(secret):
    vault, row = a_vault(), new_id()
    assert vault.open(vault.seal(secret, **PLACE, row_id=row), **PLACE, row_id=row) == secret


def test_no_copy_opens_in_another_row_column_table_or_workspace():
    keyring = a_keyring()
    places = list(itertools.product(range(3), ("mailboxes", "webhooks"), ("password", "token"), range(3)))
    workspaces = [new_id() for _ in range(3)]
    vaults = [keyring.vault(each, keyring.new_data_key(each)) for each in workspaces]
    rows = [new_id() for _ in range(3)]
    sealed = {p: vaults[p[0]].seal("secret", table=p[1], column=p[2], row_id=rows[p[3]]) for p in places}
    accepted = tried = 0
    for source, target in itertools.permutations(places, 2):
        tried += 1
        try:
            vaults[target[0]].open(sealed[source], table=target[1], column=target[2], row_id=rows[target[3]])
            accepted += 1
        except SecretUnreadableError:
            pass
    print(f"{accepted} of {tried} copies accepted")
    assert (accepted, tried) == (0, 36 * 35)


def test_the_workspace_is_bound_even_under_the_same_data_key():
    ours, theirs, row = new_id(), new_id(), new_id()
    data_key = random.Random(1).randbytes(40)
    sealed = Vault(ours, data_key).seal("secret", **PLACE, row_id=row)
    with pytest.raises(SecretUnreadableError):
        Vault(theirs, data_key).open(sealed, **PLACE, row_id=row)


def test_a_data_key_opens_only_in_its_own_workspace():
    keyring = a_keyring()
    wrapped = keyring.new_data_key(new_id())
    with pytest.raises(SecretUnreadableError):
        keyring.vault(new_id(), wrapped)


def flips(data: bytes):
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def test_no_flipped_bit_is_accepted():
    keyring, workspace_id, row = a_keyring(), new_id(), new_id()
    wrapped = keyring.new_data_key(workspace_id)
    vault = keyring.vault(workspace_id, wrapped)
    sealed = vault.seal("a secret of some length", **PLACE, row_id=row)
    accepted = tried = 0
    for changed in flips(sealed):
        tried += 1
        with pytest.raises(SecretUnreadableError):
            accepted += bool(vault.open(changed, **PLACE, row_id=row))
    for changed in flips(wrapped):
        tried += 1
        with pytest.raises(SecretUnreadableError):
            accepted += bool(keyring.vault(workspace_id, changed))
    print(f"{accepted} of {tried} flips accepted")
    assert accepted == 0


def test_no_cut_or_extended_value_is_accepted():
    keyring, workspace_id, row = a_keyring(), new_id(), new_id()
    wrapped = keyring.new_data_key(workspace_id)
    vault = keyring.vault(workspace_id, wrapped)
    sealed = vault.seal("secret", **PLACE, row_id=row)
    for changed in [sealed[:length] for length in range(len(sealed))] + [sealed + b"\0"]:
        with pytest.raises(SecretUnreadableError):
            vault.open(changed, **PLACE, row_id=row)
    for changed in [wrapped[:length] for length in range(len(wrapped))] + [wrapped + b"\0"]:
        with pytest.raises(SecretUnreadableError):
            keyring.vault(workspace_id, changed)


def test_the_same_secret_never_looks_the_same_twice():
    vault, row = a_vault(), new_id()
    sealed = {vault.seal("secret", **PLACE, row_id=row) for _ in range(10_000)}
    assert len({value[9:21] for value in sealed}) == 10_000


def test_a_place_can_not_be_blurred_into_another():
    with pytest.raises(ValueError, match=r"\|"):
        a_vault().seal("secret", table="a|b", column="c", row_id=new_id())


def test_keys_rotate_without_touching_what_they_sealed():
    old, new = generate_key(), generate_key()
    workspace_id, row = new_id(), new_id()
    before = Keyring(f"k0:{old}")
    wrapped = before.new_data_key(workspace_id)
    sealed = before.vault(workspace_id, wrapped).seal("secret", **PLACE, row_id=row)

    both = Keyring(f"k1:{new},k0:{old}")
    assert both.vault(workspace_id, wrapped).open(sealed, **PLACE, row_id=row) == "secret"
    assert not both.is_current(wrapped)
    rewrapped = both.rewrap(workspace_id, wrapped)
    assert both.is_current(rewrapped)
    assert both.is_current(both.new_data_key(workspace_id))

    after = Keyring(f"k1:{new}")
    assert after.vault(workspace_id, rewrapped).open(sealed, **PLACE, row_id=row) == "secret"
    with pytest.raises(SecretUnreadableError, match="an encryption key that is not set"):
        after.vault(workspace_id, wrapped)
    with pytest.raises(SecretUnreadableError):
        before.vault(workspace_id, rewrapped)


def test_a_key_that_took_over_anothers_id_opens_nothing():
    workspace_id = new_id()
    wrapped = a_keyring().new_data_key(workspace_id)
    with pytest.raises(SecretUnreadableError):
        a_keyring().vault(workspace_id, wrapped)


# The same in every process: parallel runs compare the names of their tests.
GOOD, OTHER = (base64.b64encode(bytes(range(first, first + 32))).decode() for first in (1, 100))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No encryption key is set"),
        (" , ", "No encryption key is set"),
        (GOOD, "key 1 has no id"),
        (f":{GOOD}", "key 1 has no id"),
        (f"a b:{GOOD}", "key 1 has no id"),
        ("k0:", "key 1 has 0 bytes"),
        ("k0:not base64!", "key 1 is not valid base64"),
        ("k0:ключ", "key 1 is not valid base64"),
        (f"k0:{GOOD[:-4]}", "key 1 has 30 bytes"),
        (f"k0:{base64.b64encode(b'x' * 16).decode()}", "key 1 has 16 bytes"),
        (f"k0:{base64.b64encode(bytes(32)).decode()}", "key 1 is not random"),
        (f"k0:{GOOD},k1:short", "key 2"),
        (f"k0:{GOOD},k0:{OTHER}", "the same id"),
    ],
)
def test_a_keyring_that_can_not_be_used_says_why_and_tells_no_key(text, message):
    with pytest.raises(KeyringError, match=message) as bad:
        Keyring(text)
    assert isinstance(bad.value, ValueError)
    assert GOOD[:8] not in f"{bad.value!r} {bad.value.__cause__!r} {bad.value.__context__!r}"


def test_no_key_or_secret_shows_in_a_repr_or_an_error():
    key = generate_key()
    keyring, workspace_id, row = Keyring(f"k0:{key}"), new_id(), new_id()
    vault = keyring.vault(workspace_id, keyring.new_data_key(workspace_id))
    sealed = vault.seal("canary", **PLACE, row_id=row)
    with pytest.raises(SecretUnreadableError) as unreadable:
        vault.open(sealed, **PLACE, row_id=new_id())
    shown = f"{keyring!r} {vault!r} {unreadable.value!r} {unreadable.value.details}"
    assert "canary" not in shown
    assert key not in shown
    for holder in (keyring, vault):
        with pytest.raises(TypeError):
            pickle.dumps(holder)


def test_generated_keys_are_usable_and_differ():
    keys = {generate_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        Keyring(f"k0:{key}").new_data_key(UUID(int=0))
