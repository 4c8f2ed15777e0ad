"""What request bodies of several surfaces are made of."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def _whole(value: Any) -> Any:
    # JSON knows one kind of number: 3.0 is a whole one; "3" and true are none.
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Stands after the bounds, which else would not reach the schema.
WHOLE = BeforeValidator(_whole)
Flag = Annotated[bool, Field(strict=True)]
Timezone = Annotated[
    str,
    Field(
        max_length=64,
        description="A name of the IANA time zone database.",
        examples=["Europe/Berlin"],
        json_schema_extra={"format": "iana-timezone"},
    ),
]


def without_nul(value: Any) -> Any:
    """Drops NUL from every string: JSON allows it, no text of a mail has it, and PostgreSQL can't store it."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {without_nul(name): without_nul(each) for name, each in value.items()}
    return [without_nul(each) for each in value] if isinstance(value, list) else value
