"""Passwords: argon2id with a bounded number of hashes at once, and what makes a password too weak.

Parameters: OWASP Password Storage Cheat Sheet (19 MiB, two passes, one lane).
"""

import asyncio
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from outrider.core.errors import Invalid, Limited

SHORTEST = 8
MOST_BYTES = 1024
FEWEST_DIFFERENT = 2
LONGEST_REPEATED = 4  # characters: abcdabcdabcd is no better than abcd
AT_ONCE = 2
QUEUE = 8
T = TypeVar("T")
LEET = (str.maketrans("013457@$!", "oleastasi"), str.maketrans("013457@$!", "oieastasi"))  # a 1 is an l or an i
DECORATION_BEFORE = re.compile(r"^[\d\W_]{1,6}")
DECORATION_AFTER = re.compile(r"[\d\W_]{1,6}$")

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_dummy = _hasher.hash("nobody has this password")
_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
_places = threading.BoundedSemaphore(AT_ONCE + QUEUE)


class WeakPassword(Invalid):
    code = "password_too_weak"


async def hash_password(password: str) -> str:
    return await _in_turn(_hasher.hash, password)


async def verify(stored: str | None, password: str) -> bool:
    """Takes the same time where there is no user: a dummy is verified instead."""
    matches = await _in_turn(_matches, stored or _dummy, password)
    return matches and stored is not None


def needs_rehash(stored: str) -> bool:
    return _hasher.check_needs_rehash(stored)


def check_strength(password: str, *, email: str = "", shortest: int = SHORTEST) -> None:
    """Raises WeakPassword. No rules of composition: length and rareness are what counts (NIST SP 800-63B)."""
    if len(password) < shortest:
        raise WeakPassword(f"Use at least {shortest} characters; several words are easy to remember.", field="password")
    if len(password.encode()) > MOST_BYTES:
        raise WeakPassword(f"Use at most {MOST_BYTES} bytes.", field="password")
    lowered = password.casefold()
    if email and lowered in {email.casefold(), email.partition("@")[0].casefold()}:
        raise WeakPassword("Don't use your email address as the password.", field="password")
    if _is_common(lowered):
        raise WeakPassword("This password is among the first ones that are guessed. Choose another.", field="password")


def _is_common(lowered: str) -> bool:
    if len(set(lowered)) <= FEWEST_DIFFERENT or _is_run(lowered):
        return True
    unit = lowered[: (lowered + lowered).index(lowered, 1)]
    return len(unit) <= LONGEST_REPEATED or any(not _stems(each).isdisjoint(_common()) for each in {lowered, unit})


def _stems(lowered: str) -> set[str]:
    """What is left of a password without the usual decorations: a year, an exclamation mark, digits for letters."""
    plain = {lowered, DECORATION_AFTER.sub("", lowered)}
    plain |= {DECORATION_BEFORE.sub("", each) for each in plain}
    plain |= {each.translate(table) for each in plain for table in LEET}
    return plain | {each[::-1] for each in plain}


def _is_run(text: str) -> bool:
    """Whether each character follows the last one: 12345678, abcdefgh, or backwards."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return steps <= {1} or steps <= {-1}


@cache
def _common() -> frozenset[str]:
    return frozenset(files("outrider.core").joinpath("common_passwords.txt").read_text().split())


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False


async def _in_turn(work: Callable[..., T], *args: str) -> T:
    # Hashing is the cheapest way to overload a sign-in page, so few run at once and few wait.
    if not _places.acquire(blocking=False):
        raise Limited("Many people are signing in just now. Try again in a moment.", retry_after=2)
    future = _threads.submit(work, *args)
    # A place is free when its hash has ended, which a caller who went away does not hasten.
    future.add_done_callback(lambda _: _places.release())
    return await asyncio.wrap_future(future)
