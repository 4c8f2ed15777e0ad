"""Why a row of the outbox has not left yet, and when it is tried next: worked out when somebody asks.

What holds a whole mailbox back is kept with the mailbox, not with each of its rows, so both are looked at.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, null

from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.mailboxes.models import State as MailboxState
from outrider.domain.sending.models import Hold, MailboxPace, Send, State, Waiting

HOLDS = {
    Hold.GAP: Waiting.MAILBOX_GAP,
    Hold.DAILY_LIMIT: Waiting.MAILBOX_DAILY_LIMIT,
    Hold.PROVIDER_LIMIT: Waiting.MAILBOX_PAUSED,
    Hold.HEALTH: Waiting.MAILBOX_PAUSED,
    Hold.UNREACHABLE: Waiting.MAILBOX_DISCONNECTED,
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`code` is what other tools of the field call it; `until` is the next try, None while it waits for a person."""

    reason: Waiting
    code: str
    message: str
    until: datetime | None


CODES = {
    Waiting.DELAY: ("follow_up_delay_not_met", "The time between two steps is not over."),
    Waiting.WINDOW: ("out_of_schedule", "The recipient's send window is closed."),
    Waiting.MAILBOX_DAILY_LIMIT: (
        "account_daily_limit_met",
        "The mailbox has sent all it may in 24 hours. A new mailbox's limit grows every day.",
    ),
    Waiting.MAILBOX_GAP: ("account_gap_not_met", "The mailbox leaves some minutes between two mails."),
    Waiting.MAILBOX_PAUSED: ("account_paused", "The mailbox is paused, by its provider or for its health."),
    Waiting.DOMAIN_LIMIT: ("domain_limit_reached", "The recipient's domain got all it may get in 24 hours."),
    Waiting.COMPANY_LIMIT: ("company_limit_reached", "The recipient's company got all it may get in 24 hours."),
    Waiting.PAUSED: ("enrollment_paused", "Its owner paused it."),
    Waiting.MAILBOX_DISCONNECTED: (
        "account_disconnected",
        "The mailbox can't be reached or needs its owner to connect it again.",
    ),
    Waiting.MAILBOX_UNREAD: (
        "account_unread",
        "The mailbox was connected just now: its latest mail is read before a follow-up leaves, which takes seconds.",
    ),
    Waiting.RETRY: ("retry_scheduled", "The last try failed for now; it is tried again."),
    Waiting.CONFIRMING: (
        "confirming",
        "It may have left: the Sent folder is looked through before anything else happens.",
    ),
    Waiting.QUEUED: ("healthy", "It is due and leaves with the next free connection."),
}


def describe(reason: Waiting, until: datetime | None, *, detail: str | None = None) -> Diagnosis:
    code, message = CODES[reason]
    return Diagnosis(reason, code, f"{message} {detail}" if detail else message, until)


def reason_of(now: ColumnElement[datetime]) -> ColumnElement[str | None]:
    """The reason as a column, for queries that `with_mailbox` joined; null for rows that wait for nothing."""
    is_queued = Send.state == State.QUEUED
    return case(
        (Send.state == State.PAUSED, Waiting.PAUSED.value),
        (Send.state == State.UNKNOWN, Waiting.CONFIRMING.value),
        (~is_queued, null()),
        (_needs_owner(), Waiting.MAILBOX_DISCONNECTED.value),
        (Send.due_at > now, func.coalesce(cast(Send.waiting_for, Text), Waiting.DELAY.value)),
        *((and_(_is_held(now), MailboxPace.held_for == hold), reason.value) for hold, reason in HOLDS.items()),
        else_=Waiting.QUEUED.value,
    )


def until_of(now: ColumnElement[datetime]) -> ColumnElement[datetime | None]:
    """When a waiting row is tried next, as a column."""
    return case(
        (Send.state == State.UNKNOWN, Send.look_at),
        (Send.state != State.QUEUED, null()),
        (_needs_owner(), null()),
        (_is_held(now), func.greatest(Send.due_at, MailboxPace.held_until)),
        else_=Send.due_at,
    )


def detail_of(now: ColumnElement[datetime]) -> ColumnElement[str | None]:
    """What more there is to say, as a column: why the mailbox is held, or how the last try ended."""
    is_held = and_(Send.state == State.QUEUED, Send.due_at <= now, _is_held(now))
    return case((is_held, func.coalesce(MailboxPace.held_reason, Send.last_error)), else_=Send.last_error)


def with_mailbox(query: Select[Any]) -> Select[Any]:
    return query.join(
        Mailbox, and_(Mailbox.workspace_id == Send.workspace_id, Mailbox.id == Send.mailbox_id)
    ).outerjoin(
        MailboxPace,
        and_(MailboxPace.workspace_id == Send.workspace_id, MailboxPace.mailbox_id == Send.mailbox_id),
    )


def _needs_owner() -> ColumnElement[bool]:
    return Mailbox.state.not_in((MailboxState.CONNECTED, MailboxState.UNREACHABLE))


def _is_held(now: ColumnElement[datetime]) -> ColumnElement[bool]:
    return and_(MailboxPace.held_until.is_not(None), MailboxPace.held_until > now)
