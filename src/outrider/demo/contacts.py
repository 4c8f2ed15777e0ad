"""An address book before your eyes: a file of vCards is imported twice, and nobody is there twice."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2

IMPORTS = "/api/v1/contacts/import"
PATIENCE = 20
# As a phone writes them: one person twice, one of whom nothing but a number is known, one who can't be reached.
CARDS = """BEGIN:VCARD
VERSION:3.0
FN:Grace Hopper
N:Hopper;Grace;;;
EMAIL;TYPE=WORK:grace@navy.test
TEL;TYPE=CELL:+44 20 7946 0018
ORG:US Navy;Data
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:Hopper, Grace
EMAIL;TYPE=HOME:GRACE@navy.test
EMAIL;TYPE=HOME:grace@home.test
BDAY:1906-12-09
END:VCARD
BEGIN:VCARD
VERSION:2.1
FN:Alan Turing
TEL;CELL:+44 20 7946 0019
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:Emmy Noether
NOTE:No way to reach her.
END:VCARD
"""
# Cards, of which made or filled a contact, of which brought nothing.
EXPECTED = [(4, 3, 1), (4, 0, 4)]


async def bring_in(http: httpx2.AsyncClient, say: Callable[[str], None]) -> bool:
    """Returns whether both imports went as they should."""
    counted = [await _import(http) for _ in EXPECTED]
    for (total, imported, skipped), words in zip(
        counted, ("Imported an address book", "Imported it again"), strict=True
    ):
        say(f"{words}: {total} cards, {imported} made or completed a contact, {skipped} brought nothing.")
    return counted == EXPECTED


async def _import(http: httpx2.AsyncClient) -> tuple[int, int, int]:
    answer = await http.post(f"{IMPORTS}/csv", files={"file": ("contacts.vcf", CARDS.encode())})
    answer.raise_for_status()
    job: dict[str, Any] = answer.json()
    async with asyncio.timeout(PATIENCE):
        while job["status"] in {"pending", "processing"}:  # the worker does it
            await asyncio.sleep(0.1)
            job = (await http.get(f"{IMPORTS}/status/{job['id']}")).json()
    return job["total_contacts"], job["imported_contacts"], job["skipped_contacts"]
