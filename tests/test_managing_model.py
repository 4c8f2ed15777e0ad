"""The command about the language model, as an operator types it."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from outrider.core.embedded import EmbeddedServer
from outrider.domain.accounts.models import Role
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import make_user
from tests.test_cli import Operator


@pytest.fixture
def operator(settings: Settings, server: EmbeddedServer, database: Any, tmp_path: Path) -> Operator:
    return Operator(settings, server, tmp_path)


async def test_an_operator_agrees_and_withdraws_in_the_owners_name(
    runtime: Runtime, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await make_user(runtime)
    without = await operator.run("consent", ada.user.email, "--give")
    assert (without.returncode, "No language model is set up" in without.stderr) == (1, True)
    operator.environment["OPENAI_CHAT_URL"] = "http://localhost:1"
    shown = await operator.run("consent", ada.user.email)
    assert "gpt-4.1-mini at localhost\nThe workspace has not agreed" in shown.stdout
    given = await operator.run("consent", ada.user.email, "--give")
    assert given.returncode == 0, given.stderr
    assert f"{ada.user.email} agreed on" in given.stdout
    assert "is sent to the language model at localhost" in given.stdout
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(text("update model_consents set host = 'elsewhere.test'"))
    assert "before they agree anew" in (await operator.run("consent", ada.user.email)).stdout
    assert "has not agreed" in (await operator.run("consent", ada.user.email, "--withdraw")).stdout


async def test_a_member_agrees_to_nothing(runtime: Runtime, operator: Operator) -> None:
    ada = await make_user(runtime)
    bob = await make_user(runtime, role=Role.MEMBER, workspace_id=ada.workspace_id)
    operator.environment["OPENAI_CHAT_URL"] = "http://localhost:1"
    refused = await operator.run("consent", bob.user.email, "--give")
    assert (refused.returncode, "only its owner" in refused.stderr) == (1, True)
