"""The commands about delivery, as an operator types them."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from outrider.core.clock import now
from outrider.core.embedded import EmbeddedServer
from outrider.domain.accounts.models import Workspace
from outrider.domain.deliverability import actions as health
from outrider.domain.sending import holding
from outrider.domain.sending.models import Hold
from outrider.providers.mail.preflight import Check, Verdict
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox
from tests.stand_ins import zones
from tests.test_cli import Operator


@pytest.fixture
def operator(settings: Settings, server: EmbeddedServer, database: Any, tmp_path: Path) -> Operator:
    return Operator(settings, server, tmp_path)


async def said(operator: Operator, *arguments: str) -> str:
    done = await operator.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_a_mailbox_is_listed_limited_and_let_go_on(runtime: Runtime, operator: Operator) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    async with runtime.db.begin(ada.scope) as db:
        place = (mailbox.workspace_id, mailbox.id)
        await holding.hold(db, [(place, now() + timedelta(days=7))], why=Hold.HEALTH, reason="Too much came back.")
        missing = Check("dmarc", Verdict.FAIL, "a.test has no DMARC record.", "TXT of _dmarc.a.test: v=DMARC1")
        await health.record_preflight(db, *place, [missing], at=now())
    listed = await said(operator, "mailbox", "list", ada.user.email)
    assert "dmarc: a.test has no DMARC record. Publish or change: TXT of _dmarc.a.test: v=DMARC1" in listed
    assert "Too much came back." in listed
    assert "at most 10000 mails" in listed
    assert "at most 80 mails" in await said(operator, "mailbox", "limit", ada.user.email, mailbox.address, "80")
    assert "goes on" in await said(operator, "mailbox", "resume", ada.user.email, mailbox.address)
    again = await said(operator, "mailbox", "list", ada.user.email)
    assert "held until" not in again
    assert "at most 80 mails" in again
    unknown = await operator.run("mailbox", "resume", ada.user.email, "other@a.test")
    assert unknown.returncode == 1
    assert mailbox.address in unknown.stderr


async def test_the_suppression_list_is_read_and_written(runtime: Runtime, operator: Operator) -> None:
    ada = await make_user(runtime)
    assert "Nobody" in await said(operator, "suppression", "list", ada.user.email)
    assert "b.test gets no mail" in await said(operator, "suppression", "add", ada.user.email, "b.test")
    assert "already" in await said(operator, "suppression", "add", ada.user.email, "B.test")
    assert re.search(r"manual +b\.test\n1 in all", await said(operator, "suppression", "list", ada.user.email))
    assert "again" in await said(operator, "suppression", "lift", ada.user.email, "b.test")
    assert (await operator.run("suppression", "lift", ada.user.email, "b.test")).returncode == 1


async def test_a_signing_key_is_used_only_once_published(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, tmp_path: Path
) -> None:
    ada = await make_user(runtime)
    plain = Operator(settings, server, tmp_path)
    shown = await said(plain, "dkim", "create", ada.user.email, "firm.example")
    name, record = re.findall(r"TXT at (\S+):\n(v=DKIM1.*)\n", shown)[0]
    published = {(name, "TXT"): [" ".join(f'"{record[at : at + 250]}"' for at in range(0, len(record), 250))]}
    for zone, code in (({}, 1), (published, 0)):
        async with zones.serving(zone) as (_, (address, port)):
            asking = Operator(settings, server, tmp_path, OUTRIDER_DNS_SERVERS=f"{address}@{port}")
            done = await asking.run("dkim", "activate", ada.user.email, "firm.example")
        assert done.returncode == code, done.stderr
    assert "signed from now on" in done.stdout


async def test_the_footer_is_set_and_taken_away(runtime: Runtime, operator: Operator) -> None:
    ada = await make_user(runtime)
    assert "under every mail" in await said(operator, "footer", ada.user.email, "A Ltd, 1 Road")
    assert "no footer" in await said(operator, "footer", ada.user.email, "")


async def test_tracking_is_off_until_switched_on(runtime: Runtime, operator: Operator) -> None:
    ada = await make_user(runtime)
    async with runtime.db.begin(ada.scope) as db:
        workspace = await db.get_one(Workspace, ada.workspace_id)
        assert (workspace.tracks_opens, workspace.tracks_clicks) == (False, False)
    shown = await said(operator, "tracking", ada.user.email, "--clicks")
    assert "Opens are not tracked, clicks are tracked." in shown
    assert "https://" in shown
    assert "clicks are not tracked" in await said(operator, "tracking", ada.user.email)
