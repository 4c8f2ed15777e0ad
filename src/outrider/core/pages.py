"""Pages of lists, as the domain speaks of them; each contract has its own words for them on the wire."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Integer, Select, bindparam, func
from sqlalchemy.ext.asyncio import AsyncSession

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page: `number` counts from 1; `size` has been bounded by the contract."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    total: int
    number: int
    size: int

    @property
    def pages(self) -> int:
        return -(-self.total // self.size)

    def map(self, change: Callable[[T], U]) -> "Page[U]":
        return Page([change(item) for item in self.items], self.total, self.number, self.size)


def paged(query: Select[T]) -> Select[T, int]:
    """Has a statement say how many rows there are in all with each of those on a page. Built once, it is asked often."""
    counting = query.with_only_columns(func.count(), maintain_column_froms=True).order_by(None).correlate(None)
    page = query.offset(bindparam("offset", type_=Integer)).limit(bindparam("limit", type_=Integer))
    return page.add_columns(counting.scalar_subquery())


async def page_of(
    db: AsyncSession, query: Select[T, int], page: PageRequest, known: Mapping[str, object] | None = None
) -> Page[T]:
    """Reads a page of what is `paged` in one statement; past the end it takes a second to know how many there are."""
    asked = {**(known or {}), "offset": page.offset, "limit": page.size}
    rows = (await db.execute(query, asked)).all()
    first = rows or (await db.execute(query, {**asked, "offset": 0, "limit": 1})).all() if page.offset else rows
    return Page([row[0] for row in rows], first[0][1] if first else 0, page.number, page.size)
