"""Which part of a domain name somebody registered, by the public suffix list that comes with the library."""

from functools import cache

from tldextract import TLDExtract


def registrable(domain: str) -> str:
    """Returns the registered domain, `example.co.uk` of `mail.example.co.uk`.

    Under an ending that is not on the list the last label counts as one (the list's default rule).
    """
    return _suffixes()(domain).top_domain_under_public_suffix or ".".join(domain.split(".")[-2:])


@cache
def _suffixes() -> TLDExtract:
    return TLDExtract(suffix_list_urls=(), cache_dir=None)  # nothing is fetched or written
