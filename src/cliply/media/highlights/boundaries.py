"""Where exactly a clip is cut: in the silence around its sentences, never inside a word."""

from bisect import bisect_left
from collections.abc import Sequence

from cliply.media.types import Millis, Span, Word

_LEAD: Millis = 200
_TAIL: Millis = 400
"""Room for the first sound and for the last one to fade; less where the neighbour's word is near."""
_REACH: Millis = 2000
"""How far from a word its silence is looked for: further away lies another pause, or a part nobody listened to."""


def snap(span: Span, first: int, last: int, words: Sequence[Word], duration: Millis, silences: Sequence[Span]) -> Span:
    """Widen `span`, which holds the words from `first` up to, not including, `last`, into the pauses on both sides.

    A cut lies in a measured silence where the pause has one, else at most half-way to the neighbouring word.
    """
    before = max((word.end for word in words[max(0, first - 8) : first]), default=0)
    after = min((word.start for word in words[last : last + 8]), default=duration)
    start = _into(span.start, min(max(before, span.start - _REACH), span.start), _LEAD, silences)
    end = _into(span.end, max(min(after, span.end + _REACH), span.end), _TAIL, silences)
    return Span(max(0, start), min(duration, end) if duration > span.start else end)


def limited(cut: Span, spoken: Span, longest: Millis, part: Span | None) -> Span:
    """`cut` no longer than `longest` and inside `part`: the pauses around what is `spoken` give way, both in
    proportion."""
    cut = cut.clamp(part) if part is not None else cut
    lead, tail = max(0, spoken.start - cut.start), max(0, cut.end - spoken.end)
    over = min(cut.duration - longest, lead + tail)
    if over <= 0:
        return cut
    off_lead = over * lead // (lead + tail)
    return Span(cut.start + off_lead, cut.end - (over - off_lead))


def _into(edge: Millis, neighbour: Millis, room: Millis, silences: Sequence[Span]) -> Millis:
    pause = Span(min(edge, neighbour), max(edge, neighbour))
    towards = 1 if neighbour > edge else -1
    silent = _widest_silence(pause, silences)
    if silent is None:
        return edge + towards * min(room, pause.duration // 2)
    # The silence proves where speech has stopped, even where the word's own time is late or early.
    near, far = (silent.start, silent.end) if towards > 0 else (silent.end, silent.start)
    return near + towards * min(room, abs(far - near) // 2)


def _widest_silence(pause: Span, silences: Sequence[Span]) -> Span | None:
    index = bisect_left(silences, pause.start, key=lambda silence: silence.end)
    best: Span | None = None
    for silence in silences[index:]:
        if silence.start >= pause.end:
            break
        inside = silence.clamp(pause)
        if inside.duration > 0 and (best is None or inside.duration > best.duration):
            best = inside
    return best
