"""Example bodies of the concierge: Ada has her callers sorted."""

from typing import Any

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
    "delete_account": _done({"deleted": True, "erased_after": "2026-12-21T09:30:00.000Z"}),
}
PARAMETERS: dict[str, str] = {}
VARIABLES = {str(SESSION["refresh_token"]): "refreshToken"}
KEPT: dict[str, dict[str, str]] = {
    "login": {"accessToken": "data.access_token", "refreshToken": "data.refresh_token"},
    "refresh_session": {"accessToken": "data.access_token", "refreshToken": "data.refresh_token"},
}
QUERIES: dict[str, dict[str, str]] = {}
KEEPS_COOKIE = SHOWS_COOKIE = ""
LAST = ("logout", "login (again)", "delete_account")
