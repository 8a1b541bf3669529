"""What holds for all that is published on a channel, unless a publication says otherwise."""

from datetime import time
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ChannelSettings(BaseModel):
    """Times are local ones of the workspace."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    privacy: str | None = Field(
        None, max_length=40, description="Who may see it, in the network's own word; some networks want it named."
    )
    category: str | None = Field(None, pattern=r"^[0-9]{1,3}$", description="YouTube's number of the category.")
    daily_cap: int | None = Field(None, ge=1, le=100, description="Publications a day at most; the others wait.")
    quiet_from: time | None = Field(None, description="Nothing goes out from this time on.", examples=["22:00"])
    quiet_to: time | None = Field(None, description="Until this time.", examples=["07:00"])
    spacing: int | None = Field(None, ge=1, le=1440, description="Minutes between two publications at least.")
    late: int = Field(
        180,
        ge=0,
        le=10_080,
        description="Minutes that what was planned may be late and still goes out by itself; later than that it is "
        "`missed`, and people are asked.",
    )
    made_for_kids: bool = Field(False, description="Whether what is published here is made for children.")
    synthetic: bool = Field(False, description="Whether it is labelled as made or altered by AI.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise ValueError("quiet hours have a beginning and an end: set both, or neither")
        if self.quiet_from is not None and self.quiet_from == self.quiet_to:
            raise ValueError("quiet hours that begin when they end leave no time to publish")
        return self
