"""The followups surface, mounted at the root."""

from fastapi import FastAPI

from outrider.api.followups import (
    analytics,
    auth,
    callback,
    emails,
    enrollments,
    health,
    schedules,
    sequences,
    sync,
    user,
)
from outrider.api.followups.contract import contract

ROUTERS = tuple(
    module.router
    for module in (auth, callback, user, emails, sequences, enrollments, schedules, sync, analytics, health)
)


def build(version: str) -> FastAPI:
    return contract.app(ROUTERS, version=version)
