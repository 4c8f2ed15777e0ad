"""The commands about personal data, as an operator types them."""

import json
from pathlib import Path
from typing import Any

import pytest

from outrider.core.embedded import EmbeddedServer
from outrider.core.ids import new_id
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.contact_canary import furnish_contact
from tests.test_cli import Operator


@pytest.fixture
def operator(settings: Settings, server: EmbeddedServer, database: Any, tmp_path: Path) -> Operator:
    return Operator(settings, server, tmp_path)


async def test_a_person_is_exported_to_a_file_and_erased_by_their_address(
    runtime: Runtime, operator: Operator, tmp_path: Path
) -> None:
    canary = await furnish_contact(runtime, f"canary{new_id().hex}")
    ada, file = canary.owner.user.email, tmp_path / "bob.json"
    done = await operator.run("contacts", "export", ada, canary.address, "--to", str(file))
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["held"]["contacts"][0]["id"] == str(canary.contact_id)
    erased = await operator.run("contacts", "erase", ada, str(canary.contact_id), "--yes")
    assert erased.returncode == 0, erased.stderr
    assert "1  contact_emails" in erased.stdout
    assert "Nothing of them is left" in erased.stdout


async def test_what_would_go_is_said_class_by_class(operator: Operator) -> None:
    told = await operator.run("retention", "--dry-run")
    assert told.returncode == 0, told.stderr
    lines = [line.split() for line in told.stdout.splitlines()]
    assert lines[0] == ["bodies", "kept", "forever", "0", "would", "go"]
    assert ["events", "kept", "90", "days"] in [line[:4] for line in lines]
