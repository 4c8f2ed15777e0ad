"""The dialect of the concierge and the harvest: snake_case JSON in `{success, data, message}`, lists with `pagination`,
errors `{success: false, error: {code, message, details}}`.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, model_validator

from outrider.api.bodies import without_nul
from outrider.api.contract import Contract
from outrider.core.errors import AppError, Invalid
from outrider.core.pages import Page, PageRequest

T = TypeVar("T")

DEFAULT_LIMIT = 20
MOST = 100
LAST_PAGE = 100_000
DONE = "Operation completed"
INVALID = "VALIDATION_ERROR"


class Out(BaseModel):
    """What is sent, built from domain objects."""

    model_config = ConfigDict(from_attributes=True)


class In(BaseModel):
    """What is taken, and nothing unknown."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nul(cls, value: Any) -> Any:
        return without_nul(value)


class Done(Out, Generic[T]):
    success: Literal[True] = True
    data: T
    message: str = DONE


class Pagination(Out):
    page: int
    limit: int
    total: int
    pages: int


class Listed(Out, Generic[T]):
    success: Literal[True] = True
    data: list[T]
    pagination: Pagination


class Enveloped(Contract):
    """Subclasses say what they are, where they are mounted, and show examples."""

    def item_model(self, model: Any) -> Any:
        return Done[model]

    def page_model(self, model: Any) -> Any:
        return Listed[model]

    def item(self, value: Any) -> Any:
        return {"data": value}

    def page(self, page: Page[Any]) -> Any:
        pagination = Pagination(page=page.number, limit=page.size, total=page.total, pages=page.pages)
        return {"data": page.items, "pagination": pagination}

    def error(self, error: AppError) -> dict[str, Any]:
        # Its clients know codes in capitals, and what is wrong with their input by this one.
        code = INVALID if error.code == Invalid.code else error.code.upper()
        return {"success": False, "error": {"code": code, "message": error.message, "details": error.details}}


async def paging(
    page: Annotated[int, Query(ge=1, le=LAST_PAGE, description="Counts from 1.")] = 1,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Items on a page.")] = DEFAULT_LIMIT,
) -> PageRequest:
    return PageRequest(page, limit)
