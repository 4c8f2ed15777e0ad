"""A mailbox reached by Microsoft Graph, with a grant of its owner."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from outrider.core.egress import Egress
from outrider.core.shared import Shared
from outrider.providers.mail.graph_api import BURST, PER_MINUTE, SERVER, Allowance, ApiError, GraphApi
from outrider.providers.mail.graph_browse import GraphBrowser
from outrider.providers.mail.graph_push import GraphPush
from outrider.providers.mail.graph_send import GraphSender
from outrider.providers.mail.graph_sync import GraphReader, said_as_reading
from outrider.providers.mail.interface import ConnectFailed, GrantedAccount, ReadFailed, Step, Verified
from outrider.providers.mail.quota import Quota

WHOLE_AT_ONCE = 2  # mailboxes read from the beginning at the same time
JITTER = 5.0
MOST_ALLOWANCES = 10_000
# While a mailbox is being connected a person is waiting.
PATIENCE = 20
AGAIN = "It is tried again by itself."
# Microsoft ends a subscription to mail after 4,230 minutes at the latest.
SUBSCRIBED = timedelta(minutes=4_200)
RESOURCE = "me/messages"
MOST_PAGES = 20


class Graph:
    """A `MailProvider[GrantedAccount]`, `Browsing`. `push` is where Microsoft tells of news, if anywhere."""

    def __init__(
        self,
        egress: Egress,
        base_url: str,
        *,
        push: GraphPush | None = None,
        per_minute: float = PER_MINUTE,
        jitter: float = JITTER,
        shared: Shared | None = None,
    ) -> None:
        self._egress, self._base_url, self._push = egress, base_url, push
        self._per_minute, self._jitter, self._shared = per_minute, jitter, shared
        self._room = asyncio.Semaphore(WHOLE_AT_ONCE)
        self._allowances: dict[str, Allowance] = {}

    async def verify(self, account: GrantedAccount) -> Verified:
        api = self._api(account)
        async with _said_as_connecting():
            user = await api.read("/me", params={"$select": "mail,userPrincipalName"})
            folders = await GraphReader(api, self._room, jitter=self._jitter).folders()
        names = {str(user[each]).lower() for each in ("mail", "userPrincipalName") if user.get(each)}
        if account.address.lower() not in names:
            message = f"The permission is for {min(names, default='another mailbox')}, not for {account.address}."
            raise ConnectFailed(Step.LOGIN, SERVER, message, "Sign in with the right account.", is_terminal=True)
        return Verified(folders, keeps_copies=True, features=frozenset({"THREADS"}))

    @asynccontextmanager
    async def open(self, account: GrantedAccount) -> AsyncIterator[GraphReader]:
        yield GraphReader(self._api(account), self._room, jitter=self._jitter)

    @asynccontextmanager
    async def browse(self, account: GrantedAccount) -> AsyncIterator[GraphBrowser]:
        yield GraphBrowser(self._api(account), self._room, jitter=self._jitter)

    @asynccontextmanager
    async def sender(self, account: GrantedAccount) -> AsyncIterator[GraphSender]:
        yield GraphSender(self._api(account))

    async def subscribe(self, account: GrantedAccount) -> bool:
        """Prolongs the subscription there is, which also confirms it, and makes one where there is none."""
        if self._push is None:
            return False
        api = self._api(account)
        async with _said_as_connecting():
            known = await self._subscriptions(api, self._push)
            url = self._push.url_of(account.address)
            current = next((each["id"] for each in known if each["notificationUrl"] == url), None)
            for each in known:
                if each["id"] != current:
                    await _unless_gone(api, "DELETE", f"/subscriptions/{each['id']}")
            until = {"expirationDateTime": (datetime.now(UTC) + SUBSCRIBED).strftime("%Y-%m-%dT%H:%M:%SZ")}
            if current and await _unless_gone(api, "PATCH", f"/subscriptions/{current}", json=until):
                return True
            asked = {
                "changeType": "created",
                "notificationUrl": url,
                "lifecycleNotificationUrl": url,
                "resource": RESOURCE,
                "clientState": self._push.client_state(account.address),
                **until,
            }
            await api.patiently("POST", "/subscriptions", json=asked)
        return True

    async def _subscriptions(self, api: GraphApi, push: GraphPush) -> list[dict[str, Any]]:
        """Those of this person that call us: a server elsewhere may use the same app."""
        page = await api.read("/subscriptions")
        listed = list(page["value"])
        for _ in range(MOST_PAGES):
            if "@odata.nextLink" not in page:
                break
            page = await api.read(str(page["@odata.nextLink"]))
            listed += page["value"]
        return [each for each in listed if str(each["notificationUrl"]).partition("?")[0] == push.url]

    def _api(self, account: GrantedAccount) -> GraphApi:
        return GraphApi(self._egress, self._base_url, account, self._allowance(account.address))

    def _allowance(self, address: str) -> Allowance:
        """One for all that is done with a mailbox; those not in use are forgotten where there are very many."""
        if len(self._allowances) > MOST_ALLOWANCES:
            self._allowances = {
                name: each for name, each in self._allowances.items() if not each.quota.is_full or each.room.locked()
            }
        name = address.lower()
        quota = Quota(self._per_minute, burst=BURST, shared=self._shared, name=f"microsoft:{name}")
        return self._allowances.setdefault(name, Allowance(quota))


async def _unless_gone(api: GraphApi, method: str, path: str, **options: Any) -> bool:
    try:
        await api.patiently(method, path, **options)
    except ApiError as error:
        if error.refusal.status != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


@asynccontextmanager
async def _said_as_connecting() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE), said_as_reading():
            yield
    except TimeoutError as error:
        raise ConnectFailed(Step.CONNECT, SERVER, "Microsoft took too long to answer.", AGAIN) from error
    except ReadFailed as error:
        raise ConnectFailed(Step.CONNECT, SERVER, error.message, AGAIN) from error
