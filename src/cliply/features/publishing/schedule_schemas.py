"""Bodies of requests and answers about schedules."""

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field, WithJsonSchema

from cliply.features.publishing.composing import Wanted
from cliply.features.publishing.local_time import LocalTime
from cliply.features.publishing.models import PublicationState
from cliply.features.publishing.schedules import Shown
from cliply.infra.bodies import Answer, Body
from cliply.integrations.publisher import Network

_WRITTEN = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?$"
_EXAMPLE = "2026-12-24T18:00"


def _time(sent: Any) -> Any:
    if not isinstance(sent, str) or re.fullmatch(_WRITTEN, sent, re.ASCII) is None:
        raise ValueError(f"not a time such as {_EXAMPLE}, or with an offset {_EXAMPLE}:00+01:00")
    return sent


Time = Annotated[
    datetime, BeforeValidator(_time), WithJsonSchema({"type": "string", "pattern": _WRITTEN, "examples": [_EXAMPLE]})
]
_AT = (
    "What the clock of `zone` shows then. That is kept, whatever becomes of the zone's rules. A time that clocks leave "
    "out is as much later as they go forward. With an offset it is that moment, as the zone's clock shows it."
)
_ZONE = "A name of the IANA list; left out: the workspace's time zone."
_SECOND = "Of a time that comes twice because clocks go back, the second is meant and not the first."


class _At(Body):
    zone: str | None = Field(None, max_length=60, description=_ZONE, examples=["Europe/Berlin"])
    second: bool = Field(False, description=_SECOND)


def local_time(at: datetime, zone: str, *, second: bool) -> LocalTime:
    """Raises NoSuchZone or TooFarOff."""
    return LocalTime(at, zone, second) if at.tzinfo is None else LocalTime.of(at, zone)


class ScheduleCreate(_At, Wanted):
    """A clip to be published at a time; what is left out is as the clip and the account have it."""

    network: Network
    clip_id: UUID
    at: Time = Field(description=_AT)
    account_id: UUID | None = Field(None, description="Left out: the network's default account, or the only one.")
    again: bool = Field(False, description="Plan it though this clip is published or planned on the account already.")

    @property
    def wanted(self) -> Wanted:
        return Wanted.model_validate(self.model_dump(include=set(Wanted.model_fields)))


class ScheduleMove(_At):
    at: Time | None = Field(description=f"{_AT} Null: at once.")


class ScheduleRead(Answer):
    """A publication that has a time; its id is the publication's."""

    id: UUID
    account_id: UUID
    network: Network
    clip_id: UUID | None = Field(description="Null once the clip was deleted.")
    title: str = Field(examples=["Why bees dance"])
    state: Shown
    at: datetime = Field(
        description="When it goes, as clocks show it in the zone that was asked for, or in its own.",
        examples=["2026-12-24T18:00:00+01:00"],
    )
    local_at: datetime = Field(description="The time on the clock as it was chosen.", examples=["2026-12-24T18:00:00"])
    zone: str = Field(description="Whose clock that is.", examples=["Europe/Berlin"])
    run_at: datetime = Field(description="The moment, by the rules of the zone that are known now.")
    fired_at: datetime | None = Field(description="When it fired: its publication was begun then, or waits in turn.")
    late: float | None = Field(description="Seconds by which it fired late.", examples=[0.8])
    publication: PublicationState = Field(description="Where its publication is, `/api/publications/{id}`.")
    next_at: datetime | None = Field(description="When something happens next, where it waits.")
    url: str | None = Field(examples=["https://youtu.be/dQw4w9WgXcQ"])
    note: str | None = Field(description="What people should know of it.")
    error: str | None = Field(description="Why it is where it is, for people.")
    error_code: str | None = Field(description="The same for programs.", examples=["missed"])


class SlotRead(Answer):
    """The next time at which an account's quiet hours, spacing and daily cap let one more go out."""

    account_id: UUID
    at: datetime = Field(examples=["2026-12-24T18:00:00+01:00"])
    local_at: datetime = Field(description="The same on the clock of `zone`.", examples=["2026-12-24T18:00:00"])
    zone: str = Field(examples=["Europe/Berlin"])
    second: bool = Field(description=_SECOND)


class ScanRead(Answer):
    fired: int = Field(description="Schedules that were due and have fired.", examples=[3])
    missed: int = Field(description="Those that were too late to fire without asking.", examples=[0])
    left: bool = Field(description="Whether there may be more of them: ask again.")
