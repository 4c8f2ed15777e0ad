"""The contact import surface, mounted below `/api/v1/contacts/import`."""

from fastapi import FastAPI

from outrider.api.contact_import import accounts, health, imports
from outrider.api.contact_import.contract import contract

ROUTERS = (health.router, imports.router, accounts.router)


def build(version: str) -> FastAPI:
    return contract.app(ROUTERS, version=version)
