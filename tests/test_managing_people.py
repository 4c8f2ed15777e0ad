"""The commands about contacts, as an operator types them."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from outrider.core.embedded import EmbeddedServer
from outrider.domain.people import actions
from outrider.domain.people.person import Lead, make_person
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.test_cli import Operator


@pytest.fixture
def operator(settings: Settings, server: EmbeddedServer, database: Any, tmp_path: Path) -> Operator:
    return Operator(settings, server, tmp_path)


async def said(operator: Operator, *arguments: str) -> str:
    done = await operator.run("contacts", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def refused(operator: Operator, *arguments: str) -> str:
    done = await operator.run("contacts", *arguments)
    assert done.returncode == 1, done.stdout
    return done.stderr


async def two(runtime: Runtime) -> tuple[Someone, UUID, UUID]:
    ada = await make_user(runtime)
    people = [
        make_person(name="Grace Hopper", emails=[("grace@b.test", "")], organisations=[{"name": "US Navy"}]),
        make_person(name="Hopper", emails=[("grace+lists@b.test", "")], lead=Lead(score=7.5), remote_id="c2"),
    ]
    async with runtime.db.begin(ada.scope) as db:
        outcomes = await actions.upsert(db, ada.workspace_id, ada.user.id, people, provider="google", account="ada")
    return ada, outcomes[0].contact_id, outcomes[1].contact_id


async def test_contacts_are_searched_page_by_page(runtime: Runtime, operator: Operator) -> None:
    ada, first, second = await two(runtime)
    listed = await said(operator, "search", ada.user.email, "hoper", "--limit", "1")
    assert f"{second}  Hopper  new  7.5/10  grace+lists@b.test  (google)" in listed
    assert "forgiving" in listed
    assert "2 in all" in listed
    after = listed.rpartition("--after ")[2].strip()
    assert str(first) in await said(operator, "search", ada.user.email, "hoper", "--limit", "1", "--after", after)
    leads = await said(operator, "search", ada.user.email, "--leads", "--min-score", "7", "--owner", ada.user.email)
    assert str(first) not in leads
    assert "1 in all" in leads
    assert "Nobody is found." in await said(operator, "search", ada.user.email, "turing")
    assert "There are: new, contacted" in await refused(operator, "search", ada.user.email, "--status", "warm")
    assert "Nobody of this workspace" in await refused(operator, "search", ada.user.email, "--owner", "eve@b.test")


async def test_a_contact_is_shown_and_written(runtime: Runtime, operator: Operator) -> None:
    ada, first, _ = await two(runtime)
    arguments = ("--status", "qualified", "--score", "8", "--tag", "VIP", "--notes", "Met in May", "--owner", "")
    assert "qualified  8/10  US Navy  grace@b.test  #vip" in await said(
        operator, "edit", ada.user.email, str(first), *arguments
    )
    shown = await said(operator, "show", ada.user.email, str(first))
    assert "notes: Met in May" in shown
    assert "typed: notes, owner_id, score, status" in shown
    assert "#vip" not in await said(operator, "edit", ada.user.email, str(first), "--untag", "vip", "--status", "")
    assert "Say what to write" in await refused(operator, "edit", ada.user.email, str(first))


async def test_duplicates_are_merged_and_come_apart_again(runtime: Runtime, operator: Operator) -> None:
    ada, first, second = await two(runtime)
    listed = await said(operator, "duplicates", ada.user.email)
    assert "same mailbox grace@b.test" in listed
    assert str(first) in listed
    assert "unmerge" in await said(operator, "merge", ada.user.email, str(first), str(second))
    shown = await said(operator, "show", ada.user.email, str(second))
    assert f"{second} was merged into this contact." in shown
    assert f"merged: {second}" in shown
    assert "from google ada: c2" in shown
    assert "No contacts look like one person." in await said(operator, "duplicates", ada.user.email)
    assert "was merged into another" in await refused(operator, "merge", ada.user.email, str(first), str(second))
    assert str(second) in await said(operator, "unmerge", ada.user.email, str(second))
    assert "2 in all" in await said(operator, "search", ada.user.email)
