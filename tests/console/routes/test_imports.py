"""Imports in the console: of an account whose owner signs in, of a file, and which rows could not be taken."""

import httpx2
import pytest

from outrider.runtime import Runtime
from tests.factories.accounts import make_user
from tests.factories.browser import browser
from tests.factories.imports import finish, start
from tests.stand_ins.google import Google

PAGE = "/console/imports"
FILE = b"Name,E-mail Address\nGrace,grace@navy.test\nNobody,not an address\nAnnie,annie@nasa.test\n"


async def back_from(client: httpx2.AsyncClient, google: Google, address: str, **choices: bool) -> httpx2.Response:
    sent = await client.post(f"{PAGE}/with/google")
    assert sent.status_code == 303, sent.text
    back = await google.agree(sent.headers["location"], address, **choices)
    return await client.get("/api/v1/contacts/import/google/callback", params=back)


@pytest.mark.parametrize("denies", [False, True])
async def test_a_browser_of_the_console_comes_back_to_it_and_not_to_the_app(
    connected: Runtime, google: Google, denies: bool
) -> None:
    ada = await make_user(connected)
    google.book(ada.user.email).add_many(3)
    async with browser(connected, ada) as client:
        assert "From Google" in (await client.get(PAGE)).text
        home = await back_from(client, google, ada.user.email, denies=denies)
        assert (home.status_code, home.headers["location"]) == (302, PAGE)
        page = (await client.get(PAGE)).text
    assert ("access was denied at Google" in page) is denies
    assert (f">{ada.user.email}</a>" in page) is not denies


async def test_another_page_can_not_be_named(connected: Runtime, google: Google) -> None:
    """What a state leads to is under our signature."""
    ada = await make_user(connected)
    google.book(ada.user.email).add_many(1)
    async with browser(connected, ada) as client:
        sent = await client.post(f"{PAGE}/with/google")
        back = await google.agree(sent.headers["location"], ada.user.email)
        touched = await client.get(
            "/api/v1/contacts/import/google/callback", params=back | {"state": back["state"][:-8] + "AAAAAAA="}
        )
    assert touched.headers["location"].startswith("everreach://")


async def test_rows_that_could_not_be_taken_are_shown(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    job = await finish(runtime, ada, (await start(runtime, ada, FILE)).id)
    async with browser(runtime, ada) as client:
        page = (await client.get(f"{PAGE}/{job.id}")).text
        missing = await client.post(f"{PAGE}/with/google")
    assert "2 taken in" in page
    assert page.count('<tr id="r') == 1
    assert "not an address" in page.partition("What could not be taken")[2]
    assert "not configured" in missing.text, "what the operator has not set up is said"
