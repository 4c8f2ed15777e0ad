"""The followups contract: bare camelCase JSON, lists with `pagination`, errors `{error: {code, message, details}}`."""

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import (
    BaseModel,
    ConfigDict,
    model_validator,
)
from pydantic.alias_generators import to_camel

from outrider.api.bodies import without_nul
from outrider.api.contract import Contract
from outrider.api.followups import examples
from outrider.core.errors import AppError
from outrider.core.pages import Page, PageRequest

T = TypeVar("T")

DEFAULT_LIMIT = 20
MOST = 100
LAST_PAGE = 100_000


class Out(BaseModel):
    """What is sent: camelCase, built from domain objects."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class In(BaseModel):
    """What is taken: camelCase only, and nothing unknown."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nul(cls, value: Any) -> Any:
        return without_nul(value)


class Pagination(Out):
    page: int
    limit: int
    total: int
    pages: int


class Listed(Out, Generic[T]):
    data: list[T]
    pagination: Pagination


class Followups(Contract):
    title = "Outrider follow-ups"
    description = "Enrol a sent email in a sequence; follow-ups go out on time and stop at the reply."
    requests = examples.REQUESTS
    answers = examples.ANSWERS
    parameters = examples.PARAMETERS
    links = examples.KEPT

    def page_model(self, model: Any) -> Any:
        return Listed[model]

    def page(self, page: Page[Any]) -> Any:
        pagination = Pagination(page=page.number, limit=page.size, total=page.total, pages=page.pages)
        return {"data": page.items, "pagination": pagination}

    def error(self, error: AppError) -> dict[str, Any]:
        return {"error": {"code": error.code, "message": error.message, "details": error.details}}


contract = Followups()


async def paging(
    page: Annotated[int, Query(ge=1, le=LAST_PAGE, description="Counts from 1.")] = 1,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Items on a page.")] = DEFAULT_LIMIT,
) -> PageRequest:
    return PageRequest(page, limit)
