"""Speaking a text, once: the same words in the same voice are a file that is kept."""

import hashlib
from uuid import UUID

import structlog
from sqlalchemy.dialects.postgresql import insert

from outrider.core.db import Scope
from outrider.core.ids import new_id
from outrider.domain.calls import permitting, queries, wording
from outrider.domain.calls.models import Call, Speech
from outrider.providers.speech.interface import SpeechFailed, Spoken
from outrider.runtime import Runtime

log = structlog.get_logger()


async def speak(app: Runtime, workspace_id: UUID, call_id: UUID) -> UUID | None:
    """Gives a call its speech. None where it could not be spoken: then the carrier's own voice reads it."""
    scope = Scope(workspace_id, actor="calls")
    async with app.db.begin(scope) as db:
        call = await db.get(Call, (workspace_id, call_id))
        if call is None or call.speech_id is not None:
            return call.speech_id if call else None
        settings = await permitting.settings_of(db, workspace_id, call.user_id)
        speaker = "outside" if settings.allows_outside_voice and "outside" in app.speakers else "local"
        digest = digest_of(call.content, call.language, call.voice, speaker)
        kept = await queries.find_speech(db, workspace_id, call.user_id, digest)
        if kept is not None:
            call.speech_id = kept.id
            return kept.id
    spoken = await _spoken(app, call, speaker)
    if spoken is None:
        return None
    async with app.db.begin(scope) as db:
        made = insert(Speech).values(
            workspace_id=workspace_id, id=new_id(), user_id=call.user_id, digest=digest, seconds=spoken.seconds,
            media_type=spoken.media_type, audio=spoken.audio,
        )  # fmt: skip
        await db.execute(made.on_conflict_do_nothing())
        kept = await queries.find_speech(db, workspace_id, call.user_id, digest)
        current = await db.get(Call, (workspace_id, call_id), with_for_update=True)
        if kept is None or current is None:
            return None
        current.speech_id = kept.id
    return kept.id


def digest_of(text: str, language: str, voice: str, speaker: str) -> bytes:
    return hashlib.sha256("\0".join((speaker, language, voice, text)).encode()).digest()


async def _spoken(app: Runtime, call: Call, speaker: str) -> Spoken | None:
    for name in dict.fromkeys((speaker, "local")):
        try:
            return await app.speakers[name].speak(call.content, language=wording.tag(call.language), voice=call.voice)
        except SpeechFailed as failure:
            log.warning("calls.not_spoken", call_id=str(call.id), speaker=name, reason=failure.message)
    return None
