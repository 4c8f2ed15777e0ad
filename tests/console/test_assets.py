"""The console's built files are those of its sources, told without Node and without a network."""

import shutil
from pathlib import Path

import pytest
from scripts.console import CONSOLE, stale_files


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("assets", "static"):
        shutil.copytree(CONSOLE / name, tmp_path / name, ignore=shutil.ignore_patterns("node_modules"))
    return tmp_path


def test_what_is_committed_was_built_from_what_is_committed() -> None:
    assert stale_files(CONSOLE) == []


@pytest.mark.parametrize(
    "name", ["assets/src/keys.js", "assets/src/console.css", "assets/package-lock.json", "static/console.js"]
)
def test_a_file_that_was_changed_and_not_built_is_named(copy: Path, name: str) -> None:
    with (copy / name).open("a") as file:
        file.write("\n")
    assert stale_files(copy) == [name]


def test_files_that_are_new_or_gone_are_named(copy: Path) -> None:
    (copy / "assets/src/more.js").write_text("")
    (copy / "static/theme.js").unlink()
    assert stale_files(copy) == ["assets/src/more.js", "static/theme.js"]
