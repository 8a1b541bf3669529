from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.media.clips import TONE, make

from cliply.integrations.whisper import WhisperTranscriber
from cliply.media.analysis import analyse, choose, listen, what_may_help, write_down
from cliply.media.cache import Cache
from cliply.media.errors import NoSpeech
from cliply.media.highlights import Candidate, Findings, Judgement
from cliply.media.options import ClipOptions
from cliply.media.progress import Watch
from cliply.media.types import OnProgress, Span, Transcript, Word, no_progress


def test_a_given_transcript_is_not_kept_in_the_language_of_an_earlier_run(tmp_path: Path) -> None:
    source = make(tmp_path / "tone.wav", None, TONE.format(seconds=3))
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,200 --> 00:00:02,000\nguten Tag zusammen\n")
    cache, watch = Cache(tmp_path / "cache"), Watch()
    sound = listen(source, cache, watch)

    def spoken(language: str | None) -> str:
        options = ClipOptions(transcript=words, language=language)
        return write_down(source, sound, options, WhisperTranscriber(), cache, watch).language

    assert [spoken("fr"), spoken("de"), spoken("fr")] == ["fr", "de", "fr"]


def test_a_run_that_only_listens_keeps_the_cache_within_its_size(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", largest=1000)
    (cache.folder("old") / "speech.wav").write_bytes(bytes(2000))
    listen(make(tmp_path / "tone.wav", None, TONE.format(seconds=1)), cache, Watch())
    assert not (cache.root / "old").exists()


class CountingJudge:
    """Likes what was found last, and counts how often it is asked."""

    name = "counting judge"

    def __init__(self) -> None:
        self.asked = 0

    def rerank(
        self, candidates: Sequence[Candidate], *, prompt: str, on_progress: OnProgress = no_progress
    ) -> tuple[Judgement, ...]:
        self.asked += 1
        return tuple(Judgement(each.id, "good", len(candidates) - each.id) for each in candidates)


def test_a_judge_is_asked_once_for_the_same_words_and_wishes(tmp_path: Path) -> None:
    source = make(tmp_path / "tone.wav", None, TONE.format(seconds=40))
    said = tmp_path / "words.srt"
    said.write_text(
        "\n\n".join(
            f"{number}\n00:00:{start:02d},000 --> 00:00:{start + 4:02d},500\nThe bridge number {number} fell down."
            for number, start in enumerate(range(0, 40, 5), 1)
        )
    )
    judge, cache = CountingJudge(), Cache(tmp_path / "cache")
    options = ClipOptions(transcript=said, language="en", shortest=5_000, longest=15_000)

    def found(wanted: ClipOptions) -> Findings:
        watch = Watch()
        transcriber = WhisperTranscriber()
        return analyse(source, wanted, transcriber=transcriber, judge=judge, cache=cache, watch=watch).findings

    assert found(options) == found(options)
    assert judge.asked == 1
    found(options.model_copy(update={"prompt": "bridges"}))
    assert judge.asked == 2


@pytest.mark.parametrize(
    ("shown", "until", "told"), [(30, 33_000, "from where there is a picture"), (6, 60_000, "bars")]
)
def test_clips_come_from_where_there_is_a_picture_if_that_is_most_of_a_recording(
    shown: int, until: int, told: str, tmp_path: Path
) -> None:
    source = make(tmp_path / "short.mp4", f"testsrc2=s=64x64:r=10:d={shown}", TONE.format(seconds=55))
    sentences = [("The", "bridge", "fell", "down", f"{number}.") for number in range(11)]
    words = tuple(
        Word(text, 5_000 * number + 900 * at, 5_000 * number + 900 * at + 800)
        for number, sentence in enumerate(sentences)
        for at, text in enumerate(sentence)
    )
    options = ClipOptions(shortest=5_000, longest=15_000)
    sound = listen(source, Cache(tmp_path / "cache"), Watch())
    findings = choose(source, sound, Transcript("en", words), options, None, Watch())
    last = max(each.span.end for each in findings.highlights)
    assert until - 6_000 < last <= until
    assert any(told in warning for warning in findings.warnings)


class CountingTranscriber:
    """Hears a word a second, and counts how often it is asked."""

    name = "counting transcriber"

    def __init__(self) -> None:
        self.asked = 0

    def check(self, language: str | None = None) -> None:
        pass

    def transcribe(
        self,
        sound: Path,
        *,
        language: str | None = None,
        kept: Path | None = None,
        on_progress: OnProgress = no_progress,
    ) -> Transcript:
        self.asked += 1
        assert kept is not None
        kept.write_text("begun")
        words = tuple(Word(f"word{at}", at * 1000 + 100, at * 1000 + 600) for at in range(8))
        return Transcript("xx", words, made_by=self.name)


def test_a_part_of_what_was_written_down_whole_is_not_heard_again(tmp_path: Path) -> None:
    source = make(tmp_path / "tone.wav", None, TONE.format(seconds=8))
    cache, watch, transcriber = Cache(tmp_path / "cache"), Watch(), CountingTranscriber()
    sound = listen(source, cache, watch)

    def words(within: Span | None) -> list[str]:
        options = ClipOptions(within=within)
        return [word.text for word in write_down(source, sound, options, transcriber, cache, watch).words]

    assert len(words(None)) == 8
    assert words(Span(2_000, 5_000)) == ["word2", "word3", "word4"]
    assert transcriber.asked == 1


def test_what_a_stopped_recognition_left_is_gone_once_the_words_are_kept(tmp_path: Path) -> None:
    source = make(tmp_path / "tone.wav", None, TONE.format(seconds=8))
    cache, watch = Cache(tmp_path / "cache"), Watch()
    write_down(source, listen(source, cache, watch), ClipOptions(), CountingTranscriber(), cache, watch)
    assert not list(cache.root.rglob("heard-*"))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (ClipOptions(shortest=3000), set()),
        (ClipOptions(), {"--min"}),
        (ClipOptions(shortest=3000, longest=10_000), {"--max"}),
        (ClipOptions(shortest=3000, within=Span(0, 9000)), {"--from", "--to"}),
    ],
)
def test_only_what_can_help_is_advised_where_nothing_was_found(options: ClipOptions, named: set[str]) -> None:
    told = what_may_help(options, 18_000)
    assert {option for option in ("--min", "--max", "--from", "--to") if option in told} == named
    assert told.endswith("se a recording in which more is said without a long break.")


class HearsNothing(WhisperTranscriber):
    def transcribe(
        self, sound: Path, *, language: str | None = None, kept: Path | None = None,
        on_progress: OnProgress = no_progress,
    ) -> Transcript:  # fmt: skip
        return Transcript("en", ())


def test_a_recording_without_speech_names_options_that_its_command_has(tmp_path: Path) -> None:
    source = make(tmp_path / "tone.wav", None, TONE.format(seconds=3))
    cache, watch = Cache(tmp_path / "cache"), Watch()
    with pytest.raises(NoSpeech) as written:
        write_down(source, listen(source, cache, watch), ClipOptions(), HearsNothing(), cache, watch)
    with pytest.raises(NoSpeech) as clipped:
        analyse(source, ClipOptions(), transcriber=HearsNothing(), judge=None, cache=cache, watch=watch)
    assert "--transcript" not in str(written.value)
    assert "--transcript" in str(clipped.value)
