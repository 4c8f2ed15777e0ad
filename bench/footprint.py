"""How soon `outrider serve` is ready, and what it takes when nothing happens: the whole process with its worker."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from tests.real.daemons import free_ports

from bench.figures import Figure

PATIENCE = 30.0
IDLE = 20.0  # seconds of rest before memory and processor time are read
READY = re.compile(r"http://")
EMPTY = "import asyncio, fastapi, uvicorn, sqlalchemy.ext.asyncio, asyncpg, time; time.sleep(30)"


def measure(folder: Path) -> list[Figure]:
    """Starts it twice on one folder: the second start finds its database made."""
    peer_memory = bare_memory()
    first, *_ = start(folder)
    second, memory, processor = start(folder, rest=IDLE)
    return [
        Figure(
            "first start until ready", f"{first:.1f} s", "second start", f"{second:.1f} s", first / second, "under 5 s"
        ),
        Figure("second start until ready", f"{second:.1f} s", "", "", None, "under 5 s"),
        Figure(
            "idle memory, API and worker",
            f"{memory / 2**20:.0f} MiB",
            "bare Python, same libraries imported",
            f"{peer_memory / 2**20:.0f} MiB",
            memory / peer_memory,
            "",
        ),
        Figure("idle processor time", f"{processor * 100:.1f} % of a core", "", "", None, ""),
    ]


def start(folder: Path, *, rest: float = 0) -> tuple[float, float, float]:
    """Returns seconds until ready, resident bytes at rest and the share of a core it used meanwhile."""
    [port] = free_ports(1)
    environment = {
        "PATH": os.environ["PATH"],
        "OUTRIDER_DATA_DIR": str(folder / "footprint"),
        "OUTRIDER_PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "outrider"), "serve"],
        env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if READY.search(line):
                break
        else:
            raise RuntimeError("outrider serve ended before it was ready")
        ready = time.perf_counter() - began
        watched = psutil.Process(process.pid)
        before = sum(watched.cpu_times()[:2])
        time.sleep(rest)
        family = [watched, *(each for each in watched.children(recursive=True) if "python" in each.name())]
        memory = sum(each.memory_full_info().pss for each in family)
        processor = (sum(watched.cpu_times()[:2]) - before) / rest if rest else 0.0
        return ready, memory, processor
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def bare_memory() -> float:
    process = subprocess.Popen([sys.executable, "-c", EMPTY])
    try:
        time.sleep(3)
        return float(psutil.Process(process.pid).memory_full_info().pss)
    finally:
        process.kill()
        process.wait()
