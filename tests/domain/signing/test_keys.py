"""Signatures that a receiver can check against what the domain publishes."""

import base64

import dkim
import pytest

from outrider.core.clock import now
from outrider.core.errors import Invalid
from outrider.domain.accounts.vault import open_vault
from outrider.domain.sending import letterhead, rules
from outrider.domain.signing import keys
from outrider.domain.signing.models import SigningKey
from outrider.runtime import Runtime
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send


def verifies(raw: bytes, key: SigningKey) -> bool:
    published = {f"{key.record_name}.".encode(): key.record.encode()}
    return bool(dkim.verify(raw, dnsfunc=lambda name, timeout=5: published.get(name)))


async def test_mail_is_signed_once_the_key_is_published_and_any_change_shows(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada, address="ada@sends.test")
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    async with runtime.db.begin(ada.scope) as db:
        key = await keys.create(db, runtime.keyring, "Sends.test.", by=ada.actor, at=now())
        assert (await letterhead.of(runtime, db, mailbox)).signer is None
        with pytest.raises(Invalid, match="does not hold the key"):
            await keys.activate(db, key, ["v=DKIM1; p=other"], at=now())
        await keys.activate(db, key, [key.record[:100] + " " + key.record[100:]], at=now())
        paper = await letterhead.of(runtime, db, mailbox)
    raw = rules.compose(mailbox, send, paper, at=now())
    assert verifies(raw, key)
    signed = raw.split(b"; h=")[1].split(b";")[0]
    assert b"list-unsubscribe" in signed
    for changed in (raw.replace(b"Any news?", b"Send gold"), raw.replace(b"Subject: Re", b"Subject: Fw")):
        assert changed != raw
        assert not verifies(changed, key)


async def test_the_private_half_is_sealed_and_made_once(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with runtime.db.begin(ada.scope) as db:
        key = await keys.create(db, runtime.keyring, "sends.test", by=ada.actor, at=now())
        again = await keys.create(db, runtime.keyring, "sends.test", by=ada.actor, at=now())
        assert again.id == key.id
        assert b"PRIVATE KEY" not in key.private_key
        vault = await open_vault(db, runtime.keyring, ada.workspace_id)
        pem = vault.open(key.private_key, table="signing_keys", column="private_key", row_id=key.id)
    assert pem.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert len(base64.b64decode(key.public_key)) > 256
