"""Example bodies of the harvest: Ada looks into her Gmail, and makes leads of what is there."""

from typing import Any

BATCH = "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0e11"
MAILBOX = "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0e12"
CONTACT = "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0e13"
MESSAGE = "18f00000000e"
READ, SEND = (f"https://www.googleapis.com/auth/gmail.{each}" for each in ("readonly", "send"))
LETTER = {
    "from": "Grace Hopper <grace@hopper.example>",
    "subject": "Offer for 40 seats",
    "text": "Hello Ada,\n\ncould you make us an offer for 40 seats?\n\nBest regards\nGrace Hopper\n"
    "Hopper Computing Ltd\n+44 20 7946 0018\n",
}
STARTED = {"batch_id": BATCH, "total": 2, "status": "queued"}
RUNNING = {
    "batch_id": BATCH,
    "status": "completed",
    "source": "emails",
    "query": "",
    "label": None,
    "mailbox_id": None,
    "total": 2,
    "processed": 2,
    "succeeded": 1,
    "skipped": 0,
    "failed": 1,
    "progress": 100,
    "summary": "2 of 2 completed",
    "error": None,
    "waiting_for": None,
    "created_at": "2026-11-21T09:30:00.000Z",
    "started_at": "2026-11-21T09:30:01.000Z",
    "completed_at": "2026-11-21T09:30:02.000Z",
}
DONE = "Operation completed"


def _done(data: Any) -> dict[str, Any]:
    return {"success": True, "data": data, "message": DONE}


def _page(*items: Any) -> dict[str, Any]:
    return {"success": True, "data": list(items), "pagination": {"page": 1, "limit": 20, "total": 1, "pages": 1}}


def _field(value: str, confidence: float, source: str, start: int = 0, end: int = 0) -> dict[str, Any]:
    evidence = {"source": source, "quote": value, "start": start, "end": end}
    return {"value": value, "confidence": confidence, "evidence": evidence}


REQUESTS: dict[str, dict[str, Any]] = {
    "store_token": {
        "Google's tokens": {
            "access_token": "ya29.a0AfB_example",
            "refresh_token": "1//0e-example",
            "expires_in": 3599,
            "scope": f"{READ} {SEND}",
            "token_type": "Bearer",
        }
    },
    "process_batch": {
        "mails at hand": {"emails": [LETTER, "From: bob@b.test\nSubject: Hello\n\nHello"]},
        "messages": {"message_ids": [MESSAGE]},
        "a search": {"query": "after:1700000000", "label": "INBOX", "max": 50},
    },
    "gmail_webhook": {
        "news": {
            "message": {
                "data": "eyJlbWFpbEFkZHJlc3MiOiJhZGFAbG92ZWxhY2UuZXhhbXBsZSIsImhpc3RvcnlJZCI6MTIzNH0=",
                "messageId": "8842",
            },
            "subscription": "projects/outrider/subscriptions/gmail",
        }
    },
}
ANSWERS: dict[str, Any] = {
    "store_token": _done(
        {
            "mailbox_id": MAILBOX,
            "email": "ada@lovelace.example",
            "provider": "gmail",
            "scopes": [READ, SEND],
            "can_send": True,
            "expires_at": "2026-11-21T10:30:00.000Z",
        }
    ),
    "list_messages": _done(
        {
            "mailbox_id": MAILBOX,
            "messages": [
                {
                    "id": MESSAGE,
                    "thread_id": MESSAGE,
                    "from": {"name": "Grace Hopper", "email": "grace@hopper.example"},
                    "to": ["ada@lovelace.example"],
                    "subject": "Offer for 40 seats",
                    "snippet": "Hello Ada, could you make us an offer for 40 seats?",
                    "labels": ["INBOX", "UNREAD"],
                    "size": 1830,
                    "sent_at": "2026-11-21T09:29:58.000Z",
                    "received_at": "2026-11-21T09:30:00.000Z",
                }
            ],
            "next_page_token": "07534214215842",
            "total_estimate": 201,
        }
    ),
    "list_labels": _done(
        {
            "mailbox_id": MAILBOX,
            "labels": [
                {"id": "INBOX", "name": "INBOX", "type": "system"},
                {"id": "Label_7", "name": "Enquiries", "type": "user"},
            ],
        }
    ),
    "process_batch": _done(STARTED),
    "gmail_webhook": _done({"is_new": True}),
    "batch_status": _done(
        {
            **RUNNING,
            "errors": [
                {
                    "message_id": "email-2",
                    "code": "message_not_found",
                    "message": "The message is not there: it was deleted, or it is a draft, a chat or in the trash.",
                    "attempts": 1,
                }
            ],
        }
    ),
    "retry_batch": _done({**STARTED, "total": 2}),
    "cancel_batch": _done({**RUNNING, "status": "cancelled", "processed": 1, "failed": 0, "progress": 50}),
    "list_batches": _page(RUNNING),
    "batch_results": _page(
        {
            "message_id": "email-1",
            "outcome": "created",
            "code": None,
            "reason": None,
            "attempts": 1,
            "contact_id": CONTACT,
            "lead": {
                "origin": "letter",
                "name": _field("Grace Hopper", 0.95, "from"),
                "email": _field("grace@hopper.example", 0.99, "from"),
                "phones": [],
                "company": _field("Hopper Computing Ltd", 0.9, "text", 82, 102),
                "title": None,
                "address": None,
                "websites": [],
                "language": _field("en", 0.99, "text"),
                "budget": None,
                "date": None,
                "sentiment": _field("neutral", 0.5, "text"),
                "message": _field("Hello Ada,\n\ncould you make us an offer for 40 seats?", 0.8, "text"),
            },
        }
    ),
}
PARAMETERS = {
    "batchId": "The batch's `batch_id`.",
    "status": "Only batches with this status.",
    "outcome": "Only mails of which this became.",
}
VARIABLES = {BATCH: "batchId", MESSAGE: "messageId"}
KEPT = {"process_batch": {"batchId": "data.batch_id"}, "list_messages": {"messageId": "data.messages.0.id"}}
# By operation that another service calls: the variable with its token.
CALLED = {"gmail_webhook": "googleToken"}
QUERIES: dict[str, dict[str, str]] = {}
KEEPS_COOKIE = SHOWS_COOKIE = ""
LAST = ("cancel_batch", "retry_batch")
