"""The shape of every document that Cliply reads back: frozen, and strict about unknown names."""

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """A value that is stored as JSON and may be edited by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
