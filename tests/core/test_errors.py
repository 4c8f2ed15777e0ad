"""Errors a caller may see."""

import pytest

from outrider.core import errors
from outrider.core.errors import AppError, Limited, Unavailable

KINDS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, AppError)]


def test_no_two_kinds_share_a_code_or_a_status() -> None:
    assert len({each.code for each in KINDS}) == len({each.status for each in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", [Limited, Unavailable])
def test_who_must_wait_is_told_how_long(kind: type[Limited | Unavailable]) -> None:
    assert kind("Wait.", retry_after=7).retry_after == 7


def test_details_are_kept_for_programs() -> None:
    error = errors.Invalid("No.", field="name")
    assert (error.message, error.details, str(error)) == ("No.", {"field": "name"}, "No.")
