"""Senders follow from the mail that is stored, each mail counted once."""

import asyncio

from sqlalchemy import select

from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.senders import jobs as _subscribed  # noqa: F401  # counts what is stored
from outrider.domain.senders import queries
from outrider.domain.senders.models import Category, Sender
from outrider.providers.mail.interface import Role
from outrider.runtime import Runtime
from tests.domain.mailboxes.test_recording import a_mail, arrive, folder_of, start
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox


async def senders_of(runtime: Runtime, owner: Someone) -> dict[str, Sender]:
    async with runtime.db.begin(owner.scope) as db:
        rows = await db.scalars(select(Sender).where(Sender.user_id == owner.user.id))
    return {each.email: each for each in rows}


async def test_every_stored_mail_is_counted_for_its_sender_and_the_latest_is_shown(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    await arrive(runtime, mailbox, inbox, a_mail(subject="One"), a_mail(sender="Eve <eve@c.test>"))
    await arrive(runtime, mailbox, inbox, a_mail(subject="Two", sender="Bob Baker <bob@b.test>"), ids=["1.3"])
    found = await senders_of(runtime, ada)
    bob = found["bob@b.test"]
    assert (bob.email_count, bob.latest_subject, bob.name, bob.domain) == (2, "Two", "Bob Baker", "b.test")
    assert (bob.category, bob.sender_type) == (Category.UNASSIGNED, SenderType.PERSONAL)
    assert found["eve@c.test"].email_count == 1


async def test_a_mail_that_comes_again_is_not_counted_again(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    raw = a_mail()
    for _ in range(2):
        await arrive(runtime, mailbox, inbox, raw)
    await arrive(runtime, mailbox, inbox, raw, validity=2, reset=True)
    assert (await senders_of(runtime, ada))["bob@b.test"].email_count == 1


async def test_whom_one_writes_to_is_known_but_not_listed_until_they_write(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    sent = await folder_of(runtime, mailbox, Role.SENT)
    own = a_mail(sender=mailbox.address, to="Bob <bob@b.test>")
    await arrive(runtime, mailbox, sent, own)
    assert (await senders_of(runtime, ada))["bob@b.test"].sent_count == 1
    async with runtime.db.begin(ada.scope) as db:
        page = await queries.search(db, ada.workspace_id, ada.user.id, queries.PageRequest(1, 20))
    assert page.total == 0
    await arrive(runtime, mailbox, inbox, a_mail())
    bob = (await senders_of(runtime, ada))["bob@b.test"]
    assert (bob.sent_count, bob.email_count) == (1, 1)


async def test_two_mailboxes_that_bring_one_sender_at_once_count_together(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    boxes = [await make_mailbox(runtime, ada, address=f"ada{number}@a.test") for number in range(4)]
    folders = [await folder_of(runtime, box) for box in boxes]
    mails = [[a_mail(subject=f"{box} {number}") for number in range(5)] for box in range(4)]
    await asyncio.gather(
        *(arrive(runtime, box, folder, *own) for box, folder, own in zip(boxes, folders, mails, strict=True))
    )
    assert (await senders_of(runtime, ada))["bob@b.test"].email_count == 20


async def test_the_users_choice_outlives_further_mail(runtime: Runtime) -> None:
    ada, mailbox, inbox = await start(runtime)
    await arrive(runtime, mailbox, inbox, a_mail())
    async with runtime.db.begin(ada.scope) as db:
        bob = (await db.scalars(select(Sender).where(Sender.user_id == ada.user.id))).one()
        bob.choose(Category.CALL_ME, bob.created_at)
    await arrive(runtime, mailbox, inbox, a_mail(subject="More"), ids=["1.2"])
    async with runtime.db.begin(ada.scope) as db:
        chosen = await queries.categories_of(db, ada.workspace_id, ada.user.id, ["bob@b.test", "eve@c.test"])
    assert chosen == {"bob@b.test": Category.CALL_ME}
    assert (await senders_of(runtime, ada))["bob@b.test"].email_count == 2
