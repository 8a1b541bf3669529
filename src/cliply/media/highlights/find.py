"""From a transcript to ranked highlights. Deterministic, without a language model and without a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from cliply.media.highlights.arcs import arc_features, arc_starts, awaits_answer
from cliply.media.highlights.asides import asides, sponsor_reads
from cliply.media.highlights.boundaries import limited, snap
from cliply.media.highlights.candidates import Windows, windows
from cliply.media.highlights.edges import end_features, start_features
from cliply.media.highlights.embeddings import Embedder, Vectors
from cliply.media.highlights.features import FeatureTable, window_features
from cliply.media.highlights.judge import Judge, judged
from cliply.media.highlights.matching import answers, match_column, said_keywords
from cliply.media.highlights.ranking import Scores, packaged_weights, percentiles, score
from cliply.media.highlights.reasons import Moment, dimensions, summary
from cliply.media.highlights.repetition import said_again
from cliply.media.highlights.selection import alternatives, best_set, wanted_count
from cliply.media.highlights.sentences import is_punctuated, join_words, split_sentences
from cliply.media.highlights.signals import sentence_signals
from cliply.media.highlights.sound import Loudness, delivery_columns, silence_after
from cliply.media.highlights.topics import chapters, lexical_vectors
from cliply.media.types import Highlight, Millis, OnProgress, Sentence, Span, Transcript, no_progress
from cliply.media.wording.cues import Cues, cues
from cliply.media.wording.phrases import things
from cliply.media.wording.text import Floats, Ints, TermTable, term_table
from cliply.media.wording.tokens import stem

_ALTERNATIVES = 100
_KEYWORDS = 5
_COMES_BACK = 2
"""Sentences with a word in them, from which on it is what they are about."""
_EMBEDDING_SHARE = 0.9
"""Of the local work's time, when sentences are embedded."""
_LOCAL_SHARE = 0.92
"""Of the whole time, when a judge is asked as well."""


@dataclass(frozen=True, slots=True)
class HighlightOptions:
    """What to look for."""

    shortest: Millis = 15_000
    longest: Millis = 60_000
    count: int | None = None
    """None: as many as are good for the length."""
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    within: Span | None = None
    """Only this part of the source."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in one source."""

    highlights: tuple[Highlight, ...]
    """Best first. The chosen ones do not overlap; the others repeat no better one."""
    sentences: tuple[Sentence, ...]
    chapters: tuple[Millis, ...]
    """Where a new topic begins; the beginning of the source is not named."""
    warnings: tuple[str, ...] = ()
    """What could not be done as asked, for the creator."""


@dataclass(frozen=True)
class _Ranked:
    """Everything that is known about the windows of one source."""

    transcript: Transcript
    sentences: tuple[Sentence, ...]
    table: TermTable
    cues: Cues
    windows: Windows
    features: FeatureTable
    scores: Scores
    topics: Ints
    answers: Floats
    """How well each sentence answers what was asked for."""


def find_highlights(
    transcript: Transcript,
    duration: Millis,
    *,
    options: HighlightOptions | None = None,
    sound: Loudness | None = None,
    embedder: Embedder | None = None,
    judge: Judge | None = None,
    on_progress: OnProgress = no_progress,
) -> Findings:
    """Rank every stretch of whole sentences and choose the best set.

    Without `embedder`, or where the language is not English, likeness is measured by shared terms. A failing judge
    leaves the order as it was and is named in `warnings`.
    """
    options = options or HighlightOptions()
    sentences = split_sentences(transcript)
    english = transcript.language.lower().startswith("en")
    usable = embedder if english else None
    vectors = _embed(usable, sentences, on_progress)
    if not sentences:
        return Findings((), (), ())
    if vectors is None:
        vectors = lexical_vectors(sentences)
    borders = chapters(sentences, vectors, duration, transcript.language)
    ranked = _rank(transcript, duration, options, sound, usable, vectors, sentences, borders)
    on_progress(_LOCAL_SHARE if judge else 1.0)
    count = options.count if options.count is not None else wanted_count((options.within or Span(0, duration)).duration)
    chosen = best_set(ranked.windows, ranked.scores.total, ranked.topics, count, padded=options.count is not None)
    others = alternatives(ranked.windows, ranked.scores.total, chosen, _ALTERNATIVES)
    highlights = _describe(ranked, chosen, others, duration, sound.silences if sound else (), options)
    warnings = _unanswered(ranked, options) + _fewer(len(chosen), options)
    if judge is not None:
        highlights, failures = judged(
            judge,
            highlights,
            prompt=options.prompt,
            on_progress=lambda share: on_progress(_LOCAL_SHARE + share * (1 - _LOCAL_SHARE)),
        )
        warnings += failures
    return Findings(highlights, sentences, borders, warnings)


def _unanswered(ranked: _Ranked, options: HighlightOptions) -> tuple[str, ...]:
    if (options.prompt or options.keywords) and not ranked.features.column("match").any():
        return ("Nothing in this recording answers what you asked for, so these are the best moments of any kind.",)
    return ()


def _fewer(found: int, options: HighlightOptions) -> tuple[str, ...]:
    if options.count is None or found >= options.count:
        return ()
    lengths = f"{options.shortest / 1000:g} to {options.longest / 1000:g} s"
    return (f"You asked for {options.count} clips; moments of {lengths} that do not overlap were found for {found}.",)


def _embed(embedder: Embedder | None, sentences: Sequence[Sentence], on_progress: OnProgress) -> Vectors | None:
    if embedder is None or not sentences:
        return None
    return embedder.embed(
        [each.text for each in sentences], lambda share: on_progress(share * _EMBEDDING_SHARE * _LOCAL_SHARE)
    )


def _rank(
    transcript: Transcript,
    duration: Millis,
    options: HighlightOptions,
    sound: Loudness | None,
    embedder: Embedder | None,
    vectors: Vectors,
    sentences: tuple[Sentence, ...],
    borders: Sequence[Millis],
) -> _Ranked:
    known = cues(transcript.language[:2].lower())
    stop = known.words.get("stop", frozenset())
    table = term_table([each.text for each in sentences], stop)
    reads = sponsor_reads(sentences, known)
    avoided = asides(sentences, known, reads)
    found = windows(
        sentences,
        options.shortest,
        options.longest,
        options.within,
        punctuated=is_punctuated(transcript.words),
        open_ended=awaits_answer(sentences, known),
        avoided=avoided,
        dead=silence_after(sentences, sound),
    )
    wish = embedder.embed([w for w in (options.prompt, *options.keywords) if w]) if embedder else None
    match = match_column(found, sentences, options.prompt, options.keywords, stop, vectors, wish)
    extra = {
        **delivery_columns(found, sentences, sound),
        **({} if match is None else {"match": match}),
        "said_again": said_again(found, sentences),
    }
    features = window_features(
        found,
        sentence_signals(sentences, table, known, vectors, reads, avoided),
        start_features(sentences, known, vectors),
        end_features(sentences, known),
        arc_features(found, sentences, arc_starts(sentences, known, avoided)),
        duration,
        extra,
    )
    scores = score(features, packaged_weights())
    topics = np.searchsorted(np.asarray(borders, np.int64), (found.start + found.end) // 2, side="right")
    answered = answers(sentences, options.prompt, options.keywords, stop, vectors, wish)
    return _Ranked(transcript, sentences, table, known, found, features, scores, topics.astype(np.int64), answered)


def _describe(
    ranked: _Ranked,
    chosen: Sequence[int],
    others: Sequence[int],
    duration: Millis,
    silences: Sequence[Span],
    options: HighlightOptions,
) -> tuple[Highlight, ...]:
    shown = sorted([*chosen, *others], key=lambda index: (-ranked.scores.total[index], ranked.windows.start[index]))
    of_shown = percentiles(ranked.scores.total[shown])
    by_dimension = _dimension_percentiles(ranked)
    picked = set(chosen)
    return tuple(
        _highlight(ranked, index, float(of_shown[place]), by_dimension, index in picked, duration, silences, options)
        for place, index in enumerate(shown)
    )


def _dimension_percentiles(ranked: _Ranked) -> dict[str, np.ndarray]:
    """Dimensions that are the same for all windows (nothing was asked for, no sound) say nothing and are left out."""
    parts = ranked.scores.dimensions
    return {name: percentiles(values) for name, values in parts.items() if len(values) and np.ptp(values) > 1e-9}


def _highlight(
    ranked: _Ranked,
    index: int,
    place: float,
    by_dimension: dict[str, np.ndarray],
    chosen: bool,
    duration: Millis,
    silences: Sequence[Span],
    options: HighlightOptions,
) -> Highlight:
    first, last = int(ranked.windows.first[index]), int(ranked.windows.last[index])
    sentences, words = ranked.sentences, ranked.transcript.words
    start, end = sentences[first].first, sentences[last].last
    keywords = _keywords(ranked, first, last)
    measured = {name: float(values[index]) for name, values in ranked.features.columns.items()}
    asked = said_keywords(join_words([each.text for each in sentences[first : last + 1]]), options.keywords)
    best = first + int(np.argmax(ranked.answers[first : last + 1]))
    moment = Moment(sentences, first, last, keywords, measured, tuple(asked), sentences[best])
    parts = dimensions(moment, {name: float(values[index]) for name, values in by_dimension.items()}, ranked.cues)
    span = Span(int(ranked.windows.start[index]), int(ranked.windows.end[index]))
    return Highlight(
        span=limited(snap(span, start, end, words, duration, silences), span, options.longest, options.within),
        score=round(place, 1),
        text=join_words([word.text for word in words[start:end]]),
        reason=summary(parts, int(ranked.windows.dead[index])),
        dimensions=parts,
        chosen=chosen,
        topic=int(ranked.topics[index]),
        keywords=keywords,
    )


def _keywords(ranked: _Ranked, first: int, last: int) -> tuple[str, ...]:
    """The things that set a window apart from the rest of the source; what it comes back to goes first."""
    table, language = ranked.table, ranked.transcript.language
    inside = (table.rows >= first) & (table.rows <= last)
    if not inside.any():
        return ()
    weight = np.bincount(table.columns[inside], table.weights[inside], len(table.terms))
    said_in = np.bincount(table.columns[inside], minlength=len(table.terms))
    named = {word for each in ranked.sentences[first : last + 1] for word in things(each.text, language)}
    best = np.lexsort((-weight, said_in < _COMES_BACK))
    found = (table.terms[index] for index in best if weight[index] > 0 and table.terms[index] in named)
    # One of “bee” and “bees” is enough.
    return tuple(islice({stem(term): term for term in found}.values(), _KEYWORDS))
