"""Processes beside the bench, on its database."""

import os

from bench.unpaced import UNPACED
from outrider.runtime import Addresses, Runtime


def environment(runtime: Runtime, addresses: Addresses, **extra: str) -> dict[str, str]:
    settings = runtime.settings
    assert settings.jwt_secret is not None
    assert settings.encryption_keys is not None
    given = {"DATABASE_URL": addresses.owner, "DATABASE_APP_URL": addresses.app}
    return {
        "PATH": os.environ["PATH"],
        **{name: url.set(drivername="postgresql").render_as_string(hide_password=False) for name, url in given.items()},
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "OUTRIDER_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "OUTRIDER_LOG_LEVEL": "WARNING",
        **{name: str(value) for name, value in UNPACED.items()},
        **extra,
    }
