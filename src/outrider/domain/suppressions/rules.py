"""What of an address is compared: itself, its domains, the whole workspace; as text and as digests."""

from outrider.core.crypto import Vault
from outrider.domain.suppressions.models import Scope

EVERYTHING = "*"


def normalise(value: str) -> str:
    return value.strip().lower()


def named(value: str) -> Scope:
    """What a person means by `ada@a.test`, `a.test` or `*`."""
    if value == EVERYTHING:
        return Scope.WORKSPACE
    return Scope.ADDRESS if "@" in value else Scope.DOMAIN


def covering(address: str) -> list[str]:
    """Every value whose suppression covers an address: itself, its domain and those above, everything.

    The database knows the same as `suppressions_covering`.
    """
    labels = address.rpartition("@")[2].split(".")
    domains = [".".join(labels[at:]) for at in range(len(labels) - 1)]
    return [address, *domains, EVERYTHING]


def digest(vault: Vault, value: str) -> bytes:
    """Recognises a value that is kept no more; different in every workspace."""
    return vault.digest(value, purpose="suppression")
