"""What to say on a call, in Twilio's language (https://www.twilio.com/docs/voice/twiml)."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from outrider.providers.voice.interface import Ask, GoOn, Pause, Play, Say, Step

MEDIA_TYPE = "application/xml"
# An error of ours and a silence, too, are asked about again, five times within 15 s: by itself Twilio does so where it
# finds nobody at the address alone (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
RETRIES = "#rc=5&rp=5xx,ct,rt"
LONGEST_SAID = 4_096  # characters of one <Say>


def written(steps: Sequence[Step]) -> bytes:
    response = Element("Response")
    for step in steps:
        _add(response, step)
    document: bytes = tostring(response, encoding="utf-8", xml_declaration=True)
    return document


def asked_again(url: str) -> str:
    """Adds to an address how often it is tried; Twilio neither sends nor signs that part."""
    return url + RETRIES


def _add(parent: Element, step: Step) -> None:
    match step:
        case Say():
            for part in _parts(_speakable(step.text)):
                SubElement(parent, "Say", language=step.language).text = part
        case Play():
            SubElement(parent, "Play").text = step.url
        case Ask():
            # actionOnEmptyResult: silence is an answer too.
            asked = SubElement(
                parent, "Gather", input="dtmf", numDigits=str(step.keys), timeout=str(step.seconds),
                action=asked_again(step.url), method="POST", actionOnEmptyResult="true",
            )  # fmt: skip
            for each in step.said:
                _add(asked, each)
        case Pause():
            SubElement(parent, "Pause", length=str(step.seconds))
        case GoOn():
            SubElement(parent, "Redirect", method="POST").text = asked_again(step.url)
        case _:
            SubElement(parent, "Hangup")


def _speakable(text: str) -> str:
    """Text without what XML can't hold (XML 1.0, 2.2)."""
    return "".join(
        each
        for each in text
        if each in "\t\n\r" or "\x20" <= each <= "\ud7ff" or "\ue000" <= each <= "\ufffd" or each >= "\U00010000"
    )


def _parts(text: str) -> list[str]:
    """Cuts a long text between words, so that nothing of it is lost."""
    parts: list[str] = []
    while len(text) > LONGEST_SAID:
        cut = text.rfind(" ", 0, LONGEST_SAID) + 1 or LONGEST_SAID
        parts.append(text[:cut])
        text = text[cut:]
    return [*parts, text] if text.strip() else parts
