"""The embedded server and the folder that only one instance may hold."""

import os
from pathlib import Path

import pytest
from sqlalchemy import text

from outrider.core import embedded
from outrider.core.embedded import AlreadyRunning, EmbeddedServer
from outrider.runtime import Runtime
from outrider.settings import Settings


def test_a_held_folder_is_refused_with_its_holder(tmp_path: Path) -> None:
    held = embedded.hold(tmp_path)
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        embedded.hold(tmp_path)
    held.close()
    embedded.hold(tmp_path).close()


def test_a_second_start_joins_the_running_server(settings: Settings, server: EmbeddedServer) -> None:
    assert embedded.start(settings.data_dir).admin_url == server.admin_url


async def test_letters_beyond_ascii_fold(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        assert await db.scalar(text("select lower('ÄÖÉŁ')")) == "äöéł"


def test_the_server_listens_on_no_network(server: EmbeddedServer) -> None:
    assert "host=/" in server.admin_url
