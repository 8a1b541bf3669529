import itertools
import re

import pysubs2
from tests.media.captions.scenes import edit_of, spoken

from cliply.media.captions.subtitles import (
    CHARACTERS,
    cues_of,
    transcript_srt,
    transcript_vtt,
    write_srt,
    write_vtt,
)
from cliply.media.edit import EditWord
from cliply.media.types import Span, Transcript, Word

TALK = (
    "So the thing that nobody tells you about building a company is that it's 90% boring work. We raised "
    "$3.5 million in 2019, and by the end of the year we had spent it all! | Why? Because Dr. Brooks said so."
)


def test_lines_are_short_and_few_and_cues_do_not_overlap() -> None:
    cues = cues_of(edit_of(spoken(TALK)))

    for cue in cues:
        assert len(cue.lines) <= 2
    for earlier, later in itertools.pairwise(cues):
        assert earlier.start < earlier.end <= later.start
    read = pysubs2.SSAFile.from_string(write_srt(edit_of(spoken(TALK))), format_="srt")
    assert all(len(line) <= CHARACTERS for event in read for line in event.plaintext.split("\n"))


def test_srt_and_vtt_say_the_same_words_as_the_edit() -> None:
    edit = edit_of(spoken(TALK))

    for text, kind in ((write_srt(edit), "srt"), (write_vtt(edit), "vtt")):
        read = pysubs2.SSAFile.from_string(text, format_=kind)
        assert " ".join(event.plaintext.replace("\n", " ") for event in read) == TALK.replace(" |", "")
        assert read[0].start == 0


def test_times_are_those_of_the_clip() -> None:
    edit = edit_of(spoken("a b c d e f", each=1000), spans=[Span(1000, 2000), Span(4000, 6000)])

    assert write_srt(edit).startswith("1\n00:00:00,000 --> 00:00:03,000\nb e f\n")


def test_a_short_cue_is_lengthened_into_the_silence_after_it() -> None:
    cues = cues_of(edit_of([EditWord(text="Hi.", start=0, end=200), EditWord(text="Later.", start=5000, end=6500)]))

    assert [(cue.start, cue.end) for cue in cues] == [(0, 1000), (5000, 6580)]


def test_markup_in_the_words_is_no_markup_in_the_files() -> None:
    words = [
        EditWord(text=text, start=at * 500, end=at * 500 + 400)
        for at, text in enumerate(["</p><script>alert(1)</script>", "-->", "{\\an8}", "NOTE", "a & b", "\nWEBVTT\n\n"])
    ]
    edit = edit_of(words)

    vtt = write_vtt(edit)
    assert "<" not in vtt
    assert "&lt;script&gt;" in vtt
    assert "a &amp; b" in vtt
    assert vtt.count("-->") == len(cues_of(edit))
    assert vtt.count("\nWEBVTT") == 0
    srt = write_srt(edit)
    assert not re.search(r"[<{}]", srt)
    assert srt.count("-->") == len(cues_of(edit))


def test_a_line_of_a_vtt_cue_never_begins_a_note() -> None:
    vtt = write_vtt(edit_of([EditWord(text="NOTE", start=0, end=900), EditWord(text="this", start=2500, end=2900)]))

    # A comment block needs an empty line before it; a cue's text always stands under its times.
    assert re.search(r"--> [\d:.]+\nNOTE\n", vtt)
    assert not re.search(r"\n\nNOTE", vtt)


def test_a_whole_transcript_is_written() -> None:
    words = tuple(Word(each.text, each.start, each.end) for each in spoken(TALK))
    transcript = Transcript("en", words)

    assert transcript_srt(transcript).startswith("1\n00:00:00,000 --> ")
    assert transcript_vtt(transcript).startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert transcript_srt(Transcript("en", ())) == ""
