"""Who of the faces in a shot is the one that is heard.

Each face has its own quiet level of mouth motion; what rises above it while there is a voice speaks for that face. The
most likely sequence of speakers is found with a cost for every change of speaker that is lower in a pause, because that
is where turns change (Viterbi); the forward-backward pass over the same chain tells how sure that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cliply.media.framing.tracking import Track
from cliply.media.framing.voices import STEP, Flags, Floats, Voices
from cliply.media.types import Millis, Span, Word

# Motion, as log of the change in units of the face's contrast: of a still mouth in usual video, how far a speaking
# one lies above its own still level, and the spread of both.
_STILL, _RISE, _SPREAD = float(np.log(0.055)), float(np.log(2.6)), 0.55
# How far a restless mouth may raise its own still level.
_RESTLESS = 0.5
# A still level is believed like so many steps of its own.
_PRIOR_STEPS = 6.0
# Neighbouring steps tell nearly the same, so each counts only in part.
_WEIGHT = 0.35
_LARGEST = 2.5
_CHANGE_IN_SPEECH, _CHANGE_IN_PAUSE = 5.0, 2.0
_OFF_SCREEN = -0.45
# Correlation of mouth and sound: what lies half-way between those of a speaker and of another, what it is worth, and
# the deviation of the bell it is measured under, in steps.
_LIKENESS, _LIKENESS_WEIGHT, _BELL = 0.35, 0.9, 9
_LABEL_WEIGHT = 0.8
_VOICE_WEIGHT = 0.04
# Evidence from which on a mouth counts as moving.
_CONTESTED = 0.25
# Evidence of one shot shares its errors, so the whole is less sure than its parts would make it.
_DOUBT = 0.3
_SMOOTH: Millis = 300

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch in which one face, or nobody in the picture, is heard."""

    span: Span
    who: int
    """Index of the track within the shot, or NOBODY."""
    sure: float
    """0 to 1: mean probability while there was a voice."""
    voiced: Millis
    """How much of it is speech."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """Who is heard in one shot."""

    turns: tuple[Turn, ...]
    chances: Floats
    """Steps by tracks: the probability that each is the one that is heard; 0 without a voice."""
    start: Millis
    sure: float
    """0 to 1: how sure the whole is; 1 if nobody spoke."""

    def chance(self, track: int, at: Millis) -> float:
        step = (at - self.start) // STEP
        return float(self.chances[min(max(0, step), len(self.chances) - 1), track])


def who_speaks(shot: Span, tracks: Sequence[Track], voices: Voices, words: Sequence[Word]) -> Speaking:
    """Speakers of one shot. `voices` covers the shot; `words` may carry speaker labels."""
    steps = max(1, -(-shot.duration // STEP))
    first = voices.index(shot.start)
    rows = np.minimum(np.arange(first, first + steps), len(voices.level) - 1)
    speech, shape = voices.speech[rows], voices.shape[rows]
    if not tracks:
        return Speaking((), np.zeros((steps, 0)), shot.start, 1.0)
    motion = np.stack([_motion(each, shot, steps) for each in tracks], axis=1)
    evidence = seen = _evidence(motion, speech, voices.level[rows])
    for _ in range(2):
        path = _decode(evidence, speech)
        told = _told_by_labels(path, shot, words, len(tracks)) + _told_by_voice(path, speech, shape, len(tracks))
        evidence = seen + told
    path, chances = _decode(evidence, speech), _chances(evidence, speech)
    sure = _sureness(evidence, speech)
    return Speaking(_turns(path, chances, speech, shot), chances[:, :-1] * speech[:, None], shot.start, sure)


def _motion(track: Track, shot: Span, steps: int) -> Floats:
    """Log of mouth motion at each step, smoothed; NaN where the face is not seen."""
    seen = [motion for each in track.observations for motion in each.motions]
    values = np.full(steps, np.nan)
    if not seen:
        return values
    at = np.array([motion.at for motion in seen], float)
    # The upper half of the face moves with the head and with noise; what the mouth shares of it is not speech.
    moved = np.log(np.maximum(0.01, [motion.mouth - 0.5 * motion.upper for motion in seen]))
    middles = shot.start + (np.arange(steps) + 0.5) * STEP
    weights = np.exp(-0.5 * ((middles[:, None] - at[None, :] + STEP / 2) / (_SMOOTH / 2)) ** 2)
    total = weights.sum(axis=1)
    known = total > 0.2
    values[known] = (weights @ moved)[known] / total[known]
    return values


def _evidence(motion: Floats, speech: Flags, level: Floats) -> Floats:
    """Log likelihood ratio of speaking against being still, steps by tracks; last column: nobody in the picture."""
    ratios = np.zeros((motion.shape[0], motion.shape[1] + 1))
    ratios[:, -1] = _OFF_SCREEN
    for track in range(motion.shape[1]):
        values = motion[:, track]
        known = ~np.isnan(values)
        # A mouth that also moves while nothing is heard chews or smiles, so that much of its motion is not speech.
        still = known & ~speech
        usual = (values[still].sum() + _PRIOR_STEPS * _STILL) / (int(still.sum()) + _PRIOR_STEPS)
        usual = min(usual, _STILL + _RESTLESS)
        ratio = _RISE / _SPREAD**2 * (values - usual - _RISE / 2)
        together = _LIKENESS_WEIGHT * (_likeness(values, level) - _LIKENESS)
        ratios[known, track] = np.clip(ratio[known], -_LARGEST, _LARGEST) * _WEIGHT + together[known]
        ratios[~known, track] = -0.3 * _WEIGHT
    return ratios * speech[:, None]


def _likeness(motion: Floats, level: Floats) -> Floats:
    """How much a mouth moves as the sound swells: their correlation around each step, at the better of three lags."""
    heard = np.maximum(level, np.percentile(level, 95) - 30)
    known = ~np.isnan(motion)
    moved = np.where(known, motion, 0.0)
    lagged = [_correlation(np.roll(moved, lag), heard, np.roll(known, lag)) for lag in (0, 1, 2)]
    best: Floats = np.max(lagged, axis=0)
    return best


def _correlation(one: Floats, other: Floats, known: Flags) -> Floats:
    """Correlation under a bell of about three seconds around each step; 0 where too little is known."""
    reach = 3 * _BELL
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _BELL) ** 2)

    def summed(values: Floats) -> Floats:
        return np.convolve(values * known, bell, mode="full")[reach : reach + len(values)]

    count = np.maximum(1e-9, summed(np.ones_like(one)))
    mean_one, mean_other = summed(one) / count, summed(other) / count
    both = summed(one * other) / count - mean_one * mean_other
    spread_one = summed(one * one) / count - mean_one**2
    spread_other = summed(other * other) / count - mean_other**2
    # Small spreads are noise, and a correlation of noise with anything is nothing.
    correlation: Floats = both / np.sqrt((np.maximum(0, spread_one) + 0.02) * (np.maximum(0, spread_other) + 1.0))
    return np.where(count > 0.3 * bell.sum(), correlation, 0.0)


def _told_by_labels(path: Floats, shot: Span, words: Sequence[Word], tracks: int) -> Floats:
    """What the speaker labels of the transcript add: each label belongs to the face that mostly spoke under it."""
    told = np.zeros((len(path), tracks + 1))
    labelled = [word for word in words if word.speaker is not None and word.span.overlap(shot)]
    for label in {word.speaker for word in labelled}:
        steps = np.zeros(len(path), bool)
        for word in labelled:
            if word.speaker == label:
                steps[max(0, (word.start - shot.start) // STEP) : max(0, -(-(word.end - shot.start) // STEP))] = True
        counts = np.array([(path[steps] == track).sum() for track in range(tracks)])
        if steps.any() and counts.max() > 0.6 * steps.sum():
            told[steps, int(counts.argmax())] += _LABEL_WEIGHT
    return told


def _told_by_voice(path: Floats, speech: Flags, shape: Floats, tracks: int) -> Floats:
    """How much each moment's voice is like the one that is heard from each face so far."""
    told = np.zeros((len(path), tracks + 1))
    spoken = {track: speech & (path == track) for track in range(tracks)}
    known = {track: steps for track, steps in spoken.items() if steps.sum() >= 15}
    if len(known) < 2:
        return told
    spread = np.mean([shape[steps].var(axis=0) for steps in known.values()], axis=0) + 1e-3
    likeness = {
        track: -0.5 * ((shape - shape[steps].mean(axis=0)) ** 2 / spread).sum(axis=1) for track, steps in known.items()
    }
    smooth = {track: np.convolve(each, np.ones(5) / 5, mode="same") for track, each in likeness.items()}
    average = np.mean(list(smooth.values()), axis=0)
    for track, each in smooth.items():
        told[:, track] = np.clip((each - average) * _VOICE_WEIGHT, -0.5, 0.5) * speech
    return told


def _change_costs(speech: Flags) -> Floats:
    """The cost of another speaker from each step on; a pause of at least three steps makes it cheap."""
    pause = np.convolve(~speech, np.ones(3), mode="same") >= 3
    near = np.convolve(pause, np.ones(3), mode="same") > 0
    return np.where(near, _CHANGE_IN_PAUSE, _CHANGE_IN_SPEECH).astype(float)


def _decode(evidence: Floats, speech: Flags) -> Floats:
    """The most likely speaker at each step; NOBODY for the last column."""
    steps, states = evidence.shape
    costs = _change_costs(speech)
    best, back = evidence[0].copy(), np.zeros((steps, states), int)
    for step in range(1, steps):
        leader = int(best.argmax())
        change = best[leader] - costs[step]
        back[step] = np.where(best >= change, np.arange(states), leader)
        best = np.maximum(best, change) + evidence[step]
    path = np.empty(steps, int)
    path[-1] = int(best.argmax())
    for step in range(steps - 1, 0, -1):
        path[step - 1] = back[step, path[step]]
    return np.where(path == states - 1, NOBODY, path)


def _chances(evidence: Floats, speech: Flags) -> Floats:
    """The probability of each state at each step, by the forward-backward pass in log space."""
    costs = _change_costs(speech)
    forward, backward = evidence.copy(), np.zeros_like(evidence)
    for step in range(1, len(evidence)):
        forward[step] += _moved(forward[step - 1], costs[step])
    for step in range(len(evidence) - 2, -1, -1):
        backward[step] = _moved(backward[step + 1] + evidence[step + 1], costs[step + 1])
    total = forward + backward
    chances: Floats = np.exp(total - total.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    return chances


def _moved(scores: Floats, cost: float) -> Floats:
    every = float(np.logaddexp.reduce(scores)) - cost
    moved: Floats = np.logaddexp(scores, every)
    return moved


def _sureness(evidence: Floats, speech: Flags) -> float:
    """Mean probability of the likeliest speaker, less where more than one mouth moves while one voice is heard."""
    if not speech.any():
        return 1.0
    contested = float(((evidence[:, :-1] > _CONTESTED).sum(axis=1) > 1)[speech].mean())
    chances = _chances(evidence * _DOUBT, speech)
    return float(chances[:, :-1].max(axis=1)[speech].mean()) * (1 - 0.7 * contested)


def _turns(path: Floats, chances: Floats, speech: Flags, shot: Span) -> tuple[Turn, ...]:
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1), len(path)]
    turns = []
    for first, last in pairwise(edges):
        who, voiced = int(path[first]), speech[first:last]
        column = chances[first:last, who]
        span = Span(shot.start + int(first) * STEP, min(shot.end, shot.start + int(last) * STEP))
        turns.append(Turn(span, who, float(column[voiced].mean()) if voiced.any() else 1.0, int(voiced.sum()) * STEP))
    return tuple(turns)
