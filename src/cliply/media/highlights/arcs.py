"""Where one arc (a question, its story, its pay-off) is over and the next begins, and what still awaits its answer."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from cliply.media.highlights.candidates import Flags, Windows
from cliply.media.types import Millis, Sentence
from cliply.media.wording.cues import Cues, normalise
from cliply.media.wording.text import Floats, Ints

_CLOSERS = "\"'”’»)] "
_QUESTION_MARKS = ("?", "？", "؟")
_FOLLOW_UP_WORDS = 3
"""“Really?” and “How so?” keep an arc going."""
_ANSWER_WORDS = 40
"""A question that comes before so much was said since the last one asks for more of the same."""
_ASKING_SENTENCES = 4
_ASKING_WORDS = 90
"""A turn that asks does so soon, and is not long."""
_REPLY_WORDS = 4
_SET_UP_WORDS, _LAST_WORDS = 8, 4
_PAUSE: Millis = 500
_LONG_PAUSE: Millis = 900
_STRONG = 0.5
_TAIL_SECONDS, _HEAD_SECONDS = 20.0, 12.0
"""An arc that has gone on for so long in a window is not cut off at its very beginning or entered at its very end."""


def is_question(sentence: Sentence, cues: Cues) -> bool:
    """Asks for an answer: “..., right?” at the end of a statement does not."""
    text = normalise(sentence.text).rstrip(_CLOSERS)
    if not text.endswith(_QUESTION_MARKS):
        return cues.count("request", text) > 0
    tail = text.rstrip("?？؟ ")
    return not any(tail.endswith(f", {tag}") for tag in cues.words.get("tag_question", ()))


def awaits_answer(sentences: Sequence[Sentence], cues: Cues) -> Flags:
    """Sentences that a clip must not end on, since what they ask for or announce comes after them."""
    size = len(sentences)
    out = np.zeros(size, bool)
    for index, sentence in enumerate(sentences):
        text = normalise(sentence.text).rstrip(_CLOSERS)
        following = sentences[index + 1] if index + 1 < size else None
        out[index] = (
            is_question(sentence, cues)
            or _hangs(text, cues)
            or _sets_up(text, cues)
            or (following is not None and _is_answered(sentence, following, cues))
        )
    return out


def _hangs(text: str, cues: Cues) -> bool:
    """“..., because...”"""
    words = text.split()
    bare = words[-1].rstrip(".…-—–,") if words else ""
    trails = text.endswith(("...", "…", "-", "—", "–"))
    return trails and cues.is_word("hanging", bare)


def _sets_up(text: str, cues: Cues) -> bool:
    """“Here is the thing.”: in a longer sentence the thing itself is said too, unless the words stand at its end."""
    words = text.split()
    return cues.count("set_up", text if len(words) <= _SET_UP_WORDS else " ".join(words[-_LAST_WORDS:])) > 0


def _is_answered(sentence: Sentence, following: Sentence, cues: Cues) -> bool:
    """A question need not look like one: “The queen rules?” is often written with a full stop. “No, ...” tells."""
    if sentence.speaker == following.speaker and sentence.speaker is not None:
        return False
    words = normalise(following.text).split()
    first = words[0].rstrip(",.!")
    return len(words) > _REPLY_WORDS and first != words[0] and cues.is_word("answer", first)


def arc_starts(sentences: Sequence[Sentence], cues: Cues, avoided: Flags) -> Floats:
    """0 to 1 for every sentence: how likely a new arc begins there.

    A question of somebody else after a good while of answering; where speakers are not known, a question after a
    pause; a pause that is long for this recording; words that turn to another subject; the beginning and the end of
    what is `avoided`.
    """
    size = len(sentences)
    if not size:
        return np.zeros(0)
    pauses = _pauses(sentences)
    known = len({each.speaker for each in sentences}) > 1
    asking = _asking_turns(sentences, cues, avoided) if known else _asking_sentences(sentences, pauses, cues)
    turning = np.array([cues.count("turning", normalise(each.text)) > 0 for each in sentences], np.float64)
    free = np.array([True, *(not known or a.speaker != b.speaker for a, b in pairwise(sentences))])
    # A pause inside somebody's turn is for effect as often as for a new beginning.
    other = 1 - (1 - pauses * np.where(free, 0.6, 0.3)) * (1 - turning * np.where(free, 0.5, 0.2))
    out: Floats = 1 - (1 - asking) * (1 - other)
    out[np.flatnonzero(avoided[1:] != avoided[:-1]) + 1] = 1.0
    out[0] = 1.0
    return out


def _pauses(sentences: Sequence[Sentence]) -> Floats:
    """0 for a pause that is usual between sentences here, 1 for one of the longest."""
    gaps = np.array([0, *(b.span.start - a.span.end for a, b in pairwise(sentences))], np.float64)
    low = max(_PAUSE, float(np.percentile(gaps, 75)))
    high = max(_LONG_PAUSE, float(np.percentile(gaps, 90)), low + 100)
    out: Floats = np.clip((gaps - low) / (high - low), 0, 1)
    return out


def _asking_sentences(sentences: Sequence[Sentence], pauses: Floats, cues: Cues) -> Floats:
    """Without speakers: people ask themselves questions too, but seldom after a pause and with one before an answer."""
    out = np.zeros(len(sentences))
    for index, sentence in enumerate(sentences):
        following = sentences[index + 1] if index + 1 < len(sentences) else None
        asks = is_question(sentence, cues) or (following is not None and _is_answered(sentence, following, cues))
        if asks and sentence.last - sentence.first > _FOLLOW_UP_WORDS:
            out[index] = 0.25 + 0.6 * pauses[index]
    return out


def _asking_turns(sentences: Sequence[Sentence], cues: Cues, avoided: Flags) -> Floats:
    """A turn of another person with a question soon in it, counted at its first sentence; a read is a turn apart."""
    out = np.zeros(len(sentences))
    words = [each.last - each.first for each in sentences]
    said = 0
    first = 0
    while first < len(sentences):
        last = first
        while (
            last + 1 < len(sentences)
            and sentences[last + 1].speaker == sentences[first].speaker
            and avoided[last + 1] == avoided[first]
        ):
            last += 1
        turn = range(first, last + 1)
        length = sum(words[index] for index in turn)
        asks = any(is_question(sentences[index], cues) for index in turn[:_ASKING_SENTENCES])
        if asks and _FOLLOW_UP_WORDS < length <= _ASKING_WORDS:
            out[first] = 0.85 if said >= _ANSWER_WORDS else 0.3
            said = 0
        else:
            said += length
        first = last + 1
    return out


def arc_features(windows: Windows, sentences: Sequence[Sentence], starts: Floats) -> dict[str, Floats]:
    """How far a window is one arc.

    `crossed`: the strongest border inside; `tail`: it ends just after a new arc
    began; `head`: it begins just before one does; `opens_arc`, `ends_arc`: it begins and ends where arcs do.
    """
    if not len(windows):
        return {name: np.zeros(0) for name in ("crossed", "tail", "head", "opens_arc", "ends_arc")}
    around = np.concatenate([starts, [1.0]])
    opens, ends = around[windows.first], around[windows.last + 1]
    tail, head = _broken(windows, np.array([each.span.start for each in sentences], np.int64), starts)
    return {
        "crossed": _strongest_inside(windows, around),
        "tail": tail * (1 - ends),
        "head": head * (1 - opens / 2),
        "opens_arc": opens,
        "ends_arc": ends,
    }


def _strongest_inside(windows: Windows, around: Floats) -> Floats:
    pairs = np.stack([windows.first + 1, windows.last + 1], 1).ravel()
    strongest = np.maximum.reduceat(around, pairs)[::2]
    return np.where(windows.first < windows.last, strongest, 0.0)


def _broken(windows: Windows, at: Ints, starts: Floats) -> tuple[Floats, Floats]:
    """1 for an arc that only just began before the end, or that is as good as over at the start; 0 for none."""
    size = len(starts)
    index = np.arange(size)
    strong = starts >= _STRONG
    latest = np.maximum.accumulate(np.where(strong, index, -1))
    nearest = np.minimum.accumulate(np.where(strong, index, size)[::-1])[::-1]
    begun, coming = latest[windows.last], np.append(nearest, size)[windows.first + 1]
    tail_seconds = (windows.end - at[np.maximum(begun, 0)]) / 1000
    head_seconds = (at[np.minimum(coming, size - 1)] - windows.start) / 1000
    tail = np.where(begun > windows.first, starts[np.maximum(begun, 0)] * _soon(tail_seconds, _TAIL_SECONDS), 0.0)
    head = np.where(
        coming <= windows.last, starts[np.minimum(coming, size - 1)] * _soon(head_seconds, _HEAD_SECONDS), 0.0
    )
    return tail, head


def _soon(seconds: Floats, limit: float) -> Floats:
    out: Floats = np.clip(1.5 - seconds / limit, 0, 1)
    return out
