"""Answers about usage."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from cliply.features.usage.models import Metric
from cliply.features.usage.service import Summary
from cliply.infra.bodies import Answer


class UsedRead(Answer):
    """How much of one metric is used."""

    metric: Metric
    used: int = Field(description="In this period; of `storage_bytes`, what is stored now.", examples=[120])
    reserved: int = Field(
        description="Set aside for what is being done; given back if it fails. Of `api_calls` always 0.", examples=[30]
    )
    limit: int | None = Field(description="The plan's; null is none.", examples=[300])
    percent: float | None = Field(
        description="Of the limit, with what is reserved; null without a limit.", examples=[50.0]
    )
    forecast: int | None = Field(
        description="Used at the end of the period, if it goes on at the pace that it has had since the beginning of "
        "the period (a straight line). Null in its first 24 hours, and of what is stored.",
        examples=[260],
    )
    alerts: Sequence[int] = Field(
        description="Shares of this limit that were reached in this period, in per cent; each was told by mail once. "
        "Another plan has another limit, whose shares are told anew.",
        examples=[[50]],
    )


class PeriodRead(Answer):
    begins: datetime
    ends: datetime = Field(description="From then on it counts anew; what is stored stays.")
    anchor: Literal["calendar", "subscription"] = Field(
        description="A month of the calendar in the workspace's time zone, or one of its subscription, which begins on "
        "the day that it began on."
    )
    timezone: str = Field(description="The workspace's.", examples=["Europe/Berlin"])


class PastPeriodRead(Answer):
    begins: datetime
    ends: datetime
    used: Mapping[Metric, int] = Field(examples=[{"source_minutes": 240, "clips": 31}])


class UsageRead(Answer):
    """What the workspace has used of its plan."""

    plan: str = Field(examples=["basic"])
    period: PeriodRead
    metrics: Sequence[UsedRead]
    history: Sequence[PastPeriodRead] = Field(description="Periods that are over, newest first.")

    @classmethod
    def of(cls, summary: Summary) -> "UsageRead":
        period = summary.period
        told = {"begins": period.begins, "ends": period.ends, "anchor": summary.anchored_by}
        return cls(
            plan=summary.plan.name,
            period=PeriodRead.model_validate({**told, "timezone": summary.timezone}),
            metrics=[UsedRead.model_validate(each) for each in summary.metrics],
            history=[PastPeriodRead.model_validate(each) for each in summary.history],
        )
