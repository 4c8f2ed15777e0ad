"""Example bodies of every operation, one story throughout: Ada follows up a proposal that she sent to Grace."""

from typing import Any

ADA = "01a9c6f0-1d55-7c3e-9a54-0f6f2f1b7a01"
SEQUENCE = "01a9c6f2-4b10-7d01-8c9a-3f6f5a1c2e02"
FIRST_STEP = "01a9c6f2-4b10-7d01-8c9a-3f6f5a1c2e11"
SECOND_STEP = "01a9c6f2-4b10-7d01-8c9a-3f6f5a1c2e12"
EMAIL = "01a9c6f1-9c20-7b8e-b6c5-6d1f0e4a5b03"
THREAD = "01a9c6f1-9c20-7b8e-b6c5-6d1f0e4a5b04"
ENROLLMENT = "01a9c6f3-77aa-7e42-a1d0-9b2c8d7e6f05"
SEND = "01a9c6f3-77aa-7e42-a1d0-9b2c8d7e6f06"
MAILBOX = "01a9c6f0-8e31-7a90-9f1e-5c4b3a291807"
OPERATION = "01a9c6f0-9001-7a90-9f1e-5c4b3a291808"
ACCESS_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMWE5YzZmMCJ9.c2lnbmF0dXJl"  # noqa: S105
REFRESH_TOKEN = "out_refresh_3q2v8m1x7k5n9b4c6z0l2j8h7g5f3d1s"  # noqa: S105
WINDOW = {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}
FIRST_BODY = "Hi {{ recipient.firstName | default: 'there' }},\n\nhave you had time to look at the proposal?"
SECOND_BODY = "I will leave it here. If it becomes interesting, just answer this mail."

USER = {
    "id": ADA,
    "email": "ada@lovelace.example",
    "name": "Ada Lovelace",
    "picture": None,
    "timezone": "Europe/London",
    "provider": "imap",
    "connected": True,
    "lastSyncAt": "2026-11-21T09:30:02.118Z",
    "createdAt": "2026-11-02T08:15:00.000Z",
    "updatedAt": "2026-11-20T17:41:09.004Z",
}
SESSION = {
    "user": USER,
    "accessToken": ACCESS_TOKEN,
    "refreshToken": REFRESH_TOKEN,
    "tokenType": "Bearer",
    "expiresAt": "2026-11-21T09:45:00.000Z",
}
CONNECTED = {
    "id": MAILBOX,
    "address": "ada@lovelace.example",
    "provider": "imap",
    "state": "connected",
    "stateReason": None,
    "lastSyncAt": "2026-11-21T09:30:02.118Z",
}
UNPUBLISHED = {
    "check": "dmarc",
    "verdict": "fail",
    "message": "lovelace.example has no DMARC record.",
    "record": "TXT of _dmarc.lovelace.example: v=DMARC1; p=none; rua=mailto:postmaster@lovelace.example",
}
SENT_EMAIL = {
    "id": EMAIL,
    "userId": ADA,
    "messageId": "<CAF3b9.proposal@lovelace.example>",
    "threadId": THREAD,
    "from": "ada@lovelace.example",
    "to": ["grace@hopper.example"],
    "cc": [],
    "subject": "A proposal for the compiler",
    "snippet": "Dear Grace, attached is what we talked about in Philadelphia.",
    "sentAt": "2026-11-18T10:04:31.000Z",
    "hasReply": False,
    "repliedAt": None,
    "enrollmentId": ENROLLMENT,
}
FOLLOWED = {
    "id": SEQUENCE,
    "userId": ADA,
    "name": "After a proposal",
    "description": "Two gentle reminders.",
    "steps": [
        {
            "id": FIRST_STEP,
            "order": 1,
            "delayDays": 3,
            "delayHours": 0,
            "subject": "",
            "body": FIRST_BODY,
            "sendWindow": None,
        },
        {
            "id": SECOND_STEP,
            "order": 2,
            "delayDays": 5,
            "delayHours": 0,
            "subject": "",
            "body": SECOND_BODY,
            "sendWindow": None,
        },
    ],
    "stopOnReply": True,
    "timezone": "Europe/London",
    "sendWindow": WINDOW,
    "status": "active",
    "createdAt": "2026-11-18T10:01:12.350Z",
    "updatedAt": "2026-11-18T10:01:12.350Z",
    "diagnosis": None,
}
ENROLLED = {
    "id": ENROLLMENT,
    "userId": ADA,
    "sequenceId": SEQUENCE,
    "emailId": EMAIL,
    "threadId": THREAD,
    "recipientEmail": "grace@hopper.example",
    "recipientName": "Grace Hopper",
    "status": "active",
    "currentStep": 0,
    "totalSteps": 2,
    "nextSendDate": "2026-11-23T09:00:00.000Z",
    "lastSentDate": None,
    "replied": False,
    "repliedAt": None,
    "reply": None,
    "stopReason": None,
    "stopProof": None,
    "createdAt": "2026-11-18T10:05:40.201Z",
    "updatedAt": "2026-11-18T10:05:40.201Z",
}
PLANNED = {
    "id": SEND,
    "userId": ADA,
    "enrollmentId": ENROLLMENT,
    "sequenceId": SEQUENCE,
    "step": 1,
    "scheduledFor": "2026-11-23T09:00:00.000Z",
    "status": "scheduled",
    "attempts": 0,
    "sentAt": None,
    "deliveredAt": None,
    "messageId": None,
    "lastError": None,
    "proof": None,
    "waitingFor": {
        "reason": "window",
        "code": "out_of_schedule",
        "message": "The recipient's send window is closed.",
        "until": "2026-11-23T09:00:00.000Z",
    },
}
SYNCING = {
    "id": OPERATION,
    "mailboxId": MAILBOX,
    "status": "running",
    "total": 1200,
    "processed": 450,
    "progress": 37,
}
DRAFT = {
    "name": "After a proposal",
    "description": "Two gentle reminders.",
    "steps": [{"delayDays": 3, "body": FIRST_BODY}, {"delayDays": 5, "body": SECOND_BODY}],
    "timezone": "Europe/London",
    "sendWindow": WINDOW,
}


def _page(item: dict[str, Any]) -> dict[str, Any]:
    return {"data": [item], "pagination": {"page": 1, "limit": 20, "total": 1, "pages": 1}}


REQUESTS: dict[str, dict[str, Any]] = {
    "connect": {
        "password": {"provider": "password", "email": "ada@lovelace.example", "password": "correct horse battery"},
        "imap": {
            "provider": "imap",
            "name": "Ada Lovelace",
            "host": "imap.lovelace.example",
            "port": 993,
            "username": "ada@lovelace.example",
            "password": "app password",
            "smtpHost": "smtp.lovelace.example",
            "smtpPort": 465,
        },
        "google": {"provider": "google"},
        "microsoft": {"provider": "microsoft"},
    },
    "refresh": {"refresh": {"refreshToken": REFRESH_TOKEN}},
    "check_replies": {"one email": {"emailIds": [EMAIL]}},
    "create_sequence": {"two steps": DRAFT},
    "replace_sequence": {"two steps": {**DRAFT, "name": "After a proposal, shorter"}},
    "create_enrollment": {
        "enrol": {
            "emailId": EMAIL,
            "sequenceId": SEQUENCE,
            "timezone": "America/New_York",
            "variables": {"product": "the compiler"},
        }
    },
    "change_enrollment": {"later": {"nextSendDate": "2030-01-14T14:00:00Z", "variables": {"product": "the linker"}}},
    "sync_state": {"changes": {"since": "2026-11-21T09:00:00.000Z"}},
}

ANSWERS: dict[str, Any] = {
    "connect": SESSION,
    "callback": {**SESSION, "user": {**USER, "provider": "google"}},
    "refresh": SESSION,
    "auth_status": {
        "authenticated": True,
        "user": USER,
        "mailboxes": [{**CONNECTED, "deliverability": [UNPUBLISHED], "examinedAt": "2026-11-02T08:15:02.000Z"}],
        "sync": {"status": "running", "total": 1200, "processed": 450, "progress": 37, "error": None},
        "sessionExpiresAt": "2026-11-28T09:30:00.000Z",
    },
    "disconnect": {"disconnected": True, "mailboxes": 1, "pausedEnrollments": 3},
    "get_profile": USER,
    "list_sent": _page(SENT_EMAIL),
    "get_sent": {**SENT_EMAIL, "body": "Dear Grace,\n\nattached is what we talked about in Philadelphia.\n\nAda"},
    "sync_emails": {"jobs": [SYNCING]},
    "check_replies": {
        "results": [{"emailId": EMAIL, "hasReply": False, "repliedAt": None}],
        "pending": [EMAIL],
        "notFound": [],
    },
    "list_sequences": _page(FOLLOWED),
    "create_sequence": FOLLOWED,
    "get_sequence": {
        **FOLLOWED,
        "diagnosis": {
            "code": "out_of_schedule",
            "message": "The recipient's send window is closed.",
            "until": "2026-11-23T09:00:00.000Z",
            "waiting": [
                {
                    "reason": "window",
                    "code": "out_of_schedule",
                    "message": "The recipient's send window is closed.",
                    "count": 42,
                    "until": "2026-11-23T09:00:00.000Z",
                }
            ],
        },
    },
    "replace_sequence": {**FOLLOWED, "name": "After a proposal, shorter", "updatedAt": "2026-11-19T08:00:00.000Z"},
    "list_enrollments": _page(ENROLLED),
    "create_enrollment": ENROLLED,
    "get_enrollment": {
        **ENROLLED,
        "status": "replied",
        "currentStep": 1,
        "nextSendDate": None,
        "lastSentDate": "2026-11-23T09:00:03.412Z",
        "replied": True,
        "repliedAt": "2026-11-23T11:20:44.000Z",
        "reply": {
            "messageId": "<reply.77@hopper.example>",
            "snippet": "Yes, let us talk on Thursday.",
            "matchedBy": "message_id",
        },
        "stopReason": "Somebody answered in the thread.",
        "stopProof": {
            "messageId": "01942f00-0000-7000-8000-00000000000c",
            "matchedBy": "message_id",
            "evidence": "",
        },
        "updatedAt": "2026-11-23T11:20:51.870Z",
    },
    "change_enrollment": {**ENROLLED, "nextSendDate": "2030-01-14T14:00:00.000Z"},
    "pause_enrollment": {**ENROLLED, "status": "paused"},
    "resume_enrollment": ENROLLED,
    "list_schedules": _page(PLANNED),
    "schedules_health": {
        "status": "ok",
        "scheduled": 42,
        "due": 1,
        "sending": 0,
        "confirming": 0,
        "sentToday": 17,
        "failedToday": 0,
        "lagSeconds": 2,
        "workers": 1,
        "lastWorkerSeenAt": "2026-11-21T09:30:10.000Z",
    },
    "trigger_schedule": {
        **PLANNED,
        "status": "due",
        "waitingFor": {
            "reason": "queued",
            "code": "healthy",
            "message": "It is due and leaves with the next free connection.",
            "until": "2026-11-21T09:30:11.000Z",
        },
    },
    "sync_state": {
        "user": USER,
        "sequences": [FOLLOWED],
        "enrollments": [ENROLLED],
        "schedules": [PLANNED],
        "emails": [SENT_EMAIL],
        "deleted": {"sequences": [], "enrollments": []},
        "isTruncated": False,
        "syncedAt": "2026-11-21T09:30:11.250Z",
    },
    "send_figures": {
        "since": "2026-10-22T09:30:11.250Z",
        "until": "2026-11-21T09:30:11.250Z",
        "byStatus": {"sent": 131, "failed": 2, "scheduled": 42},
        "days": [{"day": "2026-11-20", "sent": 9, "failed": 0}, {"day": "2026-11-21", "sent": 17, "failed": 0}],
        "hits": {"opened": 0, "clicked": 0, "machineHits": 0},
    },
    "enrollment_figures": {
        "since": "2026-10-22T09:30:11.250Z",
        "until": "2026-11-21T09:30:11.250Z",
        "total": 64,
        "byStatus": {"active": 30, "replied": 21, "completed": 11, "bounced": 2},
        "replied": 21,
        "replyRate": 0.3281,
        "bounceRate": 0.0313,
        "medianHoursToReply": 19.5,
    },
    "service_health": {"status": "ok", "database": "ok", "worker": "ok", "time": "2026-11-21T09:30:11.250Z"},
}

PARAMETERS = {
    "emailId": "The email's `id`, as GET /emails/sent returns it.",
    "sequenceId": "The sequence's `id`.",
    "enrollmentId": "The enrollment's `id`.",
    "status": "Only those with this status.",
    "search": "Words that the subject must contain.",
    "hasReply": "Only those that were answered, or that were not.",
}

# What whoever runs the examples puts in: by value, the variable's name.
VARIABLES = {
    EMAIL: "emailId",
    SEQUENCE: "sequenceId",
    ENROLLMENT: "enrollmentId",
    REFRESH_TOKEN: "refreshToken",
}
# What an answer gives to the requests after it: by operation, variables and where they stand in the body.
KEPT = {
    "connect": {"accessToken": "accessToken", "refreshToken": "refreshToken"},
    "connect (google)": {"state": "state"},
    "connect (microsoft)": {},
    "refresh": {"accessToken": "accessToken", "refreshToken": "refreshToken"},
    "list_sent": {"emailId": "data.0.id"},
    "create_sequence": {"sequenceId": "id"},
    "create_enrollment": {"enrollmentId": "id"},
}
# What stands in the query of whoever tries it, by operation; `code` is what Google sends the browser back with.
CALLED: dict[str, str] = {}
QUERIES = {"callback": {"state": "state", "code": "code"}}
# Which requests are made by the same browser: the first keeps the cookie that the second shows.
KEEPS_COOKIE, SHOWS_COOKIE = "connect (google)", "callback"
# These take away what others need.
LAST = ("delete_enrollment", "delete_sequence", "disconnect")
