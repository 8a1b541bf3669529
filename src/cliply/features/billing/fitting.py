"""How what a workspace has and does fits into a plan that it has not got: what is above, and what would be missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cliply.features.clips.models import Clip, ClipState
from cliply.features.identity.models import Membership
from cliply.features.identity.plans import Flag, Meter, Plan
from cliply.features.projects.quota import Day, begun_since
from cliply.features.publishing import schedules
from cliply.features.publishing.schedules import Waiting
from cliply.features.usage import ledger
from cliply.features.usage.models import Metric
from cliply.features.workspaces.models import Invitation


@dataclass(frozen=True, slots=True)
class Above:
    """More of something than the plan allows. It is kept, and there is nothing new until it is less."""

    meter: Meter
    used: int
    limit: int
    resets_at: datetime | None = None
    """When it begins anew; None where it becomes less only by what is removed."""


@dataclass(frozen=True, slots=True)
class Fit:
    above: tuple[Above, ...]
    lost: tuple[Flag, ...]
    waiting: Waiting
    """Posts with a time, where the plan would not allow to plan them."""


def fit(session: Session, has: Plan, target: Plan, *, from_: datetime | None = None) -> Fit:
    """`from_`: when the plan will be had, if that is not at once; what begins anew until then is not above."""
    used = [each for each in _used(session) if not _is_over(each, from_)]
    lost = tuple(flag for flag in Flag if getattr(has.terms, flag) and not getattr(target.terms, flag))
    waiting = schedules.waiting(session) if Flag.SCHEDULING in lost else Waiting(0, 0)
    return Fit(tuple(_above(used, target)), lost, waiting)


@dataclass(frozen=True, slots=True)
class _Used:
    meter: Meter
    amount: int
    resets_at: datetime | None = None


def _is_over(used: _Used, from_: datetime | None) -> bool:
    return from_ is not None and used.resets_at is not None and used.resets_at <= from_


def _above(used: list[_Used], target: Plan) -> Iterator[Above]:
    for each in used:
        limit = target.limit(each.meter)
        if limit is not None and each.amount > limit:
            yield Above(each.meter, each.amount, limit, each.resets_at)


def _used(session: Session) -> Iterator[_Used]:
    members = session.scalar(select(func.count()).select_from(Membership)) or 0
    invited = session.scalar(select(func.count()).select_from(Invitation).where(Invitation.expires_at > func.now()))
    yield _Used(Meter.MEMBERS, members + (invited or 0))
    of_projects = select(func.count(Clip.id)).where(Clip.state != ClipState.CANDIDATE).group_by(Clip.project_id)
    yield _Used(Meter.CLIPS_PER_PROJECT, session.scalar(select(func.max(of_projects.subquery().c[0]))) or 0)
    now = ledger.now_in(session)
    day = Day.around(now.moment, now.zone)
    yield _Used(Meter.UPLOADS_PER_DAY, begun_since(session, day.begins), day.ends.astimezone(now.zone))
    for metric in Metric:
        ends = now.of(metric).ends
        used = ledger.taken(session, metric, now=now)
        yield _Used(metric.meter, used, None if ends is None else ends.astimezone(now.zone))
