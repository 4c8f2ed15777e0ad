"""What a mailbox at Microsoft knows of a mail of ours, by its Message-ID: sent, being sent, a draft, or nothing."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outrider.providers.mail.graph_api import GraphApi
from outrider.providers.mail.interface import Receipt

SELECT = "id,conversationId,isDraft,parentFolderId"
_MESSAGE_ID = re.compile(r"<[\x21-\x7e]+>")
_MESSAGE_ID_LINE = re.compile(rb"^Message-ID:\s*(<[\x21-\x7e]+>)", re.IGNORECASE | re.MULTILINE)
_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Seen:
    """`sent` is a mail that was sent or is on its way, `draft` one that was only written down."""

    sent: Receipt | None = None
    draft: Receipt | None = None


async def look(api: GraphApi, message_id: str) -> Seen:
    """Looks in every folder: a mail sent may have been moved or thrown away since. Raises ApiError, ReadFailed, ConnectFailed."""
    if _MESSAGE_ID.fullmatch(message_id) is None:
        raise ValueError("a Message-ID is printable ASCII in angle brackets")
    quoted = message_id.replace("'", "''")
    params = {"$filter": f"internetMessageId eq '{quoted}'", "$select": SELECT}
    found = (await api.read("/me/messages", params=params))["value"]
    if sent := next((each for each in found if not each["isDraft"]), None):
        return Seen(sent=receipt_of(sent))
    if not found:
        return Seen()
    outbox, drafts = await asyncio.gather(_folder(api, "outbox"), _folder(api, "drafts"))
    lying = {each["parentFolderId"]: each for each in found}
    if outbox in lying:
        return Seen(sent=receipt_of(lying[outbox]))
    # A draft that lies anywhere else was thrown away by its owner.
    return Seen(draft=receipt_of(lying[drafts])) if drafts in lying else Seen()


def receipt_of(message: Mapping[str, Any]) -> Receipt:
    thread_id = message.get("conversationId")
    return Receipt(
        f"Microsoft took it as message {message['id']}.",
        id=str(message["id"]),
        thread_id=str(thread_id) if thread_id else None,
    )


def message_id_of(raw: bytes) -> str:
    """The Message-ID in a mail's header. Raises ValueError."""
    found = _MESSAGE_ID_LINE.search(_END.split(raw, maxsplit=1)[0])
    if found is None:
        raise ValueError("The mail has no Message-ID.")
    return found[1].decode()


async def _folder(api: GraphApi, name: str) -> str:
    return str((await api.read(f"/me/mailFolders/{name}", params={"$select": "id"}))["id"])
