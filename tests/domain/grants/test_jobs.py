"""Telling the provider of an end, by the queue."""

from sqlalchemy import text

from outrider.domain.grants import jobs
from outrider.domain.mailboxes import connections
from outrider.domain.mailboxes.models import Mailbox
from outrider.runtime import Runtime
from tests.factories.accounts import make_user
from tests.factories.google import connect_gmail
from tests.stand_ins.google import Google


async def test_the_end_of_a_grant_is_queued_in_the_transaction_that_ends_it(connected: Runtime, google: Google) -> None:
    ada = await make_user(connected)
    mailbox = await connect_gmail(connected, google, ada)
    async with connected.db.begin(ada.scope) as db:
        grant_id = await connections.disconnect(db, await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id)))
    assert grant_id is not None
    async with connected.db.begin() as db:
        queued = await db.scalar(
            text(
                "select count(*) from pgqueuer where entrypoint = 'grants.revoke' and convert_from(payload, 'utf8') like :it"
            ),
            {"it": f"%{grant_id}%"},
        )
    assert queued == 1
    await jobs.revoke(connected, workspace_id=ada.workspace_id, grant_id=grant_id, attempt=1)
    assert google.count("/revoke") == 1
