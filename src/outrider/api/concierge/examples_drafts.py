"""Example bodies of drafts and of the language model, beside those of the contract itself."""

from typing import Any

MESSAGE = "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f0b"
DRAFT_ID = "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f11"
DRAFT = {
    "id": DRAFT_ID,
    "status": "waiting",
    "answers": {
        "message_id": MESSAGE,
        "sender": "charles@babbage.example",
        "sender_name": "Charles Babbage",
        "subject": "The engine",
        "snippet": "Could you look over the notes before Friday?",
        "received_at": "2026-11-21T09:12:00.000Z",
    },
    "call_id": "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f12",
    "mailbox_id": "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f05",
    "recipient": "charles@babbage.example",
    "recipient_name": "Charles Babbage",
    "subject": "Re: The engine",
    "body": "Dear Charles,\n\nthank you for the notes. I will look them over by [day].\n\nAda Lovelace",
    "language": "en",
    "written_by": "model",
    "model": "gpt-4.1-mini",
    "note": None,
    "waiting_for": None,
    "next_attempt_at": None,
    "created_at": "2026-11-21T09:31:00.000Z",
    "updated_at": "2026-11-21T09:31:04.000Z",
    "decided_at": None,
    "sent_at": None,
}
FRESH = {**DRAFT, "status": "writing", "body": "", "written_by": "template", "model": None, "call_id": None}
CHANGED = {**DRAFT, "body": "Dear Charles,\n\nby Thursday.\n\nAda", "written_by": "user"}
APPROVED = {
    **CHANGED,
    "status": "approved",
    "waiting_for": "mailbox_gap",
    "next_attempt_at": "2026-11-21T09:44:10.000Z",
    "decided_at": "2026-11-21T09:40:00.000Z",
}
MODEL = {
    "consents": True,
    "consent_wording": "We agree that the content of our mail is sent to the language model at api.openai.com, to word"
    " calls and to draft answers. Whoever runs it reads what it is sent; nothing is sent to train it.",
    "consented_by": "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f01",
    "consented_at": "2026-11-21T09:30:00.000Z",
    "is_set_up": True,
    "model": "gpt-4.1-mini",
    "host": "api.openai.com",
    "used": [
        {
            "purpose": "reply",
            "questions": 12,
            "failures": 1,
            "characters": 18_400,
            "input_tokens": 7_900,
            "output_tokens": 1_450,
            "cost_usd": 0.00548,
        }
    ],
}


def _done(data: Any) -> dict[str, Any]:
    return {"success": True, "data": data, "message": "Operation completed"}


REQUESTS: dict[str, dict[str, Any]] = {
    "ask_for_draft": {"an answer": {"message_id": MESSAGE}, "again": {"message_id": MESSAGE}},
    "edit_draft": {
        "other words": {"body": "Dear Charles,\n\nby Thursday.\n\nAda"},
        "again": {"body": "Dear Charles,\n\nby Friday.\n\nAda"},
    },
    "edit_language_model": {"withdrawn": {"consents": False}},
}
ANSWERS: dict[str, Any] = {
    "list_drafts": {
        "success": True,
        "data": [DRAFT],
        "pagination": {"page": 1, "limit": 20, "total": 1, "pages": 1},
    },
    "ask_for_draft": _done({"draft": FRESH}),
    "get_draft": _done({"draft": DRAFT}),
    "edit_draft": _done({"draft": CHANGED}),
    "approve_draft": _done({"draft": APPROVED}),
    "decline_draft": _done({"draft": {**DRAFT, "status": "declined", "decided_at": "2026-11-21T09:40:00.000Z"}}),
    "get_language_model": _done({"language_model": MODEL}),
    "edit_language_model": _done(
        {"language_model": {**MODEL, "consents": False, "consented_by": None, "consented_at": None}}
    ),
}
PARAMETERS = {"status": "Only drafts in this state.", "draft_id": "The draft's `id`."}
KEPT = {"ask_for_draft": {"draft_id": "data.draft.id"}}
LAST = ("ask_for_draft (again)", "edit_draft (again)", "approve_draft")
