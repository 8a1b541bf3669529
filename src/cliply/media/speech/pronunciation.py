"""How English words are said: numbers and signs spelled out, and a guess for words that no dictionary has.

Only used to find words in sound, where a rough pronunciation finds the place; never shown to anybody.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_SIGNS = {"%": "percent", "&": "and", "+": "plus", "@": "at", "=": "equals", "#": "number", "°": "degrees"}
_MONEY = {"$": "dollars", "£": "pounds", "€": "euros", "¥": "yen"}
_SHORT = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "st": "saint", "vs": "versus", "etc": "et cetera",
    "prof": "professor", "jr": "junior", "sr": "senior", "ok": "okay",
}  # fmt: skip
_TOKEN = re.compile(r"[$£€¥]?\d[\d,]*(?:\.\d+)?(?:st|nd|rd|th|s)?%?|[a-z]+(?:'[a-z]+)*'?|[%&+@=#°]", re.IGNORECASE)
_FEWEST_THOUSANDS = 1100
_LAST_YEAR = 2100


def spoken(text: str) -> list[str]:
    """The words that are said for one written word, in lower case: “$40” gives forty, dollars."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'").replace("‘", "'"))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return [word for token in _TOKEN.findall(plain) for word in _said(token)]


def _said(token: str) -> Iterator[str]:
    lower = token.lower()
    if lower[0].isalpha():
        if token.isupper() and 1 < len(token) <= 4 and not set(token) & set("AEIOU"):
            yield from lower  # an abbreviation without a vowel is spelled
        else:
            yield from _SHORT.get(lower, lower).split()
    elif token in _SIGNS:
        yield _SIGNS[token]
    else:
        yield from _amount(lower)


def _amount(token: str) -> Iterator[str]:
    money = _MONEY.get(token[0])
    digits = token.lstrip("$£€¥").rstrip("%stndrh").replace(",", "")
    ending = token.lstrip("$£€¥0123456789,.")
    whole, _, part = digits.partition(".")
    words = list(_whole(whole, year=not money and "," not in token and not part))
    if ending in ("st", "nd", "rd", "th") and words:
        words[-1] = _ordinal(words[-1])
    elif ending == "s" and words:
        words[-1] = words[-1][:-1] + "ies" if words[-1].endswith("y") else words[-1] + "s"
    yield from words
    if part:
        yield "point"
        yield from (_ONES[int(digit)] for digit in part)
    if ending.startswith("%"):
        yield "percent"
    if money:
        yield money


def _whole(digits: str, *, year: bool) -> Iterator[str]:
    number = int(digits or 0)
    if len(digits) > 1 and (digits[0] == "0" or len(digits) > 15):
        yield from (_ONES[int(digit)] for digit in digits)
    elif year and len(digits) == 4 and _FEWEST_THOUSANDS <= number < _LAST_YEAR and not 2000 <= number < 2010:
        yield from _cardinal(number // 100)
        if number % 100 == 0:
            yield "hundred"
        else:
            yield from ("oh", _ONES[number % 10]) if number % 100 < 10 else _cardinal(number % 100)
    else:
        yield from _cardinal(number)


def _cardinal(number: int) -> Iterator[str]:
    for size, name in _SCALES:
        if number >= size:
            yield from _cardinal(number // size)
            yield name
            number %= size
            if not number:
                return
    if number < len(_ONES):
        yield _ONES[number]
    else:
        yield _TENS[number // 10 - 2]
        if number % 10:
            yield _ONES[number % 10]


def _ordinal(word: str) -> str:
    irregular = {
        "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
        "twelve": "twelfth",
    }  # fmt: skip
    return irregular.get(word) or (word[:-1] + "ieth" if word.endswith("y") else word + "th")


# Greedy, longest first. Vowels take their most frequent sound: a neighbouring one costs the search little.
_LETTERS = {
    "tion": "SH AH N", "sion": "ZH AH N", "ture": "CH ER", "ough": "AO", "augh": "AO", "eigh": "EY", "igh": "AY",
    "tch": "CH", "sch": "SH", "dge": "JH", "ing": "IH NG", "que": "K", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F",
    "wh": "W", "ck": "K", "ng": "NG", "qu": "K W", "gh": "G", "kn": "N", "wr": "R", "ee": "IY", "ea": "IY",
    "oo": "UW", "ou": "AW", "ow": "OW", "oa": "OW", "oi": "OY", "oy": "OY", "ai": "EY", "ay": "EY", "au": "AO",
    "aw": "AO", "ei": "EY", "ey": "IY", "ie": "IY", "ew": "UW", "ue": "UW", "er": "ER", "ir": "ER", "ur": "ER",
    "ar": "AA R", "or": "AO R", "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH",
    "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S",
    "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z",
}  # fmt: skip
_SOFT = {"ce": "S EH", "ci": "S IH", "cy": "S IY", "ge": "JH EH", "gi": "JH IH"}
_SPELLED = _SOFT | _LETTERS
_ENDINGS = (("'s", "Z"), ("s", "Z"), ("ed", "D"), ("ing", "IH NG"), ("er", "ER"), ("ly", "L IY"), ("d", "D"))


def pronounce(word: str, known: Callable[[str], str | None]) -> str:
    """Phones (ARPAbet, as in the CMU dictionary) for a lower-case word that the dictionary lacks.

    `known` gives the phones of words it has. Tried in order: a known word with an ending, two known words joined,
    letter by letter.
    """
    for ending, phones in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1:
            for base in (stem, stem + "e"):
                if found := known(base):
                    return f"{found} {phones}"
    for cut in range(3, len(word) - 2):
        first, second = known(word[:cut]), known(word[cut:])
        if first and second:
            return f"{first} {second}"
    return " ".join(_letter_by_letter(word)) or "AH"


def _letter_by_letter(word: str) -> Iterator[str]:
    letters = "".join(char for char in word if "a" <= char <= "z")
    if len(letters) > 3 and letters.endswith("e"):
        letters = letters[:-1]  # silent at the end
    at = 0
    while at < len(letters):
        for size in (4, 3, 2, 1):
            if sounds := _SPELLED.get(letters[at : at + size]):
                yield sounds
                at += size
                break
        # A doubled consonant is one sound.
        while 0 < at < len(letters) and letters[at] == letters[at - 1] and letters[at] not in "aeiou":
            at += 1
