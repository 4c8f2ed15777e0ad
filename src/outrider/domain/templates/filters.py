"""The filters that templates may use, none of which returns more than it should or takes long over it."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from liquid.exceptions import FilterError, LiquidError, ResourceLimitError

LONGEST_TEXT = 100_000
MOST_ITEMS = 10_000
LARGEST_NUMBER = 2**63
LONGEST_DATE_FORMAT = 100

Filter = Callable[..., Any]


def date(value: object, form: object = "%d %B %Y") -> object:
    """Formats an ISO 8601 date or moment; what is empty stays empty, so that a `default` can follow."""
    if not value:
        return value
    if not isinstance(form, str) or len(form) > LONGEST_DATE_FORMAT:
        raise FilterError("date takes a format such as '%d %B %Y'", token=None)
    try:
        return datetime.fromisoformat(str(value)).strftime(form)
    except ValueError:
        raise FilterError("date takes a date such as 2026-01-31", token=None) from None


# None: the library's own. Left out are those that are slow on large input, meant for web shops or undo escaping.
FILTERS: dict[str, Filter | None] = {
    "date": date,
    **dict.fromkeys(("default", "size", "first", "last", "join", "split", "slice")),
    **dict.fromkeys(("capitalize", "downcase", "upcase", "strip", "lstrip", "rstrip", "squish", "strip_newlines")),
    **dict.fromkeys(("append", "prepend", "remove", "remove_first", "replace", "replace_first")),
    **dict.fromkeys(("truncate", "truncatewords", "newline_to_br", "escape", "url_encode")),
    **dict.fromkeys(("plus", "minus", "times", "divided_by", "modulo", "round", "ceil", "floor", "abs")),
    **dict.fromkeys(("at_least", "at_most")),
}


def bounded(name: str, function: Filter) -> Filter:
    """Wraps a filter so that it fails only by the library's errors and returns nothing oversized."""
    expected_size = EXPECTED_SIZES.get(name)

    @wraps(function)
    def call(value: object, *args: Any, **options: Any) -> object:
        if expected_size is not None and expected_size(value, *args) > LONGEST_TEXT:
            raise ResourceLimitError(f"{name} makes more than {LONGEST_TEXT} characters", token=None)
        try:
            result = function(value, *args, **options)
        except LiquidError:
            raise
        except (ArithmeticError, ValueError, LookupError, AttributeError):
            raise FilterError(f"{name} can't work with what it is given", token=None) from None
        _check_size(name, result)
        return result

    return call


def _check_size(name: str, result: object) -> None:
    if isinstance(result, str) and len(result) > LONGEST_TEXT:
        raise ResourceLimitError(f"{name} makes more than {LONGEST_TEXT} characters", token=None)
    if isinstance(result, list) and len(result) > MOST_ITEMS:
        raise ResourceLimitError(f"{name} makes more than {MOST_ITEMS} items", token=None)
    if isinstance(result, int) and abs(result) >= LARGEST_NUMBER:
        raise ResourceLimitError(f"{name} makes too large a number", token=None)


def _replaced_size(value: object, old: object = "", new: object = "", *_: object) -> int:
    # Before the work, not after it: two texts of 100 kB make 10 GB.
    text = str(value)
    return len(text) + text.count(str(old)) * len(str(new))


def _joined_size(value: object, separator: object = " ", *_: object) -> int:
    if not isinstance(value, list):
        return len(str(value))
    if any(isinstance(item, list | dict) for item in value):
        raise FilterError("join takes a list of texts", token=None)
    return sum(len(str(item)) for item in value) + len(value) * len(str(separator))


EXPECTED_SIZES: dict[str, Callable[..., int]] = {"replace": _replaced_size, "join": _joined_size}
