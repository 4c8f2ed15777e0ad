"""Settings: durations, secrets that are made once, and refusals that name the setting and hide its value."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from outrider.core.crypto import Keyring
from outrider.settings import Settings, SettingsError, load, new_secrets, parse_duration

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for field in Settings.model_fields.values():
        if field.alias:
            monkeypatch.delenv(field.alias, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("7d", timedelta(days=7)), ("12h", timedelta(hours=12)), ("30m", timedelta(minutes=30)),
        ("45s", timedelta(seconds=45)), ("90", timedelta(seconds=90)), (" 2W ", timedelta(weeks=2)),
    ],
)  # fmt: skip
def test_durations_are_read(text: str, meant: timedelta) -> None:
    assert parse_duration(text) == meant


@pytest.mark.parametrize("text", ["", "d", "-5m", "1.5h", "5 minutes", "9999999999s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: load(data_dir=tmp_path / "data"), range(16)))
    assert len({(each.jwt_secret, each.encryption_keys) for each in made}) == 1
    kept = tmp_path / "data/keys.env"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [each.name for each in kept.parent.iterdir()] == ["keys.env"]


def test_a_given_secret_wins_over_the_kept_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(data_dir=tmp_path)
    monkeypatch.setenv("JWT_SECRET", "given" * 10)
    settings = load(data_dir=tmp_path)
    assert settings.jwt_secret is not None
    assert settings.jwt_secret.get_secret_value() == "given" * 10
    assert settings.encryption_keys is not None


def test_an_outside_database_makes_no_secrets_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner@db/outrider")
    with pytest.raises(SettingsError, match=r"JWT_SECRET and OUTRIDER_ENCRYPTION_KEYS.*outrider keys"):
        load(data_dir=tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("secret", ["changeme", "x" * 31, ""], ids=["placeholder", "short", "empty"])
def test_a_weak_secret_is_refused_without_being_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("JWT_SECRET", secret)
    with pytest.raises(SettingsError, match="JWT_SECRET") as caught:
        load(data_dir=tmp_path)
    assert not secret or secret not in str(caught.value)


def test_every_fresh_secret_works_and_differs() -> None:
    made = [new_secrets() for _ in range(20)]
    assert len({each["JWT_SECRET"] for each in made}) == 20
    for each in made:
        Keyring(each["OUTRIDER_ENCRYPTION_KEYS"])


def test_a_printed_setting_hides_its_secrets(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path)
    assert settings.jwt_secret is not None
    assert settings.jwt_secret.get_secret_value() not in repr(settings)


def test_the_example_names_every_setting_and_no_other() -> None:
    named = {
        line.lstrip("# ").partition("=")[0]
        for line in (ROOT / ".env.example").read_text().splitlines()
        if "=" in line and line.lstrip("# ").partition("=")[0].isupper()
    }
    assert named == {field.alias for field in Settings.model_fields.values()}


@pytest.mark.parametrize(
    ("given", "sign_up"),
    [
        ({}, ("*",)),
        ({"OUTRIDER_ENV": "production"}, ()),
        ({"OUTRIDER_ENV": "production", "OUTRIDER_SIGN_UP": "*"}, ("*",)),
        ({"OUTRIDER_SIGN_UP": ""}, ()),
        ({"OUTRIDER_SIGN_UP": "firm.test, ada@b.test"}, ("firm.test", "ada@b.test")),
    ],
    ids=["development", "production", "anybody", "nobody", "some"],
)
def test_in_production_nobody_signs_up_unless_the_operator_says_so(
    tmp_path: Path, given: dict[str, str], sign_up: tuple[str, ...]
) -> None:
    assert load(data_dir=tmp_path, _env_file=None, **given).sign_up == sign_up
