"""Links that can't be guessed, changed or carried elsewhere."""

import base64

import pytest

from outrider.core import signed
from outrider.core.ids import new_id
from outrider.core.signed import LinkInvalid
from outrider.domain.accounts.vault import open_vault
from outrider.runtime import Runtime
from tests.factories.accounts import make_user


async def test_a_token_names_its_workspace_and_send_and_nobody_else(runtime: Runtime) -> None:
    ada, send_id = await make_user(runtime), new_id()
    async with runtime.db.begin(ada.scope) as db:
        vault = await open_vault(db, runtime.keyring, ada.workspace_id)
    token = signed.read(signed.mint(vault, ada.workspace_id, send_id, purpose="test", more=b"more"))
    assert (token.workspace_id, token.subject_id, token.more) == (ada.workspace_id, send_id, b"more")
    signed.verify(vault, token, purpose="test")


async def test_no_changed_byte_and_no_other_workspace_passes(runtime: Runtime) -> None:
    ada, eve = await make_user(runtime), await make_user(runtime)
    async with runtime.db.begin(ada.scope) as db:
        vault = await open_vault(db, runtime.keyring, ada.workspace_id)
    async with runtime.db.begin(eve.scope) as db:
        other = await open_vault(db, runtime.keyring, eve.workspace_id)
    minted = base64.urlsafe_b64decode(signed.mint(vault, ada.workspace_id, new_id(), purpose="test", more=b"abc"))
    for place in range(len(minted)):
        changed = bytearray(minted)
        changed[place] ^= 1
        with pytest.raises(LinkInvalid):
            signed.verify(vault, signed.read(base64.urlsafe_b64encode(changed).decode()), purpose="test")
    with pytest.raises(LinkInvalid):
        signed.verify(other, signed.read(base64.urlsafe_b64encode(minted).decode()), purpose="test")


@pytest.mark.parametrize("token", ["", "x", "ä" * 64, "A" * 63, "../" * 21 + "A", "A" * 64 + "="])
def test_whatever_is_no_token_is_refused_before_the_database(token: str) -> None:
    with pytest.raises(LinkInvalid):
        signed.read(token)
