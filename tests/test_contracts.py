"""The files that speak of the contracts to the outside are what the code says."""

from scripts.contracts import endpoints, files

from outrider import VERSION
from outrider.api.concierge import app as concierge
from outrider.api.contact_import import app as contact_import
from outrider.api.contacts import app as contacts
from outrider.api.followups import app
from outrider.api.harvest import app as harvest

# The 28 endpoints of the followups contract, as its clients call them, and where Google sends the browser back to.
FOLLOWUPS = """
POST /auth/connect|GET /auth/callback|POST /auth/refresh|GET /auth/status|DELETE /auth/disconnect|GET /user/profile|GET /emails/sent
POST /emails/sync|GET /emails/sent/{emailId}|POST /emails/check-replies|GET /sequences|POST /sequences
GET /sequences/{sequenceId}|PUT /sequences/{sequenceId}|DELETE /sequences/{sequenceId}|GET /enrollments
POST /enrollments|GET /enrollments/{enrollmentId}|PUT /enrollments/{enrollmentId}|DELETE /enrollments/{enrollmentId}
POST /enrollments/{enrollmentId}/pause|POST /enrollments/{enrollmentId}/resume|GET /schedules
POST /schedules/{enrollmentId}/trigger|GET /schedules/health|POST /sync|GET /analytics/sends
GET /analytics/enrollments|GET /health
"""
# Those of the concierge's contract, its own way to go on with a session, and when one may be called.
CONCIERGE = """
POST /api/auth/register
POST /api/auth/login
POST /api/auth/refresh
POST /api/auth/logout
GET /api/auth/me
GET /api/users/profile
PUT /api/users/profile
DELETE /api/users/account
GET /api/senders
POST /api/senders/scan
GET /api/senders/scan/{job_id}
PUT /api/senders/{id}/category
POST /api/senders/bulk-update
GET /api/preferences
PUT /api/preferences
POST /api/preferences/reset
POST /api/integrations/email/connect
GET /api/integrations/email/status
POST /api/integrations/email/sync
GET /api/integrations/calendar/events
POST /api/integrations/calendar/connect
DELETE /api/integrations/calendar/connections/{integration_id}
GET /api/calls
POST /api/calls/schedule-urgent
GET /api/calls/next-digest
GET /api/calls/settings
PUT /api/calls/settings
GET /api/drafts
POST /api/drafts
GET /api/drafts/{draft_id}
PUT /api/drafts/{draft_id}
POST /api/drafts/{draft_id}/approve
POST /api/drafts/{draft_id}/decline
GET /api/language-model
PUT /api/language-model
GET /api/urgency
PUT /api/urgency/{message_id}
"""


def test_no_file_is_stale() -> None:
    assert [path.name for path, text in files().items() if not path.exists() or path.read_text() != text] == []


def test_followups_has_its_29_endpoints() -> None:
    specification = app.build(VERSION).openapi()
    found = {f"{each.method} {each.path}" for each in endpoints(specification)}
    assert found == set(FOLLOWUPS.strip().replace("\n", "|").split("|"))


def test_the_concierge_has_its_endpoints() -> None:
    found = {f"{each.method} {each.path}" for each in endpoints(concierge.build(VERSION).openapi())}
    assert found == set(CONCIERGE.split("\n")[1:-1])


def test_contact_import_has_its_8_endpoints() -> None:
    base = "/api/v1/contacts/import"
    found = {f"{each.method} {each.path}" for each in endpoints(contact_import.build(VERSION).openapi())}
    assert found == {
        f"GET {base}/health", f"POST {base}/csv", f"GET {base}/status/{{jobId}}", f"GET {base}/list",
        f"POST {base}/{{jobId}}/cancel", f"POST {base}/{{jobId}}/retry",
        f"POST {base}/{{provider}}/start", f"GET {base}/{{provider}}/callback",
    }  # fmt: skip


def test_contacts_give_what_they_hold_and_forget_it() -> None:
    base = "/api/v1/contacts"
    found = {f"{each.method} {each.path}" for each in endpoints(contacts.build(VERSION).openapi())}
    assert found == {
        f"GET {base}/{{contactId}}/export", f"POST {base}/{{contactId}}/erase", f"GET {base}/erasures/{{erasureId}}",
    }  # fmt: skip


def test_harvest_has_its_eight_endpoints_and_what_stops_and_shows_a_batch() -> None:
    found = {f"{each.method} {each.path}" for each in endpoints(harvest.describe(VERSION))}
    assert found == {
        "POST /api/gmail/token", "GET /api/gmail/messages", "GET /api/gmail/labels", "POST /api/gmail/process-batch",
        "POST /api/gmail/webhook", "GET /api/processing/status/{batchId}", "POST /api/processing/retry/{batchId}",
        "GET /api/processing/history", "POST /api/processing/cancel/{batchId}", "GET /api/processing/results/{batchId}",
    }  # fmt: skip
