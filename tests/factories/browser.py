"""A browser's requests to the console, without the browser: its cookie, and the headers that it sends by itself."""

import httpx2

from outrider.console import session
from outrider.main import create_app
from outrider.runtime import Runtime
from tests.factories.accounts import Someone

OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


def browser(runtime: Runtime, who: Someone | None = None) -> httpx2.AsyncClient:
    cookies = {session.COOKIE: cookie(runtime, who)} if who else {}
    transport = httpx2.ASGITransport(create_app(runtime), raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://test", headers=OWN_PAGE, cookies=cookies)


def cookie(runtime: Runtime, who: Someone) -> str:
    assert who.actor.session_id is not None
    return session.value_of(runtime, who.workspace_id, who.actor.session_id)
