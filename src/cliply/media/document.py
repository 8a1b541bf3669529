"""The shape of every document that Cliply reads back: frozen, and strict about unknown names."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Document(BaseModel):
    """A value that is stored as JSON and may be edited by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def first_fault(wrong: ValidationError) -> str:
    """What is wrong with a document first, for somebody who edited it by hand."""
    return fault(wrong.errors(include_url=False)[0])


def fault(error: "ErrorDetails") -> str:
    """One thing that is wrong, with the entry it is wrong in."""
    where, context = place(error["loc"]), error.get("ctx", {})
    match error["type"]:
        case "json_invalid":
            return f"it is not JSON, or was cut short{_line(str(context.get('error', '')))}"
        case "missing":
            return f"{where} is missing"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return f"{where} is no name that is known here"
        case "value_error":
            told = str(context.get("error", ""))
            return f"{where}: {told}" if where else told
    told = _told(error["type"], context) or error["msg"]
    return f"{where} {told}" if where else told


def place(loc: Sequence[int | str]) -> str:
    """“words”, entry 3, “end”."""
    return ", ".join(f"entry {part + 1}" if isinstance(part, int) else f"“{part}”" for part in loc)


_PLAIN = {
    "too_short": "needs at least {min_length} entry",
    "too_long": "may have at most {max_length} entries",
    "string_too_long": "may have at most {max_length} characters",
    "string_too_short": "needs at least {min_length} characters",
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be more than {gt:g}",
    "less_than_equal": "must be at most {le:g}",
    "less_than": "must be less than {lt:g}",
    "literal_error": "must be one of {expected}",
}
_KINDS = {
    "int": "must be a whole number",
    "float": "must be a number",
    "finite": "must be a number",
    "string": "must be text in quotation marks",
    "path": "must be the name of a file, in quotation marks",
    "bool": "must be true or false",
    "tuple": "must be a list in square brackets",
    "model": "must be a group of settings",
    "dataclass": "must be a group of settings",
    "dict": "must be a group of settings",
}


def _told(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        colour = str(context.get("pattern", "")).startswith("^#")
        return "must be a colour such as #FFE600" if colour else "is not written as it should be"
    if kind in _PLAIN:
        return _PLAIN[kind].format(**context)
    return _KINDS.get(kind.partition("_")[0], "")


def _line(said: str) -> str:
    found = re.search(r"line (\d+) column (\d+)", said)
    return f", at line {found[1]}, column {found[2]}" if found else ""
