"""Writes canaries and forged lines through every channel there is. `python -m tests.core.noise SCENE MODE` is run in a
process of its own, since logging belongs to a process; what it was given to say comes in on stdin, as JSON."""

import asyncio
import json
import logging
import sys
import threading
import warnings

import structlog
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from outrider.core import log as logs
from outrider.core.egress import Egress
from tests.core.listeners import answer, listening

log = structlog.get_logger()
library = logging.getLogger("uvicorn.error")


class Account:
    def __init__(self, password: str) -> None:
        self.password = password

    def __repr__(self) -> str:
        return f"Account(password={self.password!r})"


def by_name(canary: str, number: int) -> None:
    """The secret looks like nothing; only its field's name tells."""
    names = "password client_secret accessToken Authorization api_key x-api-key Cookie set_cookie refresh_token PASSWD"
    name = names.split()[number % 10]
    log.info("field", **{name: canary})
    log.debug("nested", account={"imap": [{name: canary}]}, pairs=[(name, canary), (name.encode(), canary.encode())])
    log.info("object", account=Account(canary))
    library.info("extra", extra={name.replace("-", "_"): canary})
    library.info("argument %s", {name: canary})
    library.debug("%s: %s", name, canary)
    log.info("positional %s", {name: canary})
    structlog.contextvars.bind_contextvars(**{name: canary})
    log.info("bound")
    structlog.contextvars.clear_contextvars()


def by_look(canary: str, number: int) -> None:
    """The secret stands in free text; only its form tells."""
    forms = (
        f"outr_live_{canary}",
        f"Bearer {canary}",
        f"ya29.{canary}",
        f"eyJhbGciOi.{canary}.{canary}",
        f"AKIA{canary.upper()}",
        f"whsec_{canary}",
        f"https://user:{canary}@host.example/path",
        f"postgresql+asyncpg://app:{canary}@127.0.0.1/db",
        f"GET /?access_token={canary}&page=2",
        f"Cookie: theme=dark; sid={canary}; HttpOnly",
        f'{{"password": "{canary}"}}',
        f"Authorization: Basic {canary}==",
        f"-----BEGIN EC PRIVATE KEY-----\n{canary}\n-----END EC PRIVATE KEY-----",
        f"AUTH PLAIN {canary}",
    )
    form = forms[number % len(forms)]
    log.info(form)
    log.debug("value", note=form, notes=[form], deep={"a": {"b": [form]}}, raw=form.encode())
    library.info(form)
    library.warning("argument: %s", form)
    log.info("key", **{form: 1})
    warnings.warn(form, stacklevel=1)
    try:
        try:
            raise ValueError(form)
        except ValueError as error:
            error.add_note(form)
            raise RuntimeError({"told": form}) from error
    except RuntimeError as error:
        log.exception("failed", error=error)
        library.exception("failed")
        log.error("given", exc_info=error)


def sql(canary: str, _number: int) -> None:
    engine = create_engine("sqlite://", echo="debug")
    with engine.connect() as connection:
        connection.execute(text("create table t (a text unique)"))
        connection.execute(text("insert into t values (:a)"), {"a": canary})
        connection.execute(text("select * from t")).all()
        try:
            connection.execute(text("insert into t values (:a)"), {"a": canary})
        except SQLAlchemyError:
            log.exception("insert failed")
    library.error("DETAIL:  Key (token)=(%s) already exists.", canary)
    library.error("DETAIL:  Failing row contains (1, %s).", canary)


async def http(canary: str, _number: int) -> None:
    egress = Egress(allow=("127.0.0.1",))
    async with listening() as server:
        server.routes[f"/?token={canary}"] = answer(set_cookie=f"sid={canary}; HttpOnly", x_api_key=canary)
        headers = {"Authorization": f"Bearer {canary}", "Cookie": f"sid={canary}"}
        await egress.request("GET", server.url, params={"token": canary}, headers=headers)
    await egress.aclose()


def unhandled(canary: str, _number: int) -> None:
    def fails() -> None:
        raise ValueError(f"password={canary}")

    async def fails_alone() -> None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": "lost", "exception": ValueError(f"token={canary}")}
        )

    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    asyncio.run(fails_alone())
    library.info("too many arguments", f"password={canary}")  # logging's own error report must not tell either


def forge(line: str, _number: int) -> None:
    """Writes exactly eight events."""
    log.info(line)
    log.info("value", note=line, notes=[line], deep={line: line})
    log.info("key", **{line: 1})
    library.info(line)
    library.info("argument %s", line)
    logging.getLogger(f"lib.{line}").warning("named")
    logs.bind_request(request_id=line)
    log.info("bound")
    structlog.contextvars.clear_contextvars()
    try:
        raise ValueError(line)
    except ValueError:
        log.exception("failed")


SCENES = {"by_name": by_name, "by_look": by_look, "sql": sql, "unhandled": unhandled, "forge": forge}

if __name__ == "__main__":
    scene, mode = sys.argv[1:]
    logs.configure("DEBUG", json=mode == "json")
    for number, said in enumerate(json.load(sys.stdin)):
        if scene == "http":
            asyncio.run(http(said, number))
        else:
            SCENES[scene](said, number)
    if scene == "unhandled":
        raise SystemExit(sys.excepthook(ValueError, ValueError("token=abc"), None))
