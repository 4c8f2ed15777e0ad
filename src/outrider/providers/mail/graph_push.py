"""Microsoft's calls that there is news (change and lifecycle notifications), believed only with a secret that we gave it.

https://learn.microsoft.com/graph/change-notifications-delivery-webhooks. What they say is a hint, never a fact: it only
makes us look. The address of a call names its mailbox, and the secret is made from it, so nothing has to be stored.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

# Microsoft asks for the subscription to be confirmed, or has ended it.
ENDING = frozenset({"reauthorizationRequired", "subscriptionRemoved"})
LONGEST_ADDRESS = 320


class NotGenuine(Exception):
    """The call does not carry the secret; the message says no more than that."""


@dataclass(frozen=True, slots=True)
class Notice:
    """There may be news at an address; `is_ending`: there will be no more calls unless we ask for them anew."""

    address: str
    is_ending: bool


class GraphPush:
    """Where Microsoft is asked to call, and what makes such a call genuine."""

    def __init__(self, url: str, secret: str) -> None:
        self.url = url
        self._key = hashlib.sha256(b"graph-notifications:" + secret.encode()).digest()

    def url_of(self, address: str) -> str:
        """With another secret it is another address, so that a subscription with the old one is seen to be stale."""
        generation = hashlib.sha256(self._key).hexdigest()[:8]
        return f"{self.url}?{urlencode({'mailbox': address.lower(), 'generation': generation})}"

    def client_state(self, address: str) -> str:
        return hmac.new(self._key, address.lower().encode(), hashlib.sha256).hexdigest()

    def read(self, address: str, body: bytes) -> Notice:
        """Raises NotGenuine. What of a call has not the right secret is left out."""
        if not 0 < len(address) <= LONGEST_ADDRESS:
            raise NotGenuine("The call names no mailbox.")
        expected = self.client_state(address).encode()
        genuine = [
            each
            for each in _notifications(body)
            if hmac.compare_digest(str(each.get("clientState", "")).encode(), expected)
        ]
        if not genuine:
            raise NotGenuine("The call does not carry the secret.")
        return Notice(address.lower(), any(each.get("lifecycleEvent") in ENDING for each in genuine))


def _notifications(body: bytes) -> list[Mapping[str, Any]]:
    try:
        listed = json.loads(body)["value"]
    except (ValueError, LookupError, TypeError):
        return []
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
