"""Bringing the database up, where something is in the way: a full disk, an old server, a folder one may not write."""

import os
import signal
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from outrider import starting
from outrider.runtime import Addresses
from outrider.settings import SettingsError
from tests.real.disks import disk
from tests.test_serving import KEY, SECRET, Served, folder, postgres_in, refused

__all__ = ["folder"]
GIVEN = {"JWT_SECRET": SECRET, "OUTRIDER_ENCRYPTION_KEYS": KEY}


@pytest.mark.parametrize("size", ["20m", "40m"])
def test_a_disk_too_small_for_the_database_is_named(folder: Path, size: str) -> None:
    with disk(folder / "data", size):
        code, said, _ = refused(folder)
        assert postgres_in(folder) == []
    assert code == 1
    assert "No space left on device" in said or "Check free disk space" in said
    assert "OUTRIDER_DATA_DIR" in said


def test_a_full_disk_leaves_no_half_made_keys(folder: Path) -> None:
    data = folder / "data"
    with disk(data, "64k"):
        with pytest.raises(OSError, match="No space"):
            (data / "filling").write_bytes(b"x" * 100_000)
        code, said, _ = refused(folder)
        assert not (data / "keys.env").exists()
        (data / "filling").unlink()
        refused(folder)  # still too small for a database, but the keys fit now
        assert "JWT_SECRET=" in (data / "keys.env").read_text()
    assert code == 1
    assert "No space left on device" in said


def test_a_folder_one_may_not_write_is_named(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (folder / "data").mkdir()
    (folder / "data").chmod(0o555)
    code, said, _ = refused(folder)
    assert code == 1
    assert "OUTRIDER_DATA_DIR" in said
    code, said, _ = refused(folder, **GIVEN)
    assert code == 1
    assert "Permission denied" in said


def test_a_database_folder_of_something_else_is_named(folder: Path) -> None:
    database = folder / "data/postgres"
    database.mkdir(parents=True)
    (database / "PG_VERSION").write_text("9.6\n")
    code, said, _ = refused(folder)
    assert code == 1
    assert str(database) in said
    assert "can't start" in said


def test_keys_that_were_lost_are_asked_for_not_replaced(folder: Path) -> None:
    Served(folder).end(signal.SIGINT)
    kept = (folder / "data/keys.env").read_text()
    (folder / "data/keys.env").unlink()
    code, said, _ = refused(folder)
    assert code == 1
    assert "earlier key" in said
    (folder / "data/keys.env").write_text(kept)
    again = Served(folder)
    assert again.end(signal.SIGTERM) == 0


async def test_an_older_postgresql_is_named(database: Addresses) -> None:
    await starting.reach(database)
    with pytest.raises(SettingsError, match=r"is PostgreSQL 1[0-9.]+.*Outrider needs 99 or newer"):
        await starting.reach(database, oldest=990_000)


async def test_a_refused_address_shows_no_password() -> None:
    nowhere = make_url("postgresql+asyncpg://ada:hidden-word@127.0.0.1:1/nothing")
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1:1") as caught:
        await starting.reach(Addresses(nowhere, nowhere))
    assert "hidden-word" not in str(caught.value)
