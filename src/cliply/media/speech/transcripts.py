"""Transcripts as files: our JSON, the JSON of common tools, SRT and WebVTT.

What is read is repaired where the meaning is clear (words out of order, overlapping or without length) and refused
with the reason where it is not. Texts are kept as they are, except for control and direction marks, which mean
nothing in speech.
"""

import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from cliply.errors import NotAllowed, NotFound
from cliply.media import ffmpeg
from cliply.media.document import Document, first_fault
from cliply.media.errors import Unreadable
from cliply.media.isolation import Limits
from cliply.media.probe import Source, printable
from cliply.media.speech.subtitles import Cue, clean_text, cue_words, parse_cues
from cliply.media.types import Millis, Transcript, Word

LONGEST: Millis = 24 * 3600 * 1000
_LARGEST_FILE = 64 << 20
_SHORTEST_WORD: Millis = 20
_LONGEST_WORD: Millis = 10_000


class TranscriptWord(Document):
    """One spoken word, punctuation included."""

    text: str
    start: Millis = Field(ge=0)
    end: Millis = Field(ge=0)
    confidence: float = Field(1.0, ge=0, le=1)
    speaker: str | None = None


class TranscriptDocument(Document):
    """The words of a source; times in whole milliseconds."""

    schema_version: Literal[1] = 1
    language: str = ""
    """ISO 639-1 code; empty if it is not known."""
    made_by: str = ""
    sounds_like: str = ""
    """ISO 639-1 code of what is clearly spoken, where another language was named; else empty."""
    words: tuple[TranscriptWord, ...] = ()


@dataclass(frozen=True, slots=True)
class _Loose:
    """A word as another tool wrote it, times in seconds."""

    text: str
    start: float | None
    end: float | None
    confidence: float
    speaker: str | None


def transcript_json(transcript: Transcript) -> str:
    """The document that `load_transcript` reads back unchanged."""
    words = tuple(
        TranscriptWord(text=word.text, start=word.start, end=word.end, confidence=word.confidence, speaker=word.speaker)
        for word in transcript.words
    )
    document = TranscriptDocument(
        language=transcript.language,
        made_by=transcript.made_by,
        sounds_like=transcript.sounds_like,
        words=words,
    )
    return document.model_dump_json(indent=1) + "\n"


def load_transcript(path: Path) -> Transcript:
    """Read a transcript: our JSON, `{"words": [{"word", "start", "end"}]}` in seconds, SRT or WebVTT.

    Raises NotFound, NotAllowed, or Unreadable with what is wrong and what to do.
    """
    text = _read(path)
    name = f"“{printable(path.name)}”"
    if text.lstrip().startswith(("{", "[")):
        return _from_json(text, name)
    cues = parse_cues(text)
    if not cues:
        raise Unreadable(f"{name} is not a transcript that can be read. Give a JSON, SRT or VTT file with times.")
    return from_cues(cues, name)


def from_cues(cues: Sequence[Cue], name: str) -> Transcript:
    """Words of subtitle cues, their times spread inside each cue. Raises Unreadable if there are none."""
    words = tidy(word for cue in cues for word in cue_words(cue))
    if not words:
        raise Unreadable(f"{name} has no words with times.")
    return Transcript(language="", words=words, made_by="subtitles")


def embedded_transcript(source: Source, index: int, folder: Path) -> Transcript:
    """The text subtitles inside `source`, stream `index` as in `Source.subtitles`; scratch files go to `folder`.

    Raises Unreadable if they hold no words.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".subtitles-") as scratch:
        # As for every other reader, time 0 is the first picture or the first sound.
        zero = min((stream.start for stream in (source.video, source.sound) if stream is not None), default=0)
        ffmpeg.run(
            ["-copyts", *ffmpeg.guarded(source.path), "-map", f"0:s:{index}", "-f", "srt", "-y", "embedded.srt"],
            limits=Limits(wall_seconds=max(60, source.duration / 1000), output_bytes=_LARGEST_FILE),
            folder=Path(scratch),
        )
        text = _read(Path(scratch) / "embedded.srt")
    cues = [Cue(cue.start - zero, cue.end - zero, cue.text) for cue in parse_cues(text)]
    transcript = from_cues(cues, f"The subtitle track in “{printable(source.path.name)}”")
    language = next((each.language for each in source.subtitles if each.index == index), "")
    return Transcript(language_code(language), transcript.words, transcript.made_by)


def language_code(named: str) -> str:
    """ISO 639-1 code of a language named by code, three-letter code, or English name; empty if it is not known."""
    lower = named.strip().lower().replace("_", "-")
    return _LANGUAGES.get(lower) or (lower[:2] if lower[:2].isalpha() and lower[2:3] in ("", "-") else "")


def language_name(code: str) -> str:
    """The English name of a language, or its code in quotation marks where we have no name for it."""
    named = [name for name, short in _LANGUAGES.items() if short == code]
    return named[-1].title() if code and named else f"“{code}”"


def language_doubt(transcript: Transcript) -> tuple[str, ...]:
    """What to tell the creator where another language was named than is spoken."""
    heard = transcript.sounds_like
    if not heard:
        return ()
    sounds = f"This sounds like {language_name(heard)}, not {language_name(transcript.language)}"
    return (f"{sounds}, so the words are probably wrong. Run it again with --language {heard}.",)


_LANGUAGES = {
    code: short
    for short, codes in {
        "en": "eng english", "fr": "fra fre french", "de": "deu ger german", "es": "spa spanish",
        "it": "ita italian", "pt": "por portuguese", "nl": "nld dut dutch", "ru": "rus russian",
        "ja": "jpn japanese", "zh": "zho chi chinese", "ko": "kor korean", "ar": "ara arabic",
        "he": "heb hebrew", "hi": "hin hindi", "tr": "tur turkish", "pl": "pol polish", "uk": "ukr ukrainian",
        "sv": "swe swedish", "da": "dan danish", "no": "nor nob norwegian", "fi": "fin finnish",
        "cs": "ces cze czech", "el": "ell gre greek", "hu": "hun hungarian", "ro": "ron rum romanian",
        "vi": "vie vietnamese", "th": "tha thai", "id": "ind indonesian", "": "und unknown",
    }.items()
    for code in codes.split()
}  # fmt: skip


def tidy(words: Iterable[Word]) -> tuple[Word, ...]:
    """Words in order, each with a text and a length, none overlapping the next, doubles removed.

    A word that begins before the one before it ends pushes that end back; one that would be left without length
    borrows from the following pause.
    """
    kept: list[Word] = []
    previous: Word | None = None
    for word in sorted((word for word in words if word.text), key=lambda word: (word.start, word.end)):
        if previous is not None and (word.text, word.start) == (previous.text, previous.start):
            continue
        previous = word
        start = max(0, word.start)
        if kept:
            before = kept[-1]
            start = max(start, before.start + _SHORTEST_WORD)
            if before.end > start:
                kept[-1] = Word(before.text, before.start, start, before.confidence, before.speaker)
        end = min(max(word.end, start + _SHORTEST_WORD), start + _LONGEST_WORD)
        kept.append(Word(word.text, start, end, word.confidence, word.speaker))
    return tuple(kept)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise Unreadable(f"“{printable(path.name)}” is too large for a transcript.")
        data = path.read_bytes()
    except FileNotFoundError as absent:
        raise NotFound(
            f"The transcript “{printable(path.name)}” does not exist. Check the name and the folder."
        ) from absent
    except IsADirectoryError as folder:
        raise Unreadable(f"“{printable(path.name)}” is a folder. Name a JSON, SRT or VTT file.") from folder
    except OSError as refused:
        raise NotAllowed(f"“{printable(path.name)}” cannot be read: {refused.strerror}.") from refused
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Old subtitle files come in the code page of Windows; every byte means something there.
        return data.decode("cp1252", "replace")


def _from_json(text: str, name: str) -> Transcript:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as broken:
        raise Unreadable(f"{name} is not valid JSON: {broken}. Export the transcript again.") from broken
    if isinstance(told, dict) and "schema_version" in told:
        return _ours(told, name)
    loose = list(_loose_words(told))
    if not loose:
        raise Unreadable(f'{name} has no list of words. Expected {{"words": [{{"word", "start", "end"}}]}} in seconds.')
    words = tidy(word for each in loose if (word := _timed(each)) is not None)
    if not words:
        raise Unreadable(f"{name} has no word with usable times: each needs a start and an end in seconds.")
    language = told.get("language") if isinstance(told, dict) else None
    return Transcript(language_code(language) if isinstance(language, str) else "", words, made_by="file")


def _ours(told: dict[str, Any], name: str) -> Transcript:
    try:
        document = TranscriptDocument.model_validate(told)
    except ValidationError as broken:
        raise Unreadable(f"{name} cannot be used: {first_fault(broken)}.") from broken
    words = (
        Word(clean_text(each.text), each.start, each.end, each.confidence, each.speaker)
        for each in document.words
        if each.start < LONGEST
    )
    # Ours are short codes; what another program wrote here may be en-US or a name.
    code = document.language if re.fullmatch("[a-z]{2,3}", document.language) else language_code(document.language)
    return Transcript(code, tidy(words), document.made_by, document.sounds_like)


def _loose_words(told: Any) -> Iterable[_Loose]:
    """Words of any of the usual shapes: a list, `words`, or `segments` with `words` or with a text."""
    if isinstance(told, list):
        for each in told:
            if isinstance(each, dict):
                yield from _loose_words(each) if "words" in each else _loose_entry(each)
    elif isinstance(told, dict):
        for key in ("words", "segments"):
            if isinstance(told.get(key), list):
                yield from _loose_words(told[key])
                return


def _loose_entry(entry: dict[str, Any]) -> Iterable[_Loose]:
    text = next((entry[key] for key in ("punctuated_word", "word", "w", "text") if isinstance(entry.get(key), str)), "")
    start, end = (_number(entry.get(key, entry.get(short))) for key, short in (("start", "s"), ("end", "e")))
    probability = _number(entry.get("confidence", entry.get("probability", entry.get("score"))))
    speaker = entry.get("speaker")
    named = str(speaker)[:40] if isinstance(speaker, str | int) and not isinstance(speaker, bool) else None
    confidence = 1.0 if probability is None else min(1.0, max(0.0, probability))
    yield _Loose(text, start, end, confidence, named)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # False for NaN and infinity too.
    return float(value) if abs(value) < 1e15 else None


def _timed(loose: _Loose) -> Word | None:
    """The word in milliseconds; None where its time cannot be known, as with one that lies before the beginning."""
    if loose.start is None:
        return None
    end = loose.start if loose.end is None else loose.end
    start, end = round(loose.start * 1000), round(end * 1000)
    if end < start:
        start, end = end, start
    if end < 0 or (end == 0 and start < 0) or start >= LONGEST:
        return None
    return Word(clean_text(loose.text), max(0, start), end, loose.confidence, loose.speaker)
