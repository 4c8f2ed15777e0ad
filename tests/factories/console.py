"""A user's things as the console shows them: a bit of everything."""

from datetime import timedelta

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.calendars.models import CalendarConnection
from outrider.domain.calendars.models import State as CalendarState
from outrider.domain.imports.models import ImportJob, Provider, Status
from outrider.domain.mailboxes.models import Mailbox, State
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.operations.models import Operation, OperationStatus
from outrider.domain.people import actions, editing, queries
from outrider.domain.people.models import Status as Place
from outrider.domain.people.person import Lead, make_person
from outrider.domain.senders.models import Category, Sender
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus
from outrider.runtime import Runtime
from tests.factories import harvest
from tests.factories.accounts import Someone
from tests.factories.calendars import make_event
from tests.factories.drafts import make_draft
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sequences import make_enrollment, make_sequence

WRITERS = (
    ("Grace Hopper", "grace@harbour.example", "Contract, second draft", SenderType.PERSONAL, 48, Category.CALL_ME),
    ("Northwind Billing", "billing@northwind.example", "Invoice 4711 is due", SenderType.TOOL, 21, Category.REMIND_ME),
    ("Katherine Johnson", "katherine@orbit.example", "Numbers for the board", SenderType.PERSONAL, 17, Category.UNASSIGNED),
    ("Weekly Lathe", "news@lathe.example", "Seven tools for spring", SenderType.NEWSLETTER, 112, Category.KEEP_QUIET),
    ("Calendar", "invites@plan.example", "Moved: planning on Tuesday", SenderType.MEETING, 64, Category.UNASSIGNED),
    ("Outlet Direct", "deals@outlet.example", "Last hours: half price", SenderType.PROMOTIONAL, 203, Category.UNASSIGNED),
    ("", "alerts@uptime.example", "api-2 is back after 4 minutes", SenderType.TOOL, 9, Category.UNASSIGNED),
    ("Mary Jackson", "mary@tunnel.example", "Re: wind tunnel on Friday", SenderType.PERSONAL, 33, Category.UNASSIGNED),
)  # fmt: skip
PEOPLE = (
    ("Grace Hopper", EnrollmentStatus.ACTIVE, 1, None),
    ("Dorothy Vaughan", EnrollmentStatus.ACTIVE, 0, None),
    ("Annie Easley", EnrollmentStatus.PAUSED, 1, "Paused by its owner."),
    ("Katherine Johnson", EnrollmentStatus.REPLIED, 2, "A person answered in the thread."),
    ("Evelyn Boyd", EnrollmentStatus.BOUNCED, 1, "550 5.1.1 There is no such mailbox."),
    ("Mary Jackson", EnrollmentStatus.COMPLETED, 3, "Every step has been sent."),
)
KNOWN = (
    ("Grace Hopper", "grace@harbour.example", "+442079460001", "Harbour Computing", Place.QUALIFIED, 8.5),
    ("Grace Hopper", "grace+news@harbour.example", "", "", None, None),
    ("Katherine Johnson", "katherine@orbit.harbour.example", "+442079460002", "Orbit", Place.CONTACTED, 6),
    ("Dorothy Vaughan", "dorothy@harbour.example", "+442079460003", "West Area", Place.NEW, 4.5),
    ("Annie Easley", "annie@harbour.example", "+442079460004", "", None, None),
    ("", "office@harbour.example", "+442079460005", "Harbour Office", None, None),
)  # fmt: skip


async def furnish(runtime: Runtime, owner: Someone) -> Mailbox:
    """Gives a user mailboxes, calendars, people, follow-ups in every state, senders, imports and work under way."""
    mailbox = await make_mailbox(runtime, owner, daily_limit=50)
    await _plan(runtime, owner)
    await _know(runtime, owner)
    await _follow_up(runtime, owner, mailbox)
    await make_draft(
        runtime, owner, mailbox, sender="grace@harbour.example", name="Grace Hopper", subject="Contract, second draft"
    )
    refused = await make_mailbox(runtime, owner, address="ada.office@engine.example", daily_limit=30)
    async with runtime.db.begin(owner.scope) as db:
        shown = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
        shown.synced_at = now() - timedelta(minutes=2)
        other = await db.get_one(Mailbox, (refused.workspace_id, refused.id))
        other.state, other.sync_due_at = State.REAUTH_REQUIRED, None
        other.state_reason = "The server refused the user name or password. Use an app password."
        db.add_all(_senders(owner))
        db.add_all(_operations(owner, mailbox))
        db.add_all(_imports(owner))
    return mailbox


async def _plan(runtime: Runtime, owner: Someone) -> None:
    """Two calendars: one that is read, and one whose provider refuses us."""
    read = await make_event(runtime, owner, title="Harbour board", location="Room 4")
    await make_event(runtime, owner, title="Wind tunnel, harbour side", day=2)
    async with runtime.db.begin(owner.scope) as db:
        shown = await db.get_one(CalendarConnection, (read.workspace_id, read.id))
        shown.address, shown.synced_at = "calendars.engine.example", now() - timedelta(minutes=4)
        db.add(
            CalendarConnection(
                workspace_id=owner.workspace_id, user_id=owner.user.id, id=new_id(), provider="caldav",
                account=new_id().hex, address="ada@dav.engine.example", url="https://dav.engine.example/", username="ada",
                state=CalendarState.REAUTH_REQUIRED, sync_due_at=None,
                state_reason="The server refuses the user name or password. Use a password made for programs.",
            )
        )  # fmt: skip


async def _know(runtime: Runtime, owner: Someone) -> None:
    """Contacts in every place of the pipeline, two of them one person; and leads read out of mail."""
    people = [
        make_person(
            name=name, emails=[(address, "")], phones=[(phone, "")] if phone else (),
            organisations=[{"name": company}] if company else (), lead=Lead(status=status, score=score) if status else None,
        )
        for name, address, phone, company, status, score in KNOWN
    ]  # fmt: skip
    async with runtime.db.begin(owner.scope) as db:
        taken = await actions.upsert(
            db, owner.workspace_id, owner.user.id, people, provider="vcard", account="telephone.vcf"
        )
        await editing.tag(db, await queries.get(db, owner.workspace_id, taken[0].contact_id), "board")
    letters = [harvest.letter(n, name=f"Captain {n} of the Harbour") for n in (1, 2)]
    batch_id = await harvest.start(runtime, owner, letters)
    await harvest.finish(runtime, owner, batch_id)


async def _follow_up(runtime: Runtime, owner: Someone, mailbox: Mailbox) -> None:
    sequence = await make_sequence(runtime, owner, steps=3, delay_days=2)
    for name, status, step, reason in PEOPLE:
        address = f"{name.split(maxsplit=1)[0].lower()}@harbour.example"
        email = await make_message(runtime, mailbox, to=address, subject=f"Proposal for {name}")
        enrollment = await make_enrollment(runtime, owner, email, sequence)
        async with runtime.db.begin(owner.scope) as db:
            shown = await db.get_one(Enrollment, (enrollment.workspace_id, enrollment.id))
            shown.recipient_name, shown.status, shown.current_step, shown.stop_reason = name, status, step, reason
            if not shown.is_open:
                shown.next_step_at = None


def _senders(owner: Someone) -> list[Sender]:
    return [
        Sender(
            workspace_id=owner.workspace_id, id=new_id(), user_id=owner.user.id, email=address, name=name,
            words=f"{address} {name}".lower(), domain=address.partition("@")[2], email_count=count, sender_type=kind,
            latest_subject=subject, latest_date=now() - timedelta(hours=3 * place + 1), category=category,
            chosen_at=None if category is Category.UNASSIGNED else now(), type_reasons=["It is written by hand"],
        )
        for place, (name, address, subject, kind, count, category) in enumerate(WRITERS)
    ]  # fmt: skip


def _operations(owner: Someone, mailbox: Mailbox) -> list[Operation]:
    own = {"workspace_id": owner.workspace_id, "user_id": owner.user.id}
    at = now()
    return [
        Operation(
            **own, id=new_id(), type="mailbox.sync", subject_id=mailbox.id, status=OperationStatus.RUNNING, total=6_000,
            processed=3_740, succeeded=3_738, failed=2, started_at=at - timedelta(seconds=48), created_at=at,
        ),
        Operation(
            **own, id=new_id(), type="senders.scan", subject_id=owner.user.id, status=OperationStatus.SUCCEEDED,
            total=5_212, processed=5_212, succeeded=5_212, started_at=at - timedelta(hours=2, seconds=31),
            finished_at=at - timedelta(hours=2), created_at=at - timedelta(hours=2),
        ),
        Operation(
            **own, id=new_id(), type="harvest.batch", subject_id=new_id(), status=OperationStatus.FAILED, total=120,
            processed=44, succeeded=41, failed=3, error="The mailbox refused its password.",
            started_at=at - timedelta(days=1, seconds=12), finished_at=at - timedelta(days=1),
            created_at=at - timedelta(days=1),
        ),
    ]  # fmt: skip


def _imports(owner: Someone) -> list[ImportJob]:
    own = {"workspace_id": owner.workspace_id, "user_id": owner.user.id, "provider": Provider.CSV}
    at = now()
    return [
        ImportJob(
            **own, id=new_id(), provider_account_name="conference-2026.csv", status=Status.PROCESSING,
            total_contacts=12_400, processed_contacts=7_813, imported_contacts=7_790, skipped_contacts=19,
            failed_contacts=4, created_at=at, started_at=at,
        ),
        ImportJob(
            **own, id=new_id(), provider_account_name="telephone.vcf", status=Status.COMPLETED, total_contacts=318,
            processed_contacts=318, imported_contacts=301, skipped_contacts=17, created_at=at - timedelta(days=3),
        ),
    ]  # fmt: skip
