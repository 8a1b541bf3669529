import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.errors import NotFound
from cliply.media import ffmpeg
from cliply.media.errors import Unreadable
from cliply.media.probe import probe
from cliply.media.speech.transcripts import (
    embedded_transcript,
    language_code,
    language_doubt,
    language_name,
    load_transcript,
    tidy,
    transcript_json,
)
from cliply.media.types import Transcript, Word

SRT = """1
00:00:01,000 --> 00:00:03,000
<i>Hello</i> there, {\\an8}world

2
00:00:03,500 --> 00:00:04,500
- Second line
[applause]
"""
VTT = """WEBVTT

NOTE a comment

intro
00:01.000 --> 00:02.000 align:start position:0%
<v Ann>one <00:01.500>two &amp; three
"""


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def in_order(words: tuple[Word, ...]) -> bool:
    return all(word.start < word.end for word in words) and all(a.end <= b.start for a, b in pairwise(words))


def test_what_is_written_is_read_back_the_same(tmp_path: Path) -> None:
    words = (Word("Grüße,", 0, 400, 0.9, "A"), Word("日本", 500, 900))
    transcript = Transcript("de", words, "whisper base")
    assert load_transcript(write(tmp_path, "t.json", transcript_json(transcript))) == transcript


def test_words_of_a_cue_share_its_time_and_markup_is_dropped(tmp_path: Path) -> None:
    words = load_transcript(write(tmp_path, "t.srt", SRT)).words
    assert [word.text for word in words] == ["Hello", "there,", "world", "Second", "line"]
    assert (words[0].start, words[2].end, words[3].start, words[4].end) == (1000, 3000, 3500, 4500)
    assert in_order(words)


def test_time_stamps_and_voices_inside_a_vtt_cue_are_used(tmp_path: Path) -> None:
    words = load_transcript(write(tmp_path, "t.vtt", VTT)).words
    assert [(word.text, word.start, word.speaker) for word in words][:2] == [("one", 1000, "Ann"), ("two", 1500, "Ann")]
    assert [word.text for word in words] == ["one", "two", "&", "three"]


def test_times_that_cannot_be_are_repaired_or_left_out(fixtures: Path) -> None:
    words = load_transcript(fixtures / "hostile" / "transcript_bad_times.json").words
    assert [word.text for word in words] == ["overlap", "inside", "zero", "back", "dup"]
    assert in_order(words)


def test_markup_in_a_transcript_stays_text_and_steering_marks_vanish(fixtures: Path) -> None:
    words = load_transcript(fixtures / "hostile" / "transcript_injection.json").words
    texts = [word.text for word in words]
    assert "{\\an8\\fs400}HUGE" in texts
    assert not any("\n" in text or "\u202e" in text for text in texts)
    assert "שלום" in texts


@pytest.mark.parametrize(
    "told",
    [
        {"words": [{"word": "hi", "start": 0.5, "end": 0.75, "probability": 0.5}]},
        {"language": "english", "segments": [{"text": "hi", "words": [{"w": "hi", "s": 0.5, "e": 0.75}]}]},
        [{"text": "hi", "start": 0.5, "end": 0.75}],
    ],
)
def test_the_json_of_common_tools_is_understood(tmp_path: Path, told: object) -> None:
    (word,) = load_transcript(write(tmp_path, "t.json", json.dumps(told))).words
    assert (word.text, word.start, word.end) == ("hi", 500, 750)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"words": 5}', '{"words": [{"w": "x", "s": null}]}', "just text", "[" * 100_000,
     '{"schema_version": 2, "words": []}', '{"schema_version": 1, "words": [{"text": "a", "start": -1, "end": 2}]}'],
)  # fmt: skip
def test_what_is_no_transcript_is_refused_with_a_reason(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unreadable, match=r"t\.json"):
        load_transcript(write(tmp_path, "t.json", text))


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_transcript(tmp_path / "none.srt")


def test_subtitles_inside_a_video_are_read(fixtures: Path, tmp_path: Path) -> None:
    source = probe(fixtures / "video" / "embedded_webvtt.mkv")
    heard = embedded_transcript(source, source.subtitles[0].index, tmp_path)
    assert [word.text for word in heard.words] == ["oop", "boop"]
    assert list(tmp_path.iterdir()) == []


def test_languages_are_named_by_two_letters() -> None:
    assert [language_code(name) for name in ("eng", "pt-BR", "German", "und", "")] == ["en", "pt", "de", "", ""]


@given(st.lists(st.builds(Word, st.sampled_from(["a", "b"]), st.integers(-99, 9999), st.integers(-99, 9999))))
def test_tidy_words_are_in_order_and_have_a_length(words: list[Word]) -> None:
    assert in_order(tidy(words))


def test_embedded_subtitles_keep_their_time_where_the_sound_begins_first(tmp_path: Path) -> None:
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:02,000 --> 00:00:03,000\nhello\n")
    late = tmp_path / "late.mkv"
    ffmpeg.run(
        ["-f", "lavfi", "-i", "sine=d=4", "-itsoffset", "1", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=3",
         "-i", f"file:{words}", "-map", "0", "-map", "1", "-map", "2", "-c:s", "srt", "-y", f"file:{late}"]
    )  # fmt: skip
    source = probe(late)
    assert source.video is not None
    assert source.video.start >= 900
    heard = embedded_transcript(source, 0, tmp_path)
    assert abs(heard.words[0].start - 2000) <= 50


@pytest.mark.parametrize(("written", "read"), [("en-US", "en"), ("German", "de"), ("yue", "yue"), ("../../x", "")])
def test_the_language_of_a_document_is_a_code_whoever_wrote_it(tmp_path: Path, written: str, read: str) -> None:
    document = {"schema_version": 1, "language": written, "words": [{"text": "a", "start": 0, "end": 50}]}
    (tmp_path / "words.json").write_text(json.dumps(document))
    assert load_transcript(tmp_path / "words.json").language == read


def test_a_language_that_is_not_the_one_that_was_named_is_told_by_its_name_and_kept(tmp_path: Path) -> None:
    named = Transcript("de", (Word("Ja", 0, 500),), sounds_like="en")
    file = tmp_path / "words.json"
    file.write_text(transcript_json(named))
    [told] = language_doubt(load_transcript(file))
    assert "sounds like English, not German" in told
    assert "--language en" in told
    assert language_doubt(Transcript("de", ())) == ()


@pytest.mark.parametrize(("code", "name"), [("fr", "French"), ("zh", "Chinese"), ("", "“”"), ("haw", "“haw”")])
def test_a_language_has_its_name_or_its_code(code: str, name: str) -> None:
    assert language_name(code) == name
