from pathlib import Path

import pytest

from cliply.integrations.whisper import WhisperTranscriber
from cliply.integrations.whisper_kept import Kept
from cliply.integrations.whisper_windows import RATE
from cliply.media.probe import probe
from cliply.media.speech.sound import analyse_sound


def test_what_was_heard_is_there_again(tmp_path: Path) -> None:
    first = Kept.load(tmp_path / "heard.jsonl")
    assert first.until == 0
    first.add(5 * RATE, "en", "base", [(" Hello", 0.5, 0.9, 0.8)], sounds_like="de")
    first.add(9 * RATE, "en", "base", [(" world.", 5.5, 5.9, 0.9)])
    again = Kept.load(tmp_path / "heard.jsonl")
    assert (again.until, again.language, again.model) == (9 * RATE, "en", "base")
    assert [word.text for word in again.words] == ["Hello", "world."]
    assert again.sounds_like == "de"
    assert again.words == first.words


@pytest.mark.parametrize("cut", ['{"until": 144000, "lang', '{"until": 144000}', "[]", "null"])
def test_a_line_that_was_cut_short_counts_for_nothing_and_nothing_is_added_to_it(tmp_path: Path, cut: str) -> None:
    file = tmp_path / "heard.jsonl"
    Kept.load(file).add(5 * RATE, "en", "base", [(" Hello", 0.5, 0.9, 0.8)])
    with file.open("a") as lines:
        lines.write(cut)
    Kept.load(file).add(9 * RATE, "en", "base", [])
    assert Kept.load(file).until == 9 * RATE
    assert [word.text for word in Kept.load(file).words] == ["Hello"]


def test_without_a_file_it_lasts_as_long_as_the_run() -> None:
    kept = Kept.load(None)
    kept.add(RATE, "en", "base", [])
    assert kept.until == RATE


@pytest.mark.slow
def test_a_stopped_recognition_goes_on_where_it_was(fixtures: Path, tmp_path: Path) -> None:
    sound = analyse_sound(probe(fixtures / "audio" / "two_cities.wav"), tmp_path)
    file = tmp_path / "heard.jsonl"
    whole = WhisperTranscriber().transcribe(sound.wav, language="en")
    pause = next(word.start for word in whole.words if word.start > 15_000 and word.text == "It")
    Kept.load(file).add(pause * RATE // 1000 - RATE // 5, "en", "base", [(" Before.", 0.5, 0.9, 0.8)])
    words = WhisperTranscriber().transcribe(sound.wav, language="en", kept=file).words
    assert words[0].text == "Before."
    assert words[1].start == pytest.approx(pause, abs=300)
    assert words[-1].text == whole.words[-1].text
    assert WhisperTranscriber().transcribe(sound.wav, language="en", kept=file).words == words
