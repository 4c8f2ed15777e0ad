"""Sessions as this server's settings make them."""

import hashlib

from outrider.domain.accounts.sessions import Issuer
from outrider.runtime import Runtime


def issuer_of(app: Runtime) -> Issuer:
    secret = app.settings.jwt_secret
    assert secret is not None  # noqa: S101  # the runtime does not open without it
    derived = hashlib.sha256(b"refresh-token:" + secret.get_secret_value().encode()).digest()
    return Issuer(app.tokens, derived, app.settings.jwt_expires_in)
