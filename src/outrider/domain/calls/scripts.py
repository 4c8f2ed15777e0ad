"""What a telephone call says, step by step, in terms no carrier owns."""

from collections.abc import Sequence
from dataclasses import dataclass

from outrider.domain.calls import wording
from outrider.domain.calls.keys import Reaction
from outrider.domain.calls.models import Call
from outrider.providers.voice.interface import Ask, HangUp, Pause, Play, Say, Step

PATH = "/webhooks/twilio"
SECONDS = 8  # to choose a key
_SAID = {
    Reaction.DONE: "done",
    Reaction.SNOOZED: "snoozed",
    Reaction.DRAFTED: "drafted",
    Reaction.NOTHING_TO_ANSWER: "no_mail",
    Reaction.STOPPED: "stopped",
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the carrier asks and tells, for one attempt."""

    base: str
    token: str

    @property
    def script(self) -> str:
        return self._at("voice")

    @property
    def status(self) -> str:
        return self._at("status")

    @property
    def keys(self) -> str:
        return self._at("keys")

    @property
    def audio(self) -> str:
        return self._at("audio")

    def _at(self, name: str) -> str:
        return f"{self.base}{PATH}/{self.token}/{name}"


def told(call: Call, addresses: Addresses) -> Sequence[Step]:
    """What is to be said, and then which keys there are."""
    language = wording.tag(call.language)
    content: Say | Play = Play(addresses.audio) if call.speech_id is not None else Say(call.content, language)
    keys = Say(wording.keys(call.language, can_answer=call.message_id is not None), language)
    return [Pause(1), Ask([content, keys], addresses.keys, keys=1, seconds=SECONDS), HangUp()]


def to_machine(call: Call) -> Sequence[Step]:
    """Nothing of the matter: anybody may hear an answering machine."""
    return [Say(wording.of(call.language).voicemail, wording.tag(call.language)), HangUp()]


def after(reaction: Reaction, call: Call, addresses: Addresses) -> Sequence[Step]:
    if reaction is Reaction.REPEATED:
        return told(call, addresses)
    if reaction is Reaction.ENDED:
        return [HangUp()]
    return [Say(getattr(wording.of(call.language), _SAID[reaction]), wording.tag(call.language)), HangUp()]


NOTHING: Sequence[Step] = [HangUp()]
