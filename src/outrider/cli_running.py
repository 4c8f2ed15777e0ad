"""How every command of `outrider` runs: its settings, its errors as one plain sentence, its questions."""

import gc
import getpass
import os
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn

import typer

from outrider.settings import Settings, SettingsError, load


def read_settings(**overrides: Any) -> Settings:
    try:
        return load(**overrides)
    except SettingsError as error:
        fail(str(error))


def read_settings_to_start(**overrides: Any) -> Settings:
    """The settings with their keys examined: a refusal takes no time, for the application is not loaded yet."""
    from outrider.core.crypto import Keyring, KeyringError

    settings = read_settings(**overrides)
    try:
        Keyring(settings.encryption_keys.get_secret_value() if settings.encryption_keys else "")
    except KeyringError as error:
        fail(str(error))
    return settings


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Runs a command; what the operator can mend is one plain sentence, not a traceback."""
    import uvloop

    from outrider.core.crypto import KeyringError
    from outrider.core.embedded import AlreadyRunning, EmbeddedProblem
    from outrider.core.errors import AppError
    from outrider.core.migrations import RoleProblem

    gc.freeze()
    gc.enable()
    try:
        return uvloop.run(work)
    except AppError as error:
        fail(error.message)
    except (SettingsError, AlreadyRunning, EmbeddedProblem, RoleProblem, KeyringError) as error:
        fail(str(error))
    except OSError as error:
        if os.environ.get("OUTRIDER_LOG_LEVEL") == "DEBUG":
            raise
        fail(f"{type(error).__name__}: {error}")


def ask_password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\n")


def fail(message: str) -> NoReturn:
    typer.secho(f"outrider: {message}", err=True, fg="red")
    raise typer.Exit(1)
