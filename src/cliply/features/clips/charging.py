"""What clips take of their workspace's plan: reserved when they are asked for, charged once they are there.

One that fails its check, or whose job fails, gives it back: the database does that where it notes the end.
"""

import math
from collections.abc import Sequence

from sqlalchemy.orm import Session

from cliply.features.clips.models import Clip
from cliply.features.identity.plans import Plan
from cliply.features.usage import ledger, stored
from cliply.features.usage.ledger import Amount
from cliply.features.usage.models import Metric


def reserve(session: Session, plan: Plan, clips: Sequence[Clip]) -> None:
    """For clips that are to be rendered as they are now. Raises PlanLimit.

    One that was made before counts no second time; its render does.
    """
    if not clips:
        return
    stored.check_room(session, plan, now=ledger.now_in(session))
    wanted = [Amount(Metric.CLIPS, clip.id) for clip in clips]
    wanted += [Amount(Metric.RENDER_SECONDS, _render(clip, clip.version), _seconds(_length(clip))) for clip in clips]
    ledger.reserve_all(session, plan, wanted)


def most(session: Session, plan: Plan) -> int | None:
    """How many more the plan allows this month; they stay there until the transaction ends. None is no limit."""
    return ledger.left(session, plan, Metric.CLIPS, held=True)


def charges(clip: Clip, *, rendered: int, version: int) -> list[Amount]:
    """What counts once the clip has a video of `rendered` milliseconds, made of its edit at `version`."""
    return [
        Amount(Metric.CLIPS, clip.id),
        Amount(Metric.RENDER_SECONDS, _render(clip, version), _seconds(rendered)),
    ]


def give_back(session: Session, clip: Clip, version: object) -> None:
    """Of a render that is not made, since the clip was changed again."""
    ledger.release(session, Metric.RENDER_SECONDS, _render(clip, version))


def _length(clip: Clip) -> int:
    edit = clip.clip_edit
    return clip.end_ms - clip.start_ms if edit is None else edit.duration


def _seconds(milliseconds: int) -> int:
    return math.ceil(milliseconds / 1000)


def _render(clip: Clip, version: object) -> str:
    return f"{clip.id}/{version}"
