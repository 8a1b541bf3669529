"""What is written beside a clip: title, description, hashtags and hook line, from what is said in it.

Everything is taken from the speakers' words: no claim is made that they did not make. English is read with parts of
speech; other languages by their sentences, stop words and script.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cliply.media.edit import PostText
from cliply.media.types import Transcript
from cliply.media.wording import lexicon
from cliply.media.wording.clauses import Clause, clauses, complete, sentences_of, undenied
from cliply.media.wording.limits import YOUTUBE_TITLE, check_post, is_hashtag, utf16_units
from cliply.media.wording.phrases import Phrase, Subject, is_compound, occurrences, rarity, recurring, subject
from cliply.media.wording.profanity import is_profane, masked_text
from cliply.media.wording.titlecase import sentence_case
from cliply.media.wording.titles import LONGEST_TITLE, Candidate, candidates, named
from cliply.media.wording.tokens import UNSPACED, stem, stop_words, words_of

LONGEST_HOOK = 10
"""Words."""
_MOST_HASHTAGS = 5
_CLIP_HASHTAGS = 6
"""Subjects of the clip that are looked at for hashtags, before those of the source."""
_LONGEST_HASHTAG = 30
_DESCRIPTION = 320
"""Characters; what a reader sees before "more" is less than half of it."""
_END = re.compile(r"(?<=[.!?…؟।])[\"”’»)]*\s+|(?<=[。！？])")


def write_copy(
    text: str,
    *,
    whole: Transcript | None = None,
    language: str = "en",
    keywords: Sequence[str] = (),
    suggestion: tuple[PostText, str] | None = None,
    decent: bool = False,
) -> tuple[PostText, str]:
    """The post's text and a hook line of at most ten words, for a clip in which `text` is said.

    `whole` tells what is special to this clip and how names are written, `keywords` what the creator looks for. A
    `suggestion` (of a judge) is taken instead, part by part, where it passes the same checks. `decent`: from
    what is said without strong language, where there is any. Deterministic.
    """
    post, hook = _own(text, whole, language, keywords, decent=decent)
    return (post, hook) if suggestion is None else _checked(suggestion, post, hook)


def write_title(text: str, *, whole: Transcript | None = None, language: str = "en") -> str:
    """The title alone, kept in memory: for lists of moments that are shown again and again."""
    return _titled(text, _Same(whole), language)


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """A transcript compared by identity: comparing tens of thousands of words would cost more than the work saved."""

    whole: Transcript | None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.whole is other.whole

    def __hash__(self) -> int:
        return id(self.whole)


@lru_cache(maxsize=1024)
def _titled(text: str, source: _Same, language: str) -> str:
    return write_copy(text, whole=source.whole, language=language)[0].title


def _own(
    text: str, whole: Transcript | None, language: str, keywords: Sequence[str], *, decent: bool
) -> tuple[PostText, str]:
    english = language.lower().startswith("en")
    text = "".join(char if char.isprintable() else " " for char in text)
    sentences = undenied(sentences_of(text)) if english else _sentences(text)
    source = _source_sentences(_Same(whole))
    if decent:
        sentences = [each for each in sentences if _is_decent(each, language)] or sentences
    about = subject(sentences, source, language, keywords)
    if decent:
        named_decently = tuple(each for each in about.phrases if _is_decent(each.text, language))
        about = replace(about, phrases=named_decently or about.phrases)
    if english:
        lines = candidates(list(clauses(sentences)), about, sentences)
    else:
        lines = _plain_lines(sentences, about, language)
    if decent:
        lines = [line for line in lines if _is_decent(line.text, language)]
    title, hook = _heads(lines, about, sentences, english=english)
    post = PostText(
        title=title,
        description=_description(sentences, about, title, language),
        hashtags=_hashtags(about, sentences, source, language),
    )
    return (_safe(post), hook)


def _is_decent(text: str, language: str) -> bool:
    return masked_text(text, language) == text and not any(is_profane(word, language) for word in text.split())


def _heads(lines: Sequence[Candidate], about: Subject, sentences: Sequence[str], *, english: bool) -> tuple[str, str]:
    """Title and hook: the best line, and the best short one that is not the same."""
    fallback = named(about, sentences, english=english)
    least = fallback.worth if fallback else 0.0
    best = [line for line in lines if line.worth >= least] or ([fallback] if fallback else [])
    if not best:
        return _without_subject(sentences)
    first = best[0]
    title = first.title(about) if first.kind != "plain" else first.line()
    hook = next((line for line in (*best, *lines, fallback) if line is not None and _short(line)), first)
    return title, _first_words(hook.line())


def _without_subject(sentences: Sequence[str]) -> tuple[str, str]:
    """Nothing is named in the whole clip: its first short sentence, whole, stands for it."""
    short = next(
        (sentence for sentence in sentences if _hook_fits(sentence) and len(sentence) <= LONGEST_TITLE), "Clip"
    )
    text = short.strip(" ,.;:…-–—।。") or "Clip"
    return text, text


def _first_words(text: str) -> str:
    return text if UNSPACED.search(text) else " ".join(text.split()[:LONGEST_HOOK])


def _short(line: Candidate) -> bool:
    return _hook_fits(line.text)


def _hook_fits(text: str) -> bool:
    return len(text) <= 24 if UNSPACED.search(text) else len(text.split()) <= LONGEST_HOOK


def _description(sentences: Sequence[str], about: Subject, title: str, language: str) -> str:
    """One or two whole sentences of the clip, in their order; else what it is about."""
    english = language.lower().startswith("en")
    picked = list[tuple[float, int, str]]()
    heading = set(words_of(title))
    for index, sentence in enumerate(sentences):
        told = _presentable(sentence) if english else _finished(_opened(sentence, language))
        if told is None or not 20 <= len(told) * (3 if UNSPACED.search(told) else 1) <= 240:
            continue
        words = words_of(told)
        if len(heading.intersection(words)) > 0.7 * len(set(words)):
            continue
        weight = sum(sorted(_weights(told, about), reverse=True)[:4])
        picked.append((weight, index, told))
    chosen = list[tuple[float, int, str]]()
    for each in sorted(picked, key=lambda each: (-each[0], each[1])):
        if len(chosen) < 2 and sum(len(told) for _, _, told in chosen) + len(each[2]) <= _DESCRIPTION:
            chosen.append(each)
    parts = [sentence for _, _, sentence in sorted(chosen, key=lambda each: each[1])]
    subjects = [phrase.text for phrase in about.phrases[:3] if phrase.score >= 0.3]
    # Beside whole sentences it would only repeat the hashtags.
    if english and subjects and not parts:
        parts.append(f"About {_listed(subjects)}.")
    if not parts and sentences:
        parts = [next((told for each in sentences if len(each) <= _DESCRIPTION and (told := _finished(each))), title)]
    return ("" if parts and UNSPACED.search(parts[0]) else " ").join(parts)


def _presentable(sentence: str) -> str | None:
    """The sentence as it could be printed: whole, opened without a connective, pointing at nothing unsaid."""
    if re.search(r"--|—|\.\.\.|…|\s-\s", sentence) or lexicon.pattern("small_talk").search(sentence):
        return None
    first: Clause | None = next(iter(clauses([sentence])), None)
    if first is None or len(first.tokens) < 5 or not complete(first):
        return None
    end = "?" if first.question else sentence[-1] if sentence[-1] in ".!" else "."
    return first.text[0].upper() + first.text[1:] + end


def _finished(sentence: str) -> str | None:
    text = sentence.strip()
    if not any(char.isalnum() for char in text) or text.endswith(("...", "…", "-", "—")):
        return None
    if text[-1] in ".!?。！？؟।":
        return text
    return text + (
        "。" if re.search("[\u3040-\u30ff\u4e00-\u9fff]", text[-1]) else "" if UNSPACED.search(text) else "."
    )


def _listed(subjects: Sequence[str]) -> str:
    return subjects[0] if len(subjects) == 1 else f"{', '.join(subjects[:-1])} and {subjects[-1]}"


def _weights(text: str, about: Subject) -> list[float]:
    if UNSPACED.search(text):
        return [weight for word, weight in about.weights.items() if word in text.casefold()]
    return [about.weights.get(word, 0.0) for word in {stem(word) for word in words_of(text)}]


def _sentences(text: str) -> list[str]:
    flat = re.sub(r"\s+", " ", text).strip()
    return [part.strip() for part in _END.split(flat) if part.strip()]


_TRAILING = " .。!！,，、;；:：…-–—।۔"


# What a sentence opens with before it begins, as English has it in its word lists; only where a comma follows.
_PLAIN_OPENER = re.compile(
    r"^(?:(?:also|ja|naja|nun|gut|und|ich glaube|ich denke|bueno|pues|entonces|y|la verdad es que|alors|bon|ben|"
    r"du coup|et|allora|quindi|beh|e|então|bom|nou|dus|maar|så|alltså|ну|вот|так|значит|"
    r"no więc|więc|şimdi|yani)\s*,\s*)+",
    re.IGNORECASE,
)
# Conjunctions that can go without the order of the words changing.
_PLAIN_CONJUNCTIONS = {
    "de": "und|aber|denn",
    "es": "y|pero|porque",
    "fr": "et|mais|car|parce que",
    "it": "e|ma|perché",
    "pt": "e|mas|porque",
    "nl": "en|maar|want",
}


def _opened(sentence: str, language: str) -> str:
    """Without what a spoken sentence opens with before it begins; a question keeps its "porque"."""
    text = _PLAIN_OPENER.sub("", sentence.strip())
    known = _PLAIN_CONJUNCTIONS.get(language[:2].lower())
    if known is not None and not text.endswith("?"):
        text = re.sub(rf"^(?:{known})\s+", "", text, count=1, flags=re.IGNORECASE)
    return sentence_case(text)


def _plain_lines(sentences: Sequence[str], about: Subject, language: str) -> list[Candidate]:
    """Whole sentences that are short enough; without parts of speech nothing smaller is known to be whole."""
    stop = stop_words(language[:2].lower())
    lines = list[Candidate]()
    for index, sentence in enumerate(sentences):
        text = _opened(sentence, language)
        question = text.endswith(("?", "？", "؟"))
        bare_text = text.rstrip(_TRAILING + "?？؟").strip()
        size = len(bare_text) / 2.6 if UNSPACED.search(text) else len(bare_text.split())
        if not 3 <= size <= 12 or len(text) > 80 or sentence.rstrip().endswith(("...", "…", "-", "—")):
            continue
        told = sum(sorted(_weights(text, about), reverse=True)[:3])
        if told == 0.0:
            continue
        worth = 0.3 + 0.6 * min(1.0, told / 1.6)
        first = words_of(text)[0] if words_of(text) else ""
        worth *= 0.9 if first in stop and not question else 1.0
        worth *= 1.1 if question else 1.0
        whole = text if question else text.rstrip(_TRAILING).strip()
        lines.append(Candidate(whole, worth, "plain", index))
    return sorted(lines, key=lambda line: (-line.worth, line.sentence))


def _hashtags(about: Subject, sentences: Sequence[str], source: Sequence[str], language: str) -> tuple[str, ...]:
    """What people would look for: what the clip is about and the source comes back to, then the source's own."""
    good = [phrase for phrase in about.phrases if phrase.score >= 0.35]
    if source:
        looked_at = (*good[:_CLIP_HASHTAGS], *_source_phrases(tuple(source), language))
        heard = Counter(stem(word) for sentence in sentences for word in words_of(sentence))
        found = (recurring(phrase, source, language) for phrase in looked_at)
        # What the source is about stands for this clip only where the clip speaks of it.
        wanted = [tag if tag is not None and _shares(tag, heard, sentences) else None for tag in found]
        # One plain word that the clip drops in passing ("hole", "mind") is nobody's search, unless it is the subject.
        for place in range(1, len(good[:_CLIP_HASHTAGS])):
            tag = wanted[place]
            wanted[place] = None if tag is not None and _passing(tag, heard, about.casing) else tag
    if not source or not any(wanted):
        wanted = [phrase.text for phrase in good or about.phrases[:3]]
    if language.lower().startswith("en"):
        wanted = [tag for tag in wanted if tag is not None and _searched(tag, about, sentences, source)]
    tags = dict[str, str]()
    for phrase in wanted:
        tag = hashtag(phrase) if phrase is not None else None
        if phrase is None or tag is None or any(is_profane(word, language) for word in words_of(phrase)):
            continue
        # One of "#BluRay" and "#BluRays" is enough.
        tags.setdefault(stem(tag[1:].casefold()), tag)
    return tuple(tags.values())[:_MOST_HASHTAGS]


_AGAIN = 3
_COMMON, _RARE = 0.6, 0.7
"""`rarity` below which a word is on everybody's lips, and above which it is a subject even when said once."""


def _searched(tag: str, about: Subject, sentences: Sequence[str], source: Sequence[str]) -> bool:
    """Whether somebody may look for it: a name, a compound, or what the clip comes back to and not everybody says."""
    words = words_of(tag)
    if any(word in about.casing for word in words):
        return True
    # Nobody who says "in a hurry" talks about a hurry.
    said = occurrences(tag, [lexicon.pattern("idioms").sub(";", sentence) for sentence in sentences])
    if not said and occurrences(tag, sentences):
        return False
    if len(words) > 1:
        return is_compound(tag) or said > 1 or occurrences(tag, source) > 1
    if said > 1:
        return rarity(words[0]) >= _COMMON
    if occurrences(tag, source) >= _AGAIN and rarity(words[0]) >= _RARE:
        return True
    return bool(about.phrases) and stem(words[0]) == about.phrases[0].words[-1] and rarity(words[0]) >= _RARE


def _shares(tag: str, heard: Counter[str], sentences: Sequence[str]) -> bool:
    """Whether a word of the tag is said in the clip."""
    if UNSPACED.search(tag):
        return any(tag in sentence for sentence in sentences)
    return any(heard[stem(word)] for word in words_of(tag))


def _passing(tag: str, heard: Counter[str], names: Mapping[str, str]) -> bool:
    words = words_of(tag)
    return len(words) == 1 and tag.islower() and words[0] not in names and heard[stem(words[0])] == 1


def hashtag(phrase: str) -> str | None:
    """ "service mesh" as #ServiceMesh; None for what no network takes as a hashtag."""
    words = re.split(r"[\s\-–—/]+", unicodedata.normalize("NFC", phrase.replace("'s", "").replace("’s", "")))
    parts = ["".join(char for char in word if char.isalnum() or unicodedata.category(char)[0] == "M") for word in words]
    parts = [part for part in parts if part]
    joined = (
        "".join(part if part != part.lower() else part[0].upper() + part[1:] for part in parts)
        if len(parts) > 1
        else "".join(parts)
    )
    tag = f"#{joined}"
    return tag if len(joined) > 1 and len(joined) <= _LONGEST_HASHTAG and is_hashtag(tag) else None


@lru_cache(maxsize=4)
def _source_sentences(source: _Same) -> tuple[str, ...]:
    sentences, line = list[str](), list[str]()
    for word in source.whole.words if source.whole is not None else ():
        line.append(word.text)
        if word.text.endswith((".", "?", "!", "。", "？", "！")):
            sentences.append(" ".join(line))
            line = []
    return (*sentences, " ".join(line)) if line else tuple(sentences)


@lru_cache(maxsize=4)
def _source_phrases(source: tuple[str, ...], language: str) -> tuple[Phrase, ...]:
    """What the whole source is about, from an even sample of its sentences."""
    return subject(source[:: max(1, len(source) // 300)], (), language).phrases[:6]


def _safe(post: PostText) -> PostText:
    """Without what a network refuses; "<" and ">" are written out."""
    title, description = (
        re.sub(r"\s+", " ", re.sub(r"[<>]", "", part)).strip() for part in (post.title, post.description)
    )
    while utf16_units(title) > YOUTUBE_TITLE:
        title = title.rpartition(" ")[0] or title[:-1]
    return PostText(title=title or "Clip", description=description, hashtags=post.hashtags)


def _checked(suggestion: tuple[PostText, str], own: PostText, own_hook: str) -> tuple[PostText, str]:
    """What is right of a suggestion, the rest from here."""
    offered, hook = suggestion
    title = offered.title.strip()
    if not title or title.endswith(("...", "…", ",", "-", "—")) or check_post(PostText(title=title)):
        title = own.title
    tags = tuple(tag for tag in offered.hashtags if is_hashtag(tag))[:_MOST_HASHTAGS]
    description = offered.description.strip() or own.description
    post = PostText(title=title, description=description, hashtags=tags or own.hashtags)
    if check_post(post):
        post = PostText(title=title, description=own.description, hashtags=tags or own.hashtags)
    return post, hook.strip() if hook.strip() and _hook_fits(hook.strip()) else own_hook
