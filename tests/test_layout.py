"""The house's own rules, as far as no linter knows them."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/outrider"
TESTS = ROOT / "tests"
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST = 400
# Modules whose tests have another name, and which; a shrinking list.
TESTED_ELSEWHERE = {
    "core/shared_postgres.py": "core/test_shared.py",
    "core/shared_redis.py": "core/test_shared.py",
    "domain/drafts/queries.py": "domain/drafts/test_actions.py",
    "domain/llm/consent.py": "api/concierge/test_language_model.py",
    "domain/llm/queries.py": "api/concierge/test_language_model.py",
    "domain/calls/claiming.py": "domain/calls/test_jobs.py",
    "domain/calls/digest.py": "api/concierge/test_calls.py",
    "domain/calls/keys.py": "domain/calls/test_jobs.py",
    "domain/calls/leaving_jobs.py": "api/concierge/test_users.py",
    "domain/calls/notifying.py": "domain/calls/test_jobs.py",
    "domain/calls/permitting.py": "api/concierge/test_calls.py",
    "domain/calls/queries.py": "domain/calls/test_jobs.py",
    "domain/calls/recording.py": "domain/calls/test_jobs.py",
    "domain/calls/scheduling.py": "domain/calls/test_jobs.py",
    "domain/calls/scripts.py": "domain/calls/test_jobs.py",
    "domain/calls/speaking.py": "domain/calls/test_jobs.py",
    "console/routes/calls.py": "real/test_console.py",
    "console/routes/drafts.py": "console/test_app.py",
    "console/routes/language_model.py": "console/test_app.py",
    "console/routes/followups.py": "console/test_app.py",
    "console/routes/mailboxes.py": "console/test_app.py",
    "console/routes/operations.py": "console/test_app.py",
    "console/routes/preferences.py": "console/test_app.py",
    "console/routes/senders.py": "console/test_app.py",
    "console/routes/signing_in.py": "console/test_app.py",
    "console/routing.py": "console/test_app.py",
    "console/routes/live.py": "real/test_console.py",
    "domain/calendars/agenda.py": "api/concierge/test_calendar.py",
    "domain/calendars/leaving_jobs.py": "api/concierge/test_calendar.py",
    "domain/calendars/connections.py": "domain/calendars/test_syncing.py",
    "domain/calendars/queries.py": "domain/calendars/test_syncing.py",
    "domain/calendars/recording.py": "domain/calendars/test_syncing.py",
    "providers/calendar/bearer.py": "providers/calendar/test_google.py",
    "providers/calendar/writing.py": "providers/calendar/test_google.py",
    "providers/calendar/dav_xml.py": "providers/calendar/test_caldav.py",
    "api/auth.py": "test_leaks.py",
    "api/browsers.py": "api/followups/test_callback.py",
    "api/bodies.py": "api/test_schemathesis.py",
    "api/deps.py": "test_leaks.py",
    "api/enveloped.py": "api/test_openapi.py",
    "api/contacts/app.py": "test_contracts.py",
    "api/contacts/contract.py": "api/contacts/test_privacy.py",
    "api/contact_import/app.py": "test_contracts.py",
    "api/contact_import/contract.py": "api/contact_import/test_imports.py",
    "api/contract.py": "api/test_openapi.py",
    "api/exchange.py": "test_leaks.py",
    "api/harvest/app.py": "test_contracts.py",
    "api/harvest/contract.py": "api/harvest/test_mail.py",
    "api/harvest/examples.py": "api/test_openapi.py",
    "api/harvest/mailboxes.py": "api/harvest/test_mail.py",
    "api/harvest/shapes.py": "api/harvest/test_processing.py",
    "api/moments.py": "api/test_schemathesis.py",
    "api/issuing.py": "domain/accounts/test_sessions.py",
    "api/followups/app.py": "test_contracts.py",
    "api/followups/contract.py": "api/test_schemathesis.py",
    "api/followups/examples.py": "api/test_examples.py",
    "api/followups/shapes.py": "api/test_examples.py",
    "api/concierge/app.py": "test_contracts.py",
    "api/concierge/contract.py": "api/concierge/test_auth.py",
    "api/concierge/examples_drafts.py": "api/test_openapi.py",
    "api/concierge/examples.py": "api/test_openapi.py",
    "core/encoding.py": "core/test_events.py",
    "core/schema.py": "test_tenancy.py",
    "core/egress_http.py": "core/test_egress.py",
    "demo/calls.py": "demo/test_show.py",
    "demo/contacts.py": "demo/test_show.py",
    "demo/leads.py": "demo/test_show.py",
    "demo/servers.py": "demo/test_show.py",
    "domain/accounts/actions.py": "test_cli.py",
    "domain/accounts/leaving.py": "api/concierge/test_users.py",
    "domain/accounts/permissions.py": "test_leaks.py",
    "domain/accounts/queries.py": "test_cli.py",
    "domain/accounts/registering.py": "api/concierge/test_auth.py",
    "domain/accounts/vault.py": "domain/accounts/test_jobs.py",
    "domain/all_jobs.py": "real/test_main_job.py",
    "domain/all_models.py": "test_tenancy.py",
    "domain/analytics/queries.py": "api/followups/test_analytics.py",
    "domain/deliverability/actions.py": "domain/deliverability/test_jobs.py",
    "domain/deliverability/preflight.py": "test_doctor.py",
    "domain/deliverability/queries.py": "domain/deliverability/test_jobs.py",
    "domain/grants/queries.py": "domain/imports/test_fetching.py",
    "domain/imports/consent.py": "api/contact_import/test_accounts.py",
    "domain/grants/handing_in.py": "api/harvest/test_mail.py",
    "domain/grants/signing_in.py": "api/followups/test_callback.py",
    "domain/harvest/actions.py": "domain/harvest/test_jobs.py",
    "domain/harvest/composing.py": "api/harvest/test_batches.py",
    "domain/harvest/queries.py": "domain/harvest/test_jobs.py",
    "domain/harvest/reading.py": "domain/harvest/test_jobs.py",
    "domain/harvest/taking.py": "domain/harvest/test_jobs.py",
    "domain/mailboxes/browsing.py": "api/harvest/test_mail.py",
    "domain/harvest/extraction_forms.py": "domain/harvest/test_extraction.py",
    "domain/harvest/extraction_language.py": "domain/harvest/test_extraction.py",
    "domain/harvest/extraction_lines.py": "domain/harvest/test_extraction.py",
    "domain/harvest/extraction_phones.py": "domain/harvest/test_extraction.py",
    "domain/harvest/extraction_signatures.py": "domain/harvest/test_extraction.py",
    "domain/harvest/extraction_unwanted.py": "domain/harvest/test_extraction.py",
    "domain/harvest/extraction_wishes.py": "domain/harvest/test_extraction.py",
    "domain/harvest/lead.py": "domain/harvest/test_extraction.py",
    "domain/mailboxes/connecting.py": "real/test_main_job.py",
    "domain/mailboxes/connections.py": "real/test_main_job.py",
    "domain/mailboxes/jobs.py": "real/test_main_job.py",
    "domain/mailboxes/leaving_jobs.py": "api/concierge/test_users.py",
    "domain/mailboxes/queries.py": "api/followups/test_emails.py",
    "domain/mailboxes/syncing.py": "real/test_sync_faults.py",
    "domain/imports/actions.py": "domain/imports/test_jobs.py",
    "domain/imports/columns.py": "domain/imports/test_reading.py",
    "domain/imports/queries.py": "domain/imports/test_jobs.py",
    "domain/imports/vcard.py": "domain/imports/test_reading.py",
    "domain/people/advancing.py": "domain/pipeline/test_jobs.py",
    "domain/people/editing.py": "domain/people/test_actions.py",
    "domain/people/merging.py": "domain/people/test_actions.py",
    "domain/people/queries.py": "domain/people/test_actions.py",
    "domain/operations/jobs.py": "api/concierge/test_users.py",
    "domain/operations/queries.py": "domain/operations/test_actions.py",
    "domain/mailboxes/sender_phrases.py": "domain/mailboxes/test_sender_types.py",
    "domain/preferences/actions.py": "api/concierge/test_preferences.py",
    "domain/preferences/evidence.py": "api/concierge/test_preferences.py",
    "domain/preferences/rules.py": "api/concierge/test_preferences.py",
    "domain/senders/actions.py": "api/concierge/test_senders.py",
    "domain/senders/queries.py": "api/concierge/test_senders.py",
    "domain/urgency/actions.py": "domain/urgency/test_jobs.py",
    "domain/urgency/queries.py": "domain/urgency/test_jobs.py",
    "domain/urgency/reading.py": "domain/urgency/test_jobs.py",
    "domain/urgency/rules.py": "domain/urgency/test_jobs.py",
    "domain/urgency/topics.py": "domain/urgency/test_judging.py",
    "domain/sending/joining_jobs.py": "domain/mailboxes/test_joining.py",
    "domain/sequences/joining_jobs.py": "domain/mailboxes/test_joining.py",
    "domain/sending/letterhead.py": "api/test_unsubscribe.py",
    "domain/sending/queries.py": "domain/sending/test_jobs.py",
    "domain/sequences/actions.py": "api/followups/test_enrollments.py",
    "domain/erasure/walking.py": "domain/erasure/test_contact_erasing.py",
    "domain/sequences/queries.py": "api/followups/test_sequences.py",
    "domain/sequences/schedules.py": "api/followups/test_schedules.py",
    "domain/mailboxes/drafts.py": "domain/mailboxes/test_recording.py",
    "domain/sending/results.py": "domain/sending/test_actions.py",
    "domain/mailboxes/automatic_phrases.py": "domain/mailboxes/test_classify.py",
    "domain/mailboxes/marks.py": "domain/mailboxes/test_classify.py",
    "domain/mailboxes/phrases.py": "domain/mailboxes/test_classify.py",
    "domain/mailboxes/refusal_languages.py": "domain/mailboxes/test_refusals.py",
    "domain/mailboxes/refusal_phrases.py": "domain/mailboxes/test_refusals.py",
    "domain/mailboxes/verdict.py": "domain/mailboxes/test_classify.py",
    "domain/sending/rules.py": "domain/sending/test_actions.py",
    "domain/sending/settling_jobs.py": "faults/test_kills.py",
    "domain/sending/desk.py": "faults/test_kills.py",
    "domain/sequences/rules.py": "domain/sequences/test_scheduling.py",
    "domain/tracking/actions.py": "api/test_tracking.py",
    "domain/tracking/queries.py": "api/test_tracking.py",
    "domain/suppressions/queries.py": "domain/suppressions/test_actions.py",
    "domain/suppressions/rules.py": "domain/suppressions/test_actions.py",
    "domain/templates/filters.py": "domain/templates/test_rendering.py",
    "domain/templates/markup.py": "domain/templates/test_rendering.py",
    "domain/templates/sandbox.py": "domain/templates/test_rendering.py",
    "cli_delivery.py": "test_managing.py",
    "cli_model.py": "test_managing_model.py",
    "cli_people.py": "test_managing_people.py",
    "cli_running.py": "test_cli.py",
    "main.py": "test_leaks.py",
    "operating.py": "test_cli.py",
    "routes.py": "test_cli.py",
    "working.py": "test_worker.py",
    "providers/google_refusal.py": "providers/mail/test_gmail.py",
    "providers/mail/gmail_api.py": "providers/mail/test_gmail.py",
    "providers/mail/gmail_browse.py": "api/harvest/test_mail.py",
    "providers/mail/gmail_fetch.py": "providers/mail/test_gmail.py",
    "providers/mail/gmail_push.py": "api/test_hooks.py",
    "providers/mail/gmail_send.py": "providers/mail/test_gmail.py",
    "providers/mail/gmail_sync.py": "providers/mail/test_gmail.py",
    "providers/mail/graph_api.py": "providers/mail/test_graph.py",
    "providers/mail/graph_fetch.py": "providers/mail/test_graph.py",
    "providers/mail/graph_send.py": "providers/mail/test_graph.py",
    "providers/mail/graph_sent.py": "providers/mail/test_graph.py",
    "providers/mail/graph_sync.py": "providers/mail/test_graph.py",
    "providers/mail/dns.py": "providers/mail/test_preflight.py",
    "providers/mail/spf.py": "providers/mail/test_preflight.py",
    "providers/mail/charsets.py": "providers/mail/test_mime.py",
    "providers/mail/field_names.py": "providers/mail/test_forwards.py",
    "providers/mail/headers.py": "providers/mail/test_mime.py",
    "providers/mail/html_text.py": "providers/mail/test_mime.py",
    "providers/mail/imap_fetch.py": "providers/mail/test_imap.py",
    "providers/mail/imap_wire.py": "providers/mail/test_imap.py",
    "providers/mail/limits.py": "providers/mail/test_sandbox.py",
    "providers/mail/smtp_send.py": "providers/mail/test_smtp.py",
    "providers/oauth/code_flow.py": "providers/oauth/test_google.py",
    "runtime.py": "conftest.py",
}
# Tests of what no single module does: whole promises, tried against everything.
OF_THE_WHOLE = {
    "api/test_examples.py", "api/test_harvest_examples.py", "api/test_schemathesis.py", "core/test_egress_bounds.py", "core/test_egress_vectors.py",
    "console/test_assets.py", "console/test_leaks.py",
    "test_canaries.py", "test_contracts.py", "test_docs.py", "test_layout.py", "test_leaks.py", "test_tenancy.py",
}  # fmt: skip
# Users belong to the installation; a workspace is found through their membership.
OF_NO_WORKSPACE = {f"domain/accounts/queries.py: {name}" for name in ("user_by_email", "get_user", "has_users")}
# What has no behaviour of its own: tables, facts, shapes.
NO_BEHAVIOUR = {"models.py", "events.py", "tables.py", "interface.py", "parsed.py", "__init__.py", "__main__.py"}


def path_of(file: Path) -> str:
    return str(file.relative_to(SOURCE))


@pytest.mark.parametrize("file", FILES, ids=path_of)
def test_every_module_has_its_tests_where_one_looks_for_them(file: Path) -> None:
    if file.name in NO_BEHAVIOUR:
        return
    name = path_of(file)
    mirrored = TESTS / file.relative_to(SOURCE).with_name(f"test_{file.name}")
    if name in TESTED_ELSEWHERE:
        assert not mirrored.exists(), f"{name} has tests of its own now: take it from the list"
        assert (TESTS / TESTED_ELSEWHERE[name]).exists()
    else:
        assert mirrored.exists(), f"no {mirrored.relative_to(ROOT)}"


def test_every_listed_module_exists() -> None:
    assert [name for name in TESTED_ELSEWHERE if not (SOURCE / name).exists()] == []


def test_every_test_file_mirrors_a_module() -> None:
    kept = {
        str(each.relative_to(TESTS))
        for each in TESTS.rglob("test_*.py")
        if each.relative_to(TESTS).parts[0] not in {"real", "faults"}
    }
    strays = {name for name in kept if not (SOURCE / name).with_name(Path(name).name.removeprefix("test_")).exists()}
    assert strays == OF_THE_WHOLE


@pytest.mark.parametrize("file", [each for each in FILES if each.name != "__init__.py"], ids=path_of)
def test_every_module_opens_with_what_lives_there(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text()))


@pytest.mark.parametrize("file", FILES, ids=path_of)
def test_no_file_is_longer_than_one_can_hold(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= LONGEST


def test_only_the_database_module_commits() -> None:
    committing = {path_of(each) for each in FILES if re.search(r"\.commit\(|\.rollback\(", each.read_text())}
    assert committing <= {"core/db.py"}


def test_only_models_define_tables() -> None:
    defining = {path_of(each) for each in FILES if "__tablename__" in each.read_text()}
    assert {name for name in defining if not name.endswith("models.py")} == set()


def test_domains_take_their_tenant_with_every_query() -> None:
    """A function of `queries.py` either takes a workspace or says that it works before one is known."""
    guilty = []
    for file in SOURCE.glob("domain/*/queries.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                names = {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
                says = ast.get_docstring(node) or ""
                if not names & {"workspace_id", "actor", "mailbox"} and "scope" not in says and "before" not in says:
                    guilty.append(f"{path_of(file)}: {node.name}")
    assert set(guilty) <= OF_NO_WORKSPACE


def test_nothing_is_swallowed_in_silence() -> None:
    silent = [
        f"{path_of(file)}:{node.lineno}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and all(isinstance(each, ast.Pass) for each in node.body)
    ]
    assert silent == []
