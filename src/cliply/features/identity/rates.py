"""How often the service may be asked: a rate for each class of routes, for each kind of who asks. Plans hold them.

A rate is a bucket: `100/minute` is a hundred at once, and then as many as a hundred a minute let in one by one.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from cliply.infra.rate_limits import Limit

UNLIMITED = "unlimited"

_SHAPE = re.compile(r"([1-9][0-9]{0,6})/([1-9][0-9]{0,3} )?(second|minute|hour|day)s?")
_UNITS: Mapping[str, timedelta] = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


class RateClass(StrEnum):
    """What a route is, for its rate; each is a field of `Rates`."""

    READ = "read"
    WRITE = "write"
    UPLOAD = "upload"
    EXPENSIVE = "expensive"
    PUBLISH = "publish"
    ADMIN = "admin"
    SIGN_IN = "sign_in"
    PUBLIC = "public"
    FILES = "files"
    UNPROVED = "unproved"


@lru_cache(maxsize=1_000)
def limit_of(rate: str) -> Limit:
    """Raises ValueError."""
    said = _SHAPE.fullmatch(rate)
    if said is None:
        raise ValueError(f"write a rate like 100/minute or 20/2 minutes, or “{UNLIMITED}”")
    burst, within = int(said[1]), int(said[2] or 1) * _UNITS[said[3]]
    if within / burst < timedelta(microseconds=1):
        raise ValueError("a rate is at most a million a second")
    return Limit(burst, within / burst)


def _rate(said: str | None) -> str | None:
    if said is not None:
        limit_of(said)
    return said


_Rate = Annotated[
    str | None,
    Field(examples=["100/minute"]),
    BeforeValidator(lambda said: None if said == UNLIMITED else said),
    AfterValidator(_rate),
]


class Often(BaseModel):
    """How often, each of these; whatever is left out is not limited."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    user: _Rate = Field(None, description="A person who is signed in, wherever they are.")
    key: _Rate = Field(None, description="An API key.")
    workspace: _Rate = Field(None, description="All who work in one workspace together.")
    address: _Rate = Field(None, description="All who come from one address; of IPv6, from one network.")


class Rates(BaseModel):
    """How often routes of each class may be asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    read: Often = Field(
        Often(user="6000/minute", key="6000/minute", workspace="30000/minute", address="30000/minute"),
        description="Looking at something.",
    )
    write: Often = Field(
        Often(user="1200/minute", key="1200/minute", workspace="6000/minute", address="6000/minute"),
        description="Changing something, where that is no more than a row.",
    )
    upload: Often = Field(
        Often(user="600/minute", key="600/minute", workspace="3000/minute", address="6000/minute"),
        description="Beginning and ending uploads; not their parts.",
    )
    expensive: Often = Field(
        Often(user="600/minute", key="600/minute", workspace="3000/minute", address="6000/minute"),
        description="Having something made: clips, renders, exports, jobs.",
    )
    publish: Often = Field(
        Often(workspace="60/minute"), description="Publishing; what a network itself allows is far less."
    )
    admin: Often = Field(Often(user="600/minute", address="6000/minute"), description="Running the installation.")
    sign_in: Often = Field(
        Often(user="60/minute", address="60/minute"),
        description="Passwords and codes. One account is limited more tightly, whatever is said here.",
    )
    public: Often = Field(Often(address="1200/minute"), description="What else is open to everybody.")
    files: Often = Field(
        Often(address="30000/minute"), description="Files behind signed links, where the service keeps them itself."
    )
    unproved: Often = Field(
        Often(address="300/minute"), description="Requests whose key or session proves nothing; they are answered 401."
    )

    def of(self, which: RateClass) -> Often:
        found: Often = getattr(self, which)
        return found

    def with_told(self, told: Mapping[str, Any]) -> "Rates":
        """These, with what was said for some of some classes. Raises ValidationError."""
        merged = {name: {**often, **told.get(name, {})} for name, often in self.model_dump().items()}
        return Rates.model_validate(merged)


def sold(
    read: tuple[int, int], write: tuple[int, int], upload: tuple[int, int], expensive: tuple[int, int], publish: int
) -> Rates:
    """Of a plan that is sold: requests a minute of one person or key, and of the whole workspace."""
    each = {"read": read, "write": write, "upload": upload, "expensive": expensive}
    told: dict[str, dict[str, str]] = {
        name: {"user": f"{one}/minute", "key": f"{one}/minute", "workspace": f"{all_}/minute"}
        for name, (one, all_) in each.items()
    }
    return Rates().with_told({**told, "publish": {"workspace": f"{publish}/minute"}})
