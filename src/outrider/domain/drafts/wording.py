"""What a draft says where no language model writes it: a short, polite word that the mail has arrived, in its language.
It promises nothing but an answer.
"""

import re
from dataclasses import dataclass
from typing import Final

LONGEST_SUBJECT = 120
_MARKS = re.compile(r"(?i)^\s*(?:(?:re|aw|antw|sv|rif|res|fw|fwd|wg|tr|rv)(?:\[\d{1,3}\])?\s*:\s*)+")


@dataclass(frozen=True, slots=True)
class Letter:
    hello: str
    hello_name: str
    thanks: str
    thanks_subject: str
    bye: str


_LETTERS: Final = {
    "en": Letter(
        "Hello,", "Hello {name},", "thank you for your message.", "thank you for your message about “{subject}”.",
        "I have read it and will come back to you shortly.\n\nBest regards",
    ),
    "de": Letter(
        "Guten Tag,", "Guten Tag {name},", "vielen Dank für Ihre Nachricht.",
        "vielen Dank für Ihre Nachricht zu „{subject}“.",
        "Ich habe sie gelesen und melde mich in Kürze bei Ihnen.\n\nMit freundlichen Grüßen",
    ),
    "fr": Letter(
        "Bonjour,", "Bonjour {name},", "merci pour votre message.", "merci pour votre message au sujet de « {subject} ».",
        "Je l'ai lu et je reviendrai vers vous rapidement.\n\nCordialement",
    ),
    "es": Letter(
        "Hola:", "Hola, {name}:", "gracias por su mensaje.", "gracias por su mensaje sobre «{subject}».",
        "Lo he leído y le responderé en breve.\n\nUn cordial saludo",
    ),
    "pt": Letter(
        "Olá,", "Olá {name},", "obrigado pela sua mensagem.", "obrigado pela sua mensagem sobre “{subject}”.",
        "Já a li e responderei em breve.\n\nCom os melhores cumprimentos",
    ),
    "it": Letter(
        "Buongiorno,", "Buongiorno {name},", "grazie per il suo messaggio.",
        "grazie per il suo messaggio su «{subject}».",
        "L'ho letto e le risponderò a breve.\n\nCordiali saluti",
    ),
    "nl": Letter(
        "Goedendag,", "Goedendag {name},", "dank u voor uw bericht.", "dank u voor uw bericht over “{subject}”.",
        "Ik heb het gelezen en kom er binnenkort bij u op terug.\n\nMet vriendelijke groet",
    ),
}  # fmt: skip


def topic(subject: str) -> str:
    """A subject as it can be named in a sentence: without marks of replies, empty where it is none or goes on for long."""
    plain = _MARKS.sub("", " ".join(subject.split()))
    return plain if len(plain) <= LONGEST_SUBJECT else ""


def acknowledgement(language: str, *, name: str, subject: str, sender: str) -> str:
    """A language that is not known here is English."""
    letter = _LETTERS.get(language, _LETTERS["en"])
    name = " ".join(name.split())
    hello = letter.hello_name.format(name=name) if name else letter.hello
    thanks = letter.thanks_subject.format(subject=subject) if subject else letter.thanks
    return f"{hello}\n\n{thanks} {letter.bye}\n{sender}".rstrip()
