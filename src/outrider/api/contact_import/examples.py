"""Example bodies of the contact import: Ada brings her address book as a spreadsheet."""

from typing import Any

JOB = "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0e01"
RUNNING = {
    "id": JOB,
    "provider": "csv",
    "status": "processing",
    "dry_run": False,
    "total_contacts": 500,
    "processed_contacts": 250,
    "imported_contacts": 200,
    "skipped_contacts": 30,
    "failed_contacts": 20,
    "progress_percent": 50.0,
    "provider_account_name": "contacts.csv",
    "created_at": "2026-11-21T09:30:00.000Z",
    "started_at": "2026-11-21T09:30:01.000Z",
    "completed_at": None,
    "error_message": None,
    "errors": [{"row": 17, "message": "'grace@' is not an email address.", "raw": "Grace Hopper,grace@"}],
}
PENDING = {
    **RUNNING,
    "status": "pending",
    "processed_contacts": 0,
    "imported_contacts": 0,
    "skipped_contacts": 0,
    "failed_contacts": 0,
    "progress_percent": 0.0,
    "started_at": None,
    "errors": [],
}
CANCELLED = {**RUNNING, "status": "cancelled", "completed_at": "2026-11-21T09:30:05.000Z"}

REQUESTS: dict[str, dict[str, Any]] = {
    "import_csv": {
        "a spreadsheet": {"file": "@contacts.csv", "region": "GB"},
        "with a mapping": {"file": "@contacts.csv", "mapping": '{"Name": "name", "Mail": "email"}'},
    },
}


def _provider(url: str, callback: str) -> dict[str, Any]:
    return {
        "configured": False,
        "client_id_set": False,
        "client_secret_set": False,
        "redirect_uri": f"https://outrider.example/api/v1/contacts/import/{callback}/callback",
        "setup_url": url,
    }


ANSWERS: dict[str, Any] = {
    "import_health": {
        "status": "unhealthy",
        "providers": {
            "google": _provider("https://console.cloud.google.com/", "google"),
            "microsoft": _provider("https://portal.azure.com/", "microsoft"),
        },
        "message": "No OAuth provider configured; files can be imported.",
    },
    "import_csv": PENDING,
    "start_import": {
        "job_id": JOB,
        "authorization_url": "https://accounts.google.com/o/oauth2/v2/auth?client_id=outrider&state=eyJqb2JfaWQiOi4uLg",
        "provider": "google",
    },
    "import_status": RUNNING,
    "list_imports": {"jobs": [RUNNING], "total": 5, "limit": 20, "offset": 0},
    "cancel_import": CANCELLED,
    "retry_import": {**RUNNING, "status": "pending"},
}
PARAMETERS = {
    "jobId": "The import's `id`.",
    "provider": "Only imports from there.",
    "status": "Only imports with this status.",
}
VARIABLES = {JOB: "jobId"}
KEPT = {"import_csv": {"jobId": "id"}}
CALLED: dict[str, str] = {}
# What the provider sends the browser back with.
QUERIES: dict[str, dict[str, str]] = {"import_callback": {"state": "state", "code": "code"}}
KEEPS_COOKIE = SHOWS_COOKIE = ""
LAST = ("cancel_import", "retry_import")
