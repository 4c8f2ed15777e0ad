"""Google's calls that there is news (Cloud Pub/Sub push), believed only with a token that Google signed for us.

https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions. What they say is a hint, never a fact: it only makes
us look.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

from outrider.providers.oauth.keys import NotGenuine, SigningKeys

LARGEST = 2**63 - 1  # what the database counts to; Google promises 64 bits without a sign


class Malformed(ValueError):
    """A genuine call that says nothing we understand; the message repeats none of it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """There may be news at an address."""

    address: str
    history_id: int


class GmailPush:
    """Knows calls of one subscription: made for one of `audiences`, as the service account `account`."""

    def __init__(self, keys: SigningKeys, *, audiences: Sequence[str], account: str) -> None:
        self._keys, self._audiences, self._account = keys, tuple(audiences), account

    async def read(self, authorization: str, body: bytes) -> Notice:
        """Raises NotGenuine, KeysUnavailable, Malformed."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotGenuine("The call carries no token.")
        claims = await self._keys.verify(token.strip(), audience=self._audiences)
        email = str(claims.get("email", ""))
        if not hmac.compare_digest(email.encode(), self._account.encode()) or claims.get("email_verified") is not True:
            raise NotGenuine("The call was made in another name.")
        return _notice(body)


def _notice(body: bytes) -> Notice:
    try:
        said = json.loads(base64.b64decode(json.loads(body)["message"]["data"], validate=False))
        address, history_id = said["emailAddress"], str(said["historyId"])
    except (ValueError, LookupError, TypeError, binascii.Error) as error:
        raise Malformed("The call has another form than Google describes.") from error
    if not isinstance(address, str) or not 0 < len(address) <= 320 or not _is_number(history_id):  # noqa: PLR2004  # RFC 3696
        raise Malformed("The call has another form than Google describes.")
    return Notice(address.lower(), min(int(history_id[:20]), LARGEST))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
