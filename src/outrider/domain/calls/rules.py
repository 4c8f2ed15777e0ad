"""When somebody may be called, and what becomes of a call that was not taken: calculations only."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from phonenumbers import NumberParseException, parse
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from outrider.core.windows import SendWindow, is_open, next_open
from outrider.domain.calls.models import CallSettings, CallType, Priority, State, Waiting

# Hours in which telephones may ring, at the place of who is called (47 CFR 64.1200(c)(1)).
TELEPHONE = SendWindow(frozenset(range(1, 8)), time(8), time(21))
EVERY_DAY = frozenset(range(1, 8))
MOST_ATTEMPTS = {CallType.URGENT: 4, CallType.DIGEST: 2, CallType.REMINDER: 2}
GIVE_UP_AFTER = {CallType.URGENT: timedelta(days=1), CallType.DIGEST: timedelta(hours=10)}
SNOOZE = timedelta(minutes=10)
MOST_SNOOZES = 6
AGAIN_AFTER = {
    State.BUSY: timedelta(minutes=2),
    State.NO_ANSWER: timedelta(minutes=5),
    State.DECLINED: timedelta(minutes=15),
    State.VOICEMAIL: timedelta(minutes=15),
    State.FAILED: timedelta(minutes=5),
    State.LOST: timedelta(0),  # nobody's telephone rang
}


@dataclass(frozen=True, slots=True)
class Held:
    why: Waiting
    until: datetime


def usual_settings() -> CallSettings:
    """What holds for who has set nothing."""
    return CallSettings(phone_number=None, quiet_from="21:00", quiet_until="07:00", daily_budget=12)


def zones_of(home: ZoneInfo, phone_number: str | None) -> list[ZoneInfo]:
    """Where somebody may be who is called: at home. Who has set no zone may be wherever their number is from."""
    if home.key != "UTC" or phone_number is None:
        return [home]
    try:
        names = time_zones_for_number(parse(phone_number))
    except NumberParseException:
        return [home]
    return [ZoneInfo(each) for each in names if each != UNKNOWN_TIMEZONE] or [home]


def held_until(
    at: datetime, settings: CallSettings, priority: Priority, home: ZoneInfo, *, by_telephone: bool
) -> Held | None:
    """Says whether the hour forbids a call, and until when. Quiet hours give way to what has high priority; the hours of
    the telephone give way to nothing.
    """
    if priority is not Priority.HIGH and (ends := _quiet_until(at, settings, home)) is not None:
        return Held(Waiting.QUIET_HOURS, ends)
    if by_telephone:
        zones = zones_of(home, settings.phone_number)
        closed = [next_open(at, TELEPHONE, zone) for zone in zones if not is_open(at, TELEPHONE, zone)]
        if closed:
            return Held(Waiting.TELEPHONE_HOURS, max(closed))
    return None


def _quiet_until(at: datetime, settings: CallSettings, home: ZoneInfo) -> datetime | None:
    begins, ends = time.fromisoformat(settings.quiet_from), time.fromisoformat(settings.quiet_until)
    if begins == ends:
        return None
    wall = at.astimezone(home).time()
    is_quiet = begins <= wall < ends if begins < ends else wall >= begins or wall < ends
    if not is_quiet:
        return None
    loud = SendWindow(EVERY_DAY, ends, begins if ends < begins else None)
    opens = next_open(at, loud, home)
    return opens if opens > at else at + timedelta(minutes=1)


def day_of(at: datetime, home: ZoneInfo) -> tuple[datetime, datetime]:
    """Returns when the day began and ends that it is at home."""
    today = at.astimezone(home).date()
    return moment(today, "00:00", home), moment(today + timedelta(days=1), "00:00", home)


def moment(day: date, wall: str, home: ZoneInfo) -> datetime:
    """A wall time as a moment. One that the clocks skip is read as before the change, one that comes twice as its first
    (RFC 5545 3.3.5).
    """
    return datetime.combine(day, time.fromisoformat(wall), home).astimezone(ZoneInfo("UTC"))


def next_digest(at: datetime, wall: str, home: ZoneInfo) -> datetime:
    """Returns when the next digest is due after a moment: once a day of the calendar at home."""
    today = at.astimezone(home).date()
    due = moment(today, wall, home)
    return due if due > at else moment(today + timedelta(days=1), wall, home)


def again_at(state: State, at: datetime, *, attempts: int, most: int, give_up_at: datetime) -> datetime | None:
    """Returns when a call is tried again, None where it is given up. A call that was not answered is tried ever later."""
    if attempts >= most and state is not State.LOST:
        return None
    again = at + AGAIN_AFTER[state] * (2 ** max(attempts - 1, 0) if state is State.NO_ANSWER else 1)
    return again if again < give_up_at else None
