"""The commands about the audit trail, as an operator types them."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from outrider import managing_audit
from outrider.core.embedded import EmbeddedServer
from outrider.domain.audit import trail
from outrider.runtime import Runtime
from outrider.settings import Settings, SettingsError
from tests.domain.audit.test_trail import as_superuser, sealed_chain
from tests.test_cli import Operator


@pytest.fixture
def operator(settings: Settings, server: EmbeddedServer, database: Any, tmp_path: Path) -> Operator:
    return Operator(settings, server, tmp_path)


async def test_a_trail_is_whole_until_somebody_cuts_it(
    runtime: Runtime, server: EmbeddedServer, operator: Operator, tmp_path: Path
) -> None:
    ada, head = await sealed_chain(runtime, server)
    printed = await operator.run("audit", "heads")
    kept = tmp_path / "heads.jsonl"
    kept.write_text(printed.stdout)
    assert head in trail.read_anchors(kept)
    asked = ("audit", "verify", "--heads", str(kept), "--workspace", str(ada.workspace_id))
    whole = await operator.run(*asked)
    assert whole.returncode == 0, whole.stdout
    assert "no problems" in whole.stdout
    async with as_superuser(server) as db:
        cut = {"ws": ada.workspace_id, "number": head.number}
        await db.execute(text("delete from audit_seals where workspace_id = :ws and number = :number"), cut)
        await db.execute(text("delete from audit_entries where workspace_id = :ws"), cut)
        await db.commit()
    found = await operator.run(*asked)
    assert found.returncode == 1
    assert f"workspace {ada.workspace_id}, block {head.number}: it is not there as it was written down" in found.stdout
    async with as_superuser(server) as db:
        await db.execute(text("delete from audit_seals where workspace_id = :ws"), {"ws": ada.workspace_id})
        await db.commit()


async def test_a_file_that_holds_no_heads_is_named(settings: Settings, tmp_path: Path) -> None:
    kept = tmp_path / "heads.jsonl"
    kept.write_text("nothing\n")
    with pytest.raises(SettingsError, match="is no head of the audit trail"):
        await managing_audit.verify(settings, kept)
