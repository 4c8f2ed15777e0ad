"""Google's calls that there is new mail, in the harvest's dialect."""

from fastapi import Request

from outrider.api import hooks
from outrider.api.contract import PUBLIC
from outrider.api.deps import App
from outrider.api.enveloped import Out
from outrider.api.harvest.contract import gmail as contract
from outrider.core.errors import Invalid, NotFound, Unauthenticated, Unavailable
from outrider.domain.mailboxes import connections
from outrider.providers.mail.gmail_push import Malformed
from outrider.providers.oauth.keys import KeysUnavailable, NotGenuine

router = contract.router(tag="webhook")

OFF = NotFound("This server takes no calls of Google: its operator has set no GMAIL_PUSH_ACCOUNT.")
UNAVAILABLE = Unavailable("Google's keys can't be fetched just now.", retry_after=30)
REFUSED = Unauthenticated("The call carries no token that Google signed for this server.")
MALFORMED = Invalid("The call has another form than Google describes.", field="message")


PUSH = {
    "type": "object",
    "description": "What Cloud Pub/Sub sends; `data` is base64 of `{emailAddress, historyId}`.",
    "required": ["message"],
    "properties": {
        "message": {"type": "object", "required": ["data"], "properties": {"data": {"type": "string"}}},
        "subscription": {"type": "string"},
    },
}


class NoticedOut(Out):
    """`is_new` is False for news that were told before, and for an address that is unknown here."""

    is_new: bool


@router.post(
    "/webhook",
    needs=PUBLIC,
    model=NoticedOut,
    takes_unknown=True,
    counts_itself=True,
    errors=[OFF, REFUSED, MALFORMED, UNAVAILABLE],
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": PUSH}}},
    },
)
async def gmail_webhook(request: Request, app: App) -> NoticedOut:
    """Takes Gmail's push notifications (Cloud Pub/Sub). The token in `Authorization` must be Google's own, for this
    server's audience and made in the name of its service account. News that were told before change nothing.
    """
    if app.push is None:
        raise NotFound(OFF.message)
    try:
        notice = await app.push.read(request.headers.get("authorization", ""), await request.body())
    except NotGenuine as refusal:
        await hooks.count_refused(request, "gmail", str(refusal))
        raise Unauthenticated(str(refusal)) from refusal
    except Malformed as error:
        raise Invalid(MALFORMED.message, field="message") from error
    except KeysUnavailable as error:
        raise Unavailable(UNAVAILABLE.message, retry_after=30) from error
    return NoticedOut(is_new=bool(await connections.hint(app, "google", notice.address, noticed=notice.history_id)))
