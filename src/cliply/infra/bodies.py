"""Bases of what is sent to the service and what it answers."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Body(BaseModel):
    """What is sent: names that mean nothing are refused, and so is text that no database can hold."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, sent: Any) -> Any:
        if isinstance(sent, dict):
            _refuse_unstorable(sent)
        return sent


class Answer(BaseModel):
    """What is answered, from the row or value that holds it."""

    model_config = ConfigDict(from_attributes=True)


def storable(text: str) -> bool:
    """Whether a database can hold it: no zero byte, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _refuse_unstorable(sent: Any) -> None:
    if isinstance(sent, str):
        if not storable(sent):
            raise ValueError("text with a zero byte, or cut in the middle of a character")
    elif isinstance(sent, dict):
        for name, value in sent.items():
            _refuse_unstorable(name)
            _refuse_unstorable(value)
    elif isinstance(sent, list):
        for value in sent:
            _refuse_unstorable(value)
