"""Tracked links lead where they were signed to; machines' hits are told apart and nothing follows from any hit."""

import random
from datetime import timedelta
from email import message_from_bytes

import pytest
from sqlalchemy import select, text

from outrider.core import signed
from outrider.core.clock import now
from outrider.domain.accounts.vault import open_vault
from outrider.domain.sending import rules
from outrider.domain.sending.letterhead import Letterhead
from outrider.domain.sending.models import Send, State
from outrider.domain.tracking import links, queries
from outrider.runtime import Runtime
from tests.client import Client
from tests.domain.tracking.test_rules import CHROME
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send

TARGETS = [f"https://shop.test/{number}" for number in range(3)]
SCANNERS = [
    "",
    "Mozilla/5.0",
    "Barracuda Sentinel",
    "python-requests/2.32",
    "Mozilla/5.0 (compatible; Googlebot/2.1)",
    CHROME,
]
PEOPLE = [CHROME, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
          "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"]  # fmt: skip


class Case:
    def __init__(self, runtime: Runtime, ada: Someone, sends: list[Send], paper: Letterhead) -> None:
        self.runtime, self.ada, self.sends, self.paper = runtime, ada, sends, paper

    def path(self, send: Send, target: str) -> str:
        token = signed.mint(self.paper.vault, send.workspace_id, send.id, purpose=links.CLICK, more=target.encode())
        return links.CLICK_PATH + token

    async def figures(self) -> queries.HitFigures:
        async with self.runtime.db.begin(self.ada.scope) as db:
            return await queries.of_sends(db, self.ada.workspace_id, select(Send.id))


@pytest.fixture
async def case(runtime: Runtime) -> Case:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    long_ago = now() - timedelta(hours=5)
    sends = [await make_send(runtime, ada, mailbox, email, state=State.SENT, sent_at=long_ago) for _ in range(50)]
    async with runtime.db.begin(ada.scope) as db:
        vault = await open_vault(db, runtime.keyring, ada.workspace_id)
    return Case(
        runtime, ada, sends, Letterhead(vault, base_url="https://out.test", tracks_clicks=True, tracks_opens=True)
    )


async def test_two_hundred_hits_of_scanners_count_for_nobody_and_lead_to_nothing(case: Case, anonymous: Client) -> None:
    hits = 0
    for number in range(67):
        agent = SCANNERS[number % len(SCANNERS)]
        for target in TARGETS:  # gateways follow every link of a mail at once
            method = "HEAD" if number % 7 == 0 else "GET"
            send = case.sends[number % 50]
            await anonymous.request(method, case.path(send, target), headers={"User-Agent": agent})
            hits += 1
    found = await case.figures()
    assert hits >= 200
    assert (found.clicked, found.machine_hits) == (0, hits)
    async with case.runtime.db.begin(case.ada.scope) as db:
        assert await db.scalar(text("select count(*) from events where name not like 'mailbox%'")) == 0


async def test_fifty_people_who_follow_one_link_are_counted(case: Case, anonymous: Client) -> None:
    for send in case.sends:
        answer = await anonymous.get(
            case.path(send, TARGETS[0]), headers={"User-Agent": random.Random(7).choice(PEOPLE)}
        )
        assert (answer.status_code, answer.headers["location"]) == (302, TARGETS[0])
    assert (await case.figures()).clicked >= 48


async def test_none_of_fifty_changed_targets_redirects(case: Case, anonymous: Client) -> None:
    chance = random.Random(3)
    for _ in range(50):
        token = case.path(case.sends[0], TARGETS[0]).removeprefix(links.CLICK_PATH)
        at = chance.randrange(len(token))
        changed = token[:at] + chance.choice("ABCabc012_-".replace(token[at], "")) + token[at + 1 :]
        answer = await anonymous.get(links.CLICK_PATH + changed)
        assert answer.status_code == 404
        assert "location" not in answer.headers


async def test_a_link_signed_for_one_use_serves_no_other(case: Case, anonymous: Client) -> None:
    send = case.sends[0]
    picture = signed.mint(case.paper.vault, send.workspace_id, send.id, purpose=links.OPEN)
    script = signed.mint(case.paper.vault, send.workspace_id, send.id, purpose=links.CLICK, more=b"javascript:alert(1)")
    assert (await anonymous.get(links.CLICK_PATH + picture)).status_code == 404
    assert (await anonymous.get(links.CLICK_PATH + script)).status_code == 404
    assert (await anonymous.get(links.OPEN_PATH + picture)).headers["content-type"] == "image/gif"


async def test_untracked_mail_is_plain_and_tracked_mail_says_the_same_in_html(case: Case) -> None:
    send = case.sends[0]
    send.body = f"See {TARGETS[0]} <now>"
    mailbox = await make_mailbox(case.runtime, case.ada, address="two@a.test")
    plain = message_from_bytes(rules.compose(mailbox, send, Letterhead(case.paper.vault, "https://out.test"), at=now()))
    assert plain.get_content_type() == "text/plain"
    tracked = message_from_bytes(rules.compose(mailbox, send, case.paper, at=now()))
    assert tracked.get_content_type() == "multipart/alternative"
    assert TARGETS[0] in tracked.get_payload()[0].get_payload()  # type: ignore[union-attr]
