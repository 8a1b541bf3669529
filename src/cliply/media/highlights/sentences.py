"""Words to sentences: by punctuation where the transcript has it, by pauses and speaker changes where not."""

import re
from collections.abc import Sequence

from cliply.media.types import Millis, Sentence, Span, Transcript, Word

_CLOSERS = "\"'”’»›)]}」』】〉》）"
_TERMINAL = re.compile(rf"[.!?…。！？．｡؟۔।॥։።]+[{re.escape(_CLOSERS)}]*$")
_FULL_STOP_ONLY = re.compile(rf"(?<![.!?…])\.[{re.escape(_CLOSERS)}]*$")
_OPENERS = "\"'“‘«‹([{「『¿¡-–—"
# Titles and the like are always followed by what they belong to; the others end a sentence now and then, and then a
# capital letter follows, which alone does not prove it. Both are rare enough at a sentence's end to be treated alike.
_ABBREVIATIONS = frozenset(
    (  # noqa: SIM905  # a list of quoted words would be four times as long to read
        "mr mrs ms dr prof sr jr st vs etc e.g i.e eg ie cf al approx dept est fig figs gen gov hon lt col sgt capt "
        "cmdr rev no nos vol pp ed eds inc ltd co corp bros mt ft u.s u.k ph.d m.d b.a m.a a.m p.m jan feb mar apr jun "
        "jul aug sep sept oct nov dec mme mlle hr fr bzw z.b usw sig sra srta dra"
    ).split()
)
_MAY_END = frozenset(
    "etc al inc ltd co corp bros u.s u.k ph.d m.d b.a m.a a.m p.m jr sr no usw st".split()  # noqa: SIM905  # as above
)
_NUMBER_FOLLOWS = frozenset(["no", "nos", "vol", "pp", "fig", "figs"])
# Scripts written without spaces: their words are joined as they are.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")

_PUNCTUATED = 80
"""A transcript with fewer than one sentence end in so many words is split by pauses."""
_BREAK: Millis = 2_500
"""Nobody holds a sentence through a silence this long."""
_PAUSE: Millis = 450
"""A pause that may stand for a full stop."""
_LONGEST_WORDS = 60
"""A punctuated run longer than this has lost its full stops and is split at its pauses."""
_LONGEST_UNPUNCTUATED = 30
_SHORTEST_UNPUNCTUATED = 4


def split_sentences(transcript: Transcript) -> tuple[Sentence, ...]:
    """Every word belongs to exactly one sentence; a sentence has one speaker and lies in the order of the words."""
    words = transcript.words
    punctuated = is_punctuated(words)
    runs: list[tuple[int, int]] = []
    first = 0
    for index in range(1, len(words) + 1):
        if index == len(words) or _border(words[index - 1], words[index], punctuated=punctuated):
            longest = _LONGEST_WORDS if punctuated else _LONGEST_UNPUNCTUATED
            runs += _split_at_pauses(words, first, index, longest, need_pause=punctuated)
            first = index
    return tuple(_sentence(words, first, last) for first, last in runs)


def is_punctuated(words: Sequence[Word]) -> bool:
    """Whether sentence ends are written at all; recognisers for some languages leave them out."""
    return sum(1 for word in words if _TERMINAL.search(word.text)) * _PUNCTUATED >= len(words)


def is_complete(sentence: Sentence) -> bool:
    """Whether the text ends like a sentence, not broken off by a pause or another speaker."""
    return _TERMINAL.search(sentence.text) is not None


def join_words(texts: Sequence[str]) -> str:
    """Words as running text: with spaces, except between the scripts that have none."""
    out: list[str] = []
    for text in texts:
        if out and text and out[-1] and not _joined(out[-1][-1], text[0]):
            out.append(" ")
        out.append(text)
    return "".join(out)


def _joined(before: str, after: str) -> bool:
    """Whether these two characters of neighbouring words stand together."""
    if _UNSPACED.match(before):
        return _UNSPACED.match(after) is not None or after.isdigit()
    return before.isdigit() and _UNSPACED.match(after) is not None


def _border(before: Word, after: Word, *, punctuated: bool) -> bool:
    if before.speaker != after.speaker and before.speaker is not None and after.speaker is not None:
        return True
    pause = after.start - before.end
    if pause >= _BREAK:
        return True
    return _ends_sentence(before.text, after.text) if punctuated else pause >= _PAUSE * 2


def _ends_sentence(text: str, following: str) -> bool:
    if not _TERMINAL.search(text):
        return False
    start = following.lstrip(_OPENERS)[:1]
    if start.islower():
        # "Yahoo! said", "e.g. this", "well... maybe": a small letter goes on.
        return False
    if not _FULL_STOP_ONLY.search(text):
        return True
    bare = text.strip(_OPENERS + _CLOSERS).rstrip(".").lower()
    if len(bare) == 1 and bare.isalpha() and bare != "i" and text.strip(_OPENERS)[:1].isupper():
        return False  # an initial
    if bare in _NUMBER_FOLLOWS and start.isdigit():
        return False
    return bare not in _ABBREVIATIONS or (bare in _MAY_END and start.isupper())


def _split_at_pauses(
    words: Sequence[Word], first: int, last: int, longest: int, *, need_pause: bool
) -> list[tuple[int, int]]:
    """Halve an over-long run at its longest pause near the middle until the parts are short enough."""
    todo, done = [(first, last)], []
    while todo:
        start, end = todo.pop()
        cut = _best_pause(words, start, end, need_pause=need_pause) if end - start > longest else None
        if cut is None:
            done.append((start, end))
        else:
            todo += [(cut, end), (start, cut)]
    return done


def _best_pause(words: Sequence[Word], start: int, end: int, *, need_pause: bool) -> int | None:
    middle = (start + end) / 2

    def worth(index: int) -> tuple[float, float]:
        pause = words[index].start - words[index - 1].end
        return pause * (1 - abs(index - middle) / (end - start)), -abs(index - middle)

    choices = range(start + _SHORTEST_UNPUNCTUATED, end - _SHORTEST_UNPUNCTUATED + 1)
    best = max(choices, key=worth, default=None)
    if best is not None and need_pause and words[best].start - words[best - 1].end < _PAUSE:
        return None
    return best


def _sentence(words: Sequence[Word], first: int, last: int) -> Sentence:
    run = words[first:last]
    span = Span(run[0].start, max(word.end for word in run))
    return Sentence(first, last, span, join_words([word.text for word in run]), run[0].speaker)
