"""What can go wrong, said without HTTP: a stable code, a sentence for a person, details for a program.

A contract turns these into its own dialect (`api/contract.py`).
"""

from typing import Any


class AppError(Exception):
    """Base of every error that a caller may see. `status` is the nearest HTTP meaning."""

    status: int = 500
    code: str = "internal_error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Invalid(AppError):
    """The request can't be understood or breaks a rule; `field` names where."""

    status = 422
    code = "invalid"


class Unauthenticated(AppError):
    status = 401
    code = "unauthenticated"


class Forbidden(AppError):
    status = 403
    code = "forbidden"


class NotFound(AppError):
    """Also the answer for what exists in another workspace."""

    status = 404
    code = "not_found"


class Conflict(AppError):
    """The thing exists but its state doesn't allow this."""

    status = 409
    code = "conflict"


class Limited(AppError):
    """Too much, too fast. `retry_after` is in seconds."""

    status = 429
    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int, **details: Any) -> None:
        super().__init__(message, retry_after=retry_after, **details)
        self.retry_after = retry_after


class Unavailable(AppError):
    """A part we need is down for now; the same request may work in `retry_after` seconds."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 5, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after
