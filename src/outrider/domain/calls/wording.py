"""What a call says, written for the ear: short, and in the language of who is called."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from outrider.domain.calls.models import CallType

LONGEST_SUMMARY, LONGEST_TITLE, LONGEST_SENTENCE, LONGEST_CONTENT = 300, 90, 240, 1_500  # characters
MOST_TOLD = 5  # of a kind; the rest is counted
LANGUAGES: Final = {"en": "en-US", "de": "de-DE", "fr": "fr-FR", "es": "es-ES"}


@dataclass(frozen=True, slots=True)
class Words:
    urgent: str
    reminder: str
    reminder_with: str
    reminder_at: str
    hello: str
    nothing: str
    mails: str
    mail: str
    more: str
    meetings: str
    meeting: str
    whole_day: str
    bye: str
    keys: str
    keys_answer: str  # where the call is about a mail
    voicemail: str
    done: str
    snoozed: str
    drafted: str
    no_mail: str
    stopped: str


_WORDS: Final = {
    "en": Words(
        urgent="This is Outrider with something urgent. {content}.",
        reminder="This is Outrider. Your meeting {title} begins at {time}.",
        reminder_with="With {people}.",
        reminder_at="Place: {place}.",
        hello="Good morning, this is your digest.",
        nothing="There is nothing to tell today.",
        mails="What came in:",
        mail="{who}: {subject}.",
        more="And {count} more.",
        meetings="Ahead of you:",
        meeting="At {time}, {title}.",
        whole_day="All day, {title}.",
        bye="That is all.",
        keys="Press 1 to hear it again, 2 to be called in ten minutes, 3 if it is done, {answer}9 never to be called here"
        " again.",
        keys_answer="4 to have an answer drafted, ",
        voicemail="This is Outrider. There is something for you. You find it in your console.",
        done="It is marked as done. Goodbye.",
        snoozed="I'll call again in ten minutes.",
        drafted="An answer will be drafted for your approval. Goodbye.",
        no_mail="This call is about no mail, so there is nothing to answer. Goodbye.",
        stopped="You won't be called at this number again. Goodbye.",
    ),
    "de": Words(
        urgent="Hier ist Outrider mit etwas Dringendem. {content}.",
        reminder="Hier ist Outrider. Ihr Termin {title} beginnt um {time} Uhr.",
        reminder_with="Mit {people}.",
        reminder_at="Ort: {place}.",
        hello="Guten Morgen, hier ist Ihre Übersicht.",
        nothing="Heute gibt es nichts zu berichten.",
        mails="Das ist eingegangen:",
        mail="{who}: {subject}.",
        more="Und {count} weitere.",
        meetings="Das steht an:",
        meeting="Um {time} Uhr: {title}.",
        whole_day="Ganztägig: {title}.",
        bye="Das ist alles.",
        keys="Drücken Sie 1 zum Wiederholen, 2 für einen Anruf in zehn Minuten, 3 wenn es erledigt ist, {answer}9 um hier"
        " nie wieder angerufen zu werden.",
        keys_answer="4 für den Entwurf einer Antwort, ",
        voicemail="Hier ist Outrider. Es gibt etwas für Sie. Sie finden es in Ihrer Konsole.",
        done="Es ist als erledigt vermerkt. Auf Wiederhören.",
        snoozed="Ich rufe in zehn Minuten wieder an.",
        drafted="Eine Antwort wird entworfen und wartet auf Ihre Freigabe. Auf Wiederhören.",
        no_mail="Zu diesem Anruf gibt es keine Nachricht, auf die man antworten könnte. Auf Wiederhören.",
        stopped="Unter dieser Nummer werden Sie nicht mehr angerufen. Auf Wiederhören.",
    ),
    "fr": Words(
        urgent="Ici Outrider, avec une urgence. {content}.",
        reminder="Ici Outrider. Votre réunion {title} commence à {time}.",
        reminder_with="Avec {people}.",
        reminder_at="Lieu : {place}.",
        hello="Bonjour, voici votre résumé.",
        nothing="Il n'y a rien à signaler aujourd'hui.",
        mails="Vous avez reçu :",
        mail="{who} : {subject}.",
        more="Et {count} autres.",
        meetings="Ce qui vous attend :",
        meeting="À {time}, {title}.",
        whole_day="Toute la journée, {title}.",
        bye="C'est tout.",
        keys="Tapez 1 pour réécouter, 2 pour être rappelé dans dix minutes, 3 si c'est réglé, {answer}9 pour ne plus"
        " jamais être appelé ici.",
        keys_answer="4 pour préparer une réponse, ",
        voicemail="Ici Outrider. Il y a quelque chose pour vous dans votre console.",
        done="C'est noté comme réglé. Au revoir.",
        snoozed="Je vous rappelle dans dix minutes.",
        drafted="Une réponse sera préparée et soumise à votre accord. Au revoir.",
        no_mail="Cet appel ne concerne aucun message : il n'y a rien à répondre. Au revoir.",
        stopped="Vous ne serez plus appelé à ce numéro. Au revoir.",
    ),
    "es": Words(
        urgent="Aquí Outrider, con algo urgente. {content}.",
        reminder="Aquí Outrider. Su reunión {title} empieza a las {time}.",
        reminder_with="Con {people}.",
        reminder_at="Lugar: {place}.",
        hello="Buenos días, este es su resumen.",
        nothing="Hoy no hay nada que contar.",
        mails="Ha recibido:",
        mail="{who}: {subject}.",
        more="Y {count} más.",
        meetings="Lo que viene:",
        meeting="A las {time}, {title}.",
        whole_day="Todo el día, {title}.",
        bye="Eso es todo.",
        keys="Pulse 1 para repetir, 2 para una llamada en diez minutos, 3 si está hecho, {answer}9 para no recibir más"
        " llamadas aquí.",
        keys_answer="4 para preparar una respuesta, ",
        voicemail="Aquí Outrider. Hay algo para usted en su consola.",
        done="Queda marcado como hecho. Adiós.",
        snoozed="Llamaré de nuevo en diez minutos.",
        drafted="Se preparará una respuesta para su aprobación. Adiós.",
        no_mail="Esta llamada no trata de ningún mensaje: no hay nada que responder. Adiós.",
        stopped="No se le llamará más a este número. Adiós.",
    ),
}


@dataclass(frozen=True, slots=True)
class MailTold:
    who: str
    subject: str


@dataclass(frozen=True, slots=True)
class MeetingTold:
    """`at` is None for a whole day."""

    title: str
    at: datetime | None


def of(language: str) -> Words:
    return _WORDS.get(language.partition("-")[0].lower(), _WORDS["en"])


def known(language: str) -> str:
    """Returns the language in which it is said: one that there are words of."""
    base = language.partition("-")[0].lower()
    return base if base in _WORDS else "en"


def keys(language: str, *, can_answer: bool) -> str:
    words = of(language)
    return words.keys.format(answer=words.keys_answer if can_answer else "")


def tag(language: str) -> str:
    """Returns the language as synthesizers know it (BCP 47)."""
    return LANGUAGES.get(language.partition("-")[0].lower(), LANGUAGES["en"])


def urgent(content: str, language: str) -> str:
    return of(language).urgent.format(content=_cut(content, LONGEST_CONTENT))


def mail(who: str, subject: str, sentence: str) -> str:
    """Who wrote, about what, and the sentence that tells most, where the subject does not say it already."""
    said = [_cut(who, LONGEST_TITLE), _cut(subject, LONGEST_TITLE), _cut(sentence, LONGEST_SENTENCE)]
    if said[2].casefold() == said[1].casefold():
        said.pop()
    return ". ".join(each for each in said if each)


def framed(call_type: CallType, spoken: str, language: str) -> str:
    """Says who calls and why around words that somebody else wrote."""
    if call_type is CallType.DIGEST:
        words = of(language)
        return f"{words.hello} {spoken} {words.bye}"
    return urgent(spoken, language)


def reminder(title: str, at: datetime, home: ZoneInfo, *, people: Sequence[str], place: str, language: str) -> str:
    words = of(language)
    said = [words.reminder.format(title=_cut(title, LONGEST_TITLE), time=_time(at, home))]
    if people:
        said.append(words.reminder_with.format(people=", ".join(people[:MOST_TOLD])))
    if place:
        said.append(words.reminder_at.format(place=_cut(place, LONGEST_TITLE)))
    return " ".join(said)


def digest(mails: Sequence[MailTold], meetings: Sequence[MeetingTold], home: ZoneInfo, language: str) -> str:
    words = of(language)
    if not mails and not meetings:
        return f"{words.hello} {words.nothing}"
    said = [words.hello]
    if meetings:
        said.append(words.meetings)
        said += [_meeting(each, home, words) for each in meetings[:MOST_TOLD]]
        said += _rest(len(meetings), words)
    if mails:
        said.append(words.mails)
        said += [
            words.mail.format(who=_cut(each.who, LONGEST_TITLE), subject=_cut(each.subject, LONGEST_TITLE))
            for each in mails[:MOST_TOLD]
        ]
        said += _rest(len(mails), words)
    return " ".join([*said, words.bye])


def summary(text: str) -> str:
    return _cut(text, LONGEST_SUMMARY)


def _meeting(told: MeetingTold, home: ZoneInfo, words: Words) -> str:
    title = _cut(told.title, LONGEST_TITLE)
    return (
        words.meeting.format(time=_time(told.at, home), title=title) if told.at else words.whole_day.format(title=title)
    )


def _rest(count: int, words: Words) -> list[str]:
    return [words.more.format(count=count - MOST_TOLD)] if count > MOST_TOLD else []


def _time(at: datetime, home: ZoneInfo) -> str:
    return f"{at.astimezone(home):%H:%M}"


def _cut(text: str, longest: int) -> str:
    """One line, cut between words; the mark at its end is the sentence's."""
    line = " ".join(text.split()).rstrip(". ")
    if len(line) <= longest:
        return line
    return line[:longest].rpartition(" ")[0] or line[:longest]
