"""Words to timed lines: where a reader would pause, balanced, no wider than the picture allows.

A cheapest-path search over all ways to break, as TeX sets paragraphs: each break costs by what it separates, each
line by how far it is from its neighbours, each screen by how short it is.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, pairwise

from cliply.media.captions.fonts import clusters
from cliply.media.captions.function_words import binding, leading
from cliply.media.captions.styles import CaptionStyle
from cliply.media.captions.tokens import Token, spaceless
from cliply.media.types import Millis

Measure = Callable[[str], float]
"""Width of a text in pixels."""

PAUSE = 500
"""Milliseconds of silence after which the text leaves the screen."""
LINGER = 80
"""Milliseconds a line outlives its last word before a pause; more would read as drift."""
_SHORT = 700
_GLIMPSE = 280
"""Milliseconds below which nothing can be read, not even a sentence of one word."""
_IMPOSSIBLE = 1e6
# What a screen costs. A sentence that runs into the next one costs more than any uneven line, less than a glimpse.
_SENTENCE_INSIDE, _CLAUSE_INSIDE = 4.0, 0.8
_SENTENCE_BEGUN, _CLAUSE_BEGUN = 3.0, 1.2
_GLIMPSED = 6.0
_LONELY, _ALONE = 1.6, 0.5
_LONELY_LETTERS = 7
_NARROWEST = 0.7
"""A long word may be set this much smaller before it is divided."""

_ABBREVIATION = re.compile(
    r"(?:[^\W\d_]\.){1,}[^\W\d_]?\.?$|(?:mr|mrs|ms|dr|prof|st|vs|etc|jr|sr|inc|ltd|corp|vol|dept|approx|sen"
    r"|rep|gov|capt|lt|sgt|mt|ave|blvd|feat|ft|e\.g|i\.e|bzw|usw|z\.b|d\.h|ca|nr|str|sra?|dra?|uds?|mme|mlle|p\.ex)\.$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…。！？।؟]['\"”’»)\]]*$")
_CLAUSE_END = re.compile(r"[,;:—–、，；：،؛]['\"”’»)\]]*$")
_NUMBER = re.compile(r"^[$€£¥₹]?\d[\d.,:/]*[%kKmM]?$")
_DROPPED = re.compile(r"(?<=[^\s.])[.,;:،؛、。，；：।]+(?=['\"”’»)\]]*$)")
_ALL_BUT_CALLS = re.compile(r"[.,;:،؛、。，；：।…\"“”«»„()\[\]]+")


@dataclass(frozen=True, slots=True)
class Block:
    """What is on screen at once. Times are of the clip."""

    lines: tuple[tuple[Token, ...], ...]
    start: Millis
    end: Millis

    @property
    def tokens(self) -> tuple[Token, ...]:
        return tuple(token for line in self.lines for token in line)


def line_text(line: Sequence[Token]) -> str:
    return "".join((" " if at and token.spaced else "") + token.text for at, token in enumerate(line))


def count_letters(text: str) -> int:
    """As a reader counts: marks belong to their letter, wide letters count twice."""
    return sum(2 if unicodedata.east_asian_width(each[0]) in "WF" else 1 for each in clusters(text))


def ends_sentence(text: str) -> bool:
    """Not for abbreviations: "U.S.", "Dr." and "e.g." end no sentence."""
    return bool(_SENTENCE_END.search(text)) and not _ABBREVIATION.match(text)


def break_into_blocks(
    tokens: Sequence[Token], style: CaptionStyle, *, width: float, measure: Measure, language: str, length: Millis
) -> tuple[Block, ...]:
    """Blocks of at most `style.lines` lines, none wider than `width` pixels. `length` is the clip's."""
    breaker = _Breaker(style, width, measure, language)
    cased = [token for each in tokens for token in breaker.fit(replace(each, text=_cased(each.text, style, language)))]
    made = [lines for phrase in _phrases(cased) for lines in breaker.blocks(phrase)]
    shown = [tuple(_punctuated(line, style.punctuation, last=line is lines[-1]) for line in lines) for lines in made]
    return tuple(_timed([lines for lines in shown if any(lines)], length))


def _timed(shown: Sequence[tuple[tuple[Token, ...], ...]], length: Millis) -> Iterator[Block]:
    for at, lines in enumerate(shown):
        start = lines[0][0].start
        end = max(token.end for line in lines for token in line)
        following = shown[at + 1][0][0].start if at + 1 < len(shown) else None
        if following is not None and following - end < PAUSE:
            end = following
        else:
            end += LINGER
        end = min(end, length)
        if end > start:
            yield Block(lines, start, end)


def _phrases(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Cut at pauses and when another person begins."""
    held: list[Token] = []
    for token in tokens:
        if held and (token.start - held[-1].end >= PAUSE or token.speaker != held[-1].speaker):
            yield held
            held = []
        held.append(token)
    if held:
        yield held


class _Breaker:
    def __init__(self, style: CaptionStyle, width: float, measure: Measure, language: str) -> None:
        self._style = style
        self._width = width
        self._measure = cache(measure)
        self._space = self._measure("n n") - self._measure("nn")
        self._leading = leading(language)
        self._binding = binding(language)

    def fit(self, token: Token) -> Iterator[Token]:
        """`token`, divided where it would not fit even when it is set smaller."""
        most = self._width / _NARROWEST
        if self._measure(token.text) <= most:
            yield token
            return
        parts = [""]
        for cluster in clusters(token.text):
            if parts[-1] and self._measure(parts[-1] + cluster) > self._width:
                parts.append("")
            parts[-1] += cluster
        # A wall of letters is noise, not speech: it must not push the rest off the screen.
        if len(parts) > self._style.lines:
            parts = [*parts[: self._style.lines - 1], parts[self._style.lines - 1][:-1] + "…"]
        length = token.end - token.start
        for at, part in enumerate(parts):
            yield replace(
                token,
                text=part,
                start=token.start + length * at // len(parts),
                end=token.start + length * (at + 1) // len(parts),
                spaced=token.spaced and at == 0,
                emoji=token.emoji if at == len(parts) - 1 else None,
            )

    def blocks(self, phrase: Sequence[Token]) -> list[tuple[tuple[Token, ...], ...]]:
        """The cheapest way to show a phrase, block after block."""
        search = _Search(
            phrase,
            self._style,
            self._width,
            widths=[self._measure(token.text) for token in phrase],
            space=self._space,
            breaks=[0.0, *(self._break(left, right) for left, right in pairwise(phrase))],
        )
        return [tuple(tuple(phrase[start:end]) for start, end in pairwise(edges)) for edges in search.blocks()]

    def _break(self, left: Token, right: Token) -> float:
        """What it costs to break here, from 0 (a reader pauses) to 1.6 (the words belong together)."""
        if ends_sentence(left.text):
            return 0.0
        if _CLAUSE_END.search(left.text):
            return 0.1
        word = _bare(left.text)
        if word in self._binding or left.text.lower() in self._binding:
            return 1.5
        if word in self._leading or left.text.lower() in self._leading:
            return 0.55 if _bare(right.text) in self._leading else 0.8
        if _NUMBER.match(left.text) and _bare(right.text) not in self._leading:
            return 1.6  # a number and what it counts
        if left.text[:1].isupper() and right.text[:1].isupper() and not left.text.isupper():
            return 0.55 if _bare(right.text) in self._leading else 0.8
        pause = min(0.2, max(0, right.start - left.end) / 1000)
        return (0.2 if _bare(right.text) in self._leading else 0.45) - pause


class _Search:
    """The cheapest path through one phrase. A line is the words from one edge up to the next."""

    def __init__(
        self,
        phrase: Sequence[Token],
        style: CaptionStyle,
        width: float,
        *,
        widths: Sequence[float],
        space: float,
        breaks: Sequence[float],
    ) -> None:
        self._phrase = phrase
        self._style = style
        self._width = width
        spaces = [float(token.spaced) for token in phrase]
        # Running sums: what a stretch measures is a difference of two of them.
        self._across = [0.0, *accumulate(own + space * gap for own, gap in zip(widths, spaces, strict=True))]
        self._letters = [0.0, *accumulate(count_letters(t.text) + gap for t, gap in zip(phrase, spaces, strict=True))]
        self._first_space = [space * gap for gap in spaces]
        self._gaps = spaces
        self._breaks = breaks
        self._ends = [0, *accumulate(ends_sentence(token.text) for token in phrase)]
        commas = [bool(_CLAUSE_END.search(token.text)) for token in phrase]
        self._pauses = [True, *(comma or ends_sentence(each.text) for comma, each in zip(commas, phrase, strict=True))]
        # "Well, it works": one word before a comma is no clause of its own.
        clauses = (comma and not before for before, comma in zip(self._pauses, commas, strict=False))
        self._clauses = [0, *accumulate(clauses)]
        # Pieces of scripts without spaces are smaller than words: there only the width decides.
        self._words = len(phrase) if any(spaceless(token.text) for token in phrase) else style.words

    def blocks(self) -> list[tuple[int, ...]]:
        """The edges of the lines of each block."""
        best: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
        for end in range(1, len(self._phrase) + 1):
            ways: list[tuple[float, tuple[int, ...]]] = []
            for start in range(end - 1, -1, -1):
                cost, edges = self._block(start, end)
                if cost >= _IMPOSSIBLE and ways:
                    break
                ways.append((best[start][0] + cost, edges))
            best.append(min(ways, key=lambda way: way[0]))
        found: list[tuple[int, ...]] = []
        at = len(self._phrase)
        while at > 0:
            found.append(best[at][1])
            at = best[at][1][0]
        return found[::-1]

    def _block(self, start: int, end: int) -> tuple[float, tuple[int, ...]]:
        cost, edges = min((self._lines(start, end, count) for count in range(1, self._style.lines + 1)), key=_first)
        cost += 0.6 + self._run_together(start, end)
        whole = len(self._phrase) == end - start
        if end - start == 1 and not whole and self._style.words > 1 and not self._is_sentence(start, end):
            cost += _LONELY if self._letters[end] - self._letters[start] < _LONELY_LETTERS else _ALONE
        lasts = self._lasts(start, end)
        if lasts < _SHORT and not whole:
            cost += 1.2 * (_SHORT - lasts) / _SHORT + _GLIMPSED * (lasts < _GLIMPSE)
        if end < len(self._phrase):
            cost += 1.2 * self._breaks[end]
        return cost, edges

    def _run_together(self, start: int, end: int) -> float:
        """What it costs to show parts of several sentences or clauses at once, most where one has only just begun."""
        sentences = self._ends[end - 1] - self._ends[start]
        clauses = self._clauses[end - 1] - self._clauses[start]
        cost = _SENTENCE_INSIDE * sentences + _CLAUSE_INSIDE * clauses
        if end - start > 1 and not self._pauses[end]:
            cost += _SENTENCE_BEGUN * self._ends_at(self._ends, end - 1)
            cost += _CLAUSE_BEGUN * self._ends_at(self._clauses, end - 1)
        if end - start > 1 and start > 0 and not self._pauses[start]:
            cost += _CLAUSE_BEGUN / 2 * self._ends_at(self._clauses, start + 1)
        return cost

    def _is_sentence(self, start: int, end: int) -> bool:
        return bool(self._ends_at(self._ends, end)) and (start == 0 or bool(self._ends_at(self._ends, start)))

    @staticmethod
    def _ends_at(ends: Sequence[int], edge: int) -> int:
        return ends[edge] - ends[edge - 1]

    def _lasts(self, start: int, end: int) -> Millis:
        phrase = self._phrase
        return (phrase[end].start if end < len(phrase) else phrase[-1].end + LINGER) - phrase[start].start

    def _lines(self, start: int, end: int, count: int) -> tuple[float, tuple[int, ...]]:
        """The cheapest split into exactly `count` lines."""
        if count == 1:
            return self._line(start, end), (start, end)
        whole = self._measured(start, end)
        cheapest: tuple[float, tuple[int, ...]] = (_IMPOSSIBLE, (start, end))
        for at in range(start + 1, end):
            head = self._line(start, at)
            if head >= _IMPOSSIBLE:
                break
            tail, edges = self._lines(at, end, count - 1)
            uneven = (self._measured(start, at) - whole / count) / self._width
            lopsided = (self._measured(start, at) - whole / count) / max(1.0, whole / count)
            cost = head + tail + 0.8 * self._breaks[at] + 2 * uneven * uneven + 1.8 * lopsided * lopsided + 0.15
            cheapest = min(cheapest, (cost, (start, *edges)), key=_first)
        return cheapest

    def _line(self, start: int, end: int) -> float:
        if end - start == 1:
            return 0.0
        letters = self._letters[end] - self._letters[start] - self._gaps[start]
        fits = (
            end - start <= self._words
            and letters <= self._style.characters
            and self._measured(start, end) <= self._width
        )
        # Two sentences, or two clauses, read as one within a line, less so across lines.
        inside = (ends[end - 1] - ends[start] for ends in (self._ends, self._clauses))
        return sum(weight * each for weight, each in zip((1.5, 0.8), inside, strict=True)) if fits else _IMPOSSIBLE

    def _measured(self, start: int, end: int) -> float:
        return self._across[end] - self._across[start] - self._first_space[start]


def _first(way: tuple[float, tuple[int, ...]]) -> float:
    return way[0]


def _bare(text: str) -> str:
    return text.lower().strip("\"'“”‘’()[]«».,!?;:…")


def _cased(text: str, style: CaptionStyle, language: str) -> str:
    if not style.uppercase:
        return text
    match language.lower().split("-")[0]:
        case "tr" | "az":
            return text.replace("i", "İ").upper()
        case "el":
            return text.upper().translate(_GREEK_CAPITALS)
        case "de":
            return text.replace("ß", "ẞ").upper()
        case _:
            return text.upper()


# Greek capitals are written without the accent.
_GREEK_CAPITALS = str.maketrans("ΆΈΉΊΌΎΏ", "ΑΕΗΙΟΥΩ")


def _punctuated(line: tuple[Token, ...], keep: str, *, last: bool) -> tuple[Token, ...]:
    match keep:
        case "all":
            return line
        case "light":
            # Inside a screen a full stop keeps two sentences from reading as one.
            bare_text = _without_stop(line[-1].text) if last or not ends_sentence(line[-1].text) else line[-1].text
            return (*line[:-1], replace(line[-1], text=bare_text))
        case _:
            bare = [replace(token, text=_without_marks(token.text)) for token in line]
            return tuple(token for token in bare if token.text)


def _without_stop(text: str) -> str:
    calm = re.sub(r"[,;:]+$", "", text)
    return calm if _ABBREVIATION.match(calm) or "..." in calm else _DROPPED.sub("", calm)


def _without_marks(text: str) -> str:
    if _ABBREVIATION.match(calm := re.sub(r"[,;:]+$", "", text)):
        return calm
    # Marks inside a number or a word ("3.5", "e.g.", "12:30") belong to it.
    inside = re.sub(r"(?<=\w)[.,:](?=\w)", lambda mark: chr(0xE000 + ord(mark[0])), text)
    bare = _ALL_BUT_CALLS.sub("", inside)
    return re.sub(r"[\ue000-\ue0ff]", lambda mark: chr(ord(mark[0]) - 0xE000), bare)
