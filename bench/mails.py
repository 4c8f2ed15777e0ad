"""Mails to fill mailboxes with: those of a folder, or made up in the shapes that people, shops and lists send."""

import base64
import random
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import islice
from pathlib import Path

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
SUFFIXES = {".eml", ".txt", ""}
TEXT = (
    "we have had time to look at what you sent us last week and would like to talk about the price of the larger plan "
    "before the board meets on Thursday because nobody here could say whether it covers both of our offices or only one "
    "Wir haben uns das angesehen und melden uns Anfang nächster Woche mit ein paar Fragen zur Lieferung im Frühjahr"
)
WORDS = TEXT.split()


def read(folder: Path | None, count: int) -> list[bytes]:
    """Returns `count` different mails with CRLF line ends; a folder that holds fewer is gone through again.

    A mail's copies differ in their Message-IDs, so that each is a mail of its own.
    """
    if folder is None:
        return list(islice(_made_up(random.Random(count)), count))
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix in SUFFIXES)
    if not files:
        raise ValueError(f"There are no mails in {folder}.")
    return [_numbered(files[number % len(files)].read_bytes(), number // len(files)) for number in range(count)]


def _numbered(raw: bytes, copy: int) -> bytes:
    text = raw.replace(b"\r\n", b"\n")
    if text.startswith(b"From "):  # as mbox files begin
        text = text.partition(b"\n")[2]
    if copy:
        head, gap, body = text.partition(b"\n\n")
        lines = [line for line in head.split(b"\n") if not line.lower().startswith(b"message-id:")]
        text = b"\n".join([*lines, b"Message-ID: <copy%d.%d@bench.test>" % (copy, zlib.crc32(raw))]) + gap + body
    return text.replace(b"\n", b"\r\n")


def _made_up(chance: random.Random) -> Iterator[bytes]:
    """Half of them stand in conversations; sizes and kinds are spread as in ordinary inboxes."""
    earlier: list[str] = []
    number = 0
    while True:
        mail = EmailMessage(policy=policy.SMTP)
        sender = chance.randrange(500)
        mail["From"] = f"Person {sender} <person{sender}@b{sender % 40}.test>"
        mail["To"] = "somebody@a.test"
        mail["Message-ID"] = f"<{number}.{chance.getrandbits(48):x}@b{sender % 40}.test>"
        mail["Date"] = format_datetime(START + timedelta(minutes=number))
        mail["Received"] = f"from mx{sender % 7}.b.test by mx.a.test; {format_datetime(START)}"
        if earlier and chance.random() < 0.5:
            mail["In-Reply-To"] = chance.choice(earlier[-200:])
            mail["Subject"] = f"Re: {_words(chance, 5)}"
        else:
            mail["Subject"] = _words(chance, 6)
        _fill(mail, chance)
        earlier.append(str(mail["Message-ID"]))
        number += 1
        yield mail.as_bytes()


def _fill(mail: EmailMessage, chance: random.Random) -> None:
    kind = chance.random()
    paragraphs = [_words(chance, chance.randrange(20, 120)) for _ in range(chance.randrange(1, 8))]
    if kind < 0.55:
        quoted = "\n".join(f"> {_words(chance, 10)}" for _ in range(chance.randrange(0, 30)))
        mail.set_content("\n\n".join(paragraphs) + (f"\n\nOn Monday somebody wrote:\n{quoted}\n" if quoted else "\n"))
        return
    mail.set_content("\n\n".join(paragraphs))
    rows = "".join(f'<tr><td style="padding:4px"><p>{text}</p></td></tr>' for text in paragraphs * 2)
    mail.add_alternative(f"<html><body><table>{rows}</table></body></html>", subtype="html")
    if kind > 0.8:
        mail["List-Unsubscribe"] = "<https://shop.test/u/1>"
    if kind > 0.95:
        mail.add_attachment(
            base64.b64encode(chance.randbytes(30_000)), maintype="application", subtype="pdf", filename="offer.pdf"
        )


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(WORDS, k=count))
