"""Passwords: argon2id with a bounded number of hashes at once, and what makes a password too weak.

Parameters: OWASP Password Storage Cheat Sheet (19 MiB, two passes, one lane).
"""

import asyncio
import re
from collections.abc import Callable
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
AT_ONCE = 2
QUEUE = 8
T = TypeVar("T")
LEET = str.maketrans("013457@$!", "oleastasi")

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_dummy = _hasher.hash("nobody has this password")
_waiting = 0
_slots: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


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


def check_strength(password: str, *, email: str = "") -> None:
    """Raises WeakPassword. No rules of composition: length and rareness are what counts (NIST SP 800-63B)."""
    if len(password) < SHORTEST:
        raise WeakPassword(f"Use at least {SHORTEST} characters; several words are easy to remember.", field="password")
    if len(password.encode()) > MOST_BYTES:
        raise WeakPassword(f"Use at most {MOST_BYTES} bytes.", field="password")
    lowered = password.casefold()
    if email and lowered in {email.casefold(), email.partition("@")[0].casefold()}:
        raise WeakPassword("Don't use your email address as the password.", field="password")
    if _is_common(lowered):
        raise WeakPassword("This password is among the first ones that are guessed. Choose another.", field="password")


def _is_common(lowered: str) -> bool:
    plain = lowered.translate(LEET)
    stems = {lowered, plain, re.sub(r"[\d\W_]+$", "", lowered), re.sub(r"[\d\W_]+$", "", plain)}
    return bool(stems & _common()) or len(set(lowered)) <= FEWEST_DIFFERENT or _is_run(lowered)


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
    global _waiting  # noqa: PLW0603  # one count for the process
    if _waiting >= QUEUE:
        raise Limited("Many people are signing in just now. Try again in a moment.", retry_after=2)
    slots = _slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    _waiting += 1
    try:
        async with slots:
            return await asyncio.to_thread(work, *args)
    finally:
        _waiting -= 1
