"""One click ends all mail; opening a link ends nothing."""

import time
from email import message_from_bytes

import pytest
from sqlalchemy import func, select

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.accounts.vault import open_vault
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import claiming, rules
from outrider.domain.sending.letterhead import Letterhead
from outrider.domain.sending.models import Send, State
from outrider.domain.sequences import jobs
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus
from outrider.domain.suppressions.events import Suppressed
from outrider.domain.suppressions.models import Reason, Scope, Suppression
from outrider.runtime import Runtime
from tests.client import Client
from tests.domain.sending.test_claiming import PACE, reload
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send
from tests.factories.sequences import make_enrollment, make_sequence

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
SCANNERS = (
    "Mozilla/5.0 (compatible; Barracuda Sentinel)", "Microsoft Office/16.0 (Outlook SafeLinks)", "Mimecast URL Protect",
    "Proofpoint-URLDefense", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0", "GoogleImageProxy", "curl/8.9", "",
)  # fmt: skip


class Case:
    def __init__(self, runtime: Runtime, ada: Someone, mailbox: Mailbox, send: Send, paper: Letterhead) -> None:
        self.runtime, self.ada, self.mailbox, self.send, self.paper = runtime, ada, mailbox, send, paper

    @property
    def path(self) -> str:
        return self.paper.link(self.send).removeprefix("https://out.test")

    async def suppressed(self) -> list[Suppression]:
        async with self.runtime.db.begin(self.ada.scope) as db:
            return list(await db.scalars(select(Suppression)))


@pytest.fixture
async def case(runtime: Runtime) -> Case:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    async with runtime.db.begin(ada.scope) as db:
        vault = await open_vault(db, runtime.keyring, ada.workspace_id)
    return Case(runtime, ada, mailbox, send, Letterhead(vault, base_url="https://out.test"))


def test_each_of_ten_thousand_mails_has_both_headers_with_a_link_of_its_own(case: Case) -> None:
    links = set()
    for _ in range(10_000):
        case.send.id = new_id()
        headers = dict(case.paper.headers(case.send, case.mailbox))
        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert headers["List-Unsubscribe"].startswith(f"<{case.paper.link(case.send)}>, <mailto:")
        links.add(case.paper.link(case.send))
    assert len(links) == 10_000


async def test_where_the_world_cannot_reach_us_only_mail_is_offered(case: Case) -> None:
    headers = Letterhead(case.paper.vault).headers(case.send, case.mailbox)
    assert headers == [("List-Unsubscribe", f"<mailto:{case.mailbox.address}?subject=unsubscribe>")]


async def test_the_footer_says_who_writes_and_how_to_end_it(case: Case) -> None:
    paper = Letterhead(case.paper.vault, base_url="https://out.test", postal_address="A Ltd, 1 Road, Town")
    text = message_from_bytes(rules.compose(case.mailbox, case.send, paper, at=now())).get_payload(decode=True)
    assert isinstance(text, bytes)
    assert (
        text.decode()
        .replace("\r\n", "\n")
        .endswith(f"-- \nA Ltd, 1 Road, Town\nNo more mail from us: {paper.link(case.send)}\n")
    )


async def test_one_post_ends_the_mail_and_says_why(case: Case, anonymous: Client) -> None:
    answer = await anonymous.post(case.path, data=ONE_CLICK)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "unsubscribed" in answer.text
    [found] = await case.suppressed()
    assert (found.value, found.reason, found.scope) == ("bob@b.test", Reason.UNSUBSCRIBE, Scope.ADDRESS)
    assert found.proof["sendId"] == str(case.send.id)
    async with case.runtime.db.begin(case.ada.scope) as db:
        taken = await claiming.claim(db, case.ada.workspace_id, [case.mailbox.id], now=now(), pace=PACE)
    assert taken == {}
    stopped = await reload(case.runtime, case.ada, case.send)
    assert stopped.state is State.CANCELLED
    assert "unsubscribed" in (stopped.last_error or "")
    assert (await anonymous.post(case.path, data=ONE_CLICK)).status_code == 200
    assert len(await case.suppressed()) == 1


async def test_two_hundred_looks_by_scanners_unsubscribe_nobody(case: Case, anonymous: Client) -> None:
    for number in range(200):
        method = "HEAD" if number % 5 == 0 else "GET"
        headers = {"User-Agent": SCANNERS[number % len(SCANNERS)]}
        assert (await anonymous.request(method, case.path, headers=headers)).status_code == 200
    assert await case.suppressed() == []


async def test_the_page_asks_and_names_both_sides_safely(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime, name="<script>alert(1)</script>")
    mailbox = await make_mailbox(runtime, ada)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    async with runtime.db.begin(ada.scope) as db:
        vault = await open_vault(db, runtime.keyring, ada.workspace_id)
    page = await anonymous.get(
        Letterhead(vault, base_url="https://out.test").link(send).removeprefix("https://out.test")
    )
    assert "bob@b.test" in page.text
    assert ada.user.email in page.text
    assert "<script>" not in page.text
    assert '<form method="post">' in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("token", ["x", "A" * 63, "A" * 64, "x%20y"])
async def test_a_broken_link_says_what_to_do_instead(anonymous: Client, token: str) -> None:
    answer = await anonymous.post(f"/u/{token}", data=ONE_CLICK)
    assert answer.status_code == 404
    assert "answer the mail" in answer.text


async def test_a_hundred_clicks_are_one_wish(case: Case, anonymous: Client) -> None:
    took = []
    for _ in range(100):
        began = time.perf_counter()
        await anonymous.post(case.path, data=ONE_CLICK)
        took.append(time.perf_counter() - began)
    print(f"\none-click POST: p95 {sorted(took)[94] * 1000:.0f} ms of 100")
    async with case.runtime.db.begin(case.ada.scope) as db:
        assert await db.scalar(select(func.count()).select_from(Suppression)) == 1


async def test_whoever_unsubscribes_leaves_every_sequence(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    sequence = await make_sequence(runtime, ada, steps=2)
    enrolled = [
        await make_enrollment(runtime, ada, await make_message(runtime, mailbox, to=to), sequence)
        for to in ("bob@b.test", "bob@b.test", "carol@c.test")
    ]
    fact = Suppressed(
        workspace_id=ada.workspace_id, suppression_id=enrolled[0].id, scope=Scope.ADDRESS, value="bob@b.test", origin=None,
        reason=Reason.UNSUBSCRIBE, message="They unsubscribed.", proof={"sendId": "1"},
    )  # fmt: skip
    await jobs.on_suppressed(runtime, fact)
    async with runtime.db.begin(ada.scope) as db:
        now_are = [await db.get_one(Enrollment, (ada.workspace_id, each.id)) for each in enrolled]
    ended, status = EnrollmentStatus.UNSUBSCRIBED, EnrollmentStatus.ACTIVE
    assert [each.status for each in now_are] == [ended, ended, status]
    assert now_are[0].stop_proof == {"suppressionId": str(enrolled[0].id), "sendId": "1"}
