"""Cut out what nobody would miss: dead air always; long pauses, hesitation sounds and stutters where it is asked for.

Works on times alone: the answer is the stretches of the source that stay. Every cut begins and ends between words,
and in silence where the silences of the sound are known, so that no syllable, laugh or breath is clipped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cliply.media.options import Tighten
from cliply.media.speech.fillers import asides, fillers, stutters
from cliply.media.types import Millis, Span, Word

SHORTEST: Millis = 200
"""A kept stretch is at least this long: anything shorter is heard as a glitch."""

_SMALLEST_CUT: Millis = 120
"""Removing less is not worth a jump."""

DEAD_AIR: Millis = 2_500
"""Viewers leave during a longer silence, so it is shortened even where nothing else is to be tightened."""

_CLICK: Millis = 250
"""A shorter sound within dead air, of a mouse or a chair, does not bring it to life."""

_LOUDEST_UNEXPLAINED: Millis = 300
"""Aligned words end a little early, so some sound beside a filler is the filler's own."""


@dataclass(frozen=True, slots=True)
class _Rule:
    longest_pause: Millis
    tail: Millis
    """Silence left after the word before a cut: sounds ring on after their aligned end."""
    lead: Millis
    """Silence left before the word after a cut: consonants begin before their aligned start."""
    fillers: bool
    asides: bool
    ignored: Millis = 0
    """A sound up to this length is part of the silence around it."""


_RULES: dict[Tighten, _Rule] = {
    "off": _Rule(longest_pause=DEAD_AIR, tail=500, lead=300, fillers=False, asides=False, ignored=_CLICK),
    "gentle": _Rule(longest_pause=700, tail=200, lead=150, fillers=True, asides=False),
    "hard": _Rule(longest_pause=350, tail=90, lead=60, fillers=True, asides=True),
}


@dataclass(frozen=True, slots=True)
class _Gap:
    """The time between two kept words, or between a kept word and an end of the span."""

    span: Span
    quiet: tuple[Span, ...]
    """What is silent in it, in order."""
    dropped: tuple[Span, ...]
    """The dropped words in it, in order."""
    opens: bool
    """No word before it."""
    closes: bool
    """No word after it."""


def tighten(
    span: Span, words: Sequence[Word], silences: Sequence[Span], level: Tighten, *, language: str = "en"
) -> tuple[Span, ...]:
    """The stretches of `span` to keep, in order and apart, each at least 200 ms.

    `off` shortens silences above 2.5 s to 0.8 s, where they have been measured. `gentle` shortens pauses above 0.7 s to
    0.35 s, `hard` those above 0.35 s to 0.15 s; both drop hesitation sounds and stuttered repeats, `hard` also "you
    know" and the like where they stand alone between pauses. `words` and `silences` may reach beyond `span`; without
    silences the gaps between words count as silent.
    """
    rule = _RULES[level]
    spoken = sorted((word for word in words if span.overlap(word.span) > 0), key=lambda word: (word.start, word.end))
    if not spoken or (level == "off" and not silences):
        return (span,)
    drop = fillers(spoken, language) | stutters(spoken, language) if rule.fillers else set[int]()
    if rule.asides:
        drop |= asides(spoken, language)
    if len(drop) == len(spoken):
        return (span,)
    gaps = _gaps(span, spoken, drop, silences, rule.longest_pause)
    cuts = [cut for gap in gaps for cut in _cuts(gap, rule)]
    kept = [word for index, word in enumerate(spoken) if index not in drop]
    return _left(span, cuts, kept)


def dead_air(pause: Span, silences: Sequence[Span]) -> Millis:
    """How much of a pause between two words is cut out of every clip."""
    if pause.duration <= DEAD_AIR or not silences:
        return 0
    cuts = _cuts(_gap(pause, (), silences, opens=False, closes=False), _RULES["off"])
    return sum(cut.duration for cut in cuts)


def _gaps(
    span: Span, spoken: Sequence[Word], drop: set[int], silences: Sequence[Span], longest_pause: Millis
) -> Iterator[_Gap]:
    """Those in which something may be cut."""
    at, between, opens = span.start, list[Word](), True
    for index, word in enumerate(spoken):
        if index in drop:
            between.append(word)
            continue
        if word.start > at and (between or word.start - at > longest_pause):
            yield _gap(Span(at, word.start), between, silences, opens=opens, closes=False)
        # Overlapping speech: the gap begins where the last of those heard so far has ended.
        at, between, opens = max(at, word.end), [], False
    if span.end > at:
        yield _gap(Span(at, span.end), between, silences, opens=opens, closes=True)


def _gap(span: Span, between: Sequence[Word], silences: Sequence[Span], *, opens: bool, closes: bool) -> _Gap:
    inside = tuple(word.span.clamp(span) for word in between)
    if silences:
        quiet = [silence.clamp(span) for silence in silences if silence.overlap(span) > 0]
    else:
        quiet = list(_rest(span, inside))
    return _Gap(span, tuple(sorted(quiet)), inside, opens, closes)


def _cuts(gap: _Gap, rule: _Rule) -> Iterator[Span]:
    if gap.dropped and (cut := _around(gap, rule)) is not None:
        yield cut
        return
    for quiet in _joined(gap.quiet, rule.ignored):
        if quiet.duration > rule.longest_pause:
            tail = 0 if gap.opens and quiet.start == gap.span.start else rule.tail
            lead = 0 if gap.closes and quiet.end == gap.span.end else rule.lead
            yield Span(quiet.start + tail, quiet.end - lead)


def _joined(quiet: Sequence[Span], ignored: Millis) -> Iterator[Span]:
    """Silences with no more than an `ignored` sound between them as one."""
    at: Span | None = None
    for each in quiet:
        if at is not None and each.start - at.end <= ignored:
            at = Span(at.start, max(at.end, each.end))
            continue
        if at is not None:
            yield at
        at = each
    if at is not None:
        yield at


def _around(gap: _Gap, rule: _Rule) -> Span | None:
    """One cut over the dropped words, from a silence before to a silence after; None where there is no such pair.

    A dropped word that runs into a kept one without silence stays: half a syllable is worse than a filler.
    """
    first, last = gap.dropped[0], gap.dropped[-1]
    if gap.opens:
        start = gap.span.start
    elif gap.quiet and gap.quiet[0].start < last.start:
        start = min(gap.quiet[0].start + rule.tail, gap.quiet[0].end)
    else:
        return None
    if gap.closes:
        end = gap.span.end
    elif gap.quiet and gap.quiet[-1].end > first.end:
        end = max(gap.quiet[-1].end - rule.lead, gap.quiet[-1].start)
    else:
        return None
    cut = Span(start, end)
    if cut.duration < _SMALLEST_CUT or not any(cut.overlap(word) for word in gap.dropped):
        return None
    return cut if _unexplained(cut, gap) <= _LOUDEST_UNEXPLAINED else None


def _unexplained(cut: Span, gap: _Gap) -> Millis:
    """Sound in the cut that is neither silence nor a dropped word: a laugh, a cough, a word nobody wrote down."""
    return sum(
        noise.duration
        for noise in _rest(cut, [quiet.clamp(cut) for quiet in gap.quiet] + [word.clamp(cut) for word in gap.dropped])
    )


def _left(span: Span, cuts: Sequence[Span], kept: Sequence[Word]) -> tuple[Span, ...]:
    """What stays when `cuts` are taken out."""
    taken = [cut for cut in cuts if cut.duration >= _SMALLEST_CUT]
    while True:
        pieces = [piece for piece in _rest(span, taken) if any(piece.overlap(word.span) for word in kept)]
        short = next((piece for piece in pieces if piece.duration < SHORTEST), None)
        if short is None or not taken:
            return tuple(pieces) or (span,)
        # Giving back the smaller cut beside it keeps every other edge where it is, between words and in silence.
        beside = [cut for cut in taken if cut.end <= short.start][-1:] + [
            cut for cut in taken if cut.start >= short.end
        ][:1]
        taken.remove(min(beside, key=lambda cut: cut.duration))


def _rest(span: Span, taken: Sequence[Span]) -> Iterator[Span]:
    """What of `span` lies outside `taken`."""
    at = span.start
    for part in sorted(taken):
        if part.start > at:
            yield Span(at, part.start)
        at = max(at, part.end)
    if span.end > at:
        yield Span(at, span.end)
