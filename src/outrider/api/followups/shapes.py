"""The contract's five nouns as they cross the wire, and how they are made of domain objects."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from outrider.api.followups.contract import Out
from outrider.api.moments import Moment
from outrider.domain.accounts.models import User
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.domain.sending.models import Send, State
from outrider.domain.sequences.diagnosis import SequenceDiagnosis
from outrider.domain.sequences.models import Enrollment, Sequence, SequenceStep

ScheduleStatus = Literal["scheduled", "due", "sending", "sent", "failed", "skipped", "cancelled"]
WIRE_STATES: Mapping[State, ScheduleStatus] = {
    State.QUEUED: "due",
    State.PAUSED: "scheduled",
    State.SENDING: "sending",
    State.UNKNOWN: "sending",
    State.SENT: "sent",
    State.FAILED: "failed",
    State.UNCONFIRMED: "failed",
    State.SKIPPED: "skipped",
    State.CANCELLED: "cancelled",
}


class UserOut(Out):
    id: UUID
    email: str
    name: str
    picture: str | None
    timezone: str
    provider: str | None
    connected: bool
    last_sync_at: Moment | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, user: User, mailbox: Mailbox | None) -> "UserOut":
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            picture=user.picture,
            timezone=user.timezone,
            provider=mailbox.provider if mailbox else None,
            connected=mailbox is not None and mailbox.is_usable,
            last_sync_at=mailbox.synced_at if mailbox else None,
            created_at=user.created_at,
            updated_at=user.updated_at,
        )


class EmailOut(Out):
    id: UUID
    user_id: UUID
    message_id: str | None
    thread_id: UUID
    from_: Annotated[str, Field(alias="from")]
    to: list[str]
    cc: list[str]
    subject: str
    snippet: str
    sent_at: Moment
    has_reply: bool
    replied_at: Moment | None
    enrollment_id: UUID | None

    @classmethod
    def of(cls, message: Message, enrollment_id: UUID | None) -> "EmailOut":
        return cls(**_email(message, enrollment_id))


class EmailWithBody(EmailOut):
    body: str

    @classmethod
    def of(cls, message: Message, enrollment_id: UUID | None) -> "EmailWithBody":
        return cls(**_email(message, enrollment_id), body=message.text)


class SendWindowOut(Out):
    days: list[str]
    start: str
    end: str


class StepOut(Out):
    id: UUID
    order: int
    delay_days: int
    delay_hours: int
    subject: str
    body: str
    send_window: SendWindowOut | None

    @classmethod
    def of(cls, step: SequenceStep) -> "StepOut":
        return cls(
            id=step.id,
            order=step.position,
            delay_days=step.delay_days,
            delay_hours=step.delay_hours,
            subject=step.subject,
            body=step.body,
            send_window=_window(step.send_window),
        )


class WaitingGroupOut(Out):
    reason: str
    code: str
    message: str
    count: int
    until: Moment | None


class DiagnosisOut(Out):
    """Why a sequence sends or does not; `code` is `healthy` while something may leave."""

    code: str
    message: str
    until: Moment | None
    waiting: list[WaitingGroupOut]

    @classmethod
    def of(cls, found: SequenceDiagnosis) -> "DiagnosisOut":
        return cls(
            code=found.code,
            message=found.message,
            until=found.until,
            waiting=[
                WaitingGroupOut(
                    reason=each.reason.value, code=each.code, message=each.message, count=each.count, until=each.until
                )
                for each in found.waiting
            ],
        )


class SequenceOut(Out):
    id: UUID
    user_id: UUID
    name: str
    description: str
    steps: list[StepOut]
    stop_on_reply: bool
    timezone: str
    send_window: SendWindowOut | None
    status: Literal["draft", "active", "archived"]
    created_at: Moment
    updated_at: Moment
    diagnosis: DiagnosisOut | None = Field(None, description="Only where one sequence is read; null in lists.")

    @classmethod
    def of(cls, sequence: Sequence, found: SequenceDiagnosis | None = None) -> "SequenceOut":
        return cls(
            diagnosis=DiagnosisOut.of(found) if found else None,
            id=sequence.id,
            user_id=sequence.user_id,
            name=sequence.name,
            description=sequence.description,
            steps=[StepOut.of(step) for step in sequence.steps],
            stop_on_reply=sequence.stop_on_reply,
            timezone=sequence.timezone,
            send_window=_window(sequence.send_window),
            status=sequence.status.value,
            created_at=sequence.created_at,
            updated_at=sequence.updated_at,
        )


class ReplyOut(Out):
    message_id: str | None
    snippet: str
    matched_by: str


EnrollmentState = Literal["active", "paused", "completed", "replied", "bounced", "unsubscribed", "failed", "cancelled"]


class EnrollmentOut(Out):
    id: UUID
    user_id: UUID
    sequence_id: UUID
    email_id: UUID
    thread_id: UUID
    recipient_email: str
    recipient_name: str
    status: EnrollmentState
    current_step: int
    total_steps: int
    next_send_date: Moment | None
    last_sent_date: Moment | None
    replied: bool
    replied_at: Moment | None
    reply: ReplyOut | None
    stop_reason: str | None
    stop_proof: dict[str, Any] | None = Field(description="The mail, answer or request that ended it.")
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, enrollment: Enrollment, waiting: Send | None) -> "EnrollmentOut":
        return cls(
            id=enrollment.id,
            user_id=enrollment.user_id,
            sequence_id=enrollment.sequence_id,
            email_id=enrollment.email_id,
            thread_id=enrollment.thread_id,
            recipient_email=enrollment.recipient,
            recipient_name=enrollment.recipient_name,
            status=enrollment.status.value,
            current_step=enrollment.current_step,
            total_steps=enrollment.total_steps,
            next_send_date=waiting.due_at if waiting else enrollment.next_step_at,
            last_sent_date=enrollment.last_sent_at,
            replied=enrollment.replied_at is not None,
            replied_at=enrollment.replied_at,
            reply=ReplyOut.model_validate(enrollment.reply) if enrollment.reply else None,
            stop_reason=enrollment.stop_reason,
            stop_proof=enrollment.stop_proof,
            created_at=enrollment.created_at,
            updated_at=enrollment.updated_at,
        )


class WaitingOut(Out):
    """Why a follow-up has not left yet, and when it is tried next. `code` is the same in the words of other tools."""

    reason: str
    code: str
    message: str
    until: Moment | None


class ScheduleOut(Out):
    id: UUID
    user_id: UUID
    enrollment_id: UUID
    sequence_id: UUID | None
    step: int
    scheduled_for: Moment
    status: ScheduleStatus
    attempts: int
    sent_at: Moment | None
    delivered_at: Moment | None = Field(description="Set where the recipient's server reported it; most do not.")
    message_id: str | None
    last_error: str | None
    proof: str | None = Field(description="The server's answer to the sent mail, or where its copy was found.")
    waiting_for: WaitingOut | None


def _email(message: Message, enrollment_id: UUID | None) -> dict[str, Any]:
    return {
        "id": message.id,
        "user_id": message.user_id,
        "message_id": message.message_id,
        "thread_id": message.thread_id,
        "from_": message.from_address,
        "to": [person["address"] for person in message.to],
        "cc": [person["address"] for person in message.cc],
        "subject": message.subject,
        "snippet": message.snippet,
        "sent_at": message.sent_at,
        "has_reply": message.replied_at is not None,
        "replied_at": message.replied_at,
        "enrollment_id": enrollment_id,
    }


def _window(stored: dict[str, Any] | None) -> SendWindowOut | None:
    return SendWindowOut.model_validate(stored) if stored else None
