"""Spoken words to the pieces that captions are set from: cleaned, joined where writing joins them, in clip time."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any

from cliply.media.captions.fonts import clusters
from cliply.media.edit import ClipEdit, EditWord
from cliply.media.types import Millis

# Stacked marks climb over the neighbouring lines; no language needs more than this on one letter.
_MOST_MARKS = 4
_LONGEST = 400
_SPACELESS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
                        r"\u3001-\u3003\u3005-\u301f\uff01-\uff60\uff66-\uff9f\U00020000-\U0003ffff]")  # fmt: skip
_THAI_LIKE = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_OPENS = re.compile(r"[(\[{«“‘„‚¿¡#@$€£¥₹₽₩「『（【《〈]+")
_CLOSES = re.compile(r"[)\]}»”’'\"`.,!?;:…%‰°™®\u060c\u061b\u061f\u0964\u0965、。，．！？：；」』）】》〉～ー]+")
_CONTINUES = re.compile(r"['’](s|re|ve|ll|d|m|t)\b.*", re.IGNORECASE)
_DASH = re.compile(r"[-–—]+")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text that stays in one line and lights up as one. Times are of the clip."""

    text: str
    start: Millis
    end: Millis
    spaced: bool = True
    """A space comes before it, unless it begins a line."""
    speaker: str | None = None
    emphasis: bool = False
    emoji: str | None = None


def tokens(edit: ClipEdit) -> tuple[Token, ...]:
    """The words of `edit` that are heard in the clip."""
    heard = sorted(_heard(edit), key=lambda token: token.start)
    joined = _join(heard)
    return divide(joined, edit.language)


def words_to_tokens(words: Iterable[EditWord], language: str) -> tuple[Token, ...]:
    """The words of a whole source, in its own time."""
    spoken = [
        part
        for word in words
        if (text := plain(word.text))
        for part in _parts(text, max(0, word.start), max(word.end, word.start + 1, 1), word)
    ]
    return divide(_join(sorted(spoken, key=lambda token: token.start)), language)


def divide(joined: Iterable[Token], language: str) -> tuple[Token, ...]:
    """Runs of a script without spaces are divided into its words or phrases, and their times follow."""
    return tuple(_without_cjk_spaces(_divide(joined, language), mixed=language[:2] in {"ja", "zh", "yu"}))


def plain(text: str) -> str:
    """`text` without anything that steers a terminal, a renderer or the direction of writing."""
    kept: list[str] = []
    marks = 0
    for each in unicodedata.normalize("NFC", text[:_LONGEST]):
        category = unicodedata.category(each)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if each.isspace():
            kept.append(" ")
        elif marks <= _MOST_MARKS and (category[0] != "C" or each in "\u200c\u200d" or _is_emoji_part(each)):
            kept.append(each)
    text = " ".join("".join(kept).split())
    return text if any(not _invisible(each) for each in text) else ""


def spaceless(text: str) -> bool:
    """Written without spaces between words."""
    return bool(_SPACELESS.search(text))


def _heard(edit: ClipEdit) -> Iterator[Token]:
    for word in edit.words:
        text = plain(word.text)
        start, end = word.start, max(word.start, word.end)
        middle = (start + end) // 2
        span = next((each for each in edit.spans if each.contains(middle)), None)
        if not text or span is None:
            continue
        begin = edit.clip_time(max(start, span.start))
        finish = edit.clip_time(min(end, span.end))
        yield from _parts(text, begin, max(finish, begin + 1), word)


def _parts(text: str, start: Millis, end: Millis, word: EditWord) -> Iterator[Token]:
    """A correction may turn one word into several: they share its time by length."""
    parts = text.split()
    whole = sum(map(len, parts))
    done = 0
    for at, part in enumerate(parts):
        begin = start + (end - start) * done // whole
        done += len(part)
        finish = start + (end - start) * done // whole
        last = at == len(parts) - 1
        yield Token(part, begin, finish, True, word.speaker, word.emphasis, word.emoji if last else None)


def _join(heard: Iterable[Token]) -> list[Token]:
    joined: list[Token] = []
    opening = ""
    for word in heard:
        if not joined and unicodedata.category(word.text[0])[0] == "M":
            continue  # a mark without a letter
        token = replace(word, text=opening + word.text)
        opening = ""
        before = joined[-1] if joined else None
        if _OPENS.fullmatch(token.text):
            opening = token.text
        elif before is not None and _DASH.fullmatch(token.text):
            joined[-1] = replace(before, text=f"{before.text} {token.text}")
        elif before is not None and _continues(before.text, token.text):
            joined[-1] = replace(
                before,
                text=before.text + token.text,
                end=max(before.end, token.end),
                emphasis=before.emphasis or token.emphasis,
                emoji=before.emoji or token.emoji,
            )
        else:
            joined.append(token)
    if opening and joined:
        joined[-1] = replace(joined[-1], text=f"{joined[-1].text} {opening}")
    return joined


def _continues(before: str, text: str) -> bool:
    # Transcribers cut scripts without spaces anywhere, even between a letter and its mark.
    if _count(before[-1] + text[0]) == 1:
        return True
    if _CLOSES.fullmatch(text) or (_CONTINUES.fullmatch(text) and before[-1].isalpha()):
        return True
    digit = before[-1].isdigit()
    if re.match(r"[.,:/-]\d", text):
        return digit
    return bool(re.match(r"[-‑][^\W\d]", text)) and before[-1].isalnum()


def _divide(joined: Iterable[Token], language: str) -> Iterator[Token]:
    for is_spaceless, group in groupby(joined, key=lambda token: spaceless(token.text)):
        if is_spaceless:
            for _, turn in groupby(group, key=lambda token: token.speaker):
                yield from _divide_run(list(turn), language)
        else:
            yield from group


def _divide_run(run: list[Token], language: str) -> Iterator[Token]:
    letters: list[tuple[str, Millis, Millis, Token]] = []
    for token in run:
        each = list(clusters(token.text))
        length = token.end - token.start
        for at, letter in enumerate(each):
            letters.append(
                (letter, token.start + length * at // len(each), token.start + length * (at + 1) // len(each), token)
            )
    at = 0
    text = "".join(letter for letter, *_ in letters)
    for number, chunk in enumerate(_chunks(text, language)):
        size = _count(chunk)
        part = letters[at : at + size]
        at += size
        owners = [token for *_, token in part]
        yield Token(
            chunk,
            part[0][1],
            max(end for _, _, end, _ in part),
            spaced=number == 0,
            speaker=owners[0].speaker,
            emphasis=any(owner.emphasis for owner in owners),
            emoji=next((owner.emoji for owner in owners if owner.emoji), None),
        )


def _without_cjk_spaces(divided: Iterable[Token], *, mixed: bool) -> Iterator[Token]:
    """No spaces between CJK words; `mixed`: nor between them and words of another script."""
    before = ""
    for token in divided:
        sides = _is_cjk(before[-1:]), _is_cjk(token.text[:1])
        yield replace(token, spaced=token.spaced and not (any(sides) if mixed else all(sides)))
        before = token.text


def _is_cjk(letter: str) -> bool:
    return spaceless(letter) and not _THAI_LIKE.match(letter)


def _chunks(text: str, language: str) -> Iterator[str]:
    if _THAI_LIKE.search(text) and not re.search(r"[\u0e00-\u0e7f]", text):
        yield from clusters(text)
        return
    code = "th" if _THAI_LIKE.search(text) else "ja" if _KANA.search(text) or language == "ja" else language
    held = ""
    for chunk in _parser(code).parse(text):
        # A chunk may begin inside a cluster, and never with a mark that may not begin a line.
        inside = held and _count(held + chunk) < _count(held) + _count(chunk)
        if inside or (held and _CLOSES.match(chunk)):
            held += chunk
        else:
            if held:
                yield held
            held = chunk
    if held:
        yield held


def _count(text: str) -> int:
    return sum(1 for _ in clusters(text))


@cache
def _parser(code: str) -> Any:
    import budoux

    match code.lower():
        case "th":
            return budoux.load_default_thai_parser()
        case "ja":
            return budoux.load_default_japanese_parser()
        case "yue" | "zh-tw" | "zh-hk" | "zh-hant":
            return budoux.load_default_traditional_chinese_parser()
        case _:
            return budoux.load_default_simplified_chinese_parser()


def _is_emoji_part(each: str) -> bool:
    """Emoji newer than Python's tables, and the tags in the flags of England, Scotland and Wales."""
    return "\U0001f300" <= each <= "\U0001faff" or "\U000e0020" <= each <= "\U000e007f"


def _invisible(each: str) -> bool:
    return each.isspace() or unicodedata.category(each) == "Cf"
