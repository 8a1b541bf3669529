"""Complete thoughts out of spoken English: cleaned sentences, and clauses that stand without what came before."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest

from cliply.media.wording import lexicon
from cliply.media.wording.tagging import Tag, frequencies, known_nouns, tag
from cliply.media.wording.tokens import Token, stem, tokenise

_END = re.compile(r"(?<=[.!?…])[\"”’')\]]*\s+(?=[\"“‘'(\[]?[A-Z0-9])")
_NOISE = re.compile(
    r"\[[^\]]{0,60}\]|\((?:laugh|applause|music|crosstalk|inaudible|unintelligible)[^)]{0,40}\)|[*_`♪]", re.IGNORECASE
)
_FILLER = re.compile(r"(?:,\s*)?\b(?:u+[hm]+|e+r+m*|h+m+|mm+)\b(?:\s*,)?", re.IGNORECASE)
_HEDGE = re.compile(r"(?<!\ba )(?<!\bthe )(?<!\bthis )(?<!\bthat )(?<!\bwhat )(?<!\bsome )(?<!\bany )(?<!\bof )"
                    r"\b(?:kind of|sort of|kinda|sorta)\s+(?=\w)", re.IGNORECASE)  # fmt: skip
_WEAK = re.compile(r"\b(?:literally|basically|obviously)\s+(?=\w)", re.IGNORECASE)
_LIKE = re.compile(
    r"\b((?:be|is|are|was|were|have|has|had|at|in|for|only|takes?|took|costs?),?) like,? (?=\$?\d)", re.IGNORECASE
)
_STUTTER = re.compile(r"\b(\w{1,4}(?:'\w+)?)(?:,?\s+\1\b)+", re.IGNORECASE)
_STUTTERS = re.compile(r"\b((?:\w+(?:'\w+)?\s+){1,2}\w+(?:'\w+)?),?\s+\1\b", re.IGNORECASE)
_SAY = re.compile(r",\s*(?:say|well|oh|okay|um|uh|yeah),\s*", re.IGNORECASE)
_TAG = re.compile(
    r",?\s*\b(?:right|okay|ok|yeah|huh|eh|you know|isn't it|aren't they|don't you think|does that make sense)\s*\?\s*$",
    re.IGNORECASE,
)
"""A question only in form: what stands before it is said, not asked."""
_BROKEN_OFF = re.compile(r"\b\w{1,3}-(?=\s)\s*")
_SPLIT = re.compile(
    r"\s*(?:;|:\s|--|—|–|\s-\s|,\s*(?:and|but|so|because|which|or|yet|then)\b|\bbecause\b|\.\.\.|…)\s*", re.IGNORECASE
)


_SHORTEST_PIECE = 5


_CALLED = re.compile(r"^[A-Z][a-z]+,\s+(?=(?:you|what|how|why|when|where|who|do|did|can|could|would|is|are|I)\b)")
"""The name of whoever is spoken to."""
_BREAK = re.compile(r"--|—|\.\.\.|…|\s-\s|\s–\s")
"""Where a speaker broke off or put something in between."""
_FINITE = re.compile(
    r"^(?:i|you|we|they|he|she|it|who|what|that|there|here|where|how|\w+)'(?:s|re|m|ve|d|ll)$|^\w+n't$|^let's$"
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A thought with its words and their parts of speech."""

    text: str
    tokens: tuple[Token, ...]
    tags: tuple[Tag, ...]
    question: bool
    sentence: int
    """Index of the sentence it comes from."""

    @property
    def words(self) -> list[str]:
        return [token.word for token in self.tokens]


def _openers() -> re.Pattern[str]:
    return lexicon.pattern("openers", r"^(?:(?:", r")\b[,;:]?\s*)+")


def _asides() -> re.Pattern[str]:
    return lexicon.pattern("asides", r",\s*(?:", r")\s*(?=[,.!?])")


def sentences_of(text: str) -> list[str]:
    """Cleaned sentences of running English, without fillers, stutters and noises."""
    return [cleaned for raw in _END.split(tidy(text)) if (cleaned := clean(raw))]


def undenied(sentences: Sequence[str]) -> list[str]:
    """Without statements that the next sentence denies: as a title they would claim what the clip refutes.

    The question itself stays. All of them if none were left.
    """
    denial = lexicon.pattern("denial", r"^(?:", r")(?=[,.!;:]|$)")
    left = [
        sentence
        for sentence, answer in zip_longest(sentences, sentences[1:], fillvalue="")
        if sentence.endswith("?") or not denial.match(answer)
    ]
    return left or list(sentences)


def tidy(text: str) -> str:
    """Plain text on one line."""
    return re.sub(r"\s+", " ", _NOISE.sub(" ", html.unescape(text))).strip()


def clean(sentence: str) -> str:
    text = _FILLER.sub("", sentence)
    text = _TAG.sub(".", text) if len(text.split()) > 3 else text
    text = _asides().sub("", text)
    text = _BROKEN_OFF.sub("", text)
    text = _LIKE.sub(r"\1 ", _WEAK.sub("", _HEDGE.sub("", text)))
    text = _SAY.sub(" ", text)
    text = _STUTTERS.sub(r"\1", _STUTTER.sub(r"\1", text))
    text = re.sub(r"\s+([,.!?;:])", r"\1", re.sub(r"\s+", " ", text))
    return re.sub(r"^[\s,;:.–—-]+", "", re.sub(r",\s*(?=[.!?])", "", text)).strip()


def clauses(sentences: Sequence[str]) -> Iterator[Clause]:
    """Every whole sentence and every part of one that could stand as a thought of its own."""
    for index, sentence in enumerate(sentences):
        seen = set[str]()
        for part in (sentence, *_parts(sentence)):
            opened = _openers().sub("", _CALLED.sub("", part)).strip(" ,;:-–—\"“”'")
            asked = part.endswith("?") or (sentence.endswith("?") and sentence.endswith(part))
            broken = part.endswith(("...", "…", "--", "-"))
            body = opened.rstrip(' .,!?;:…-"”')
            if not body or broken or body in seen or _BREAK.search(body):
                continue
            seen.add(body)
            tokens = tokenise(body)
            if tokens:
                tags = tag([token.text for token in tokens])
                question = _asks(tokens) if asked else _inverted(tokens)
                if question or not asked:
                    yield Clause(body, tuple(tokens), tuple(tags), question, index)


_PRONOUNS = ("i", "you", "he", "she", "it", "we", "they")


def _asks(tokens: Sequence[Token]) -> bool:
    """A statement with a question mark ("You went there?") says nothing on its own."""
    # "When we came with it?": only the order of the words makes it a question.
    if tokens[0].word in ("when", "where", "why") and len(tokens) > 1 and tokens[1].word in _PRONOUNS:
        return False
    return tokens[0].word.partition("'")[0] in lexicon.words("asking") or tokens[0].word in lexicon.words("asking")


def _inverted(tokens: Sequence[Token]) -> bool:
    """ "What do you …" is a question, even where the transcript ends it with a full stop."""
    asks = tokens[0].word in ("what", "how", "why", "when", "where", "who")
    return asks and len(tokens) > 1 and tokens[1].word in lexicon.words("asking") and tokens[1].word[0] not in "wh"


def _parts(sentence: str) -> Iterator[str]:
    """Between conjunctions and dashes; a part that was broken off by a dash is not whole."""
    at = 0
    for hit in _SPLIT.finditer(sentence):
        piece = sentence[at : hit.start()]
        if not re.search(r"--|—|…|\.\.\.", hit[0]):
            yield piece
        at = hit.end()
    if at:
        yield sentence[at:]
    yield from _between_commas(sentence)


def _between_commas(sentence: str) -> Iterator[str]:
    """ "Ask not what …, ask what you can do for your country": thoughts that nothing but a comma joins.

    The first one may hang on what follows, and a few words are an aside or part of a list.
    """
    pieces = re.split(r",\s+", sentence)
    yield from (piece for piece in pieces[1:] if len(piece.split()) >= _SHORTEST_PIECE)


def complete(clause: Clause) -> bool:
    """Whether it is a thought that needs nothing from before: whole, with a subject and a verb, pointing nowhere."""
    words = clause.words
    if not words or not clause.tags or _ragged(clause):
        return False
    # "What was the worst mistake you ever made?" ends on no word too few.
    gapped = clause.question and _gapped(clause)
    if words[0] in lexicon.words("weak_start") or (
        not gapped and (words[-1] in lexicon.words("weak_end") or clause.tags[-1].pos in _OPEN)
    ):
        return False
    if _begun_anew(clause):
        return False
    return _has_subject_and_verb(clause) and _thought_is_told(clause) and not points_back(clause)


_MODAL = ("can", "could", "may", "might", "must", "shall", "should", "will", "would")


def _begun_anew(clause: Clause) -> bool:
    """ "Is the new feature can tell us?": asked with one verb and ended with another."""
    if clause.words[0] not in ("is", "are", "was", "were", "do", "does", "did"):
        return False
    for word, known in zip(clause.words[1:], clause.tags[1:], strict=True):
        # "Is it true that they can …", "Are the people who can …"
        if known.pos in ("SCONJ", "CCONJ") or word in ("that", "who", "which", "what", "how", "why", "where", "when"):
            return False
        if known.pos == "AUX" and word in _MODAL:
            return True
    return False


def _thought_is_told(clause: Clause) -> bool:
    """ "I don't think not having to look" was begun anew: what is thought needs a verb of its own."""
    at = next((i for i, word in enumerate(clause.words[:4]) if word in ("think", "believe", "guess", "suppose")), None)
    if (
        at is None
        or at + 1 >= len(clause.tokens)
        or (clause.tags[at + 1].pos in ("ADP", "PART") and clause.words[at + 1] != "not")
    ):
        return True
    return clause.question or at == 0 or any(finite(clause, index) for index in range(at + 1, len(clause.tokens)))


def whole_ending(clause: Clause) -> bool:
    """Whether it does not stop on a word that wants another one after it."""
    if _gapped(clause):
        return True
    return clause.words[-1] not in lexicon.words("weak_end") and clause.tags[-1].pos not in _OPEN


_OPEN = ("ADP", "DET", "CCONJ", "SCONJ", "PART")


def _gapped(clause: Clause) -> bool:
    """ "the best decision we ever made": the verb's object stands before it."""
    parts = [tag.pos for tag in clause.tags[:-1] if tag.pos not in ("ADV", "AUX")]
    return clause.tags[-1].pos == "VERB" and parts[-2:] in (["NOUN", "PRON"], ["PROPN", "PRON"])


def _ragged(clause: Clause) -> bool:
    """Half-words, letters that are no words, brackets and quotes that do not close."""
    texts = [token.text for token in clause.tokens]
    if any(len(text) == 1 and text not in "aAIiCRXY" and not text.isdigit() for text in texts):
        return True
    if any(_begun(one, other) for one, other in pairwise(texts)):
        return True
    words = clause.words
    pairs = list(pairwise(words))
    if any(a.endswith(("'m", "'re")) and b in ("and", "but", "or") for a, b in pairs):
        return True
    if any(a == b for a, b in pairs) or any(a == b for a, b in zip(pairs, pairs[2:], strict=False)):
        return True
    text = clause.text
    return text.count("(") != text.count(")") or text.count('"') % 2 == 1 or text.count("“") != text.count("”")


def _begun(word: str, following: str) -> bool:
    """A word that was begun and begun again: "forw forward"; short words such as "in" begin others by chance."""
    one, other = word.casefold(), following.casefold()
    return one != other and len(one) <= 4 and other.startswith(one) and one not in frequencies()


def _has_subject_and_verb(clause: Clause) -> bool:
    verb = next((i for i, _ in enumerate(clause.tokens) if finite(clause, i) and not _relative(clause, i)), None)
    if verb is None:
        return False
    first = clause.words[0]
    if clause.question:
        return True
    if first in lexicon.words("subordinate"):
        comma = next((i for i, token in enumerate(clause.tokens) if "," in token.after), None)
        return comma is not None and any(finite(clause, i) for i in range(comma + 1, len(clause.tokens)))
    if verb == 1 and first in ("never", "always", "please"):
        # "Never open a hive in a hurry": an order all the same.
        return _orders(replace(clause, tokens=clause.tokens[1:], tags=clause.tags[1:]))
    if verb == 0:
        # The tagger takes "Databases keep …" for two verbs; a dictionary knows better.
        noun = stem(first) in known_nouns() and len(clause.tokens) > 1 and finite(clause, 1)
        return noun or _FINITE.match(first) is not None or _orders(clause)
    return (
        any(tag.pos in ("NOUN", "PROPN", "PRON") for tag in clause.tags[:verb])
        or _third_person(clause, verb)
        or _FINITE.match(clause.words[verb]) is not None
    )


def _orders(clause: Clause) -> bool:
    """ "Stop writing tests", not "watches the tests" or "went home"."""
    first = clause.words[0]
    inflected = first.endswith(("ed", "ing")) or (first.endswith("s") and not first.endswith("ss"))
    return clause.tags[0].pos == "VERB" and len(clause.tokens) > 2 and not inflected


def _relative(clause: Clause, verb: int) -> bool:
    """Whether the verb belongs to "who …", to "the thing we …", or stands after another subordinating word."""
    if not verb:
        return False
    if any(word in _BINDING or word in lexicon.words("subordinate") for word in clause.words[1:verb]):
        return True
    before = clause.words[verb - 1]
    if before in ("who", "which", "whom"):
        return True
    contracted = "'" in clause.words[verb]
    joint = verb if contracted else verb - 1
    noun = joint - 1
    if noun < 0 or clause.tags[noun].pos not in ("NOUN", "PROPN") or clause.tokens[noun].after.strip():
        return False
    return contracted or clause.words[joint] == "that" or clause.tags[joint].pos == "PRON"


_BINDING = frozenset(("because", "although", "though", "whereas", "where"))


def finite(clause: Clause, index: int) -> bool:
    word = clause.words[index]
    if clause.tags[index].form == "Fin" or _third_person(clause, index):
        return True
    return _FINITE.match(word) is not None and not word.endswith(("one's", "body's"))


def _third_person(clause: Clause, index: int) -> bool:
    """ "The queen decides": taken for a noun by the tagger, but no dictionary has a noun "decide"."""
    word = clause.words[index]
    return (
        index > 0
        and clause.tags[index].pos == "NOUN"
        and (clause.tags[index - 1].pos in ("NOUN", "PROPN", "PRON") or clause.words[index - 1] in known_nouns())
        and word.endswith("s")
        and not word.endswith(("ss", "'s"))
        and word in frequencies()
        and not known_nouns().intersection((word, word[:-1], stem(word)))
    )


def points_back(clause: Clause) -> bool:
    """Whether a word in it stands for something said before it."""
    named = False
    for index, (token, part) in enumerate(zip(clause.tokens, clause.tags, strict=True)):
        word = token.word.partition("'")[0]
        if word in lexicon.words("backward") and not _explained(clause, index, word, named=named):
            return True
        if part.pos in ("NOUN", "PROPN") or word in (
            "everybody",
            "everyone",
            "somebody",
            "someone",
            "people",
            "anyone",
        ):
            named = True
    return False


def _joining(clause: Clause, index: int) -> bool:
    """Whether "that" joins ("I know that we …", "the book that sold"), rather than points."""
    if index == 0 or index + 1 >= len(clause.tags) or "'" in clause.words[index]:
        return False
    following, before = clause.tags[index + 1], clause.tags[index - 1]
    if before.pos in ("NOUN", "PROPN") and (
        following.form == "Fin" or following.pos in ("PRON", "PROPN", "DET", "AUX")
    ):
        return True
    thought = any(finite(clause, at) for at in range(index + 1, len(clause.tokens)))
    return thought and following.pos in ("PRON", "PROPN", "DET", "NOUN", "ADJ", "NUM", "ADV")


def _explained(clause: Clause, index: int, word: str, *, named: bool) -> bool:
    after = clause.words[index + 1] if index + 1 < len(clause.tokens) else ""
    if word == "that":
        return _joining(clause, index)
    if word == "there":
        return "'" in clause.words[index] or after in (
            "is",
            "are",
            "was",
            "were",
            "will",
            "isn't",
            "aren't",
            "has",
            "have",
            "can",
        )
    if word in ("here", "such"):
        return after in ("is", "are", "a") or "'" in clause.words[index]
    if word in ("this", "these", "those"):
        return False
    # "If you love something, let it go": only after a condition is the thing named in the same thought.
    return named and clause.words[0] in lexicon.words("subordinate")
