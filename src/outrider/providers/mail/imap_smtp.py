"""A mailbox reached by IMAP for reading and SMTP for sending: the provider for any server that speaks both."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from outrider.providers.mail.connecting import Network
from outrider.providers.mail.imap import ImapReader, ImapTimeouts, open_imap
from outrider.providers.mail.interface import Folder, ServerAccount, Verified
from outrider.providers.mail.smtp import check_sending, open_smtp
from outrider.providers.mail.smtp_send import SmtpSender, SmtpTimeouts

# While a mailbox is being connected a person is waiting.
PATIENCE = 20
MOMENT = 0.25  # seconds


class ImapSmtp:
    """A `MailProvider[ServerAccount]`. `readers` commands run at a time, however many connections are open and idle."""

    def __init__(
        self,
        network: Network,
        *,
        readers: int = 32,
        imap_timeouts: ImapTimeouts | None = None,
        smtp_timeouts: SmtpTimeouts | None = None,
    ) -> None:
        self._network = network
        self._imap_timeouts = imap_timeouts or ImapTimeouts()
        self._smtp_timeouts = smtp_timeouts or SmtpTimeouts()
        self._threads = ThreadPoolExecutor(readers, thread_name_prefix="imap")

    async def verify(self, account: ServerAccount) -> Verified:
        """Tries all that a mailbox is needed for, sending nothing. Raises ConnectFailed with the first failed step."""
        sending = asyncio.create_task(self._verify_sending(account))
        try:
            folders, capabilities = await self._verify_reading(account)
            return Verified(folders, features=capabilities | await sending)
        finally:
            # Given up in the very moment in which its handshake fails, uvloop would tell of that on the terminal.
            await asyncio.wait([sending], timeout=MOMENT)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def open(self, account: ServerAccount) -> AbstractAsyncContextManager[ImapReader]:
        return open_imap(self._network, account, threads=self._threads, timeouts=self._imap_timeouts)

    def sender(self, account: ServerAccount) -> AbstractAsyncContextManager[SmtpSender]:
        return open_smtp(self._network, account, timeouts=self._smtp_timeouts)

    async def subscribe(self, account: ServerAccount) -> bool:
        return False  # IDLE keeps a connection of its own for it

    def close(self) -> None:
        """To be called when no connection is in use any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _verify_reading(self, account: ServerAccount) -> tuple[tuple[Folder, ...], frozenset[str]]:
        timeouts = replace(self._imap_timeouts, connect=PATIENCE, command=PATIENCE)
        async with open_imap(self._network, account, threads=self._threads, timeouts=timeouts) as reader:
            return await reader.check_folders(), reader.capabilities

    async def _verify_sending(self, account: ServerAccount) -> frozenset[str]:
        timeouts = replace(self._smtp_timeouts, connect=PATIENCE, greeting=PATIENCE, command=PATIENCE)
        async with open_smtp(self._network, account, timeouts=timeouts) as sender:
            await check_sending(sender, account)
            return sender.extensions
