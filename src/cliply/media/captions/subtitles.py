"""Subtitles for players and editing programs: SRT and WebVTT, in plain readable lines."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from cliply.media.captions.lines import Block, break_into_blocks, count_letters, line_text
from cliply.media.captions.styles import CaptionStyle
from cliply.media.captions.tokens import Token, tokens, words_to_tokens
from cliply.media.edit import ClipEdit, EditWord
from cliply.media.types import Millis, Transcript

CHARACTERS = 42
"""In a line, the usual limit for subtitles; letters of Chinese, Japanese and Korean count twice."""
_STYLE = CaptionStyle(
    font="Noto Sans Bold", size=44, words=16, characters=CHARACTERS, lines=2, punctuation="all", animation="none"
)
_READABLE: Millis = 1_000
"""A cue shorter than this is lengthened into the silence after it."""


def write_srt(edit: ClipEdit, *, after: Millis = 0) -> str:
    """The words of `edit` as SubRip, for a clip that begins `after` milliseconds of something else."""
    return _srt(_later(cues_of(edit), after))


def write_vtt(edit: ClipEdit, *, after: Millis = 0) -> str:
    """The words of `edit` as WebVTT, for a clip that begins `after` milliseconds of something else."""
    return _vtt(_later(cues_of(edit), after))


def transcript_srt(transcript: Transcript) -> str:
    """All words of a source as SubRip."""
    return _srt(_cues(_spoken(transcript), transcript.language, _length(transcript)))


def transcript_vtt(transcript: Transcript) -> str:
    """All words of a source as WebVTT."""
    return _vtt(_cues(_spoken(transcript), transcript.language, _length(transcript)))


def cues_of(edit: ClipEdit) -> tuple[Block, ...]:
    """At most two lines of at most 42 characters each, in order, none overlapping the next."""
    return _cues(tokens(edit), edit.language, edit.duration)


def _spoken(transcript: Transcript) -> tuple[Token, ...]:
    return words_to_tokens(
        (EditWord(text=word.text, start=word.start, end=word.end, speaker=word.speaker) for word in transcript.words),
        transcript.language,
    )


def _length(transcript: Transcript) -> Millis:
    return max((word.end for word in transcript.words), default=0) + _READABLE


def _cues(heard: Sequence[Token], language: str, length: Millis) -> tuple[Block, ...]:
    blocks = break_into_blocks(
        heard, _STYLE, width=float(CHARACTERS), measure=_letters, language=language, length=length
    )
    limits = [*(later.start for _, later in pairwise(blocks)), length]
    return tuple(
        Block(block.lines, block.start, max(block.end, min(limit, block.start + _READABLE)))
        for block, limit in zip(blocks, limits, strict=False)
    )


def _later(cues: Iterable[Block], by: Millis) -> list[Block]:
    return [Block(cue.lines, cue.start + by, cue.end + by) for cue in cues]


def _srt(cues: Iterable[Block]) -> str:
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_lines(cue, escape=_srt_text)}\n"
        for number, cue in enumerate(cues, start=1)
    )


def _vtt(cues: Iterable[Block]) -> str:
    written = (
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_lines(cue, escape=_vtt_text)}\n" for cue in cues
    )
    return "\n".join(["WEBVTT\n", *written])


def _letters(text: str) -> float:
    return float(count_letters(text))


def _lines(cue: Block, *, escape: Callable[[str], str]) -> str:
    return "\n".join(escape(line_text(line)) for line in cue.lines)


def _srt_text(text: str) -> str:
    # SubRip has no escapes, and players take angle and curly brackets for markup.
    return text.translate(str.maketrans("<>{}", "‹›()"))


def _vtt_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(at: Millis, mark: str) -> str:
    minutes, rest = divmod(at, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"
