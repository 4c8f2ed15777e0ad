"""Leads read out of mail, in the console: begun, watched, stopped, and what became of each mail."""

from outrider.core.pages import PageRequest
from outrider.domain.harvest import queries
from outrider.domain.harvest.models import Source
from outrider.runtime import Runtime
from tests.factories import harvest
from tests.factories.accounts import make_user, retire
from tests.factories.browser import browser
from tests.factories.mailboxes import make_mailbox


async def test_a_search_of_a_mailbox_is_begun_and_stopped(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    async with browser(runtime, ada) as client:
        form = {"mailbox_id": str(mailbox.id), "query": " offer ", "at_most": "40"}
        place = (await client.post("/console/batches", data=form)).headers["location"]
        async with runtime.db.begin(ada.scope) as db:
            [(batch, _)] = (await queries.search(db, ada.workspace_id, ada.user.id, PageRequest(1, 5))).items
        assert place == f"/console/batches/{batch.id}"
        assert (batch.source, batch.query, batch.at_most) == (Source.SEARCH, "offer", 40)
        assert "The mails are being listed." in (await client.get(place)).text
        await client.post(f"{place}/cancel")
        assert "Cancelled" in (await client.get(place)).text
        assert "Go on" in (await client.get("/console/batches")).text
        for wrong in ("0", "10001", "all"):
            refused = await client.post("/console/batches", data=form | {"at_most": wrong})
            assert refused.status_code == 422
            assert "from 1 to 10,000" in refused.text
    await retire(runtime, ada)


async def test_every_mail_says_what_became_of_it(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    automatic = harvest.letter(2, extra="Auto-Submitted: auto-replied\n")
    batch_id = await harvest.start(runtime, ada, [harvest.letter(1), automatic])
    await harvest.finish(runtime, ada, batch_id)
    async with browser(runtime, ada) as client:
        page = (await client.get(f"/console/batches/{batch_id}")).text
        assert "Grace Hopper" in page
        assert "/console/contacts/" in page
        skipped = (await client.get(f"/console/batches/{batch_id}?outcome=skipped")).text
        assert skipped.count('<tr id="r') == 1
        assert "/console/contacts/0" not in skipped
        assert "No mail became that." in (await client.get(f"/console/batches/{batch_id}?outcome=failed")).text
        again = await client.post(f"/console/batches/{batch_id}/retry")
        assert (again.status_code, "No mail of this batch has failed." in again.text) == (409, True)
