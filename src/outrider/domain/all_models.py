"""Every table, for migrations and for the mapper, which finds foreign keys by name."""

from importlib import import_module
from pathlib import Path


def load() -> None:
    """Imports each domain's models."""
    for path in sorted(Path(__file__).parent.glob("*/models.py")):
        import_module(f"outrider.domain.{path.parent.name}.models")
