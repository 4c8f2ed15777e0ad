"""Every route of every surface, and what it needs."""

import json
import sys

import typer

from outrider import VERSION
from outrider.api import hooks
from outrider.console import app as console
from outrider.main import SURFACES, SYSTEM


def all_routes() -> list[dict[str, str]]:
    """Returns every route of every surface with what it needs."""
    listed = [
        {"surface": "system", "method": method, "path": path, "needs": "public"}
        for path, (_, methods) in SYSTEM.items()
        for method in methods
    ]
    listed += [{"surface": "hooks", "method": "POST", "path": path, "needs": "public"} for path in hooks.ROUTES]
    for prefix, build in SURFACES.items():
        specification = build(VERSION).openapi()
        surface = specification["info"]["title"]
        listed.append(
            {"surface": surface, "method": "GET", "path": f"{prefix.rstrip('/')}/openapi.json", "needs": "public"}
        )
        listed += [
            {
                "surface": surface,
                "method": method.upper(),
                "path": prefix.rstrip("/") + path,
                "needs": str(operation.get("x-needs", "")),
            }
            for path, operations in specification["paths"].items()
            for method, operation in operations.items()
        ]
    return listed + [
        {"surface": "console", "method": method, "path": f"/console{path}", "needs": needs}
        for method, path, needs in console.all_routes()
    ]


def print_routes(*, as_json: bool) -> None:
    rows = all_routes()
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    widths = [max(len(row[column]) for row in rows) for column in ("surface", "method", "path")]
    for row in rows:
        typer.echo(
            f"{row['surface']:<{widths[0]}}  {row['method']:<{widths[1]}}  {row['path']:<{widths[2]}}  {row['needs']}"
        )
