"""Texts that become HTML without losing or adding a word."""

import re

from outrider.core import signed
from outrider.domain.accounts.vault import open_vault
from outrider.domain.tracking import links
from outrider.runtime import Runtime
from tests.factories.accounts import make_user

TEXT = "Dear <Bob> & co,\nsee https://a.test/x?y=1&z=2. Or (http://b.test/p).\nNothing at example.com\n"


async def test_links_lead_through_us_to_the_very_same_place(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with runtime.db.begin(ada.scope) as db:
        vault = await open_vault(db, runtime.keyring, ada.workspace_id)
    html = links.html_of(
        TEXT, vault=vault, base_url="https://out.test", workspace_id=ada.workspace_id, send_id=ada.user.id, clicks=True, opens=True,
    )  # fmt: skip
    found = re.findall(r'href="https://out\.test/c/([\w-]+)"', html)
    tokens = [signed.read(each) for each in found]
    for token in tokens:
        signed.verify(vault, token, purpose=links.CLICK)
    assert [links.target_of(token) for token in tokens] == ["https://a.test/x?y=1&z=2", "http://b.test/p"]
    assert html.count("<img ") == 1
    assert "Dear &lt;Bob&gt; &amp; co,<br>" in html
    untracked = links.html_of(
        TEXT, vault=vault, base_url="https://out.test", workspace_id=ada.workspace_id, send_id=ada.user.id, clicks=False, opens=False,
    )  # fmt: skip
    assert 'href="https://a.test/x?y=1&amp;z=2"' in untracked
    assert "<img" not in untracked
