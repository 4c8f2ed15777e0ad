"""The caller's own profile."""

from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox


async def test_the_profile_names_the_user_and_the_connection(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    alone = (await client.get("/user/profile")).json()
    assert (alone["id"], alone["email"], alone["connected"], alone["provider"]) == (
        str(ada.user.id),
        ada.user.email,
        False,
        None,
    )
    await make_mailbox(runtime, ada)
    connected = (await client.get("/user/profile")).json()
    assert (connected["connected"], connected["provider"]) == (True, "imap")
