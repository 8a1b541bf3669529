"""What a project takes of its workspace's plan: reserved when it is begun, charged once a clip of it is there.

One that fails, is refused or is deleted before that gives it back: the database does that where it notes the end.
"""

from datetime import timedelta

from sqlalchemy.orm import Session

from cliply.features.identity.plans import Plan
from cliply.features.projects.models import Project
from cliply.features.projects.options import ProjectOptions
from cliply.features.usage import ledger
from cliply.features.usage.ledger import Amount
from cliply.features.usage.models import Metric

_MINUTE = 60_000


def minutes(options: ProjectOptions, duration_ms: int) -> int:
    """Of the part that is looked at, each that was begun."""
    looked_at = min(options.end or duration_ms, duration_ms) - (options.begin or 0)
    return max(1, -(-looked_at // _MINUTE))


def reserve(session: Session, plan: Plan, project: Project, duration_ms: int | None) -> None:
    """For a project that is begun, or goes on; without the minutes while nobody knows how long its source is.

    Asked again once it has been looked at, the length that it has counts, and no longer the one that was declared.
    Raises PlanLimit.
    """
    wanted = [Amount(Metric.PROJECTS, project.id)]
    if duration_ms is not None:
        amount = minutes(ProjectOptions.model_validate(project.options), duration_ms)
        wanted.append(Amount(Metric.SOURCE_MINUTES, project.id, amount))
    ledger.reserve_all(session, plan, wanted)


def charges(project: Project) -> list[Amount]:
    """What counts once something came of it."""
    length = minutes(ProjectOptions.model_validate(project.options), project.duration_ms or 0)
    return [Amount(Metric.PROJECTS, project.id), Amount(Metric.SOURCE_MINUTES, project.id, length)]


def longest(session: Session, plan: Plan, options: ProjectOptions) -> timedelta | None:
    """What a source may last by what is left of the plan's minutes at this moment; None is no limit.

    Of one that is looked at in part only, no length says how many minutes that is.
    """
    left = None if options.begin or options.end else ledger.left(session, plan, Metric.SOURCE_MINUTES)
    return None if left is None else timedelta(minutes=left)


def refuse_longer(session: Session, plan: Plan) -> None:
    """Of a source that is known only to be longer than what is left. Raises PlanLimit."""
    now = ledger.now_in(session)
    used = ledger.taken(session, Metric.SOURCE_MINUTES, now=now)
    left = ledger.left(session, plan, Metric.SOURCE_MINUTES, now=now)
    ledger.refuse(plan, Metric.SOURCE_MINUTES, used=used, wanted=(left or 0) + 1, now=now)
