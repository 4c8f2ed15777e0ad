"""Pages of lists."""

import pytest
from sqlalchemy import select

from outrider.core.ids import new_id
from outrider.core.pages import Page, PageRequest, page_of, paged
from outrider.domain.accounts.models import Member
from outrider.runtime import Runtime
from tests.factories.accounts import make_user


@pytest.mark.parametrize(("number", "size", "offset"), [(1, 20, 0), (2, 20, 20), (1000, 7, 6993)])
def test_a_page_begins_after_those_before_it(number: int, size: int, offset: int) -> None:
    assert PageRequest(number, size).offset == offset


@pytest.mark.parametrize(("total", "pages"), [(0, 0), (1, 1), (20, 1), (21, 2), (40, 2)])
def test_the_last_page_may_be_short(total: int, pages: int) -> None:
    assert Page([], total, 1, 20).pages == pages


def test_what_is_on_a_page_can_be_dressed() -> None:
    page = Page([1, 2], 12, 3, 2).map(str)
    assert (list(page.items), page.total, page.number, page.size) == (["1", "2"], 12, 3, 2)


async def test_a_page_says_how_many_there_are_also_past_the_end(runtime: Runtime) -> None:
    owner = await make_user(runtime)
    await make_user(runtime, workspace_id=owner.workspace_id)
    query = paged(select(Member).where(Member.workspace_id == owner.workspace_id).order_by(Member.created_at))
    async with runtime.db.begin(owner.scope) as db:
        pages = [await page_of(db, query, PageRequest(number, 1)) for number in (1, 2, 3)]
        nobody = await page_of(db, paged(select(Member).where(Member.user_id == new_id())), PageRequest(1, 1))
    assert [(len(each.items), each.total) for each in [*pages, nobody]] == [(1, 2), (1, 2), (0, 2), (0, 0)]
    assert pages[0].items[0].user_id == owner.user.id
