"""How well a clip could begin at a sentence, and how well it could end there."""

from collections.abc import Sequence

import numpy as np

from cliply.media.highlights.embeddings import Vectors
from cliply.media.types import Sentence
from cliply.media.wording.cues import Cues, normalise
from cliply.media.wording.text import Floats

_OPENING_WORDS = 12
"""What is said in the first three seconds or so."""
_REFERENCE_WORDS = 5
_STRIP = "\"'“”‘’«»()[]¿¡-–—.,…!?;:"
_STORIES = ("i remember", "when i was", "one day", "one time", "the first time", "years ago", "back in", "imagine")


def opening_words(sentences: Sequence[Sentence], index: int) -> list[str]:
    """The first words that are heard when a clip starts at `index`."""
    words: list[str] = []
    for sentence in sentences[index : index + 3]:
        words += [word.strip(_STRIP) for word in normalise(sentence.text).split()]
        if len(words) >= _OPENING_WORDS:
            break
    return [word for word in words if word][:_OPENING_WORDS]


def inside_quotes(sentences: Sequence[Sentence]) -> list[bool]:
    """Whether each sentence goes on with what somebody is being quoted as saying."""
    out = []
    depth = 0
    for index, sentence in enumerate(sentences):
        if index and sentences[index - 1].speaker != sentence.speaker:
            depth = 0  # a mark that was forgotten must not count for the rest of the recording
        out.append(depth > 0)
        for mark in sentence.text:
            if mark in "“„«「":
                depth = 1
            elif mark in "”»」":
                depth = 0
            elif mark == '"':
                depth = 1 - depth
    return out


def start_features(sentences: Sequence[Sentence], cues: Cues, embeddings: Vectors | None) -> dict[str, Floats]:
    """One value for each sentence as the first of a clip."""
    rows: dict[str, list[float]] = {}
    quoted = inside_quotes(sentences)
    for index, sentence in enumerate(sentences):
        words = opening_words(sentences, index)
        opening = " ".join(words)
        own = normalise(sentence.text)
        first = words[0] if words else ""
        new_turn = index == 0 or sentences[index - 1].speaker != sentence.speaker
        after_question = index > 0 and "?" in sentences[index - 1].text[-3:]
        values = {
            "start_dangling": cues.is_word("dangling", first),
            "start_reply": cues.is_word("reply", first),
            "start_reference": cues.count("back_reference", " ".join(words[:_REFERENCE_WORDS])),
            "start_answer": after_question,
            "start_question": own.rstrip(_STRIP.replace("?", "")).endswith(("?", "？", "؟")),
            "start_you": min(2, cues.count("you", opening)),
            "start_absolute": min(2, cues.count("absolute", opening)),
            "start_contrast": min(2, cues.count("contrast", opening)),
            "start_number": any(char.isdigit() for char in opening),
            "start_story": any(phrase in opening for phrase in _STORIES),
            "start_greeting": cues.count("greeting", own) > 0,
            "start_turn": new_turn,
            "start_length": float(np.log1p(len(own.split()))),
            "start_quoted": quoted[index],
            "start_filler": cues.count("filler", opening),
        }
        for name, value in values.items():
            rows.setdefault(name, []).append(float(value))
    out = {name: np.array(values) for name, values in rows.items()}
    if embeddings is not None and len(sentences):
        out["start_continues"] = _likeness_to_before(embeddings)
    return out


def end_features(sentences: Sequence[Sentence], cues: Cues) -> dict[str, Floats]:
    """One value for each sentence as the last of a clip."""
    rows: dict[str, list[float]] = {}
    quoted = [*inside_quotes(sentences), False]
    for index, sentence in enumerate(sentences):
        own = normalise(sentence.text)
        following = sentences[index + 1] if index + 1 < len(sentences) else None
        turn_ends = following is None or following.speaker != sentence.speaker
        next_words = opening_words(sentences, index + 1)[:1] if following else []
        pause = 2000 if following is None else min(2000, max(0, following.span.start - sentence.span.end))
        values = {
            "end_turn": turn_ends,
            "end_question": own.endswith(("?", "？", "؟")),
            "end_conclusion": cues.count("conclusion", own) > 0,
            "end_continues": bool(next_words) and not turn_ends and cues.is_word("dangling", next_words[0]),
            "end_reply": len(own.split()) <= 2,
            "end_pause": pause / 1000,
            "end_exclamation": own.endswith(("!", "！")),
            "end_quoted": quoted[index + 1],
            "end_trails": own.endswith(("...", "…", "--", "—")),
        }
        for name, value in values.items():
            rows.setdefault(name, []).append(float(value))
    return {name: np.array(values) for name, values in rows.items()}


def _likeness_to_before(vectors: Vectors) -> Floats:
    """Cosine to the mean of the three sentences before."""
    out = np.zeros(len(vectors))
    for back in (1, 2, 3):
        out[back:] += np.einsum("ij,ij->i", vectors[back:], vectors[:-back]) / 3
    return out
