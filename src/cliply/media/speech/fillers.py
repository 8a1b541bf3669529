"""Which spoken words carry nothing: hesitation sounds, stuttered repeats, empty asides. Indexes into the words."""

import unicodedata
from collections.abc import Sequence

from cliply.media.types import Millis, Word


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# By language, because a hesitation in one is a word in another: "um" is German for "around", "er" for "he".
# "Oh" and "ah" are left everywhere: they carry feeling.
_FILLERS: dict[str, frozenset[str]] = {
    language: _words(sounds)
    for language, sounds in {
        "en": "um umm ummm uh uhh uhhh uhm uhmm er err erm ehm",
        "de": "äh ähm ähmm öh öhm ehm hm",
        "fr": "euh heu euhm",
        "es": "eh ehm em emm",
        "it": "ehm eh uhm",
        "pt": "hã hum ahn hmm",
        "nl": "eh ehm uh uhm euh",
        "sv": "eh öh öhm ehm",
        "da": "øh øhm",
        "no": "eh øh øhm",
        "fi": "öö ööh",
        "pl": "yyy eee ymm",
        "ru": "эээ ээ эм ммм",
        "tr": "ııı ee hmm",
        "ja": "えー えーと えーっと えっと ええと あのー そのー うーん",
        "zh": "呃 嗯 额 唔",
        "ko": "음 어 으음 저기",
        "hi": "उम अं",
    }.items()
}
_COMMON = _words("uhm uhh umm erm ähm öhm")
"""Not a word in any language above; used where the language has no list."""

_STUTTERED = _words(
    "i i'm i've i'd i'll we we're we've you you're he he's she she's it it's they they're the a an and but or so if "
    "when what where why how who to of in on at for with from is was are were be my your our their his her this "
    "these there there's as because not"
)
"""English words whose repetition is a slip, never grammar ("had had", "that that") or emphasis ("very, very")."""

_ASIDES: tuple[tuple[str, ...], ...] = (("you", "know"), ("i", "mean"), ("like",), ("sort", "of"), ("kind", "of"))
_ASIDE_PAUSE: Millis = 120
_ONE_BREATH: Millis = 600


def bare(text: str) -> str:
    """A word as it is compared: folded, without the punctuation around it."""
    folded = unicodedata.normalize("NFC", text).casefold().replace("’", "'")
    start, end = 0, len(folded)
    while start < end and not (folded[start].isalnum() or unicodedata.category(folded[start]).startswith("M")):
        start += 1
    while end > start and not (folded[end - 1].isalnum() or unicodedata.category(folded[end - 1]).startswith("M")):
        end -= 1
    return folded[start:end]


def fillers(words: Sequence[Word], language: str) -> set[int]:
    sounds = _FILLERS.get(language[:2].lower(), _COMMON)
    return {
        index
        for index, word in enumerate(words)
        if bare(word.text).rstrip("ー…") in sounds or bare(word.text) in sounds
    }


def stutters(words: Sequence[Word], language: str) -> set[int]:
    """Repeats by the same speaker in one breath: "I I think", "we were we were", "th- the". The last one stays."""
    found = set[int]()
    texts = [bare(word.text) for word in words]
    for index in range(len(words) - 1):
        if _broken_off(words, texts, index):
            found.add(index)
        elif language.startswith("en"):
            for length in (2, 1):
                if _repeated(words, texts, index, length):
                    found.update(range(index, index + length))
                    break
    return found


def _broken_off(words: Sequence[Word], texts: Sequence[str], index: int) -> bool:
    return (
        words[index].text.rstrip(",.…").endswith(("-", "–", "—"))
        and 0 < len(texts[index]) <= 4
        and texts[index + 1].startswith(texts[index])
        and _same_breath(words, index, index + 1)
    )


def _repeated(words: Sequence[Word], texts: Sequence[str], index: int, length: int) -> bool:
    again = index + length
    if again + length > len(words) or texts[index:again] != texts[again : again + length]:
        return False
    if any(word.text.endswith((".", "?", "!")) for word in words[index:again]):
        return False
    return all(text in _STUTTERED for text in texts[index:again]) and all(
        _same_breath(words, at, at + 1) for at in range(index, again + length - 1)
    )


def _same_breath(words: Sequence[Word], first: int, second: int) -> bool:
    return words[first].speaker == words[second].speaker and words[second].start - words[first].end <= _ONE_BREATH


def asides(words: Sequence[Word], language: str) -> set[int]:
    """English "you know" and the like where a pause stands before and after them."""
    if not language.startswith("en"):
        return set()
    found = set[int]()
    texts = [bare(word.text) for word in words]
    for index in range(1, len(words)):
        for aside in _ASIDES:
            after = index + len(aside)
            if (
                after < len(words)
                and tuple(texts[index:after]) == aside
                and words[index].start - words[index - 1].end >= _ASIDE_PAUSE
                and words[after].start - words[after - 1].end >= _ASIDE_PAUSE
            ):
                found.update(range(index, after))
    return found
