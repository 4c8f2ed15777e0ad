"""Every table, and what is erased from it with an account. A table that is not here fails a test."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Personal:
    """A table of workspaces: `whose` is the column that names the user where the thing is personal. Without one, it is
    the workspace's: it stays with those who remain, or hangs on something personal and goes with that.
    """

    table: str
    whose: str | None = None


# In the order of erasing: what refers to another stands before it.
PERSONAL = (
    Personal("places"),
    Personal("hits"),
    Personal("enrollments", "user_id"),
    Personal("reply_drafts", "user_id"),
    Personal("sends", "user_id"),
    Personal("call_notices", "user_id"),
    Personal("call_attempts", "user_id"),
    Personal("calls", "user_id"),
    Personal("call_speeches", "user_id"),
    Personal("call_consents", "user_id"),
    Personal("call_settings", "user_id"),
    Personal("do_not_call"),
    Personal("model_questions", "user_id"),
    Personal("model_consents", "user_id"),
    Personal("senders", "user_id"),
    Personal("preferences", "user_id"),
    Personal("harvest_items"),
    Personal("harvest_batches", "user_id"),
    Personal("judgement_corrections", "user_id"),
    Personal("message_judgements", "user_id"),
    Personal("urgency_models", "user_id"),
    Personal("messages", "user_id"),
    Personal("mentions"),
    Personal("threads"),
    Personal("mailbox_paces"),
    Personal("folders"),
    Personal("feedback"),
    Personal("preflights"),
    Personal("sequence_steps"),
    Personal("sequences", "user_id"),
    Personal("refresh_tokens"),
    Personal("mailboxes", "user_id"),
    Personal("calendar_occurrences", "user_id"),
    Personal("calendar_sources"),
    Personal("calendars", "user_id"),
    Personal("calendar_connections", "user_id"),
    Personal("imported_contacts"),
    Personal("contact_import_files"),
    Personal("contact_import_jobs", "user_id"),
    Personal("contact_words"),
    Personal("contact_tags"),
    Personal("tags"),
    Personal("contact_merges"),
    Personal("contact_sources"),
    Personal("contact_phones"),
    Personal("contact_emails"),
    Personal("contacts"),
    Personal("suppressions"),
    Personal("signing_keys"),
    Personal("sign_ins", "user_id"),
    Personal("sessions", "user_id"),
    Personal("operations", "user_id"),
    Personal("grants", "user_id"),
    Personal("access_keys", "user_id"),
    Personal("idempotency_keys"),
    Personal("contact_erasures"),
    Personal("events"),
    Personal("data_keys"),
    Personal("members", "user_id"),
)
# Erased in ways of their own (purging.py).
BY_THEMSELVES = frozenset(
    {"workspaces", "users", "audit_entries", "audit_seals", "audit_erased", "pgqueuer", "pgqueuer_log", "erasures"}
)
# What holds nobody's data, and why.
NOBODYS = {
    "alembic_version": "the schema's version",
    "audit_ended": "digests of ids of erased workspaces",
    "audit_mark": "up to which entry the audit trail is sealed",
    "installation": "one row of the installation",
    "workers": "names of machines and processes",
    "job_attempts": "numbers of jobs",
    "limit_windows": "counts under hashed names, forgotten within hours",
    "unit_buckets": "counts under hashed names, forgotten within hours",
    "pgqueuer_schedules": "not used",
    "pgqueuer_statistics": "counts by the name of a job",
}
