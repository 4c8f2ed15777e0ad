"""Mail of people who were erased is not read in again; what they write afterwards is."""

from datetime import datetime, timedelta

from outrider.core.clock import now
from outrider.domain.mailboxes.forgetting import without_erased
from outrider.domain.mailboxes.judging import judge
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.suppressions import actions as suppressions
from outrider.domain.suppressions.models import Reason
from outrider.providers.mail.interface import Changes, Fetched
from outrider.runtime import Runtime
from tests.domain.mailboxes.test_recording import a_mail
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox


async def erased(runtime: Runtime, owner: Someone, address: str, at: datetime) -> None:
    """What is left of somebody once they are erased."""
    async with runtime.db.begin(owner.scope) as db:
        known = (db, runtime.keyring, owner.workspace_id, address)
        await suppressions.suppress(*known, reason=Reason.ERASED, proof={})
        await suppressions.mark_erased(*known, at=at)
        await suppressions.forget(db, owner.workspace_id, address)


async def kept(runtime: Runtime, owner: Someone, mailbox: Mailbox, raws: list[bytes], at: datetime) -> list[str]:
    """The subjects that are left of a batch which came in at a moment."""
    fetched = tuple(Fetched(id=str(n), received_at=at, size=1, header=raw, raw=raw) for n, raw in enumerate(raws))
    changes = Changes(messages=fetched, cursor="1", more=False, reset=False)
    judged = [judge(raw, at) for raw in raws]
    async with runtime.db.begin(owner.scope) as db:
        left, same = await without_erased(db, runtime.keyring, owner.workspace_id, mailbox.address, changes, judged)
    assert [each.raw for each in left.messages] == [raws[int(each.id)] for each in left.messages]
    assert len(left.messages) == len(same)
    return [each.mail.subject for each in same]


async def test_what_a_mailbox_still_holds_of_them_is_not_read_again(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    raws = [
        a_mail(subject="from them", sender="bob@b.test", to=mailbox.address),
        a_mail(subject="to them", sender=mailbox.address, to="Bob <Bob@b.test>"),
        a_mail(subject="to them and others", sender=mailbox.address, to="bob@b.test, carol@c.test"),
        a_mail(subject="from another", sender="carol@c.test", to=mailbox.address),
    ]
    everything = ["from them", "to them", "to them and others", "from another"]
    at = now()
    assert await kept(runtime, ada, mailbox, raws, at) == everything
    await erased(runtime, ada, "bob@b.test", at + timedelta(minutes=1))
    assert await kept(runtime, ada, mailbox, raws, at) == ["to them and others", "from another"]
    assert await kept(runtime, ada, mailbox, raws, at + timedelta(minutes=2)) == everything
    eve = await make_user(runtime)
    assert await kept(runtime, eve, mailbox, raws, at) == everything, "others know nothing of it"
