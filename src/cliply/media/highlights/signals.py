"""What is measured of every sentence, as counts that add up over a window."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cliply.media.highlights.candidates import Flags
from cliply.media.highlights.embeddings import Vectors
from cliply.media.types import Sentence
from cliply.media.wording.cues import Cues, normalise
from cliply.media.wording.text import Floats, TermTable, terms

_AROUND = 6
"""Sentences on either side that count as the surroundings of one."""
_BACKCHANNEL_WORDS = 3
_TOLD_SHARE = (0.5, 0.75)
"""Share of the words of whoever talks most: in a conversation, in an interview."""
_LED_SHARE = (0.58, 0.7)
"""Likewise, where turns may be short."""
_TOLD_WORDS = (40, 100)
"""Words in a turn: in a conversation, in an interview."""


@dataclass(frozen=True)
class Signals:
    """Columns of numbers, one row a sentence; a window's value is the sum of a column over the sum of its divisor."""

    counts: dict[str, Floats]
    per: dict[str, str]
    """The divisor of each column: words, sentences or seconds."""
    divisors: dict[str, Floats]
    told: float
    """0 to 1: whether one person tells and the others ask or listen: 1 for a talk or a classic interview, 0 for a
    conversation or a meeting. 1 too where speakers are not known."""
    led: float
    """0 to 1: whether one person has most of the words, in turns of any length, so that questions and their answers
    are what it is made of."""
    several: bool
    """Whether speakers are told apart."""
    typical: Flags
    """The sentences whose mean is the source's: all but those no clip should touch."""


_CUE_RATES = {
    "you": "words",
    "self": "words",
    "third": "words",
    "absolute": "words",
    "contrast": "words",
    "cause": "words",
    "story": "words",
    "advice": "words",
    "emotion": "words",
    "lively": "sentences",
    "laughter": "sentences",
    "filler": "words",
    "conclusion": "sentences",
    "agenda": "sentences",
    "housekeeping": "sentences",
    "greeting": "sentences",
}


def sentence_signals(
    sentences: Sequence[Sentence],
    table: TermTable,
    cues: Cues,
    embeddings: Vectors | None,
    reads: Floats,
    avoided: Flags,
) -> Signals:
    """`reads`: 1 for the sentences of sponsor reads; `avoided`: all that no clip should touch."""
    texts = [normalise(sentence.text) for sentence in sentences]
    tokens = [terms(sentence.text) for sentence in sentences]
    words = np.array([max(1, len(each)) for each in tokens], np.float64)
    seconds = np.array([max(1, sentence.span.duration) / 1000 for sentence in sentences])
    counts: dict[str, Floats] = {}
    per: dict[str, str] = {}

    def add(name: str, divisor: str, values: Floats) -> None:
        counts[name], per[name] = values, divisor

    for kind, divisor in _CUE_RATES.items():
        add(kind, divisor, np.array([cues.count(kind, text) for text in texts], np.float64))
    add("question", "sentences", np.array([_marks(text, "?？؟") for text in texts], np.float64))
    add("exclamation", "sentences", np.array([_marks(text, "!！") for text in texts], np.float64))
    add("quote", "sentences", np.array([_marks(text, '"“„«「') > 0 for text in texts], np.float64))
    add("number", "words", np.array([sum(any(c.isdigit() for c in t) for t in each) for each in tokens], np.float64))
    add("name", "words", np.array([_names(sentence.text) for sentence in sentences], np.float64))
    add("turns", "seconds", _turn_starts(sentences))
    add("backchannel", "sentences", np.array([_is_backchannel(each, cues) for each in tokens], np.float64))
    add("length", "sentences", np.log1p(words))
    add("turn_length", "words", np.log1p(_turn_words(sentences, words)) * words)
    add("main_speaker", "words", _main_speaker(sentences, words) * words)
    add("asker", "words", _asker(sentences, counts["question"], words) * words)
    add("sponsor_read", "seconds", reads * seconds)
    add("rarity", "words", table.mass)
    add("first_use", "words", table.first_use)
    add("centrality", "words", table.centrality() * words)
    if embeddings is not None:
        add("to_whole", "words", _to_whole(embeddings, words) * words)
        add("cohesion", "words", _cohesion(embeddings) * words)
    divisors = {"words": words, "sentences": np.ones(len(sentences)), "seconds": seconds}
    typical = avoided if avoided.all() else ~avoided
    told, led = _roles(sentences, words, counts["turns"])
    return Signals(counts, per, divisors, told, led, bool(counts["turns"].any()), typical)


def _marks(text: str, marks: str) -> int:
    return sum(text.count(mark) for mark in marks)


def _names(text: str) -> int:
    """Capitalised words inside a sentence; in scripts without capitals there are none."""
    return sum(word[:1].isupper() and word[1:2].islower() for word in text.split()[1:])


def _is_backchannel(tokens: list[str], cues: Cues) -> bool:
    return len(tokens) <= _BACKCHANNEL_WORDS and all(cues.is_word("backchannel", token) for token in tokens)


def _turn_starts(sentences: Sequence[Sentence]) -> Floats:
    return np.array(
        [index > 0 and each.speaker != sentences[index - 1].speaker for index, each in enumerate(sentences)], np.float64
    )


def _turn_words(sentences: Sequence[Sentence], words: Floats) -> Floats:
    """For each sentence the words of the whole turn it belongs to."""
    turn = np.cumsum(_turn_starts(sentences)).astype(np.int64)
    out: Floats = np.bincount(turn, words)[turn].astype(np.float64)
    return out


def _speaker_ids(sentences: Sequence[Sentence]) -> tuple[np.ndarray, int]:
    names = {name: index for index, name in enumerate(dict.fromkeys(each.speaker for each in sentences))}
    return np.array([names[each.speaker] for each in sentences], np.int64), len(names)


def _roles(sentences: Sequence[Sentence], words: Floats, turns: Floats) -> tuple[float, float]:
    """`told` and `led`."""
    ids, count = _speaker_ids(sentences)
    if count < 2:
        return 1.0, 1.0
    share = float(np.bincount(ids, words, count).max() / words.sum())
    told = _between(share, _TOLD_SHARE) * _between(float(words.sum() / (turns.sum() + 1)), _TOLD_WORDS)
    return told, _between(share, _LED_SHARE)


def _between(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    return float(np.clip((value - low) / (high - low), 0, 1))


def _main_speaker(sentences: Sequence[Sentence], words: Floats) -> Floats:
    """1 where the person talks who talks most: the guest of an interview, the speaker of a talk."""
    ids, count = _speaker_ids(sentences)
    if count < 2:
        return np.zeros(len(sentences))
    out: Floats = (ids == np.bincount(ids, words, count).argmax()).astype(np.float64)
    return out


def _asker(sentences: Sequence[Sentence], questions: Floats, words: Floats) -> Floats:
    """Where the person talks whose words are questions most often (the host), how much more often than average."""
    ids, count = _speaker_ids(sentences)
    if count < 2:
        return np.zeros(len(sentences))
    rate = (np.bincount(ids, questions, count) + 1) / (np.bincount(ids, words, count) + 200)
    out: Floats = np.log(rate / (questions.sum() + 1) * (words.sum() + 200))[ids]
    return out


def _to_whole(vectors: Vectors, words: Floats) -> Floats:
    centre = (vectors * np.minimum(words, 30)[:, None]).sum(0)
    out: Floats = (vectors @ (centre / (np.linalg.norm(centre) + 1e-9))).astype(np.float64)
    return out


def _cohesion(vectors: Vectors) -> Floats:
    """How close a sentence is to its surroundings."""
    sums = np.vstack([np.zeros((1, vectors.shape[1]), np.float32), np.cumsum(vectors, 0, dtype=np.float64)])
    index = np.arange(len(vectors))
    low, high = np.maximum(0, index - _AROUND), np.minimum(len(vectors), index + _AROUND + 1)
    around = sums[high] - sums[low] - vectors
    out: Floats = (np.einsum("ij,ij->i", vectors, around) / np.maximum(1, high - low - 1)).astype(np.float64)
    return out
