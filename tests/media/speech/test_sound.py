from pathlib import Path

import pytest

from cliply.media.errors import Cancelled, NoSpeech
from cliply.media.probe import probe
from cliply.media.speech.sound import SoundTrack, analyse_sound
from cliply.media.types import Span


def hear(file: Path, folder: Path) -> SoundTrack:
    return analyse_sound(probe(file), folder)


def test_pauses_of_a_real_voice_are_found_and_the_long_silence_is_one(fixtures: Path, tmp_path: Path) -> None:
    sound = hear(fixtures / "video" / "voice_timecode_silences.mp4", tmp_path)
    longest = max(sound.silences, key=lambda span: span.duration)
    assert longest.start == pytest.approx(17_300, abs=300)
    assert longest.end == pytest.approx(39_950, abs=60)
    assert sound.duration == 42_400
    assert len(sound.curve) == 424
    assert not sound.silent


def test_sound_that_starts_late_is_preceded_by_silence(fixtures: Path, tmp_path: Path) -> None:
    source = probe(fixtures / "hostile" / "audio_starts_late.mp4")
    late = analyse_sound(source, tmp_path)
    on_time = hear(fixtures / "hostile" / "audio_only_in_mp4.mp4", tmp_path)
    assert source.sound is not None
    # The same voice begins 220 ms into the sound of both.
    assert late.silences[0].end - source.sound.start == pytest.approx(on_time.silences[0].end, abs=30)
    assert late.silences[0].start == 0


def test_digital_silence_is_silent_from_end_to_end(fixtures: Path, tmp_path: Path) -> None:
    sound = hear(fixtures / "video" / "portrait_digital_silence.mp4", tmp_path)
    assert sound.silent
    assert sound.silences == (Span(0, sound.duration),)
    assert sound.loudness == -70.0


@pytest.mark.parametrize("name", ["audio/surround_5_1.flac", "hostile/eight_channels.wav"])
def test_many_channels_are_mixed_to_one(fixtures: Path, tmp_path: Path, name: str) -> None:
    sound = hear(fixtures / name, tmp_path)
    assert sound.duration == 1000
    assert sound.peak > -30


def test_a_kept_result_is_read_back_the_same_and_a_damaged_one_is_made_again(fixtures: Path, tmp_path: Path) -> None:
    sound = hear(fixtures / "audio" / "jfk.flac", tmp_path)
    kept = tmp_path / "sound.json"
    sound.save(kept)
    assert SoundTrack.load(kept) == sound
    kept.write_text(kept.read_text()[:-20])
    assert SoundTrack.load(kept) is None


def test_a_picture_without_sound_has_no_speech(fixtures: Path, tmp_path: Path) -> None:
    with pytest.raises(NoSpeech):
        hear(fixtures / "video" / "av1.mkv", tmp_path)


def test_stopping_leaves_nothing_behind(fixtures: Path, tmp_path: Path) -> None:
    def stop(_share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        analyse_sound(probe(fixtures / "audio" / "jfk.flac"), tmp_path, on_progress=stop)
    assert list(tmp_path.iterdir()) == []
