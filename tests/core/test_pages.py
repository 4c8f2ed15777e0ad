"""Pages of lists."""

import pytest

from outrider.core.pages import Page, PageRequest


@pytest.mark.parametrize(("number", "size", "offset"), [(1, 20, 0), (2, 20, 20), (1000, 7, 6993)])
def test_a_page_begins_after_those_before_it(number: int, size: int, offset: int) -> None:
    assert PageRequest(number, size).offset == offset


@pytest.mark.parametrize(("total", "pages"), [(0, 0), (1, 1), (20, 1), (21, 2), (40, 2)])
def test_the_last_page_may_be_short(total: int, pages: int) -> None:
    assert Page([], total, 1, 20).pages == pages


def test_what_is_on_a_page_can_be_dressed() -> None:
    page = Page([1, 2], 12, 3, 2).map(str)
    assert (list(page.items), page.total, page.number, page.size) == (["1", "2"], 12, 3, 2)
