"""Plans: how much a workspace may do. They come along, or from a file of whoever runs the service; one gate asks them.

A limit that is not named is none. What a workspace has is its plan with what was changed for it alone.
"""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from cliply.errors import Invalid, LimitReached, NotAllowed, NotFound
from cliply.features.identity.rates import UNLIMITED, Rates, sold
from cliply.infra.quantities import counted, size, spell
from cliply.infra.settings import Settings

_GIGABYTE = 1_000_000_000
_MOST = 1_000_000_000
_LARGEST = 2**50 - 1

# For a number only: Pydantic's strict mode takes no text for one, nor a truth value.
_Unless = BeforeValidator(lambda said: None if said == UNLIMITED else said)
_Count = Annotated[int | None, Field(ge=0, le=_MOST), _Unless]


class Terms(BaseModel):
    """What a plan allows; whatever is left out is not limited."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    uploads_per_day: _Count = Field(
        None, description="Projects that may be begun in a day of the workspace's time zone, by upload or by link."
    )
    clips_per_project: Annotated[int | None, Field(ge=1, le=_MOST), _Unless] = Field(
        None, description="Clips that are made of one project."
    )
    members: Annotated[int | None, Field(ge=1, le=_MOST), _Unless] = Field(
        None, description="People in the workspace, those who are invited included."
    )
    jobs_at_once: Annotated[int | None, Field(ge=1, le=1_000), _Unless] = Field(
        None, description="Jobs that run at the same time; others wait. Without a number, as many as a worker gives."
    )
    largest_file: Annotated[int | None, Field(ge=1, le=_LARGEST), _Unless] = Field(
        None, description="Bytes of one source; never more than CLIPLY_UPLOADS__LARGEST."
    )
    source_minutes_per_month: _Count = Field(
        None, description="Minutes of video that clips are made of in a month; each source counts in whole minutes."
    )
    projects_per_month: _Count = Field(None, description="Projects in a month that clips were made of.")
    clips_per_month: _Count = Field(None, description="Clips that are made in a month.")
    render_seconds_per_month: _Count = Field(
        None, description="Seconds of clips that are rendered in a month, those that are rendered again included."
    )
    publications_per_month: _Count = Field(None, description="Posts in a month, those that are planned included.")
    api_calls_per_month: _Count = Field(None, description="Calls by API keys in a month.")
    storage_bytes: Annotated[int | None, Field(ge=0, le=_LARGEST), _Unless] = Field(
        None, description="Bytes that are stored at the same time."
    )
    scheduling: bool = Field(True, description="Whether posts may be planned for later.")
    rates: Rates = Field(
        Rates(), description="How often the service may be asked; what is left out is as in the plan `unlimited`."
    )

    def told(self) -> dict[str, Any]:
        """Only what was said, so that the rest can come from elsewhere."""
        return self.model_dump(exclude_unset=True)

    def with_told(self, told: Mapping[str, Any]) -> "Terms":
        """These, with what else was said; of rates, those that were named. Raises ValidationError."""
        rates = {"rates": self.rates.with_told(told["rates"])} if "rates" in told else {}
        return self.model_copy(update={**told, **rates})


class Meter(StrEnum):
    """What is measured against a plan; each is a field of `Terms`."""

    UPLOADS_PER_DAY = "uploads_per_day"
    CLIPS_PER_PROJECT = "clips_per_project"
    MEMBERS = "members"
    LARGEST_FILE = "largest_file"
    SOURCE_MINUTES_PER_MONTH = "source_minutes_per_month"
    PROJECTS_PER_MONTH = "projects_per_month"
    CLIPS_PER_MONTH = "clips_per_month"
    RENDER_SECONDS_PER_MONTH = "render_seconds_per_month"
    PUBLICATIONS_PER_MONTH = "publications_per_month"
    API_CALLS_PER_MONTH = "api_calls_per_month"
    STORAGE_BYTES = "storage_bytes"


class Flag(StrEnum):
    """What is allowed or not; each is a field of `Terms`."""

    SCHEDULING = "scheduling"


_AMOUNTS: Mapping[Meter, Callable[[int], str]] = {
    Meter.UPLOADS_PER_DAY: lambda count: counted(count, "upload"),
    Meter.CLIPS_PER_PROJECT: lambda count: counted(count, "clip"),
    Meter.MEMBERS: lambda count: counted(count, "member"),
    Meter.LARGEST_FILE: size,
    Meter.SOURCE_MINUTES_PER_MONTH: lambda count: counted(count, "minute of video", "minutes of video"),
    Meter.PROJECTS_PER_MONTH: lambda count: counted(count, "project"),
    Meter.CLIPS_PER_MONTH: lambda count: counted(count, "clip"),
    Meter.RENDER_SECONDS_PER_MONTH: lambda seconds: f"{spell(seconds)} of rendered clips",
    Meter.PUBLICATIONS_PER_MONTH: lambda count: counted(count, "post"),
    Meter.API_CALLS_PER_MONTH: lambda count: counted(count, "call by API keys", "calls by API keys"),
    Meter.STORAGE_BYTES: lambda count: f"{size(count)} of storage",
}
_UNITS: Mapping[Meter, Callable[[int], str]] = {
    Meter.LARGEST_FILE: size, Meter.RENDER_SECONDS_PER_MONTH: spell, Meter.STORAGE_BYTES: size,
}  # fmt: skip
_ALLOWS: Mapping[Meter, str] = {
    Meter.UPLOADS_PER_DAY: "{most} a day, and {used} {were} begun today",
    Meter.CLIPS_PER_PROJECT: "{most} of a project, of which {used} {are} made, and {wanted} {wanted_were} asked for",
    Meter.MEMBERS: "{most}, and there {are} {used}, with those who are invited",
    Meter.LARGEST_FILE: "files of {most} at most, and this one is larger",
    Meter.SOURCE_MINUTES_PER_MONTH: "{most} a month, of which {used} {are} used, and {wanted} more {wanted_are} needed",
    Meter.PROJECTS_PER_MONTH: "{most} a month, and {used} {were} begun",
    Meter.CLIPS_PER_MONTH: "{most} a month, of which {used} {are} made, and {wanted} {wanted_were} asked for",
    Meter.RENDER_SECONDS_PER_MONTH: "{most} a month, of which {used} are used, and {wanted} more are needed",
    Meter.PUBLICATIONS_PER_MONTH: "{most} a month, and {used} {were} asked for",
    Meter.API_CALLS_PER_MONTH: "{most} a month, and {used} {were} made",
    Meter.STORAGE_BYTES: "{most}, of which {used} are used, and {wanted} more are needed",
}


def told_amount(of: Meter, amount: int) -> str:
    """With what it is, as people read it: `1 upload`, `20 GB of storage`."""
    return _AMOUNTS[of](amount)


def told_number(of: Meter, amount: int) -> str:
    """The same where it is known what it is: `1`, `20 GB`."""
    return _UNITS.get(of, "{:,}".format)(amount)


def _allows(what: Meter, *, limit: int, used: int, wanted: int) -> str:
    return _ALLOWS[what].format(
        most=told_amount(what, limit),
        used=told_number(what, used),
        are="is" if used == 1 else "are",
        were="was" if used == 1 else "were",
        wanted=told_number(what, wanted),
        wanted_are="is" if wanted == 1 else "are",
        wanted_were="was" if wanted == 1 else "were",
    )


_LACKS: Mapping[Flag, str] = {Flag.SCHEDULING: "does not allow posts to be planned for later"}


class PlanLimit(LimitReached):
    """The plan does not allow as much; nothing was done."""

    def __init__(
        self, exceeded: Meter, *, limit: int, used: int, wanted: int, plan: "Plan", at: datetime | None
    ) -> None:
        allows = _allows(exceeded, limit=limit, used=used, wanted=wanted)
        self.exceeded = exceeded
        self.limit = limit
        self.used = used
        self.wanted = wanted
        self.resets_at = at
        self.plan = plan.name
        self.lifts = plan.lifting(exceeded, used + wanted)
        again = f" It allows more from {at:%Y-%m-%d %H:%M %Z} on." if at is not None else ""
        super().__init__(f"The plan “{plan.name}” allows {allows}.{again} {_ways_out(self.lifts, sold=plan.sold)}")


class NotInPlan(NotAllowed):
    """The plan does not have this at all."""

    def __init__(self, lacking: Flag, *, plan: "Plan") -> None:
        self.exceeded = lacking
        self.plan = plan.name
        self.lifts = plan.having(lacking)
        super().__init__(f"The plan “{plan.name}” {_LACKS[lacking]}. {_ways_out(self.lifts, sold=plan.sold)}")


class WrongPlans(Invalid):
    """All that is wrong with the file at once."""

    def __init__(self, file: Path, problems: list[str]) -> None:
        super().__init__(f"The plans in {file} (CLIPLY_PLANS) cannot be used: {'; '.join(problems)}.")


class NoSuchPlan(NotFound):
    def __init__(self, name: str, known: Mapping[str, Terms]) -> None:
        super().__init__(f"There is no plan “{name}”. There are: {', '.join(known)}.")


class NoSuchDefault(NotFound):
    def __init__(self, name: str, known: Mapping[str, Terms]) -> None:
        super().__init__(f"CLIPLY_PLAN names no plan: “{name}”. There are: {', '.join(known)}.")


class WrongOverrides(Invalid):
    def __init__(self, wrong: ValidationError) -> None:
        super().__init__(f"What is to differ from the plan cannot be used: {'; '.join(_problems(wrong))}.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What one workspace may do, as long as its plan stays what it is."""

    name: str
    terms: Terms
    others: Mapping[str, Terms] = field(default_factory=dict, repr=False, compare=False)
    """The plans that a customer may have instead."""
    sold: bool = field(default=False, repr=False, compare=False)
    """Whether those are bought."""

    @property
    def scheduling(self) -> bool:
        return self.terms.scheduling

    def limit(self, of: Meter) -> int | None:
        """None is no limit."""
        limit: int | None = getattr(self.terms, of)
        return limit

    def admit(self, what: Meter, *, used: int, wanted: int = 1, resets_at: datetime | None = None) -> None:
        """The gate: whether `wanted` more may be had by who has `used`. Raises PlanLimit.

        Whoever counts `used` holds what nobody else may change meanwhile, or the limit holds for one at a time only.
        """
        limit = self.limit(what)
        if limit is not None and used + wanted > limit:
            raise PlanLimit(what, limit=limit, used=used, wanted=wanted, plan=self, at=resets_at)

    def require(self, flag: Flag) -> None:
        """Raises NotInPlan."""
        if not getattr(self.terms, flag):
            raise NotInPlan(flag, plan=self)

    def lifting(self, what: Meter, needed: int) -> tuple[str, ...]:
        """The plans that allow `needed`, as they are listed."""
        limits = {name: getattr(terms, what) for name, terms in self.others.items()}
        return tuple(name for name, limit in limits.items() if limit is None or limit >= needed)

    def having(self, flag: Flag) -> tuple[str, ...]:
        return tuple(name for name, terms in self.others.items() if getattr(terms, flag))


@dataclass(frozen=True, slots=True)
class Plans:
    """All plans of an installation, in the order in which they are shown, and which one new workspaces get."""

    defined: Mapping[str, Terms]
    default_name: str = UNLIMITED
    sold_as: Mapping[str, str] = field(default_factory=dict)
    """Which plan each price at Stripe buys, in the order in which prices are offered."""

    def prices(self, name: str) -> tuple[str, ...]:
        return tuple(price for price, plan in self.sold_as.items() if plan == name)

    @property
    def default(self) -> Plan:
        return self.named(self.default_name)

    def named(self, name: str) -> Plan:
        """Raises NoSuchPlan."""
        if name not in self.defined:
            raise NoSuchPlan(name, self.defined)
        return Plan(name, self.defined[name], self._besides(name), sold=bool(self.sold_as))

    def of(self, name: str, overrides: Mapping[str, Any]) -> Plan:
        """What a workspace has whose row says this. A plan that is gone is the default one; nothing is refused here."""
        plan = self.named(name if name in self.defined else self.default_name)
        if not overrides:
            return plan
        return replace(plan, terms=plan.terms.with_told(_usable(overrides)))

    def _besides(self, name: str) -> Mapping[str, Terms]:
        # To be unlimited is for who runs the service, and no offer to anybody; neither is what is not sold where
        # others are.
        offered = set(self.sold_as.values()) or set(self.defined) - {UNLIMITED}
        return {each: terms for each, terms in self.defined.items() if each != name and each in offered}


BUILT_IN = Plans(
    {
        UNLIMITED: Terms(),
        "basic": Terms(
            uploads_per_day=5,
            clips_per_project=3,
            members=3,
            jobs_at_once=2,
            largest_file=2 * _GIGABYTE,
            source_minutes_per_month=300,
            projects_per_month=200,
            clips_per_month=600,
            render_seconds_per_month=72_000,
            publications_per_month=30,
            api_calls_per_month=10_000,
            storage_bytes=20 * _GIGABYTE,
            scheduling=False,
            rates=sold(read=(600, 1800), write=(120, 360), upload=(30, 60), expensive=(60, 120), publish=10),
        ),
        "pro": Terms(
            uploads_per_day=30,
            clips_per_project=12,
            members=10,
            jobs_at_once=4,
            largest_file=10 * _GIGABYTE,
            source_minutes_per_month=1_800,
            projects_per_month=1_000,
            clips_per_month=12_000,
            render_seconds_per_month=1_440_000,
            publications_per_month=300,
            api_calls_per_month=100_000,
            storage_bytes=200 * _GIGABYTE,
            scheduling=True,
            rates=sold(read=(1200, 6000), write=(240, 1200), upload=(60, 180), expensive=(120, 360), publish=20),
        ),
        "premium": Terms(
            uploads_per_day=150,
            clips_per_project=40,
            members=50,
            jobs_at_once=8,
            largest_file=20 * _GIGABYTE,
            source_minutes_per_month=9_000,
            projects_per_month=5_000,
            clips_per_month=200_000,
            render_seconds_per_month=24_000_000,
            publications_per_month=1_500,
            api_calls_per_month=1_000_000,
            storage_bytes=1_000 * _GIGABYTE,
            scheduling=True,
            rates=sold(read=(3000, 15000), write=(600, 3000), upload=(120, 600), expensive=(240, 1200), publish=40),
        ),
    }
)
"""What there is without a file; a file changes or adds to it."""

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
_Price = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,255}$")]


class _Written(Terms):
    """A plan as a file has it: what it allows, and by which prices it is bought."""

    prices: list[_Price] = Field([], max_length=50)


_FILE: TypeAdapter[dict[str, _Written]] = TypeAdapter(dict[_Name, _Written])


def plans_of(settings: Settings) -> Plans:
    """The installation's; read once in the life of a process. Raises WrongPlans or NoSuchDefault."""
    return _plans(settings.plans, settings.plan)


def checked_overrides(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """What is to differ from a workspace's plan, as its row keeps it. Raises WrongOverrides."""
    try:
        return Terms.model_validate(overrides).told()
    except ValidationError as wrong:
        raise WrongOverrides(wrong) from None


def is_usable(overrides: Mapping[str, Any]) -> bool:
    """Whether all of it still means something: a later version may have other limits."""
    return len(_usable(overrides)) == len(overrides)


@lru_cache(maxsize=8)
def _plans(file: Path | None, default: str) -> Plans:
    defined = dict(BUILT_IN.defined)
    sold_as: dict[str, str] = {}
    if file is not None:
        for name, written in _read(file).items():
            told = written.told()
            for price in told.pop("prices", ()):
                if price.startswith("prod_"):
                    wrong = f"{name}.prices: {price} is a product; name one of its prices, which begin with price_"
                    raise WrongPlans(file, [wrong])
                if sold_as.setdefault(price, name) != name:
                    raise WrongPlans(file, [f"{name}.prices: {price} is a price of {sold_as[price]} already"])
            defined[name] = defined.get(name, Terms()).with_told(told)
    if default not in defined:
        raise NoSuchDefault(default, defined)
    return Plans(defined, default, sold_as)


def _read(file: Path) -> "dict[str, _Written]":
    try:
        written = file.read_text(encoding="utf-8")
        found = json.loads(written) if file.suffix == ".json" else tomllib.loads(written)
    except (OSError, ValueError) as failed:
        why = failed.strerror if isinstance(failed, OSError) else str(failed)
        raise WrongPlans(file, [why or "it cannot be read"]) from None
    try:
        return _FILE.validate_python(found)
    except ValidationError as wrong:
        raise WrongPlans(file, list(_problems(wrong))) from None


def _usable(overrides: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return Terms.model_validate(overrides).told()
    except ValidationError as wrong:
        faulty = {str(each["loc"][0]) for each in wrong.errors() if each["loc"]}
        return Terms.model_validate({name: said for name, said in overrides.items() if name not in faulty}).told()


def _problems(wrong: ValidationError) -> Iterator[str]:
    for each in wrong.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in each["loc"] if part != "[key]")
        told = "there is no such limit" if each["type"] == "extra_forbidden" else each["msg"]
        yield f"{where}: {told}" if where else told


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _ways_out(lifts: tuple[str, ...], *, sold: bool) -> str:
    if not lifts:
        return "Ask whoever runs this service for more."
    allows = f"The plan “{lifts[0]}” allows it" if len(lifts) == 1 else f"The plans {_and(lifts)} allow it"
    return f"{allows}; owners and admins buy it with `cliply billing`." if sold else f"{allows}."
