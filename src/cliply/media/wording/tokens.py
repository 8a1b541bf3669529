"""Text as words: split, folded, singular and plural together; the words of each language that carry no subject."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from cliply.media.speech.fillers import bare

UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""A character of a script that is written without spaces between words."""


_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u200c\u200d"
"""Vowel signs, points and joiners inside words, which `\\w` leaves out; without the danda that ends a sentence."""
_TOKEN = re.compile(rf"[^\W_](?:[\w'’.+#{_MARKS}-]*[\w+#{_MARKS}])?")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a sentence with what stands after it."""

    text: str
    word: str
    """Folded."""
    after: str
    """The punctuation up to the next word, spaces collapsed."""


def tokenise(sentence: str) -> list[Token]:
    tokens = list[Token]()
    hits = list(_TOKEN.finditer(sentence))
    for index, hit in enumerate(hits):
        until = hits[index + 1].start() if index + 1 < len(hits) else len(sentence)
        text = hit[0].rstrip(".") if not re.search(r"\.\w", hit[0]) else hit[0]
        tokens.append(Token(text, bare(text), sentence[hit.end() : until]))
    return tokens


def words_of(text: str) -> list[str]:
    return [token.word for token in tokenise(text)]


def stem(word: str) -> str:
    """Singular and plural together, no more: anything cleverer joins words that are not the same."""
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "os")):
        return word[:-1]
    return word


@cache
def stop_words(code: str) -> frozenset[str]:
    """Words without a subject, in the language's own spelling; empty for languages without a list."""
    from stop_words import StopWordError, get_stop_words

    try:
        listed = get_stop_words(code)
    except StopWordError:
        return frozenset()
    return frozenset(unicodedata.normalize("NFC", word).casefold() for word in listed)
