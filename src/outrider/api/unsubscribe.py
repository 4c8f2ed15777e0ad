"""The page behind the link in every mail, and the one click of mail programs (RFC 8058).

Opening the page changes nothing: scanners open every link. Only a POST ends the mail, without cookies, sign-in or
redirects; it may come any number of times.
"""

from html import escape
from string import Template

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from outrider.core import signed
from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.signed import LinkInvalid, Token
from outrider.domain.accounts.vault import find_vault
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending.models import Send
from outrider.domain.suppressions import actions
from outrider.domain.suppressions.models import UNSUBSCRIBE, UNSUBSCRIBE_PATH, Reason
from outrider.runtime import Runtime

# Nothing but its own style and a form to itself.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
HEADERS = {"Content-Security-Policy": POLICY, "X-Robots-Tag": "noindex"}
PAGE = Template(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto; padding: 0 1.5rem; color: #222 }
button { font: inherit; padding: .6rem 1.4rem; border: 0; border-radius: .4rem; background: #1a5fb4; color: #fff }
button:focus-visible { outline: 3px solid #99c1f1 }
@media (prefers-color-scheme: dark) { body { background: #1e1e1e; color: #eee } }
</style>
</head>
<body>
<h1>$title</h1>
<p>$text</p>
$form
</body>
</html>
"""
)
FORM = """<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">
<button>Stop these mails</button></form>"""


async def unsubscribe(request: Request) -> Response:
    runtime: Runtime = request.state.runtime
    request.state.logged_path = f"{UNSUBSCRIBE_PATH}…"
    try:
        token = signed.read(request.path_params["token"])
        async with runtime.db.begin(Scope(token.workspace_id, actor="unsubscribe")) as db:
            send, sender = await _behind(db, runtime, token)
            if request.method == "POST":
                await actions.suppress(
                    db,
                    runtime.keyring,
                    token.workspace_id,
                    send.recipient,
                    reason=Reason.UNSUBSCRIBE,
                    proof={
                        "sendId": str(send.id),
                        "messageId": send.message_id,
                        "at": now().isoformat(),
                        "userAgent": request.headers.get("user-agent", "")[:200],
                    },
                )
    except LinkInvalid as error:
        return _page("This link does not work", f"{error.message} Or answer the mail with: unsubscribe.", status=404)
    who, whom = escape(sender), escape(send.recipient)
    if request.method == "POST":
        return _page("You are unsubscribed", f"{whom} gets no more mail from {who}.")
    return _page("Unsubscribe", f"Do you want no more mail from {who} to {whom}?", form=FORM)


async def _behind(db: AsyncSession, runtime: Runtime, token: Token) -> tuple[Send, str]:
    """Returns the mail a link stood in and who sent it. Raises LinkInvalid, alike for whatever is wrong."""
    vault = await find_vault(db, runtime.keyring, token.workspace_id)
    if vault is None:
        raise LinkInvalid
    signed.verify(vault, token, purpose=UNSUBSCRIBE)
    send = await db.get(Send, (token.workspace_id, token.subject_id))
    if send is None:
        raise LinkInvalid
    mailbox = await db.get_one(Mailbox, (send.workspace_id, send.mailbox_id))
    return send, f"{mailbox.name} ({mailbox.address})" if mailbox.name else mailbox.address


def _page(title: str, text: str, *, form: str = "", status: int = 200) -> Response:
    return HTMLResponse(PAGE.substitute(title=title, text=text, form=form), status, HEADERS)
