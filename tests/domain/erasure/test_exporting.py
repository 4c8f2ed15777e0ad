"""What is held of one person, as one document."""

import orjson

from outrider.core.ids import new_id
from outrider.domain.erasure import exporting, subjects
from outrider.domain.erasure.contact_registry import HELD
from outrider.runtime import Runtime
from tests.factories.accounts import make_user
from tests.factories.contact_canary import Canary, furnish_contact
from tests.factories.mailboxes import make_mailbox, make_message


async def exported(runtime: Runtime, canary: Canary) -> dict:  # type: ignore[type-arg]
    async with runtime.db.begin(canary.owner.scope) as db:
        subject = await subjects.of_contact(db, canary.owner.workspace_id, canary.contact_id)
    parts = [part async for part in exporting.export(runtime.db, canary.owner.scope, subject)]
    return orjson.loads(b"".join(parts))  # type: ignore[no-any-return]


async def test_every_table_that_holds_something_tells_it(runtime: Runtime) -> None:
    canary = await furnish_contact(runtime, f"canary{new_id().hex}")
    told = await exported(runtime, canary)
    known = {each.table for each in HELD if each.is_told}
    print(f"\ntables told: {len(told['held'])} of {len(known)}")
    assert told["is_complete"] is True
    assert told["held"].keys() == known
    assert told["person"]["addresses"] == [canary.address]
    assert told["held"]["contacts"][0]["name"] == canary.word
    assert {each["object"] for each in told["changes"]} >= {"contacts", "contact_emails", "sends"}


async def test_what_is_about_others_is_only_named(runtime: Runtime) -> None:
    canary = await furnish_contact(runtime, f"canary{new_id().hex}")
    mentioned = (await exported(runtime, canary))["mentioned"]
    assert [each["id"] for each in mentioned["messages"]] == [str(canary.others["messages"])]
    assert mentioned["messages"][0].keys() == {"id", "sent_at", "direction", "from_address", "subject"}
    assert mentioned["contacts"] == [{"id": str(canary.others["contacts"])}]


async def test_of_somebody_unknown_there_is_nothing(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await make_message(runtime, await make_mailbox(runtime, ada))
    async with runtime.db.begin(ada.scope) as db:
        subject = await subjects.at_address(db, ada.workspace_id, "nobody@c.test")
    told = orjson.loads(b"".join([part async for part in exporting.export(runtime.db, ada.scope, subject)]))
    assert (told["held"], told["mentioned"], told["changes"]) == ({}, {}, [])


async def test_hundreds_of_mails_are_written_a_few_at_a_time(runtime: Runtime) -> None:
    canary = await furnish_contact(runtime, f"canary{new_id().hex}")
    mailbox = await make_mailbox(runtime, canary.owner, address="two@a.test")
    for number in range(45):
        await make_message(runtime, mailbox, to=canary.address, subject=f"{number}", text="x" * 1_000)
    async with runtime.db.begin(canary.owner.scope) as db:
        subject = await subjects.of_contact(db, canary.owner.workspace_id, canary.contact_id)
    parts = [part async for part in exporting.export(runtime.db, canary.owner.scope, subject)]
    told = orjson.loads(b"".join(parts))
    assert len({each["id"] for each in told["held"]["messages"]}) == 46
    assert max(map(len, parts)) < 4_000, "a row a part"
