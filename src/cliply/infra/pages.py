"""Long lists, a page at a time: each page ends with a cursor, which asks for the one after it."""

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from cliply.errors import Invalid

MOST = 100
Item = TypeVar("Item")


class WrongCursor(Invalid):
    def __init__(self) -> None:
        super().__init__("This cursor does not belong to this list. Leave it out to begin at the start.")


Cursor = Annotated[str | None, Field(max_length=500, description="`next` of the page before; left out for the first.")]
PageSize = Annotated[int, Field(ge=1, le=MOST)]


class Page(BaseModel, Generic[Item]):
    """Part of a list; `next` is the `cursor` of the next page, and empty on the last one."""

    items: list[Item]
    next: str | None = Field(description="Pass it as `cursor` for the next page; empty on the last one.")


def cursor(kind: str, *position: str | int) -> str:
    """Where a page ended. `kind` is the list's name, so that a cursor of another list is refused."""
    written = json.dumps([kind, *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def position(kind: str, written: str) -> list[str | int]:
    """What `cursor` was given. It comes from outside: what the values mean is the caller's to check.

    Raises WrongCursor.
    """
    try:
        named, *values = json.loads(
            base64.b64decode(written + "=" * (-len(written) % 4), altchars=b"-_", validate=True)
        )
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise WrongCursor from None
    if named != kind or not all(isinstance(each, str | int) and not isinstance(each, bool) for each in values):
        raise WrongCursor
    return list(values)


def number(kind: str, written: str | None) -> int | None:
    """The position of a list that is ordered by one number; None at its start. Raises WrongCursor."""
    if written is None:
        return None
    values = position(kind, written)
    if len(values) != 1 or not isinstance(values[0], int) or not 0 <= values[0] < 2**63:
        raise WrongCursor
    return values[0]


def moment(kind: str, written: str | None) -> tuple[datetime, UUID] | None:
    """The position of a list that is ordered by time and id; None at its start. Raises WrongCursor."""
    if written is None:
        return None
    match position(kind, written):
        case [str(at), str(row_id)]:
            try:
                return datetime.fromisoformat(at), UUID(row_id)
            except ValueError:
                pass
    raise WrongCursor
