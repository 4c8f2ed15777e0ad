"""A mailbox turned into leads before your eyes: a letter, a form's notification and a newsletter in its inbox."""

import asyncio
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

import httpx2

from outrider.core.clock import now
from outrider.demo.servers import ADA, MailSystem

PATIENCE = 20
LETTER = """Hello Ada,

could you make us an offer for two engines by March? We have set 20,000 EUR aside.

Kind regards
Katherine Johnson
Head of Computing, Langley Instruments Ltd
+44 20 7946 0020
"""
FORM = """A visitor filled in the form on your website.

Name: Annie Easley
Email: annie@lewis.test
Phone: +44 20 7946 0021
Message: Please call me about the engine.
"""
NEWSLETTER = "This month in engines: brass is back.\n\nUnsubscribe: https://news.test/u"
INBOX: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("Katherine Johnson <katherine@langley.test>", "Two engines", LETTER, {}),
    ("Website <forms@engines.test>", "New message from your website", FORM, {"Auto-Submitted": "auto-generated"}),
    ("Engine News <news@news.test>", "Engine News 11", NEWSLETTER, {"List-Id": "<news.news.test>"}),
)
EXPECTED = {"katherine@langley.test", "annie@lewis.test"}


async def deliver(system: MailSystem) -> None:
    """Puts the mails there; before the mailbox is connected, so that its first sync finds them."""
    for sender, subject, text, headers in INBOX:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, ADA, subject
        mail["Message-ID"], mail["Date"] = make_msgid(domain="demo.test"), format_datetime(now())
        for name, value in headers.items():
            mail[name] = value
        mail.set_content(text)
        await system.put(ADA, "INBOX", mail.as_bytes())


async def harvest(http: httpx2.AsyncClient, say: Callable[[str], None]) -> bool:
    """Returns whether the people behind the mails became leads, and nobody else did."""
    async with asyncio.timeout(PATIENCE):
        while len(await _listed(http)) < len(INBOX):  # noqa: ASYNC110  # the first sync fills it
            await asyncio.sleep(0.2)
        batch = await _ask(http, "POST", "/api/gmail/process-batch", label="INBOX")
        while batch["status"] not in {"completed", "failed"}:
            await asyncio.sleep(0.1)
            batch = await _ask(http, "GET", f"/api/processing/status/{batch['batch_id']}")
    results = await _ask(http, "GET", f"/api/processing/results/{batch['batch_id']}")
    leads = [each["lead"] for each in results if each["outcome"] == "created"]
    say(f"Harvested the inbox: of {batch['total']} mails {len(leads)} became leads, {batch['skipped']} brought none.")
    for lead in leads:
        say("  " + ", ".join(_values(lead)))
    return {value for lead in leads for value in _values(lead)} >= EXPECTED and len(leads) == len(EXPECTED)


async def _listed(http: httpx2.AsyncClient) -> list[Any]:
    found: list[Any] = (await _ask(http, "GET", "/api/gmail/messages?label=INBOX"))["messages"]
    return found


def _values(lead: dict[str, Any]) -> list[str]:
    fields = (lead.get(name) for name in ("name", "email", "phones", "company", "title", "budget"))
    return [each["value"] for field in fields if field for each in (field if isinstance(field, list) else [field])]


async def _ask(http: httpx2.AsyncClient, method: str, path: str, **body: Any) -> Any:
    answer = await http.request(method, path, json=body or None)
    answer.raise_for_status()
    return answer.json()["data"]
