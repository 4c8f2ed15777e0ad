"""An SMTP server that stores each mail before it answers. Run as a process of its own: `python -m bench.sink PORT FILE`."""

import asyncio
import logging
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Store:
    def __init__(self, file: Path) -> None:
        self.file = file.open("ab", buffering=0)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.file.write(envelope.content)
        return "250 2.0.0 taken"


def let_in(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object) -> AuthResult:
    return AuthResult(success=isinstance(data, LoginPassword))


async def main(port: int, file: Path) -> None:
    store = Store(file)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(store, authenticator=let_in, auth_require_tls=False, hostname="sink.test"), "127.0.0.1", port
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    logging.getLogger("mail").setLevel(logging.ERROR)
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
