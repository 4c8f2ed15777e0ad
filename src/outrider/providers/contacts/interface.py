"""What a provider of address books can do, in terms no vendor owns: contacts page by page, and what changed since."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from outrider.providers.mail.interface import TokenSupplier

# Where a walk through an address book stands. Only the provider that wrote it knows what it says; it is text, to be
# stored as it is.
Cursor = str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderContact:
    """One contact as its provider holds it; nothing of it is normalised yet.

    `emails`, `phones` and `urls` are pairs of value and label. `addresses` have `street`, `city`, `region`,
    `postal_code`, `country`, `po_box`, `extended` and `label`; `organisations` have `name`, `title` and `department`.
    `birthday` is ISO 8601, `--MM-DD` where the year is unknown. `raw` is what the provider said, whole.
    """

    id: str
    etag: str = ""
    name: str = ""
    given_name: str = ""
    family_name: str = ""
    notes: str = ""
    birthday: str = ""
    photo_url: str = ""
    emails: tuple[tuple[str, str], ...] = ()
    phones: tuple[tuple[str, str], ...] = ()
    urls: tuple[tuple[str, str], ...] = ()
    addresses: tuple[dict[str, str], ...] = ()
    organisations: tuple[dict[str, str], ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPage:
    """Some contacts, ids of contacts deleted at the provider, and where to go on.

    The last page has no `next_cursor` but, where the provider can tell changes, a `sync_cursor`. `total` is how many
    the whole walk will give, as far as is known yet.
    """

    contacts: tuple[ProviderContact, ...]
    deleted: tuple[str, ...] = ()
    next_cursor: Cursor | None = None
    sync_cursor: Cursor | None = None
    total: int | None = None


class Failure(StrEnum):
    LIMITED = "limited"  # too much was asked for: to be asked again later, however often
    UNREACHABLE = "unreachable"  # no answer, or none that can be understood: to be tried again, not for ever
    EXPIRED = "expired"  # the cursor is void: to be begun anew, without one
    REFUSED = "refused"  # it won't work until somebody does something


class ContactsFailed(Exception):
    """A page was not given. The message is for the person whose contacts they are, and names no secret.

    `retry_after` is in seconds, where the provider named a time.
    """

    def __init__(self, failure: Failure, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.failure, self.message, self.retry_after = failure, message, retry_after


class ContactBook(Protocol):
    """The contacts of one account."""

    async def page(self, cursor: Cursor | None) -> ContactPage:
        """One request's worth: from the beginning without a cursor, on from a `next_cursor`, or what has changed since
        the walk that ended with a `sync_cursor`. Safe to repeat.

        Raises ContactsFailed, and ConnectFailed of the token's supplier.
        """
        ...


class ContactProvider(Protocol):
    """A vendor of address books. Its `OAuthProvider` is kept apart: `Runtime.oauth` has it as `<provider>_contacts`."""

    def book(self, tokens: TokenSupplier, scopes: frozenset[str]) -> ContactBook:
        """The account that these tokens are of; `scopes` are those its owner granted."""
        ...
