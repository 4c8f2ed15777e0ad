"""What the commands about the audit trail do: verify it, and print its heads."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import typer

from outrider.core.db import Scope
from outrider.core.encoding import encode
from outrider.domain.audit import trail
from outrider.domain.audit.trail import Head, Problem
from outrider.runtime import Runtime
from outrider.settings import Settings, SettingsError
from outrider.starting import running

EVER = datetime(1970, 1, 1, tzinfo=UTC)
SCOPE = Scope(actor="cli")
AT_ONCE = 100  # chains a transaction


async def verify(settings: Settings, file: Path | None, workspace_id: UUID | None = None) -> bool:
    """Prints what is wrong with the trail, or with one workspace's; False if anything is."""

    def is_asked_for(head: Head) -> bool:
        return workspace_id in {None, head.workspace_id}

    anchors = list(filter(is_asked_for, _anchors(settings, file)))
    async with running(settings, name="outrider-cli") as runtime:
        heads = list(filter(is_asked_for, await _heads(runtime)))
        found = await _problems(runtime, heads, anchors)
    for problem in found:
        typer.secho(f"{problem}", fg="red")
    blocks = sum(each.number for each in heads)
    typer.echo(
        f"{len(heads)} chains, {blocks} blocks, {len(anchors)} heads kept outside:"
        f" {len(found) or 'no'} problem{'' if len(found) == 1 else 's'}."
    )
    return not found


async def print_heads(settings: Settings) -> None:
    """One line of JSON a chain, in the form that `verify` reads."""
    async with running(settings, name="outrider-cli") as runtime:
        for head in await _heads(runtime):
            typer.echo(encode(head))


async def _heads(runtime: Runtime) -> list[Head]:
    async with runtime.db.begin(SCOPE) as db:
        return await trail.heads(db, EVER)


async def _problems(runtime: Runtime, heads: list[Head], anchors: list[Head]) -> list[Problem]:
    found: list[Problem] = []
    for start in range(0, len(heads), AT_ONCE):
        async with runtime.db.begin(SCOPE) as db:
            found += await trail.problems(db, [each.workspace_id for each in heads[start : start + AT_ONCE]])
    async with runtime.db.begin(SCOPE) as db:
        return found + await trail.broken_anchors(db, anchors)


def _anchors(settings: Settings, file: Path | None) -> list[Head]:
    """Raises SettingsError where the file that was named can't be read."""
    path = file or settings.data_dir / trail.HEADS
    if file is None and not path.exists():
        return []
    try:
        return list(trail.read_anchors(path))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} can't be used: {error}") from error
