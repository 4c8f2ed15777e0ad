"""Links and pictures of tracked mail. A link's exact target is part of what is signed: it can lead nowhere else."""

import re
from html import escape
from uuid import UUID

from outrider.core import signed
from outrider.core.crypto import Vault
from outrider.core.signed import LinkInvalid, Token

CLICK_PATH, OPEN_PATH = "/c/", "/o/"
CLICK, OPEN = "tracked link", "tracked picture"
LONGEST = 1500  # bytes of a target; longer ones stay as they are
_LINK = re.compile(r"https?://[^\s<>\"]{3,2000}[^\s<>\".,;:!?)\]'”»]", re.IGNORECASE)


def html_of(
    text: str, *, vault: Vault, base_url: str, workspace_id: UUID, send_id: UUID, clicks: bool, opens: bool
) -> str:
    """A mail's text as HTML, its links leading through us with `clicks`, with a picture at its end with `opens`."""
    parts, at = [], 0
    for match in _LINK.finditer(text):
        target = match[0]
        href = target
        if clicks and len(target.encode()) <= LONGEST and not target.startswith(f"{base_url}/"):
            token = signed.mint(vault, workspace_id, send_id, purpose=CLICK, more=target.encode())
            href = f"{base_url}{CLICK_PATH}{token}"
        parts += [escape(text[at : match.start()]), f'<a href="{escape(href)}">{escape(target)}</a>']
        at = match.end()
    parts.append(escape(text[at:]))
    picture = ""
    if opens:
        token = signed.mint(vault, workspace_id, send_id, purpose=OPEN)
        picture = f'<img src="{base_url}{OPEN_PATH}{token}" alt="" width="1" height="1">'
    body = "".join(parts).replace("\r\n", "\n").replace("\n", "<br>\n")
    return f"<!doctype html>\n<html><body><div>{body}</div>{picture}</body></html>\n"


def target_of(token: Token) -> str:
    """Returns where a verified link leads. Raises LinkInvalid."""
    try:
        target = token.more.decode()
    except UnicodeDecodeError:
        raise LinkInvalid from None
    if not target.lower().startswith(("http://", "https://")):
        raise LinkInvalid
    return target
