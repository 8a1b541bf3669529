"""Where one shot ends and the next begins.

A cut is a difference between two tiny pictures that stands out from its neighbours (a local median test). Looked-at
frames may lie several source frames apart, so a cut between them is then looked up at the full rate: a camera
that is even one frame late shows the wrong person for a flash.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cliply.errors import CliplyError
from cliply.media.framing.frames import EVERY_FRAME, Frame, frames
from cliply.media.probe import Source
from cliply.media.types import Millis, OnProgress, Span, no_progress

Tiny = NDArray[np.float32]

_TINY = (32, 18)
_NEIGHBOURS = 8
# Mean difference in grey levels of 255, how many times the local median, and the share of the picture that changed.
_LEAST, _TIMES, _CHANGED, _SHARE = 12.0, 3.5, 18.0, 0.2
_SHORTEST_SHOT: Millis = 250


@dataclass(frozen=True, slots=True)
class Look:
    """One looked-at moment, reduced to what tells shots apart."""

    at: Millis
    tiny: Tiny
    """Luma and both colour planes of a 32 by 18 picture, as rows of 3."""


def look(frame: Frame) -> Look:
    import cv2

    height, width = frame.luma.shape
    colour = frame.planes[height:].reshape(2, height // 2, width // 2)
    planes = [frame.luma, colour[0], colour[1]]
    small = [cv2.resize(plane, _TINY, interpolation=cv2.INTER_AREA) for plane in planes]
    return Look(frame.at, np.stack(small, axis=-1).astype(np.float32))


def difference(one: Tiny, other: Tiny) -> float:
    """Mean difference in grey levels; colour counts as brightness does."""
    return float(np.abs(one - other).sum(axis=-1).mean())


def changed_share(one: Tiny, other: Tiny) -> float:
    """The share of the picture that is clearly another."""
    return float((np.abs(one - other).sum(axis=-1) > _CHANGED).mean())


def stands_out(recent: Sequence[float], step: float) -> bool:
    """Whether a step is large against the ones around it."""
    return step > _LEAST and step > _TIMES * (float(np.median(recent)) if len(recent) else 0.0)


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut somewhere after `before` and not after `after`."""

    before: Millis
    after: Millis
    sure: bool
    """`after` is the exact first frame of the new shot."""


def find_cuts(looks: Sequence[Look], frame_length: float) -> list[Cut]:
    """Cuts between looked-at moments. `frame_length` of the source, in milliseconds."""
    steps = [difference(one.tiny, other.tiny) for one, other in itertools.pairwise(looks)]
    cuts: list[Cut] = []
    for index, step in enumerate(steps):
        around = steps[max(0, index - _NEIGHBOURS) : index] + steps[index + 1 : index + 1 + _NEIGHBOURS]
        before, after = looks[index], looks[index + 1]
        if not stands_out(around, step) or changed_share(before.tiny, after.tiny) < _SHARE:
            continue
        if _is_flash(looks, index) or (cuts and after.at - cuts[-1].after < _SHORTEST_SHOT):
            continue
        cuts.append(Cut(before.at, after.at, sure=after.at - before.at <= 1.5 * frame_length))
    return cuts


def _is_flash(looks: Sequence[Look], index: int) -> bool:
    """Whether the picture is back to what it was within two looks: a flash light, not a cut."""
    before, step = looks[index].tiny, difference(looks[index].tiny, looks[index + 1].tiny)
    later = looks[index + 2 : index + 4]
    earlier = looks[max(0, index - 2) : index]
    returns = any(difference(before, after.tiny) < 0.3 * step for after in later)
    returned = any(difference(look.tiny, looks[index + 1].tiny) < 0.3 * step for look in earlier)
    near = looks[index + 1].at - looks[index].at < _SHORTEST_SHOT
    return near and (returns or returned)


def refine(source: Source, cuts: Sequence[Cut], *, on_progress: OnProgress = no_progress) -> list[Millis]:
    """The exact first moment of each new shot."""
    return [cut.after if cut.sure else _exact(source, cut, on_progress) for cut in cuts]


def _exact(source: Source, cut: Cut, on_progress: OnProgress) -> Millis:
    span = Span(cut.before, cut.after + 1)
    try:
        looks = [
            look(frame)
            for frame in frames(
                source, span, rate=EVERY_FRAME, width=160, skip=False, on_progress=lambda _: on_progress(0.0)
            )
        ]
    except CliplyError:
        return cut.after
    if len(looks) < 2:
        return cut.after
    # The frames before the cut look like the first, those after it like the last: the split that fits both best.
    to_first = [difference(looks[0].tiny, each.tiny) for each in looks]
    to_last = [difference(looks[-1].tiny, each.tiny) for each in looks]
    fit = [sum(to_first[:split]) + sum(to_last[split:]) for split in range(1, len(looks))]
    return looks[1 + int(np.argmin(fit))].at


def shots(span: Span, cuts: Sequence[Millis]) -> tuple[Span, ...]:
    """`span` divided at the cuts within it."""
    edges = [span.start, *sorted({cut for cut in cuts if span.start < cut < span.end}), span.end]
    return tuple(Span(start, end) for start, end in itertools.pairwise(edges))
