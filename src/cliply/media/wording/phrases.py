"""Key phrases: what a clip is about, as a person would name it."""

import html
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cliply.media.wording import lexicon
from cliply.media.wording.nouns import plain_nouns
from cliply.media.wording.tagging import Tag, frequencies, known_nouns, tag
from cliply.media.wording.tokens import UNSPACED, Token, stem, stop_words, tokenise, words_of

_RUN = re.compile(r"[\u30a0-\u30ff]{2,}|[\u4e00-\u9fff\u3400-\u4dbf]{2,8}|[\u0e00-\u0eff]{3,}|[A-Za-z][A-Za-z0-9]+")
_LONGEST = 3
_LONGEST_WORD = 28
"""Longer ones are addresses, hashes or noise."""
_OFTEN = 3
_NEWS_WORDS = 20_000_000
"""Words of the corpus behind `frequencies`."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One to three words that name something, written as the speaker would write them."""

    text: str
    words: tuple[str, ...]
    """Folded, plurals and singulars together."""
    score: float


@dataclass(frozen=True)
class Subject:
    """What the clip is about, and what the whole source is about."""

    phrases: tuple[Phrase, ...]
    """Best first."""
    weights: dict[str, float] = field(default_factory=dict)
    """How much each folded word tells about the clip, 0 to 1."""
    casing: dict[str, str] = field(default_factory=dict)
    """Names as the transcript writes them in the middle of sentences."""


def subject(sentences: Sequence[str], whole: Sequence[str], language: str, wanted: Sequence[str] = ()) -> Subject:
    """What `sentences` of a clip are about, against the `whole` source; `wanted` words count more."""
    code = language[:2].lower()
    source = _source(tuple(whole) if whole else tuple(sentences))
    here = Counter(
        phrase for phrase in _all_phrases(sentences, code) if phrase[0] not in source.addressed or len(phrase) > 1
    )
    words_here = Counter(word for phrase in here.elements() for word in phrase)
    wishes = {stem(word) for wish in wanted for word in words_of(wish)}
    scored = {phrase: _score(phrase, here, words_here, source, wishes, code) for phrase in here}
    ranked = sorted(scored, key=lambda phrase: (-scored[phrase], phrase))
    best = list(_apart(ranked))[:12]
    top = scored[best[0]] if best else 1.0
    weights: dict[str, float] = {}
    for phrase in ranked:
        for word in phrase:
            weights[word] = max(weights.get(word, 0.0), min(1.0, scored[phrase] / top))
    if code == "en":
        for word in _other_words(sentences) - weights.keys():
            weights[word] = 1.0 if word in wishes else 0.3 * _rarity(word, code)
    written = _writings(sentences, code)
    return Subject(
        tuple(Phrase(written.get(phrase, phrase[0]), phrase, scored[phrase] / top) for phrase in best),
        weights,
        source.casing,
    )


def recurring(phrase: Phrase, source: Sequence[str], language: str) -> str | None:
    """`phrase`, or the name or last word in it, where the `source` comes back to it; names count when said once."""
    known = _source(tuple(source))
    # Two words that are often said, but never together, are two subjects.
    if _said(tuple(source), language[:2].lower())[phrase.words] > 1:
        return phrase.text
    parts = list(zip(phrase.text.split(), phrase.words, strict=False))
    name = " ".join(text for text, word in parts if word in known.casing and word not in known.addressed)
    if name:
        return phrase.text if len(parts) < _LONGEST else name
    return parts[-1][0] if known.words[phrase.words[-1]] >= _OFTEN else None


def occurrences(phrase: str, sentences: Sequence[str]) -> int:
    """How often the words of an English `phrase` are said one after the other."""
    wanted = [stem(word) for word in words_of(phrase)]
    said = [[stem(word) for word in words_of(sentence)] for sentence in sentences]
    return sum(words[at : at + len(wanted)] == wanted for words in said for at in range(len(words) - len(wanted) + 1))


def is_compound(phrase: str) -> bool:
    """Whether English nouns are put together in it, as in "service mesh", not "distinct units"."""
    tags = tag(phrase.split())
    return len(tags) > 1 and all(each.pos in ("NOUN", "PROPN") for each in tags)


def rarity(word: str) -> float:
    """Of an English word: 0 for one that everybody always says, 1 for one that is hardly ever read."""
    return _rarity(stem(word), "en")


@lru_cache(maxsize=4)
def _said(source: tuple[str, ...], code: str) -> Counter[tuple[str, ...]]:
    return Counter(_all_phrases(source, code))


def things(sentence: str, language: str) -> frozenset[str]:
    """The words of a sentence that name something, in lower case; all of them where parts of speech are not known."""
    tokens = tokenise(sentence)
    tags = tag([token.text for token in tokens]) if language[:2].lower() == "en" else ()
    if not tags:
        return frozenset(token.word for token in tokens)
    stop = stop_words("en")
    return frozenset(
        token.word
        for token, known in zip(tokens, tags, strict=True)
        if known.pos in ("NOUN", "PROPN") and _naming(token, stop) and _noun(token)
    )


def _other_words(sentences: Sequence[str]) -> set[str]:
    """Verbs and the like: they name nothing, but tell more than grammar does."""
    grammar = stop_words("en") | lexicon.words("vague") | lexicon.words("weak_end")
    return {stem(word) for sentence in sentences for word in words_of(sentence) if word not in grammar}


def _score(
    phrase: tuple[str, ...],
    here: Counter[tuple[str, ...]],
    words_here: Counter[str],
    source: "_Source",
    wishes: set[str],
    code: str,
) -> float:
    rarity = sum(_rarity(word, code) for word in phrase) / len(phrase)
    heard = here[phrase] + 0.35 * sum(words_here[word] - here[phrase] for word in phrase) / len(phrase)
    # Said again elsewhere makes it a subject rather than a slip of the tongue; said everywhere, it tells nothing.
    elsewhere = max(0, min(source.words[word] - words_here[word] for word in phrase))
    known = 1.0 + 0.25 * min(1.0, math.log1p(elsewhere) / 2)
    name = 1.25 if any(word in source.casing for word in phrase) else 1.0
    longer = (1.0, 1.25, 1.2)[min(len(phrase), _LONGEST) - 1]
    wish = 1.6 if wishes.intersection(phrase) else 1.0
    return rarity * math.log1p(max(heard, 0.1)) * known * name * longer * wish


def _rarity(word: str, code: str) -> float:
    """0 for a word that everybody always says, 1 for one that is hardly ever read."""
    if code != "en":
        return 0.4 + 0.06 * min(len(word), 10)
    counts = frequencies()
    if not counts:
        return 0.5
    count = max(counts.get(word, 0), counts.get(word + "s", 0) // 2)
    return min(1.0, max(0.05, math.log((_NEWS_WORDS + 1) / (count + 40)) / 13 - 0.12))


def _apart(ranked: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Without phrases that a better one contains, or that share most words with it."""
    kept = list[tuple[str, ...]]()
    for phrase in ranked:
        if any(set(phrase) & set(other) for other in kept):
            continue
        kept.append(phrase)
        yield phrase


def _all_phrases(sentences: Sequence[str], code: str) -> Iterator[tuple[str, ...]]:
    if code in ("zh", "th", "lo", "km", "my"):
        yield from _repeated(sentences, code)
        return
    for sentence in sentences:
        for tokens in _named(sentence, code):
            yield tuple(stem(token.word) for token in tokens)


def _writings(sentences: Iterable[str], code: str) -> dict[tuple[str, ...], str]:
    """Each phrase in the writing it has most often."""
    seen: dict[tuple[str, ...], Counter[str]] = {}
    for sentence in sentences:
        for tokens in _named(sentence, code):
            phrase = tuple(stem(token.word) for token in tokens)
            joint = "" if UNSPACED.search(tokens[0].text) else " "
            seen.setdefault(phrase, Counter())[joint.join(token.text for token in tokens)] += 1
    return {
        phrase: min(writings, key=lambda text: (-writings[text], text.lower() != text, text))
        for phrase, writings in seen.items()
    }


def _named(sentence: str, code: str) -> Iterator[tuple[Token, ...]]:
    """The runs of a sentence that could name something."""
    if UNSPACED.search(sentence):
        for run in _RUN.findall(sentence):
            if run not in stop_words(code) and len(run) <= _LONGEST_RUN:
                yield (Token(run, run.casefold(), ""),)
        return
    tokens = tokenise(sentence)
    tags = tag([token.text for token in tokens]) if code == "en" else ()
    if tags:
        yield from (tuple(tokens[first:last]) for first, last in _noun_runs(tokens, tags))
    else:
        yield from ((token,) for token in plain_nouns(tokens, code))


def _repeated(sentences: Sequence[str], language: str) -> Iterator[tuple[str, ...]]:
    """Scripts without spaces and without a change of script between words: what is said twice is a word."""
    seen = Counter[str]()
    for sentence in sentences:
        for run in _SOLID.findall(sentence):
            for size in range(2 if language == "zh" else 4, 9):
                seen.update(run[at : at + size] for at in range(len(run) - size + 1))
    words = [text for text, count in seen.items() if count > 1 and not _PARTICLES.search(text)]
    for word in sorted(words, key=lambda text: (-len(text), text)):
        if not any(word in other and seen[other] >= seen[word] for other in words if len(other) > len(word)):
            yield from [(word,)] * seen[word]


_SOLID = re.compile(r"[\u4e00-\u9fff\u3400-\u4dbf]{2,}|[\u0e00-\u0eff]{4,}|[\u1780-\u17ff]{4,}|[\u1000-\u109f]{4,}")
_PARTICLES = re.compile(
    r"[的了是我你他她它们們在和有就不也都这這那个個会會要说說很到么麼吗嗎呢吧啊为為因所以如果但今天每一什怎多]"
)
_LONGEST_RUN = 10


def _noun_runs(tokens: Sequence[Token], tags: Sequence[Tag]) -> Iterator[tuple[int, int]]:
    stop = stop_words("en")
    index = 0
    while index < len(tokens):
        last = index
        while last < len(tokens) and tags[last].pos in ("NOUN", "PROPN", "ADJ") and _naming(tokens[last], stop):
            last += 1
            if tokens[last - 1].after.strip() or (last < len(tokens) and tokens[last].word == tokens[last - 1].word):
                break
        end = last
        while end > index and tags[end - 1].pos == "ADJ":
            end -= 1
        if end > index and _noun(tokens[end - 1]):
            yield max(index, end - _LONGEST), end
        index = max(last, index + 1)


def _naming(token: Token, stop: frozenset[str]) -> bool:
    return (
        1 < len(token.word) <= _LONGEST_WORD
        and token.word not in stop
        and not lexicon.words("vague").issuperset(token.word.split("-"))
        and not re.search(r"'(?:s|re|ve|ll|d|m|t)$", token.word)
        and not token.word.isdigit()
    )


def _noun(token: Token) -> bool:
    """Whether a dictionary has it as a noun; jargon and names that no dictionary has count as well."""
    nouns = known_nouns()
    return not nouns or token.word in nouns or stem(token.word) in nouns or token.word not in frequencies()


@dataclass(frozen=True)
class _Source:
    """What the whole source tells about its words."""

    words: Counter[str]
    casing: dict[str, str]
    """Words that are mostly written with capitals in the middle of sentences: names and abbreviations."""
    addressed: frozenset[str]
    """Names that somebody is called by: the people who talk, not what they talk about."""


@lru_cache(maxsize=4)
def _source(sentences: tuple[str, ...]) -> _Source:
    words = Counter[str]()
    writings: dict[str, Counter[str]] = {}
    addressed = set[str]()
    for sentence in sentences:
        tokens = tokenise(html.unescape(sentence))
        words.update(stem(token.word) for token in tokens)
        for index, token in enumerate(tokens):
            if index:
                writings.setdefault(token.word, Counter())[token.text] += 1
            if token.text[0].isupper() and _called(tokens, index):
                addressed.add(token.word)
    return _Source(words, _names(writings), frozenset(addressed))


def _called(tokens: Sequence[Token], index: int) -> bool:
    """ "Thanks, Anna.", "Hi Anna." and "Anna, what …", not "in Rome, Anna" nor a list."""
    ends = tokens[index].after.strip()[:1]
    if index == 0:
        return ends == "," and len(tokens) > 1 and tokens[1].word in lexicon.words("calling")
    before = " ".join(token.word for token in tokens[max(0, index - 3) : index])
    if lexicon.pattern("greeting", r"(?:^|\s)(?:", r")$").search(before) and ends in (".", ",", "!", "?"):
        return True
    return tokens[index - 1].after.strip() == "," and ends in (".", "?", "!") and tokens[index - 1].text.islower()


def _names(writings: dict[str, Counter[str]]) -> dict[str, str]:
    names = dict[str, str]()
    for word, seen in writings.items():
        upper = {text: count for text, count in seen.items() if text != text.lower()}
        if sum(upper.values()) > 0.6 * seen.total() and not re.match(r"i(?:'\w+)?$", word):
            names[word] = max(upper, key=lambda text: (upper[text], text))
    return names
