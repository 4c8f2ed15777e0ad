"""The registered part of a domain name."""

import pytest

from outrider.core.domains import registrable


@pytest.mark.parametrize(
    ("domain", "registered"),
    [
        ("example.com", "example.com"),
        ("a.mail.example.co.uk", "example.co.uk"),
        ("x.b.test", "b.test"),
        ("test", "test"),
    ],
)
def test_what_somebody_registered(domain: str, registered: str) -> None:
    assert registrable(domain) == registered
