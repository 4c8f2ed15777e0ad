"""When telephones may ring and what follows a call that was not taken."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from outrider.domain.calls import rules
from outrider.domain.calls.models import CallSettings, Priority, State, Waiting

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo")


def settings(number: str | None = None, *, quiet: tuple[str, str] = ("21:00", "07:00")) -> CallSettings:
    return CallSettings(phone_number=number, quiet_from=quiet[0], quiet_until=quiet[1], daily_budget=12)


@pytest.mark.parametrize("name", ZONES)
def test_a_year_of_minutes_has_none_outside_the_hours(name: str) -> None:
    """Whatever the hour, a call is held until one at which it may ring; both changes of the clocks are among them."""
    home, at = ZoneInfo(name), datetime(2026, 1, 1, tzinfo=UTC)
    outside = late = 0
    for step in range(0, 365 * 24 * 60, 37):
        now = at + timedelta(minutes=step)
        for priority in Priority:
            held = rules.held_until(now, settings("+442079460958"), priority, home, by_telephone=True)
            rings = held.until if held else now
            again = rules.held_until(rings, settings("+442079460958"), priority, home, by_telephone=True)
            late += again is not None and again.until - rings > timedelta(hours=1, minutes=1)
            wall = rings.astimezone(home)
            outside += again is None and not 8 <= wall.hour < 21
    print(f"\ncalls outside the hours in {name}: {outside}")
    assert (outside, late) == (0, 0)


@pytest.mark.parametrize(
    ("wall", "quiet", "is_held"),
    [
        ("22:00", ("21:00", "07:00"), True), ("06:59", ("21:00", "07:00"), True), ("07:00", ("21:00", "07:00"), False),
        ("20:59", ("21:00", "07:00"), False), ("12:30", ("12:00", "13:00"), True), ("13:00", ("12:00", "13:00"), False),
        ("12:30", ("12:00", "12:00"), False),
    ],
)  # fmt: skip
def test_quiet_hours_hold_what_is_not_of_high_priority(wall: str, quiet: tuple[str, str], is_held: bool) -> None:
    home = ZoneInfo("Europe/Berlin")
    at = datetime.fromisoformat(f"2026-06-10T{wall}").replace(tzinfo=home)
    held = rules.held_until(at, settings(quiet=quiet), Priority.MEDIUM, home, by_telephone=False)
    assert (held is not None) == is_held
    if held:
        assert held.why is Waiting.QUIET_HOURS
        assert f"{held.until.astimezone(home):%H:%M}" == quiet[1]
    assert rules.held_until(at, settings(quiet=quiet), Priority.HIGH, home, by_telephone=False) is None


def test_who_has_set_no_zone_may_be_wherever_the_number_is_from() -> None:
    assert rules.zones_of(ZoneInfo("UTC"), "+12125550123") == [ZoneInfo("America/New_York")]
    assert rules.zones_of(ZoneInfo("Europe/Berlin"), "+12125550123") == [ZoneInfo("Europe/Berlin")]
    noon = datetime(2026, 6, 10, 11, tzinfo=UTC)  # seven in the morning there
    held = rules.held_until(noon, settings("+12125550123"), Priority.HIGH, ZoneInfo("UTC"), by_telephone=True)
    assert held == rules.Held(Waiting.TELEPHONE_HOURS, datetime(2026, 6, 10, 12, tzinfo=UTC))


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("wall", ["08:00", "02:30", "01:45"])
def test_a_digest_is_due_once_a_day_for_a_year(name: str, wall: str) -> None:
    home, at = ZoneInfo(name), datetime(2026, 1, 1, 12, tzinfo=UTC)
    days: list[date] = []
    for _ in range(365):
        at = rules.next_digest(at, wall, home)
        days.append(at.astimezone(home).date())
    assert len(set(days)) == 365
    assert days[-1] - days[0] == timedelta(days=364)


def test_a_call_is_tried_again_by_the_policy_and_given_up_in_time() -> None:
    at = datetime(2026, 6, 10, 12, tzinfo=UTC)
    later = at + timedelta(days=1)

    def waits(state: State, attempts: int, give_up_at: datetime = later) -> timedelta | None:
        again = rules.again_at(state, at, attempts=attempts, most=4, give_up_at=give_up_at)
        return again - at if again else None

    assert [waits(State.NO_ANSWER, each) for each in (1, 2, 3, 4)] == [
        timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20), None,
    ]  # fmt: skip
    assert waits(State.BUSY, 3) == timedelta(minutes=2)
    assert waits(State.BUSY, 1, at + timedelta(minutes=1)) is None
    assert waits(State.LOST, 9) == timedelta(0)
