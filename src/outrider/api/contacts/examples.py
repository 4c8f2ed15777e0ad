"""Example bodies of the contacts' contract: Bob asks what is held of him, and then to be forgotten."""

from typing import Any

CONTACT = "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0e21"
ERASURE = "01a9c6f4-9d20-7f03-8c55-1d0b7c3a9e42"
UNDER_WAY = {
    "id": ERASURE,
    "status": "queued",
    "progress": 0,
    "requested_at": "2026-11-21T09:30:00.000Z",
    "finished_at": None,
    "erased": {},
    "error": None,
}
EXPORT = {
    "person": {
        "contact_ids": [CONTACT],
        "addresses": ["bob@example.org"],
        "numbers": ["+442079460123"],
        "names": ["Bob Baker"],
    },
    "exported_at": "2026-11-21T09:30:00Z",
    "held": {"contacts": [{"id": CONTACT, "name": "Bob Baker", "notes": "Met at the fair."}]},
    "mentioned": {"calls": [{"id": "01a9c6f4-55aa-7e42-a1d0-9b2c8d7e6f11"}]},
    "changes": [],
    "is_complete": True,
}


def _done(data: Any) -> dict[str, Any]:
    return {"success": True, "data": data, "message": "Operation completed"}


REQUESTS: dict[str, dict[str, Any]] = {}
ANSWERS: dict[str, Any] = {
    "export_contact": _done(EXPORT),
    "erase_contact": _done(UNDER_WAY),
    "contact_erasure": _done(
        {
            **UNDER_WAY,
            "status": "succeeded",
            "progress": 100,
            "finished_at": "2026-11-21T09:30:04.000Z",
            "erased": {"contacts": 1, "contact_emails": 1, "messages": 12, "messages (struck)": 3},
        }
    ),
}
PARAMETERS = {"contactId": "The contact's `id`.", "erasureId": "The erasure's `id`."}
VARIABLES = {CONTACT: "contactId", ERASURE: "erasureId"}
KEPT = {"erase_contact": {"erasureId": "data.id"}}
CALLED: dict[str, str] = {}
QUERIES: dict[str, dict[str, str]] = {}
KEEPS_COOKIE = SHOWS_COOKIE = ""
LAST = ("erase_contact", "contact_erasure")
