"""Titles that a person could have written, from what is said: candidates, and how good each is."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cliply.media.wording import lexicon
from cliply.media.wording.clauses import Clause, complete, finite, points_back, whole_ending
from cliply.media.wording.phrases import Phrase, Subject
from cliply.media.wording.titlecase import headline, sentence_case
from cliply.media.wording.tokens import stem, words_of

LONGEST_TITLE = 72
"""Characters; longer ones are cut off in both apps' feeds, though 100 are allowed."""
_MOST_WORDS = 13


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line that could head the clip."""

    text: str
    """As it would be said, without full stop."""
    worth: float
    kind: str
    sentence: int
    question: bool = False

    def title(self, about: Subject) -> str:
        return headline(self.text, about.casing) + ("?" if self.question else "")

    def line(self) -> str:
        return sentence_case(self.text) + ("?" if self.question else "")


def candidates(found: Sequence[Clause], about: Subject, sentences: Sequence[str]) -> list[Candidate]:
    """All lines worth considering, best first."""
    lines = dict[str, Candidate]()
    for clause in found:
        for text, kind, question in (*_lines(clause), *_about_it(clause, about, sentences)):
            words = words_of(text)
            if not 3 <= len(words) <= _MOST_WORDS or len(text) > LONGEST_TITLE:
                continue
            worth = _worth(text, words, kind, about, clause.sentence, len(sentences))
            key = " ".join(words)
            if kind == "reason" and len(words) < 4:
                continue
            if worth > 0 and (key not in lines or lines[key].worth < worth):
                lines[key] = Candidate(text, worth, kind, clause.sentence, question)
    if (definition := explained(sentences, about)) is not None:
        lines.setdefault(definition.text, definition)
    return sorted(lines.values(), key=lambda line: (-line.worth, line.sentence, line.text))


def named(about: Subject, sentences: Sequence[str] = (), *, english: bool) -> Candidate | None:
    """The last resort, always clean: the clip's subject by name, the one that says most among the first."""
    if not about.phrases:
        return None
    if not english:
        alone = len(about.phrases) == 1 or about.phrases[1].score < 0.35
        first = about.phrases[0].text
        return Candidate(first if alone else f"{first} · {about.phrases[1].text}", 0.3, "plain", 0)
    near = [phrase for phrase in about.phrases if phrase.score >= _NEARLY_FIRST]
    telling = next((phrase for phrase in near if tells(phrase, about)), about.phrases[0])
    worth = _NAMED if tells(telling, about) else _ONE_WORD
    return Candidate(_as_said(telling.text, about, sentences), worth, "name", 0)


_NEARLY_FIRST = 0.7
_NAMED, _ONE_WORD = 0.42, 0.34
"""What the subject's name is worth as a title: a sentence of the clip that is worth less says less."""


def tells(phrase: Phrase, about: Subject) -> bool:
    """Whether the name says something alone, as a name or more than one word does."""
    return len(phrase.words) > 1 or any(word in about.casing for word in phrase.words)


def _as_said(name: str, about: Subject, sentences: Sequence[str]) -> str:
    """ "the menu button", as the speaker says it: alone it is no English."""
    if name.casefold() in about.casing or (name.endswith("s") and not name.endswith("ss")):
        return name
    hit = re.search(rf"\b(the|our|your) {re.escape(name)}\b", " ".join(sentences), re.IGNORECASE)
    return name if hit is None else f"{hit[1].lower()} {name}"


def _lines(clause: Clause) -> Iterator[tuple[str, str, bool]]:
    whole = complete(clause)
    if whole:
        yield clause.text, "question" if clause.question else "statement", clause.question
    yield from _guides(clause)
    if not clause.question:
        yield from _framed(clause)
        yield from _listed(clause)


def _about_it(clause: Clause, about: Subject, sentences: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """ "It was the worst decision we ever made", with what it is in front, where that was just named."""
    if (
        clause.question
        or clause.words[0] not in ("it's", "it", "that's")
        or not lexicon.pattern("strong").search(clause.text)
    ):
        return
    rest = Clause(clause.text, clause.tokens[1:], clause.tags[1:], question=False, sentence=clause.sentence)
    if not 4 <= len(rest.tokens) <= 9 or points_back(rest) or not whole_ending(clause):
        return
    said = " ".join(sentences[max(0, clause.sentence - 1) : clause.sentence + 1])
    before = said[: said.rfind(clause.text)] if clause.text in said else said
    topic = next((phrase for phrase in about.phrases if _fresh(phrase, before, clause)), None)
    if topic is not None:
        yield f"{topic.text}: {sentence_case(clause.text)}", "topic", False


def _fresh(phrase: Phrase, before: str, clause: Clause) -> bool:
    said = {stem(word) for word in clause.words}
    return phrase.score >= 0.45 and phrase.text in before and not said.intersection(phrase.words)


def explained(sentences: Sequence[str], about: Subject) -> Candidate | None:
    """ "Mental filters, explained", where a sentence says at length what the subject is."""
    for index, sentence in enumerate(sentences):
        opening = words_of(sentence)[:6]
        for phrase in about.phrases[:3]:
            if len(words_of(sentence)) < 8 or any(word in about.casing for word in phrase.words):
                continue
            size = len(phrase.words)
            for start in (0, 1):
                said = tuple(stem(word) for word in opening[start : start + size])
                if said == phrase.words and opening[start + size : start + size + 1] in (["is"], ["are"], ["means"]):
                    name = " ".join(sentence.split()[start : start + size])
                    return Candidate(f"{name} explained", 0.55 * phrase.score, "name", index)
    return None


def _guides(clause: Clause) -> Iterator[tuple[str, str, bool]]:
    """ "how to …", "why we …", "what happens when …" inside a sentence."""
    for index in range(len(clause.tokens) - 2):
        kind = _guide_kind(clause, index)
        tail = _until_pause(clause, index) if kind else None
        if kind and tail is not None:
            yield tail, kind, False


def _guide_kind(clause: Clause, index: int) -> str | None:
    word, following = clause.words[index], clause.words[index + 1]
    if word == "how" and following == "to" and clause.tags[index + 2].pos == "VERB":
        return "guide"
    if word == "what" and following in ("happens", "happened", "makes", "made"):
        return None if clause.words[index + 2] in ("is", "was") else "reason"
    return "reason" if word in ("why", "how") and index and _embedded(clause, index) else None


def _embedded(clause: Clause, index: int) -> bool:
    """Subject and verb follow in the order of a statement: "why we moved", not "why did we move"."""
    subject, verb = index + 1, index + 2
    if verb >= len(clause.tokens) or clause.tags[subject].pos not in ("PRON", "NOUN", "PROPN", "DET", "ADJ"):
        return False
    if clause.words[subject] in ("is", "are", "do", "does", "did", "was"):
        return False
    return any(finite(clause, at) for at in range(subject, min(len(clause.tokens), subject + 5)))


def _until_pause(clause: Clause, start: int) -> str | None:
    """The words from `start` to the next pause, if that is a whole phrase that points nowhere."""
    last = len(clause.tokens)
    for at in range(start, len(clause.tokens)):
        if re.search(r"[,;:–—-]", clause.tokens[at].after):
            last = at + 1
            break
    return _phrase(clause, start, last)


def _phrase(clause: Clause, start: int, last: int) -> str | None:
    tokens = clause.tokens[start:last]
    text = "".join(token.text + token.after for token in tokens[:-1]) + tokens[-1].text
    part = Clause(text, tokens, clause.tags[start:last], question=False, sentence=clause.sentence)
    if not 3 <= len(part.tokens) <= _MOST_WORDS or points_back(part):
        return None
    ends = part.tags[-1]
    if ends.pos not in ("NOUN", "PROPN", "VERB", "ADJ", "ADV", "NUM", "PRON") or part.words[-1] in lexicon.words(
        "weak_end"
    ):
        return None
    return part.text


def _framed(clause: Clause) -> Iterator[tuple[str, str, bool]]:
    """ "the problem with microservices", "the difference between a job and a career"."""
    words, tags = clause.words, clause.tags
    for index, word in enumerate(words[:-2]):
        if (stem(word) not in lexicon.words("frames") and word not in lexicon.words("frames")) or tags[
            index
        ].pos not in ("NOUN", "ADJ"):
            continue
        if words[index + 1] not in ("of", "with", "between", "about", "behind", "in"):
            continue
        start = index
        while start and tags[start - 1].pos in ("ADJ", "NOUN"):
            start -= 1
        if not start or words[start - 1] not in ("the", "a", "an"):
            continue
        last = _noun_phrase_end(clause, index + 2)
        if last is None:
            continue
        text = _phrase(clause, start, last)
        if text is not None:
            yield f"the {text}", "frame", False


def _noun_phrase_end(clause: Clause, start: int) -> int | None:
    """Where the noun phrase that begins at `start` ends, "X and Y" taken together."""
    at, end = start, None
    while at < len(clause.tokens):
        pos, word = clause.tags[at].pos, clause.words[at]
        if pos in ("NOUN", "PROPN"):
            end = at + 1
        elif pos not in ("DET", "ADJ", "NUM", "ADV") and word not in ("and", "of") and clause.tags[at].form != "Ger":
            break
        if clause.tokens[at].after.strip():
            break
        at += 1
    return end


def _listed(clause: Clause) -> Iterator[tuple[str, str, bool]]:
    """ "three reasons why tests fail", "two ways to …"."""
    words = clause.words
    for index, word in enumerate(words[:-3]):
        if word not in lexicon.words("counts"):
            continue
        noun = next(
            (at for at in (index + 1, index + 2) if at < len(words) and words[at] in lexicon.words("lists")), None
        )
        if noun is None or noun + 2 >= len(words) or words[noun + 1] not in ("to", "why", "that", "you", "we", "of"):
            continue
        text = _until_pause(clause, index)
        if text is not None:
            yield text, "list", False


_PRIOR = {
    "guide": 1.2,
    "reason": 1.05,
    "frame": 1.12,
    "list": 1.2,
    "question": 1.0,
    "statement": 0.95,
    "name": 0.8,
    "topic": 0.8,
}


_WH = ("what", "how", "why", "who", "when", "where", "which")
_ASKED = 0.9
"""What a question that opens the clip tells about it at least, as weights of its words."""


def _worth(text: str, words: Sequence[str], kind: str, about: Subject, sentence: int, sentences: int) -> float:
    if lexicon.pattern("small_talk").search(text):
        return 0.0
    content = {stem(word) for word in words}
    told = sum(sorted((about.weights.get(word, 0.0) for word in content), reverse=True)[:3])
    if kind == "question" and sentence == 0 and words[0].startswith(_WH) and lexicon.pattern("burning").search(text):
        # What the clip begins by asking it goes on to answer, whether or not the subject is in the question.
        told = max(told, _ASKED)
    if told == 0.0:
        return 0.0
    worth = _PRIOR[kind] * (0.25 + 0.75 * min(1.0, told / 1.6))
    worth *= 1.0 + 0.12 * min(2, len(lexicon.pattern("strong").findall(text)))
    worth *= 0.72 ** len(lexicon.pattern("hedged").findall(text))
    worth *= 1.12 if any(word in ("you", "your", "you're") for word in words) else 1.0
    worth *= 1.08 if any(char.isdigit() for char in text) else 1.0
    worth *= 1.05 if sentence in (0, 1, sentences - 1) else 1.0
    worth *= _ease(len(words))
    if words[0] in ("i", "i'm", "i've", "i'd", "i'll", "my", "we", "we've", "we're", "he", "she"):
        worth *= 0.5 if _narrates(words) else 0.9
    worth *= 0.8 if "also" in words else 1.0
    if "," in text:
        worth *= 0.85
    return worth


def _narrates(words: Sequence[str]) -> bool:
    """ "I've been using …", "we were just looking at …": what somebody happened to do is no headline."""
    return any(word in ("been", "am", "i'm", "we're", "was", "were") for word in words[:3]) and any(
        len(word) > 4 and word.endswith("ing") for word in words[1:5]
    )


def _ease(words: int) -> float:
    """Four to nine words are read at a glance."""
    if words < 4:
        return 0.75
    return 1.0 if words <= 9 else 1.0 - 0.07 * (words - 9)
