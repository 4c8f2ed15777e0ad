"""Duplicates in the console: listed by what they share, merged by a button each."""

from outrider.runtime import Runtime
from tests.factories.accounts import make_user
from tests.factories.browser import browser
from tests.factories.imports import finish, start

FILE = b"""Name,E-mail Address,Mobile Phone
Grace Hopper,grace@navy.test,+442079460001
Grace B. Hopper,hopper@home.test,+442079460001
Annie Easley,annie@nasa.test,
Annie,annie+news@nasa.test,
"""


async def test_two_that_are_one_are_merged_and_the_place_in_the_list_is_kept(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await finish(runtime, ada, (await start(runtime, ada, FILE)).id)
    async with browser(runtime, ada) as client:
        page = (await client.get("/console/duplicates")).text
        assert "annie+news@nasa.test" in page
        assert "grace@navy.test" not in page
        ids = [page.partition(f'name="{name}" value="')[2][:36] for name in ("kept_id", "merged_id")]
        here = {"HX-Current-URL": "http://test/console/duplicates?by=mailbox"}
        merged = await client.post(
            "/console/duplicates/merge", data={"kept_id": ids[0], "merged_id": ids[1]}, headers=here
        )
        assert merged.headers["location"] == "/console/duplicates?by=mailbox"
        assert "No duplicates" in (await client.get("/console/duplicates")).text
        kept = (await client.get(f"/console/contacts/{ids[0]}")).text
        assert "annie@nasa.test" in kept
        assert "annie+news@nasa.test" in kept
        itself = await client.post("/console/duplicates/merge", data={"kept_id": ids[0], "merged_id": ids[0]})
        assert (itself.status_code, "into itself" in itself.text) == (422, True)
