"""The concierge surface, mounted at `/api`."""

from fastapi import FastAPI

from outrider.api.concierge import (
    auth,
    calendar,
    calls,
    drafts,
    integrations,
    language_model,
    preferences,
    senders,
    urgency,
    users,
)
from outrider.api.concierge.contract import contract

ROUTERS = tuple(
    module.router
    for module in (
        auth,
        users,
        integrations,
        calendar,
        senders,
        preferences,
        calls,
        urgency,
        drafts,
        language_model,
    )
)


def build(version: str) -> FastAPI:
    return contract.app(ROUTERS, version=version)
