"""The harvest surface: two applications, mounted below `/api/gmail` and `/api/processing`, described as one."""

from typing import Any

from fastapi import FastAPI

from outrider.api import openapi
from outrider.api.harvest import batches, mail, processing, webhook
from outrider.api.harvest.contract import GMAIL, PROCESSING
from outrider.api.harvest.contract import gmail as gmail_contract
from outrider.api.harvest.contract import processing as processing_contract


def build_gmail(version: str) -> FastAPI:
    return gmail_contract.app((mail.router, batches.router, webhook.router), version=version)


def build_processing(version: str) -> FastAPI:
    return processing_contract.app((processing.router,), version=version)


def describe(version: str) -> dict[str, Any]:
    """The OpenAPI of both, below `/api`."""
    parts = {GMAIL: build_gmail(version).openapi(), PROCESSING: build_processing(version).openapi()}
    whole = {**parts[GMAIL], "servers": [{"url": "/api"}], "paths": {}, "components": {}}
    for prefix, part in parts.items():
        for path, operations in part["paths"].items():
            whole["paths"][prefix.removeprefix("/api") + path] = operations
        for kind, members in part["components"].items():
            whole["components"].setdefault(kind, {}).update(members)
    # What one part answers the other takes.
    return openapi.complete(whole, gmail_contract)
