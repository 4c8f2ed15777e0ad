"""Small disks of their own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def disk(at: Path, size: str) -> Iterator[None]:
    """A disk of its own on a folder; skips where none may be mounted."""
    at.mkdir(exist_ok=True)
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "small", at], check=False).returncode:
        pytest.skip("this machine mounts no disk of its own")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", at], check=True)
