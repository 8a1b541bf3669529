"""The shape of every document that Cliply reads back: frozen, and strict about unknown names."""

from pydantic import BaseModel, ConfigDict, ValidationError


class Document(BaseModel):
    """A value that is stored as JSON and may be edited by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def first_fault(wrong: ValidationError) -> str:
    """What is wrong with a document first, for somebody who edited it by hand."""
    first = wrong.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return "it is not JSON, or was cut short"
    if first["type"] == "missing":
        return f"“{where}” is missing"
    if first["type"] == "extra_forbidden":
        return f"“{where}” is no name that is known here"
    return f"“{where}” is not right ({first['msg']})" if where else first["msg"]
