"""Every job and subscriber, for the processes that queue or run them."""

from importlib import import_module
from pathlib import Path


def load() -> None:
    """Imports each domain's jobs."""
    for path in sorted(Path(__file__).parent.glob("*/*jobs.py")):
        import_module(f"outrider.domain.{path.parent.name}.{path.stem}")
