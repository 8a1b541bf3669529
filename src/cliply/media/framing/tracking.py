"""Faces over time: found a few times a second, linked within shots."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

import numpy as np

from cliply.media.framing.faces import Face, FaceFinder
from cliply.media.framing.frames import Frame, Picture, frames, small_size
from cliply.media.framing.mouths import Motion, motions
from cliply.media.framing.scenes import Look, changed_share, difference, look, stands_out
from cliply.media.probe import Source
from cliply.media.types import Box, Millis, OnProgress, Span, no_progress

# Where B-frames are skipped, what is left is few frames, and encoders put them right after cuts: all are looked at.
RATE, RATE_WITHOUT_B_FRAMES = Fraction(60), Fraction(10)
WIDTH = 512
_FACES_EVERY: Millis = 300
_STILLS_EVERY: Millis = 2000
_MOST_STILLS = 400
# Just before it was first seen and after it was last seen, a face was where it was seen.
_NEAR: Millis = 400
# A face that is lost for longer is taken for another one when it comes back.
_LONGEST_GAP: Millis = 2000
# How far a face may move between two looks, in its own widths, growing with time.
_REACH, _REACH_PER_SECOND = 0.6, 1.5


@dataclass(frozen=True, slots=True)
class Observation:
    """One face as it was found in one frame, in source pixels."""

    at: Millis
    face: Face
    motions: tuple[Motion, ...] = ()
    """Of the mouth, since the observation before."""

    @property
    def box(self) -> Box:
        return self.face.box


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen in a stretch of the source."""

    looks: tuple[Look, ...]
    observations: tuple[Observation, ...]
    faces_looked_for: tuple[Millis, ...]
    """When faces were looked for, found or not."""
    stills: tuple[tuple[Millis, Picture], ...]
    """A luma plane every two seconds and at both ends of a shot."""


def watch(source: Source, span: Span, *, on_progress: OnProgress = no_progress) -> Watched:
    """Look at a stretch once: shots, faces and mouths from the same decoded frames."""
    if source.video is None:
        return Watched((), (), (), ())
    size = small_size(source.video, WIDTH)
    watcher = _Watcher(source.video.size.width / size.width)
    rate = RATE if source.video.reorders else RATE_WITHOUT_B_FRAMES
    for frame in frames(source, span, rate=rate, width=WIDTH, on_progress=on_progress):
        watcher.add(frame)
    watcher.end()
    return Watched(
        looks=tuple(watcher.looks),
        observations=tuple(watcher.observations),
        faces_looked_for=tuple(watcher.looked),
        stills=tuple(watcher.stills),
    )


class _Watcher:
    """Keeps the few frames since faces were last looked for, so that mouths can be read in all of them."""

    def __init__(self, factor: float) -> None:
        self.looks: list[Look] = []
        self.observations: list[Observation] = []
        self.looked: list[Millis] = []
        self.stills: list[tuple[Millis, Picture]] = []
        self._factor = factor
        self._finder = FaceFinder()
        self._kept: list[Frame] = []
        self._last: list[Observation] = []
        self._steps: list[float] = []

    def add(self, frame: Frame) -> None:
        new = look(frame)
        if self.looks and self._is_cut(self.looks[-1], new):
            self.end()
            self._kept, self._last = [], []
        self.looks.append(new)
        if not self._kept or frame.at - self.stills[-1][0] >= _STILLS_EVERY:
            self._keep_still(frame)
        self._kept.append(frame)
        if not self.looked or not self._last_looked_in_shot or frame.at - self.looked[-1] >= _FACES_EVERY:
            self._find()

    def end(self) -> None:
        """Look at the last frame of a shot too, so that every shot is known to its end."""
        if len(self._kept) > 1:
            self._find()
        if self._kept and self.stills and self.stills[-1][0] < self._kept[-1].at:
            self._keep_still(self._kept[-1])

    def _keep_still(self, frame: Frame) -> None:
        self.stills.append((frame.at, frame.luma.copy()))
        if len(self.stills) > _MOST_STILLS:  # an hour of them would fill the memory
            del self.stills[1:-1:2]

    @property
    def _last_looked_in_shot(self) -> bool:
        return bool(self._kept) and self.looked[-1] >= self._kept[0].at

    def _is_cut(self, before: Look, after: Look) -> bool:
        step = difference(before.tiny, after.tiny)
        cut = stands_out(self._steps[-8:], step) and changed_share(before.tiny, after.tiny) > 0.1
        self._steps.append(step)
        return cut

    def _find(self) -> None:
        frame = self._kept[-1]
        new: list[Observation] = []
        faces = self._finder.find(frame.picture)
        scaled = [face.scaled(self._factor) for face in faces]
        pairs = link([each.face for each in self._last], scaled, frame.at - self._kept[0].at) if self._last else {}
        for index, face in enumerate(scaled):
            moved: list[Motion] = []
            if index in pairs and len(self._kept) > 1:
                moved = motions(self._kept, self._last[pairs[index]].face, face, 1 / self._factor)
            new.append(Observation(frame.at, face, tuple(moved)))
        self.observations += new
        self.looked.append(frame.at)
        self._last, self._kept = new, [frame]


def link(before: Sequence[Face], after: Sequence[Face], elapsed: Millis) -> dict[int, int]:
    """Which face of `before` each face of `after` is, by index; nearest pairs first."""
    reach = _REACH + _REACH_PER_SECOND * elapsed / 1000
    costs = [(cost, i, j) for i, one in enumerate(after) for j, two in enumerate(before)
             if (cost := _distance(one.box, two.box)) < reach]  # fmt: skip
    pairs: dict[int, int] = {}
    for _, i, j in sorted(costs):
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def _distance(one: Box, other: Box) -> float:
    """Between centres in face widths, plus the difference in size in octaves."""
    width = (one.width + other.width) / 2
    apart = float(np.hypot(one.centre[0] - other.centre[0], one.centre[1] - other.centre[1])) / max(1.0, width)
    return apart + abs(float(np.log2(max(1.0, one.width) / max(1.0, other.width))))


@dataclass(frozen=True, slots=True)
class Track:
    """One face while it stays in one shot."""

    shot: int
    observations: list[Observation]

    @property
    def span(self) -> Span:
        return Span(self.observations[0].at, self.observations[-1].at)

    @property
    def box(self) -> Box:
        """The middle place over time."""
        sides = [(each.box.x, each.box.y, each.box.width, each.box.height) for each in self.observations]
        return Box(*map(float, np.median(np.array(sides), axis=0)))

    def places(self, moments: Sequence[Millis]) -> list[Box | None]:
        """Where the face is at each moment, between observations on a straight line; None outside the track."""
        times = [each.at for each in self.observations]
        sides = np.array([(each.box.x, each.box.y, each.box.width, each.box.height) for each in self.observations])
        between = np.stack([np.interp(moments, times, sides[:, side]) for side in range(4)], axis=1)
        first, last = times[0] - _NEAR, times[-1] + _NEAR
        return [
            Box(*map(float, row)) if first <= at <= last else None for at, row in zip(moments, between, strict=True)
        ]


def track(watched: Watched, shots: Sequence[Span]) -> list[Track]:
    """Tracks of all shots, without those that are too brief to be people."""
    tracks: list[Track] = []
    for index, shot in enumerate(shots):
        looked = [at for at in watched.faces_looked_for if shot.contains(at)]
        seen = [each for each in watched.observations if shot.contains(each.at)]
        found = _link_all(seen)
        tracks += [Track(index, each) for each in found if _lasting(each, looked)]
    return tracks


def _link_all(seen: Sequence[Observation]) -> list[list[Observation]]:
    chains: list[list[Observation]] = []
    for at, together in groupby(seen, key=lambda each: each.at):
        new = list(together)
        open_ = [chain for chain in chains if at - chain[-1].at <= _LONGEST_GAP]
        elapsed = max((at - chain[-1].at for chain in open_), default=0)
        pairs = link([chain[-1].face for chain in open_], [each.face for each in new], min(elapsed, 600))
        for index, each in enumerate(new):
            if index in pairs:
                open_[pairs[index]].append(each)
            else:
                chains.append([each])
    return chains


def _lasting(chain: Sequence[Observation], looked: Sequence[Millis]) -> bool:
    """Whether a face was there for long enough, in the looks of its time, not to be a pattern on a wall."""
    chances = [at for at in looked if chain[0].at <= at <= chain[-1].at]
    certain = float(np.mean([each.face.confidence for each in chain]))
    if len(chain) < min(3, len(looked)):
        return False
    return len(chain) / max(1, len(chances)) >= 0.4 and certain > 0.65
