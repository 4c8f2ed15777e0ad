"""Beginning a batch: of messages, of what a label or query finds, or of mails that come with the request."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from outrider.api.bodies import WHOLE
from outrider.api.deps import Caller, Db
from outrider.api.enveloped import In
from outrider.api.harvest.contract import gmail as contract
from outrider.api.harvest.mailboxes import NO_MAILBOX, find
from outrider.api.harvest.shapes import StartedOut, started_out
from outrider.api.idempotency import KeyReused
from outrider.api.moments import Moment
from outrider.domain.accounts.permissions import Permission
from outrider.domain.harvest import actions
from outrider.domain.harvest.composing import Parts, compose, decoded

router = contract.router(tag="gmail")

MOST = 1000  # mails of a batch
USUAL = 100
LONGEST_TEXT = 200_000
MessageId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")]
Address = Annotated[str, Field(min_length=3, max_length=500)]
KEY_REUSED = KeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")


class RawEmail(In):
    """A whole mail as Gmail's API gives it."""

    raw: Annotated[str, Field(min_length=1, description="The mail (RFC 5322) in base64url.")]


class ParsedEmail(In):
    """An email in parts. `headers` that tell a machine's mail from a person's are heeded (Auto-Submitted, List-Id …)."""

    sender: Address = Field(alias="from", description="`Name <address>`, or the address alone.")
    to: Annotated[list[Address], Field(max_length=100)] = Field(default_factory=list)
    reply_to: Annotated[str, Field(max_length=500)] = ""
    subject: Annotated[str, Field(max_length=2_000)] = ""
    text: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    html: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    message_id: Annotated[str, Field(max_length=500)] = ""
    date: Moment | None = None
    headers: Annotated[dict[str, Annotated[str, Field(max_length=2_000)]], Field(max_length=100)] = Field(
        default_factory=dict
    )


class BatchIn(In):
    """Exactly one of `message_ids`, `emails`, or a search by `query`, `label` or both."""

    message_ids: Annotated[list[MessageId], Field(min_length=1, max_length=MOST)] | None = Field(
        None, description="Ids as `GET /api/gmail/messages` gives them."
    )
    emails: Annotated[list[str | RawEmail | ParsedEmail], Field(min_length=1, max_length=MOST)] | None = Field(
        None, description="Whole mails (RFC 5322) as text or base64url, or in parts."
    )
    query: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        None, description="In Gmail's own words; for other mailboxes words that all occur."
    )
    label: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(None, description="A label's `id`.")
    max: Annotated[int, Field(ge=1, le=MOST), WHOLE] | None = Field(
        None, description=f"Of a search: the newest so many messages; {USUAL} where it is not given."
    )
    mailbox_id: UUID | None = Field(
        None, description="Your mailbox; without it the first one of Gmail, else the first."
    )

    @model_validator(mode="after")
    def _names_one_source(self) -> "BatchIn":
        is_search = self.query is not None or self.label is not None
        if [self.message_ids is not None, self.emails is not None, is_search].count(True) != 1:
            raise ValueError("give message_ids, emails, or query and label: exactly one of the three")
        if self.max is not None and not is_search:
            raise ValueError("max goes with query or label")
        if self.mailbox_id is not None and self.emails is not None:
            raise ValueError("emails belong to no mailbox: leave mailbox_id out")
        return self


@router.post(
    "/process-batch",
    needs=Permission.CONTACTS_WRITE,
    model=StartedOut,
    status_code=202,
    errors=[NO_MAILBOX, KEY_REUSED],
)
async def process_batch(db: Db, actor: Caller, body: BatchIn) -> StartedOut:
    """Makes leads of mails. Each becomes a lead, an update of one, or is skipped with a reason; a failed one keeps its
    error and is retried alone. Watch the batch at `GET /api/processing/status/{batchId}`.
    """
    if body.emails is not None:
        contents = [_content(each) for each in body.emails]
        return started_out(*await actions.start_emails(db, actor.workspace_id, actor.user_id, contents))
    mailbox = await find(db, actor, body.mailbox_id)
    if body.message_ids is not None:
        started = await actions.start_messages(db, actor.workspace_id, actor.user_id, mailbox.id, body.message_ids)
    else:
        started = await actions.start_search(
            db,
            actor.workspace_id,
            actor.user_id,
            mailbox.id,
            query=body.query or "",
            label=body.label,
            at_most=body.max or USUAL,
        )
    return started_out(*started)


def _content(email: str | RawEmail | ParsedEmail) -> bytes:
    if isinstance(email, str):
        return email.encode("utf-8", "replace")
    if isinstance(email, RawEmail):
        return decoded(email.raw)
    return compose(
        Parts(
            sender=email.sender,
            to=tuple(email.to),
            reply_to=email.reply_to,
            subject=email.subject,
            text=email.text,
            html=email.html,
            message_id=email.message_id,
            sent_at=email.date,
            headers=tuple(email.headers.items()),
        )
    )
