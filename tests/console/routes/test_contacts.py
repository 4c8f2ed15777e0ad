"""Contacts in the console: found, walked, added, written about, taken apart."""

import re
from uuid import UUID

import httpx2

from outrider.domain.people import finding, merges, queries
from outrider.domain.people.models import Status
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.browser import browser
from tests.factories.imports import contacts, finish, start


async def make_people(runtime: Runtime, owner: Someone, count: int) -> None:
    await finish(runtime, owner, (await start(runtime, owner, contacts(count))).id)


async def add(client: httpx2.AsyncClient, **form: str) -> str:
    """Returns the id of the contact that the form ends at."""
    answer = await client.post("/console/contacts", data=form)
    return str(answer.headers["location"].rpartition("/")[2])


async def test_everybody_is_walked_once_page_by_page(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await make_people(runtime, ada, 120)
    seen: list[str] = []
    async with browser(runtime, ada) as client:
        path = "/console/contacts"
        for _ in range(3):
            page = (await client.get(path)).text
            seen += re.findall(r'<tr id="r([0-9a-f-]{36})"', page)
            following = re.search(r'data-page="next" href="([^"]+)"', page)
            path = following[1].replace("&amp;", "&") if following else ""
    assert path == ""
    assert len(seen) == len(set(seen)) == 120
    assert seen == sorted(seen, reverse=True), "the newest first"


async def test_people_are_found_by_beginnings_and_through_typing_errors(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with browser(runtime, ada) as client:
        await add(client, name="Grace Hopper", email="grace@navy.test")
        await add(client, name="Annie Easley", phone="+442079460004")
        found = (await client.get("/console/contacts?search=hop")).text
        assert "Grace Hopper" in found
        assert "Annie" not in found
        assert "forgiving a typing error" in (await client.get("/console/contacts?search=hoppper")).text
        assert "Nobody matches" in (await client.get("/console/contacts?search=zuse")).text
        wrong = await client.get("/console/contacts?after=nowhere")
        assert (wrong.status_code, "Begin at its first page" in wrong.text) == (422, True)


async def test_who_is_known_already_is_shown_and_not_added_twice(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with browser(runtime, ada) as client:
        first = await add(client, name="Grace Hopper", email="grace@navy.test")
        assert await add(client, email="GRACE@navy.test") == first
        refused = await client.post("/console/contacts", data={"name": "Nobody", "phone": "12"})
        assert refused.status_code == 422
        assert "with its country" in refused.text


async def test_what_is_written_is_kept_and_only_what_differs_counts_as_typed(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with browser(runtime, ada) as client:
        known = await add(client, name="Grace Hopper", email="grace@navy.test")
        form = {"name": "Grace Hopper", "status": "qualified", "score": "8,5", "tags": "Board, navy", "notes": "a\r\nb"}
        assert (await client.post(f"/console/contacts/{known}", data=form)).status_code == 303
        await client.post(f"/console/contacts/{known}", data=form | {"tags": "navy"})
        page = (await client.get(f"/console/contacts/{known}")).text
        for wrong, said in (({"score": "11"}, "from 0 to 10"), ({"score": "high"}, "number from 0 to 10")):
            refused = await client.post(f"/console/contacts/{known}", data=form | wrong)
            assert refused.status_code == 422
            assert said in refused.text
    async with runtime.db.begin(ada.scope) as db:
        [entry] = (await finding.search(db, ada.workspace_id, finding.Sought(is_lead=True), limit=10)).items
        contact = await queries.get(db, ada.workspace_id, entry.id)
    assert (entry.status, entry.score, entry.tags) == (Status.QUALIFIED, 8.5, ["navy"])
    assert contact.notes == "a\nb"
    assert contact.typed == ["notes", "score", "status"]
    assert "Qualified" in page


async def test_who_was_merged_is_shown_as_the_other_and_taken_apart_again(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with browser(runtime, ada) as client:
        kept, merged = await add(client, email="grace@navy.test"), await add(client, email="grace+b@navy.test")
        async with runtime.db.begin(ada.scope) as db:
            await merges.merge(db, ada.workspace_id, UUID(kept), UUID(merged), by=ada.user.id)
        assert (await client.get(f"/console/contacts/{merged}")).headers["location"] == f"/console/contacts/{kept}"
        assert f"/console/contacts/{merged}/unmerge" in (await client.get(f"/console/contacts/{kept}")).text
        await client.post(f"/console/contacts/{merged}/unmerge")
        assert (await client.get(f"/console/contacts/{merged}")).status_code == 200
        again = await client.post(f"/console/contacts/{merged}/unmerge")
        assert (again.status_code, "not merged into another" in again.text) == (409, True)
