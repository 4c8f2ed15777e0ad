"""Every table, and what of it is a contact's: how it is found, what goes, what is struck out of what stays.

Conditions are over a row `t` and compare with `Subject.values`. A table that says nothing here fails a test.
"""

from dataclasses import dataclass, field

ERASED = "[erased]"


@dataclass(frozen=True, slots=True)
class Held:
    """Rows that are about the person and go with them. They are walked by `key`, `at_once` at a time; an export leaves
    the `hidden` columns out, and the whole table where it is not `is_told`.
    """

    table: str
    where: str
    key: str = "t.id"
    at_once: int = 2_000
    hidden: tuple[str, ...] = ()
    is_told: bool = True


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Rows of others in which the person is named: they stay, and `strikes` says what becomes of their columns. An export
    names them with the `told` columns; the rest is about others.
    """

    table: str
    where: str
    strikes: dict[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    at_once: int = 2_000


def _says(*columns: str, likes: str = "likes", mask: str = "mask") -> str:
    """That one of some texts names the person. The pattern decides; looking for its words first is much faster."""
    text = columns[0] if len(columns) == 1 else f"concat_ws(' ', {', '.join(columns)})"
    # ILIKE would fold the whole text anew for each pattern.
    return f"(lower({text}) like any(:{likes}) and {text} ~* :{mask})"


def _bytes(column: str) -> str:
    """Bytes as text: what is ASCII, as addresses are, stands in it as it is."""
    return f"encode({column}, 'escape')"


def _struck(column: str, mask: str = "mask") -> str:
    return f"regexp_replace({column}, :{mask}, '{ERASED}', 'gi')"


def _struck_json(column: str) -> str:
    return f"cast({_struck(f'cast({column} as text)')} as jsonb)"


def _addresses(people: str) -> str:
    """The addresses in a list of people."""
    return f"jsonb_path_query({people}, '$[*].address') as p(a)"


_AMONG = "lower(p.a #>> '{}') = any(:addresses)"
_OTHERS = "lower(p.a #>> '{}') <> all(:addresses)"


def _without(people: str) -> str:
    """A list of people without them."""
    others = "lower(coalesce(e ->> 'address', '')) <> all(:addresses)"
    return f"coalesce((select jsonb_agg(e) from jsonb_array_elements({people}) e where {others}), '[]')"


def _letter(m: str) -> str:
    """A mail of theirs, one that came back from them, one of ours that went to nobody else."""
    recipients = _addresses(f"({m}.recipients || {m}.cc)")
    return (
        f"(lower({m}.from_address) = any(:addresses) or {m}.bounced && cast(:addresses as text[])"
        f" or ({m}.direction <> 'in' and exists (select 1 from {recipients} where {_AMONG}) and not exists"
        f" (select 1 from {recipients} where {_OTHERS} and lower(p.a #>> '{{}}') <> all(:own))))"
    )


def _of_letter(column: str) -> str:
    return f"exists (select 1 from messages m where m.workspace_id = :ws and m.id = {column} and {_letter('m')})"


def _meeting(o: str) -> str:
    """A meeting with them and at most one other."""
    with_them = f"exists (select 1 from {_addresses(f'{o}.attendees')} where {_AMONG})"
    others = f"(select count(*) from {_addresses(f'{o}.attendees')} where {_OTHERS})"
    return f"((lower({o}.organizer ->> 'address') = any(:addresses) or {with_them}) and {others} <= 1)"


def _call(c: str) -> str:
    return f"({c}.message_id is not null and {_of_letter(f'{c}.message_id')})"


def _call_says(c: str) -> str:
    return _says(f"{c}.content", f"{c}.content_summary", likes="word_likes", mask="words")


def _of_call(column: str) -> str:
    return f"exists (select 1 from calls c where c.workspace_id = :ws and c.id = {column} and {_call('c')})"


_SEND = "t.recipient = any(:addresses)"
_CONTACT = "t.contact_id = any(:ids)"
_UNFOLDED = r"regexp_replace(t.ical, E'\r?\n[ \t]', '', 'g')"
_SAID = "t.status in ('completed', 'failed')"
_FINISHED = "t.state not in ('queued', 'paused', 'sending', 'unknown')"

# In the order of erasing: what refers to another stands before it.
HELD = (
    Held("hits", "exists (select 1 from sends s where s.workspace_id = :ws and s.id = t.send_id"
                 " and s.recipient = any(:addresses))"),
    Held("harvest_items", f"({_CONTACT} or {_says('t.ref', 't.message', 'cast(t.lead as text)', _bytes('t.content'))})",
         hidden=("content",), at_once=200),
    Held("imported_contacts", f"({_CONTACT} or {_says('t.raw_data', 't.error_message')})"),
    Held("contact_import_files",
         "exists (select 1 from contact_import_jobs j where j.workspace_id = :ws and j.id = t.id"
         f" and j.status in ('failed', 'cancelled')) and lower({_bytes('t.content')}) like any(:likes)",
         at_once=1, is_told=False),
    Held("call_speeches", "exists (select 1 from calls c where c.workspace_id = :ws and c.speech_id = t.id"
                          f" and ({_call('c')} or {_call_says('c')}))", hidden=("audio", "digest")),
    Held("call_notices", _of_call("t.call_id")),
    Held("call_attempts", _of_call("t.call_id")),
    Held("calls", _call("t")),
    Held("enrollments", f"({_SEND} or {_of_letter('t.email_id')})"),
    Held("sends", _SEND),
    Held("reply_drafts", f"({_SEND} or {_of_letter('t.message_id')})"),
    Held("judgement_corrections", _of_letter("t.message_id")),
    Held("message_judgements", _of_letter("t.message_id")),
    Held("senders", "lower(t.email) = any(:addresses)", hidden=("words", "votes")),
    Held("messages", _letter("t"), hidden=("identity",), at_once=200),
    # A conversation of which nothing is left.
    Held("threads", " and ".join(
        f"not exists (select 1 from {each} x where x.workspace_id = :ws and x.thread_id = t.id)"
        for each in ("messages", "sends", "enrollments")), is_told=False),
    Held("feedback", _SEND),
    Held("calendar_sources", "exists (select 1 from calendar_occurrences o where o.workspace_id = :ws"
                             f" and o.calendar_id = t.calendar_id and o.series = t.series and {_meeting('o')})"),
    Held("calendar_occurrences", _meeting("t")),
    Held("contact_tags", _CONTACT),
    Held("contact_merges", "(t.kept_id = any(:ids) or t.merged_id = any(:ids))"),
    Held("contact_sources", _CONTACT),
    Held("contact_phones", _CONTACT),
    Held("contact_emails", _CONTACT),
    Held("contacts", "t.id = any(:ids)"),
    Held("events", _says("cast(t.payload as text)", likes="traces", mask="trace_mask")),
    Held("idempotency_keys", _says(_bytes("t.body"), "t.route", likes="traces", mask="trace_mask"),
         key="(t.route || ' ' || t.key)", hidden=("fingerprint", "body"), at_once=500),
)  # fmt: skip

MENTIONED = (
    Mentioned(
        "messages",
        f"(exists (select 1 from {_addresses('(t.recipients || t.cc)')} where {_AMONG}) or t.successor = any(:addresses)"
        f" or {_says('t.from_name', 't.subject', 't.snippet', 't.evidence', 'cast(t.recipients as text)', 'cast(t.cc as text)', 'cast(t.refusals as text)', 't.text', 't.html', _bytes('t.raw'))})",
        {
            "recipients": _without("t.recipients"), "cc": _without("t.cc"),
            "successor": "case when t.successor = any(:addresses) then null else t.successor end",
            "refusals": _struck_json("t.refusals"), "raw": "null",
            **{each: _struck(f"t.{each}") for each in ("from_name", "subject", "snippet", "evidence", "text", "html")},
        },
        told=("sent_at", "direction", "from_address", "subject"), at_once=200,
    ),
    # A mail that has not left yet is not changed under its writer's hand.
    Mentioned("sends", f"{_FINISHED} and {_says('t.subject', 't.body', 't.last_error', 't.proof')}",
              {each: _struck(f"t.{each}") for each in ("subject", "body", "last_error", "proof")}, at_once=500),
    Mentioned("reply_drafts", "t.state not in ('writing', 'waiting', 'approved')"
              f" and {_says('t.subject', 't.body', 't.note')}",
              {each: _struck(f"t.{each}") for each in ("subject", "body", "note")}),
    Mentioned("message_judgements", _says("t.sentence", "cast(t.reasons as text)"),
              {"sentence": _struck("t.sentence"), "reasons": _struck_json("t.reasons")}),
    Mentioned("urgency_models", _says("cast(t.learnt as text)"), {"learnt": _struck_json("t.learnt")}, at_once=50),
    Mentioned("model_questions", _says("cast(t.answer as text)", "t.error", likes="word_likes", mask="words"),
              {"answer": "null", "error": _struck("t.error", "words")}),
    Mentioned("enrollments", _says("cast(t.reply as text)", "cast(t.stop_proof as text)", "t.stop_reason", "t.hold_reason"),
              {"reply": _struck_json("t.reply"), "stop_proof": _struck_json("t.stop_proof"),
               "stop_reason": _struck("t.stop_reason"), "hold_reason": _struck("t.hold_reason")}),
    Mentioned("threads", _says("t.subject"), {"subject": _struck("t.subject")}),
    Mentioned("senders", _says("t.name", "t.latest_subject", "t.latest_preview"),
              {each: _struck(f"t.{each}") for each in ("name", "latest_subject", "latest_preview")}),
    # What has been said is not said again; what is still to be said leaves them out.
    Mentioned("calls", _call_says("t"),
              {each: f"case when {_SAID} then '' else {_struck(f't.{each}', 'words')} end"
               for each in ("content", "content_summary")} | {"speech_id": "null"}),
    Mentioned("call_notices", _says("t.title", "t.text", likes="word_likes", mask="words"),
              {each: _struck(f"t.{each}", "words") for each in ("title", "text")}),
    Mentioned("calendar_occurrences",
              f"(lower(t.organizer ->> 'address') = any(:addresses)"
              f" or exists (select 1 from {_addresses('t.attendees')} where {_AMONG})"
              f" or {_says('t.title', 't.location', 't.url', 't.uid')})",
              {"organizer": "case when lower(t.organizer ->> 'address') = any(:addresses) then null else t.organizer end",
               "attendees": _without("t.attendees"),
               **{each: _struck(f"t.{each}") for each in ("title", "location", "url", "uid")}},
              told=("starts_at", "title")),
    Mentioned("calendar_sources", _says(_UNFOLDED),
              {"ical": _struck(f"regexp_replace({_UNFOLDED}, :lines, '', 'gin')")}, at_once=500),
    Mentioned("harvest_batches", _says("t.query", "t.label"), {each: _struck(f"t.{each}") for each in ("query", "label")}),
    Mentioned("contacts", _says("t.notes", "cast(t.details as text)"),
              {"notes": _struck("t.notes"), "details": _struck_json("t.details")}),
    Mentioned("contact_import_jobs", _says("t.error_message"), {"error_message": _struck("t.error_message")}),
    Mentioned("operations", _says("t.error"), {"error": _struck("t.error")}),
    Mentioned("feedback", _says("t.reason"), {"reason": _struck("t.reason")}),
    Mentioned("suppressions", f"(t.value = any(:addresses) or {_says('cast(t.proof as text)')})",
              {"value": "case when t.value = any(:addresses) then null else t.value end",
               "proof": "case when t.value = any(:addresses) then '{}' else " + _struck_json("t.proof") + " end"},
              told=("value", "reason", "origin", "proof", "created_at")),
)  # fmt: skip

# What goes with the row that it belongs to, and says nothing that the row doesn't.
GOES_WITH = {
    "places": "messages: where a mail lies on the server",
    "mentions": "threads: which mail belongs to it, by Message-IDs",
    "contact_words": "contacts: the words that one is found by",
}
# Found by the words alone, in ways of their own (contact_erasing.py).
BY_THEMSELVES = frozenset({"audit_entries", "audit_seals", "audit_erased", "pgqueuer", "pgqueuer_log"})
# Where no contact is, and why.
NOT_OF_CONTACTS = {
    "users": "people who sign in: their account is deleted instead",
    "workspaces": "the workspace's own name and postal address",
    "members": "users and their roles",
    "sessions": "sign-ins of users",
    "refresh_tokens": "digests of users' tokens",
    "access_keys": "users' keys",
    "data_keys": "sealed keys of the workspace",
    "sign_ins": "sign-ins of users, for minutes",
    "grants": "what users allowed at their providers",
    "mailboxes": "users' own mailboxes",
    "mailbox_paces": "how fast users' mailboxes send",
    "folders": "names of users' folders",
    "preflights": "what the DNS says of users' domains",
    "sequences": "the users' own texts, written for many",
    "sequence_steps": "the users' own texts, written for many",
    "preferences": "users' wishes",
    "model_consents": "users' consents",
    "call_settings": "users' numbers",
    "call_consents": "users' numbers",
    "do_not_call": "numbers at which somebody asked not to be called: a refusal outlives what led to it",
    "calendar_connections": "users' accounts",
    "calendars": "users' calendars",
    "tags": "names that many contacts share",
    "signing_keys": "keys of users' domains",
    "erasures": "deleted users",
    "contact_erasures": "emptied when it is done",
}
