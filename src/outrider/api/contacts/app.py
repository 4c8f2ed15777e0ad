"""The contacts surface, mounted at `/api/v1/contacts`."""

from fastapi import FastAPI

from outrider.api.contacts import privacy
from outrider.api.contacts.contract import contract


def build(version: str) -> FastAPI:
    return contract.app((privacy.router,), version=version)
