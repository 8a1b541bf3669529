"""Which frame of the clip shows which moment of the source.

Everything is counted in frames of the clip's constant rate, so that two hundred jump cuts add up without drift: each
cut begins in the clip at the rounded sum of what came before, never at a sum of rounded lengths.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cliply.media.edit import ClipEdit
from cliply.media.probe import Source
from cliply.media.types import Millis, Span

# Decoding what lies between two kept stretches costs about a seventh of real time; opening the file once more costs up
# to one group of pictures. Farther apart than this, opening again is cheaper.
_LONGEST_SKIP: Millis = 8_000
_MOST_RUNS = 12

# These containers have no index of keyframes: a seek can land after the keyframe that the wanted frame needs.
_WITHOUT_INDEX = ("mpegts", "mpeg", "flv", "ogg", "asf")
_LEAD = Fraction(12)


@dataclass(frozen=True, slots=True)
class Cut:
    """`count` frames that are kept: from `grid` on the frame grid of their run, shown from `clip` on in the clip."""

    grid: int
    clip: int
    count: int
    span: Span

    @property
    def end(self) -> int:
        """On the run's grid."""
        return self.grid + self.count


@dataclass(frozen=True, slots=True)
class Run:
    """Cuts that are near each other, decoded through one opening of the source."""

    seek: Fraction
    """Seconds of the source to seek to; a little before `origin` so that no rounding loses the first frame."""
    origin: Fraction
    """Seconds of the source that frame 0 of the grid shows."""
    cuts: tuple[Cut, ...]

    @property
    def frames(self) -> int:
        return sum(cut.count for cut in self.cuts)


@dataclass(frozen=True, slots=True)
class FrameMap:
    """The clip on its frame grid."""

    rate: Fraction
    runs: tuple[Run, ...]

    @property
    def frames(self) -> int:
        return sum(run.frames for run in self.runs)

    @property
    def cuts(self) -> list[Cut]:
        return [cut for run in self.runs for cut in run.cuts]

    def frame(self, at: Millis) -> int:
        """The clip's frame that shows source moment `at`; for one that was cut out, the first frame after it."""
        for run in self.runs:
            for cut in run.cuts:
                if at < cut.span.end:
                    grid = round((Fraction(at, 1000) - run.origin) * self.rate)
                    return cut.clip + min(max(grid - cut.grid, 0), cut.count)
        return self.frames

    def sample(self, frame: int, sample_rate: int) -> int:
        """The first sample of a frame of the clip."""
        return round(frame * sample_rate / self.rate)


def frame_map(edit: ClipEdit, source: Source) -> FrameMap:
    """Lay the edit's spans on the frame grid of its output rate."""
    rate = edit.output.rate
    runs: list[Run] = []
    clip_start: Millis = 0
    for spans in _near(edit.spans):
        seek, origin = _opening(spans[0].start, source)
        cuts: list[Cut] = []
        for span in spans:
            first = round(Fraction(clip_start, 1000) * rate)
            clip_start += span.duration
            count = max(1, round(Fraction(clip_start, 1000) * rate) - first)
            first = cuts[-1].clip + cuts[-1].count if cuts else first
            cuts.append(Cut(_grid_start(span, cuts, origin, rate), first, count, span))
        runs.append(Run(seek, origin, tuple(cuts)))
    return FrameMap(rate, _consecutive(runs))


def _grid_start(span: Span, before: Sequence[Cut], origin: Fraction, rate: Fraction) -> int:
    wanted = max(0, round((Fraction(span.start, 1000) - origin) * rate))
    if not before:
        return wanted
    touching = Fraction(span.start - before[-1].span.end, 1000) * rate < 1
    return before[-1].end if touching and abs(wanted - before[-1].end) <= 1 else max(wanted, before[-1].end)


def _consecutive(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Cuts that were given one frame at least may have pushed the later ones."""
    at = 0
    moved: list[Run] = []
    for run in runs:
        cuts: list[Cut] = []
        for cut in run.cuts:
            cuts.append(Cut(cut.grid, at, cut.count, cut.span))
            at += cut.count
        moved.append(Run(run.seek, run.origin, tuple(cuts)))
    return tuple(moved)


def _near(spans: Sequence[Span]) -> list[list[Span]]:
    longest = _LONGEST_SKIP
    while True:
        groups = [[spans[0]]]
        for span in spans[1:]:
            if span.start - groups[-1][-1].end > longest:
                groups.append([])
            groups[-1].append(span)
        if len(groups) <= _MOST_RUNS:
            return groups
        longest *= 2


def _opening(start: Millis, source: Source) -> tuple[Fraction, Fraction]:
    """Where to seek, and the moment of the source's own frame grid that the clip's grid starts with."""
    wanted = Fraction(start, 1000)
    if source.video is None:
        return wanted, wanted
    frame = 1 / source.video.rate
    first = Fraction(source.pictured.start, 1000)
    # Behind the last frame there is nothing to open; it is held from there on.
    wanted = min(wanted, max(first, Fraction(source.video.last, 1000) - 2 * frame))
    if any(name in source.container.split(",") for name in _WITHOUT_INDEX):
        wanted = max(Fraction(0), wanted - _LEAD)
    origin = first + math.floor((wanted - first) / frame + Fraction(1, 2)) * frame
    return max(Fraction(0), origin - frame / 4), origin
