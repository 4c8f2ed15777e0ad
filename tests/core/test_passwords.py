import asyncio
import secrets
import statistics
import time

import pytest
from argon2 import PasswordHasher, extract_parameters

from outrider.core import passwords
from outrider.core.errors import Limited
from outrider.core.passwords import WeakPassword, check_strength, hash_password, needs_rehash, verify

# Of the lists of leaked passwords, and what people make of them when a form asks for eight characters.
COMMON = [
    "password",
    "123456789",
    "12345678",
    "1234567890",
    "password1",
    "qwerty123",
    "1q2w3e4r",
    "iloveyou",
    "princess",
    "sunshine",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "welcome1",
    "passw0rd",
    "password123",
    "qwertyuiop",
    "11111111",
    "00000000",
    "87654321",
    "88888888",
    "abcd1234",
    "1qaz2wsx",
    "asdfghjkl",
    "123123123",
    "987654321",
    "michelle",
    "jennifer",
    "jonathan",
    "whatever",
    "computer",
    "starwars",
    "internet",
    "samantha",
    "victoria",
    "alexander",
    "butterfly",
    "chocolate",
    "liverpool",
    "elizabeth",
    "christian",
    "charlie1",
    "q1w2e3r4",
    "1234qwer",
    "zaq12wsx",
    "qazwsxedc",
    "qwer1234",
    "asdf1234",
    "zxcvbnm1",
    "a1b2c3d4",
    "password12",
    "password!",
    "letmein1",
    "letmein123",
    "welcome123",
    "admin123",
    "administrator",
    "changeme",
    "changeme123",
    "test1234",
    "testtest",
    "secret123",
    "monkey123",
    "dragon123",
    "master123",
    "shadow123",
    "michael1",
    "corvette",
    "mercedes",
    "midnight",
    "mountain",
    "november",
    "december",
    "scooter1",
    "scorpion",
    "danielle",
    "patricia",
    "benjamin",
    "nicholas",
    "anthony1",
    "caroline",
    "marlboro",
    "maverick",
    "metallica",
    "spiderman",
    "pokemon123",
    "minecraft",
    "iloveyou1",
    "babygirl",
    "basketball",
    "barcelona",
    "realmadrid",
    "147258369",
    "159357456",
    "789456123",
    "0987654321",
    "12341234",
    "aaaaaaaa",
    "abcdefgh",
    "abcdefg1",
    "asdfasdf",
    "qweasdzxc",
    "1234abcd",
    "abc12345",
    "abababab",
]
DRESSED_UP = (
    "P@ssw0rd", "PASSWORD!!", "Passw0rd2024!", "Summer2025", "Winter2023!", "123password", "!!dragon!!", "drowssap",
    "passwordpassword", "abcdabcdabcd", "M1ch3ll3", "$unshine1", "Outrider1", "Ashley1990", "lovelove", "qwerty12345",
)  # fmt: skip
STRONG = (
    "correct staple battery", "Mv7!kq2Lpz", "tanzendebaeume", "zwölf Boxkämpfer", "пароль-как-дом", "🦊🌲🔑🚲🧦🪁🥨🎈",
    "x" * 30 + "yz" * 49, "ordinary people like long ones", "8f3k2m9d",
)  # fmt: skip


def refusal(password: str, email: str = "ada.lovelace@example.org") -> str:
    with pytest.raises(WeakPassword) as caught:
        check_strength(password, email=email)
    assert caught.value.details == {"field": "password"}
    return caught.value.message


async def test_a_password_matches_its_own_hash_alone():
    stored = await hash_password("correct staple battery")
    assert await verify(stored, "correct staple battery")
    assert not await verify(stored, "correct staple batterz")
    assert not await verify(stored, "")
    assert stored != await hash_password("correct staple battery")


async def test_hashes_are_argon2id_of_the_agreed_cost():
    kept = extract_parameters(await hash_password("correct staple battery"))
    assert (kept.type.name, kept.memory_cost, kept.time_cost, kept.parallelism) == ("ID", 19_456, 2, 1)


async def test_passwords_that_differ_after_72_bytes_do_not_open_each_other():
    start = "0123456789abcdefghijklmn" * 3
    stored = await hash_password(start + "A")
    assert await verify(stored, start + "A")
    assert not await verify(stored, start + "B")
    assert not await verify(stored, start)


@pytest.mark.parametrize("password", ["🦊🌲🔑🚲🧦🪁🥨🎈", "x y" * 42 + "zz", "pass\0word after a null", "éàüöß" * 100])
async def test_long_ones_and_emoji_work(password):
    check_strength(password)
    stored = await hash_password(password)
    assert await verify(stored, password)
    assert not await verify(stored, password[:-1])


async def test_a_broken_hash_opens_nothing():
    for stored in ("", "x", "$argon2id$v=19$m=19456,t=2,p=1$", "$2b$12$abcdefghijklmnopqrstuv"):
        assert not await verify(stored, "correct staple battery")


def test_a_cheaper_hash_is_due_for_a_new_one():
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash("x"))
    assert not needs_rehash(passwords._dummy)


async def test_an_unknown_user_costs_as_much_as_a_wrong_password():
    stored = await hash_password("correct staple battery")
    known, unknown = [], []
    for _ in range(15):
        for samples, kept in ((known, stored), (unknown, None)):
            started = time.perf_counter()
            assert not await verify(kept, "some wrong password")
            samples.append(time.perf_counter() - started)
    slower, faster = sorted((statistics.median(known), statistics.median(unknown)), reverse=True)
    assert slower - faster < max(0.005, faster * 0.25)


async def test_the_dummy_is_no_way_in():
    assert not await verify(None, "nobody has this password")


async def test_a_crowd_is_told_to_wait_and_no_more_than_two_hashes_run_at_once(monkeypatch):
    running, most = 0, 0

    def slow(password):
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.02)
        running -= 1
        return password

    monkeypatch.setattr(passwords, "_hasher", type("Slow", (), {"hash": staticmethod(slow)}))
    answers = await asyncio.gather(*(hash_password("x") for _ in range(30)), return_exceptions=True)
    refused = [each for each in answers if isinstance(each, Limited)]
    assert most == 2
    assert answers.count("x") == passwords.AT_ONCE + passwords.QUEUE == 10
    assert len(refused) == 20
    assert all(each.retry_after > 0 for each in refused)
    assert await hash_password("x") == "x", "places are free again"


async def test_callers_who_go_away_make_no_room_for_a_third_hash(monkeypatch):
    running, most = 0, 0

    def slow(password):
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.05)
        running -= 1
        return password

    monkeypatch.setattr(passwords, "_hasher", type("Slow", (), {"hash": staticmethod(slow)}))
    for _ in range(5):
        leaving = [asyncio.create_task(hash_password("x")) for _ in range(4)]
        await asyncio.sleep(0.01)
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
    assert await hash_password("x") == "x"
    assert most == 2


@pytest.mark.parametrize("password", COMMON)
def test_a_common_password_is_refused(password):
    assert "Choose another" in refusal(password)


def test_that_was_a_hundred_of_them():
    assert len(set(COMMON)) >= 100


@pytest.mark.parametrize("password", DRESSED_UP)
def test_dressing_a_common_password_up_does_not_help(password):
    assert "Choose another" in refusal(password)


@pytest.mark.parametrize("password", STRONG)
def test_nothing_is_asked_of_a_password_but_to_be_long_and_rare(password):
    check_strength(password, email="ada.lovelace@example.org")


def test_random_passwords_are_never_taken_for_common_ones():
    for _ in range(2_000):
        check_strength(secrets.token_urlsafe(9))


def test_short_and_endless_passwords_are_refused():
    assert "at least 8" in refusal("Mv7!kq2")
    assert "at most 1024" in refusal("Mv7!kq2L" * 129)
    assert "at most 1024" in refusal("é" * 500 + "xy" * 20)
    check_strength("Mv7!kq2L" * 127 + "Mv7!kq2Z")


@pytest.mark.parametrize(
    "password", ["ada.lovelace@example.org", "Ada.Lovelace@Example.org", "ada.lovelace", "ADA.LOVELACE"]
)
def test_the_address_is_no_password(password):
    assert "email address" in refusal(password)
