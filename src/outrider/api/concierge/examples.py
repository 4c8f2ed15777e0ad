"""Example bodies of the concierge: Ada has her callers sorted."""

from typing import Any

from outrider.api.concierge import examples_drafts

USER = {
    "id": "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f01",
    "email": "ada@lovelace.example",
    "name": "Ada Lovelace",
    "timezone": "Europe/London",
    "created_at": "2026-11-21T09:30:00.000Z",
    "updated_at": "2026-11-21T09:30:00.000Z",
}
SESSION = {
    "user": USER,
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMWE5In0.c2ln",
    "refresh_token": "01a9c6f42b107c449a116f2f1b7a0f02.kq3yWc",
    "token_type": "Bearer",
    "expires_at": "2026-11-21T09:45:00.000Z",
}
PASSWORD = "correct horse battery"  # noqa: S105  # of nobody

SENDER_ID = "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f03"
JOB = "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f04"
MAILBOX = "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f05"
SENDER = {
    "id": SENDER_ID,
    "user_id": USER["id"],
    "email": "offers@shop.example",
    "domain": "shop.example",
    "name": "The Shop",
    "category": "unassigned",
    "proposed": {"category": "why-did-i-signup", "reasons": ["It wants to sell something."]},
    "email_count": 14,
    "latest_subject": "25 % off everything",
    "latest_date": "2026-11-20T07:00:00.000Z",
    "latest_preview": "Only today: use the code NOV25 …",
    "sender_type": "promotional",
    "type_reasons": ["Subject: a discount (25 %)", "It has a List-Unsubscribe header."],
    "created_at": "2026-11-21T09:30:00.000Z",
    "updated_at": "2026-11-21T09:30:00.000Z",
}
PREFERENCES = {
    "id": "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f06",
    "user_id": USER["id"],
    "urgent_financial": True,
    "investor_updates": True,
    "customer_issues": True,
    "team_urgent": True,
    "partnership_deals": True,
    "product_launches": False,
    "meeting_reminder_timing": "15-minutes",
    "meeting_reminder_frequency": "all-meetings",
    "meeting_reminder_method": "call-and-digest",
    "preferred_call_time": "08:00",
    "voice_preference": "alloy",
    "created_at": "2026-11-21T09:30:00.000Z",
    "updated_at": "2026-11-21T09:30:00.000Z",
}
CALENDAR = "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f07"
EVENT = {
    "id": "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f08",
    "calendar_id": "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f09",
    "calendar_name": "Work",
    "provider": "caldav",
    "title": "The engine, with Mr Babbage",
    "location": "Dorset Street 1",
    "meeting_url": "",
    "start_time": "2026-11-23T10:00:00.000Z",
    "end_time": "2026-11-23T11:00:00.000Z",
    "all_day": False,
    "start_date": None,
    "end_date": None,
    "status": "confirmed",
    "organizer": {"email": "ada@lovelace.example", "name": "Ada Lovelace", "response": "accepted"},
    "attendees": [{"email": "charles@engines.example", "name": "Charles Babbage", "response": "accepted"}],
    "is_recurring": True,
    "is_external": True,
    "is_important": False,
    "is_investor": False,
    "is_declined": False,
    "reminder_at": "2026-11-23T09:45:00.000Z",
}
INTEGRATION = {
    "integration_id": CALENDAR,
    "provider": "caldav",
    "account": "ada@lovelace.example",
    "state": "connected",
    "reason": None,
    "last_sync": "2026-11-21T09:31:00.000Z",
    "calendars": ["Work", "Family"],
    "problems": [],
}
CALL = {
    "id": "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f0a",
    "user_id": USER["id"],
    "call_type": "urgent",
    "status": "completed",
    "scheduled_at": "2026-11-21T09:30:00.000Z",
    "completed_at": "2026-11-21T09:31:12.000Z",
    "duration_seconds": 41,
    "content_summary": "The bank needs your signature before noon",
    "created_at": "2026-11-21T09:30:00.000Z",
    "message_id": "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0f0b",
    "priority": "high",
    "next_attempt_at": None,
    "waiting_for": None,
    "error": None,
    "attempts": [
        {
            "number": 1,
            "carrier": "telephone",
            "status": "completed",
            "placed_at": "2026-11-21T09:30:01.000Z",
            "answered_at": "2026-11-21T09:30:31.000Z",
            "ended_at": "2026-11-21T09:31:12.000Z",
            "duration_seconds": 41,
            "error": None,
        }
    ],
}
FRESH_CALL = {
    **CALL,
    "status": "scheduled",
    "completed_at": None,
    "duration_seconds": None,
    "next_attempt_at": "2026-11-21T09:30:00.000Z",
    "attempts": [],
}
JUDGEMENT = {
    "message_id": CALL["message_id"],
    "from_name": "Mary Somerville",
    "from_address": "mary@bank.example",
    "subject": "Your payroll file",
    "topic": "financial",
    "urgent": True,
    "outcome": "call",
    "decided_by": "preference urgent_financial",
    "sentence": "The file was rejected, and the bank needs your signature before noon.",
    "reasons": [
        {"sign": "due_soon", "points": 1.9, "says": "it names an hour of today", "words": "before noon"},
        {"sign": "your_move", "points": 1.7, "says": "it needs you", "words": "needs your signature"},
        {"sign": "standstill", "points": 1.5, "says": "something does not work", "words": "rejected"},
    ],
    "received_at": "2026-11-21T09:29:50.000Z",
    "correction": None,
}
CALL_SETTINGS = {
    "phone_number": "+442079460958",
    "consents": True,
    "consent_wording": "I agree that an artificial voice calls me at this number with what I asked to be told.",
    "language": "en",
    "quiet_from": "21:00",
    "quiet_until": "07:00",
    "daily_budget": 12,
    "wants_digest": True,
    "allows_outside_voice": False,
}


def _done(data: Any) -> dict[str, Any]:
    return {"success": True, "data": data, "message": "Operation completed"}


REQUESTS: dict[str, dict[str, Any]] = {
    "register": {
        "a newcomer": {
            "email": "ada@lovelace.example",
            "password": PASSWORD,
            "name": "Ada Lovelace",
            "timezone": "Europe/London",
        }
    },
    "login": {
        "by password": {"email": "ada@lovelace.example", "password": PASSWORD},
        "again": {"email": "ada@lovelace.example", "password": PASSWORD},
    },
    "refresh_session": {"the last one": {"refresh_token": SESSION["refresh_token"]}},
    "edit_profile": {"another zone": {"timezone": "Europe/Berlin"}},
    "connect_email": {
        "a server": {
            "provider": "imap",
            "auth_token": "app password",
            "email": "ada@lovelace.example",
            "host": "imap.lovelace.example",
            "port": 993,
            "smtp_host": "smtp.lovelace.example",
            "smtp_port": 465,
        }
    },
    "connect_calendar": {
        "a server": {
            "provider": "caldav",
            "url": "https://dav.lovelace.example",
            "username": "ada@lovelace.example",
            "auth_token": "app password",
        },
        "a published address": {"provider": "ics", "url": "webcal://calendars.example/holidays.ics"},
    },
    "categorise_sender": {"a quiet one": {"category": "keep-quiet"}},
    "categorise_senders": {"several": {"updates": [{"sender_id": SENDER_ID, "category": "why-did-i-signup"}]}},
    "schedule_urgent": {"a signature": {"content": "The bank needs your signature before noon.", "priority": "high"}},
    "correct_judgement": {
        "it could wait": {"urgent": False},
        "it was about something else": {"urgent": True, "topic": "investor"},
    },
    "edit_call_settings": {"a number": {"phone_number": "+44 20 7946 0958", "consents": True}},
    "edit_preferences": {
        "an early call": {"preferred_call_time": "07:30", "meeting_reminder_frequency": "external-only"}
    },
}
ANSWERS: dict[str, Any] = {
    "register": _done(
        {"status": "accepted", "email": "ada@lovelace.example", "next": "Sign in with POST /api/auth/login."}
    ),
    "login": _done(SESSION),
    "refresh_session": _done(SESSION),
    "logout": _done({"logged_out": True}),
    "me": _done(USER),
    "profile": _done(USER),
    "edit_profile": _done({**USER, "timezone": "Europe/Berlin"}),
    "connect_email": _done({"integration_id": MAILBOX, "status": "connected"}),
    "email_status": _done(
        {
            "connected": True,
            "provider": "imap",
            "last_sync": "2026-11-21T09:31:00.000Z",
            "integration_id": MAILBOX,
            "email": "ada@lovelace.example",
            "state": "connected",
            "reason": None,
            "deliverability": [
                {
                    "name": "dmarc",
                    "verdict": "fail",
                    "message": "lovelace.example has no DMARC record.",
                    "record": "TXT of _dmarc.lovelace.example: v=DMARC1; p=none; rua=mailto:postmaster@lovelace.example",
                }
            ],
        }
    ),
    "connect_calendar": _done({"integration_id": CALENDAR, "status": "connected", "calendars": ["Work", "Family"]}),
    "calendar_events": _done({"events": [EVENT], "integrations": [INTEGRATION]}),
    "disconnect_calendar": _done({"disconnected": True}),
    "sync_email": _done({"job_id": JOB}),
    "list_senders": _done({"senders": [SENDER], "total": 1, "page": 1, "limit": 20, "pages": 1}),
    "scan_senders": _done({"job_id": JOB, "status": "processing"}),
    "scan_status": _done(
        {"job_id": JOB, "status": "processing", "progress": 40, "processed": 400, "total": 1000, "error": None}
    ),
    "categorise_sender": _done({"sender": {**SENDER, "category": "keep-quiet"}}),
    "categorise_senders": _done({"updated_count": 1}),
    "get_preferences": _done({"preferences": PREFERENCES}),
    "edit_preferences": _done({"preferences": {**PREFERENCES, "preferred_call_time": "07:30"}}),
    "reset_preferences": _done(
        {
            "preferences": PREFERENCES,
            "based_on": [
                {
                    "setting": "preferred_call_time",
                    "value": "08:00",
                    "reason": "On 41 days of 90 your first mail left at 08:37 in the median (Europe/London).",
                }
            ],
        }
    ),
    "list_calls": _done({"calls": [CALL], "total": 1, "page": 1, "limit": 20, "pages": 1}),
    "schedule_urgent": _done({"call": FRESH_CALL}),
    "next_digest": _done(
        {
            "scheduled_at": "2026-11-22T08:00:00.000Z",
            "content_preview": "Good morning, this is your digest. What came in: Charles Babbage: Your engine. That is all.",
            "mails": 1,
            "meetings": 0,
        }
    ),
    "list_judgements": _done({"judgements": [JUDGEMENT], "total": 1, "page": 1, "limit": 20, "pages": 1}),
    "correct_judgement": _done({"judgement": {**JUDGEMENT, "correction": {"urgent": False, "topic": None}}}),
    "get_call_settings": _done({"settings": CALL_SETTINGS}),
    "edit_call_settings": _done({"settings": CALL_SETTINGS}),
    "delete_account": _done({"deleted": True, "erased_after": "2026-12-21T09:30:00.000Z"}),
}
PARAMETERS: dict[str, str] = {
    "category": "Only senders of this category.",
    "sender_type": "Only senders of this kind.",
    "sort": "The order; `-` for falling.",
    "job_id": "The `job_id` of the scan.",
    "id": "The sender's `id`.",
    "integration_id": "The `integration_id` of the connection.",
    "from": "Only calls meant for then or later.",
    "to": "Only calls meant for before then.",
    "message_id": "The `message_id` of a judgement or a call.",
    "urgent": "Only mail that was found urgent, or not.",
    "days_ahead": "How many days to look ahead.",
}
REQUESTS |= examples_drafts.REQUESTS
ANSWERS |= examples_drafts.ANSWERS
PARAMETERS |= examples_drafts.PARAMETERS
VARIABLES = {
    str(SESSION["refresh_token"]): "refreshToken",
    SENDER_ID: "id",
    CALENDAR: "integration_id",
    str(CALL["message_id"]): "message_id",
}
VARIABLES |= {examples_drafts.DRAFT_ID: "draft_id"}
KEPT: dict[str, dict[str, str]] = {
    "login": {"accessToken": "data.access_token", "refreshToken": "data.refresh_token"},
    "refresh_session": {"accessToken": "data.access_token", "refreshToken": "data.refresh_token"},
}
KEPT |= {"calendar_events": {"integration_id": "data.integrations.0.integration_id"}}
KEPT |= {"list_judgements": {"message_id": "data.judgements.0.message_id"}}
KEPT |= {"scan_senders": {"job_id": "data.job_id"}, "list_senders": {"id": "data.senders.0.id"}}
KEPT |= examples_drafts.KEPT
CALLED: dict[str, str] = {}
QUERIES: dict[str, dict[str, str]] = {}
KEEPS_COOKIE = SHOWS_COOKIE = ""
LAST = (*examples_drafts.LAST, "logout", "login (again)", "delete_account")
