"""A mailbox reached by the Gmail API, with a grant of its owner."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from outrider.core.egress import Egress
from outrider.core.shared import Shared
from outrider.providers.mail.gmail_api import BURST, PER_MINUTE, SERVER, UNITS, ApiError, GmailApi, failure_of
from outrider.providers.mail.gmail_send import GmailSender
from outrider.providers.mail.gmail_sync import EVERYTHING, GmailReader
from outrider.providers.mail.interface import ConnectFailed, GrantedAccount, ReadFailed, Step, Verified
from outrider.providers.mail.quota import Quota

WHOLE_AT_ONCE = 2  # mailboxes read from the beginning at the same time
JITTER = 5.0
MOST_QUOTAS = 10_000
# While a mailbox is being connected a person is waiting.
PATIENCE = 20
AGAIN = "It is tried again by itself."


class Gmail:
    """A `MailProvider[GrantedAccount]`, `Browsing`. `topic` is where Google tells of news (Cloud Pub/Sub), if anywhere."""

    def __init__(
        self,
        egress: Egress,
        base_url: str,
        *,
        topic: str | None = None,
        per_minute: float = PER_MINUTE,
        jitter: float = JITTER,
        shared: Shared | None = None,
    ) -> None:
        self._egress, self._base_url, self._topic = egress, base_url, topic
        self._per_minute, self._jitter, self._shared = per_minute, jitter, shared
        self._room = asyncio.Semaphore(WHOLE_AT_ONCE)
        self._quotas: dict[str, Quota] = {}

    async def verify(self, account: GrantedAccount) -> Verified:
        async with _said_as_connecting():
            profile = await self._api(account).read("profile", units=UNITS["profile"])
        address = str(profile.get("emailAddress", "")).lower()
        if not address or account.address.lower() not in {"", address}:
            message = f"The permission is for {address or 'another mailbox'}, not for {account.address}."
            raise ConnectFailed(Step.LOGIN, SERVER, message, "Sign in with the right account.", is_terminal=True)
        return Verified((EVERYTHING,), keeps_copies=True, features=frozenset({"THREADS"}), address=address)

    @asynccontextmanager
    async def open(self, account: GrantedAccount) -> AsyncIterator[GmailReader]:
        yield GmailReader(self._api(account), self._room, jitter=self._jitter)

    @asynccontextmanager
    async def browse(self, account: GrantedAccount) -> AsyncIterator[GmailReader]:
        async with self.open(account) as reader:
            yield reader

    @asynccontextmanager
    async def sender(self, account: GrantedAccount) -> AsyncIterator[GmailSender]:
        yield GmailSender(self._api(account))

    async def subscribe(self, account: GrantedAccount) -> bool:
        if self._topic is None:
            return False
        async with _said_as_connecting():
            await self._api(account).write("watch", {"topicName": self._topic}, units=UNITS["watch"])
        return True

    def _api(self, account: GrantedAccount) -> GmailApi:
        return GmailApi(self._egress, self._base_url, account, self._quota(account.address))

    def _quota(self, address: str) -> Quota:
        """One bucket for all that is done with a mailbox; full ones are forgotten where there are very many."""
        if len(self._quotas) > MOST_QUOTAS:
            self._quotas = {name: quota for name, quota in self._quotas.items() if not quota.is_full}
        name = address.lower()
        return self._quotas.setdefault(
            name, Quota(self._per_minute, burst=BURST, shared=self._shared, name=f"google:{name}")
        )


@asynccontextmanager
async def _said_as_connecting() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE):
            yield
    except TimeoutError as error:
        raise ConnectFailed(Step.CONNECT, SERVER, "Google took too long to answer.", AGAIN) from error
    except ApiError as error:
        raise _connecting(failure_of(error.refusal)) from error
    except ReadFailed as error:
        raise _connecting(error) from error


def _connecting(failure: ConnectFailed | ReadFailed) -> ConnectFailed:
    if isinstance(failure, ConnectFailed):
        return failure
    return ConnectFailed(Step.CONNECT, SERVER, failure.message, AGAIN)
