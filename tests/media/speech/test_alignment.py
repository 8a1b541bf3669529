from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from cliply.media.errors import Cancelled
from cliply.media.probe import probe
from cliply.media.speech.alignment import align
from cliply.media.speech.levels import measure_levels
from cliply.media.speech.passages import passages
from cliply.media.speech.sound import SoundTrack, analyse_sound
from cliply.media.types import Transcript, Word

SPEECH = "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."


@pytest.fixture(scope="module")
def jfk(fixtures: Path, tmp_path_factory: pytest.TempPathFactory) -> SoundTrack:
    return analyse_sound(probe(fixtures / "audio" / "jfk.flac"), tmp_path_factory.mktemp("jfk"))


def rough(text: str, start: int, end: int) -> tuple[Word, ...]:
    """Words spread evenly, as from a subtitle cue."""
    words = text.split()
    step = (end - start) / len(words)
    return tuple(Word(word, round(start + step * at), round(start + step * (at + 1))) for at, word in enumerate(words))


def test_words_spread_over_eleven_seconds_move_to_where_they_are_spoken(jfk: SoundTrack) -> None:
    heard = align(Transcript("en", rough(SPEECH, 0, 11_000)), jfk.wav).words
    assert [word.text for word in heard] == SPEECH.split()
    starts = {word.text: word.start for word in heard}
    # Onsets after pauses, read off the energy: the speech begins at 330, goes on at 3290, 5410 and 8190 ms.
    assert heard[0].start == pytest.approx(330, abs=100)
    assert starts["not"] == pytest.approx(4010, abs=450)
    assert heard[6].start == pytest.approx(5410, abs=200) or heard[7].start == pytest.approx(5410, abs=200)
    second = [word for word in heard if word.text == "ask"][1]
    assert second.start == pytest.approx(8190, abs=100)


def test_aligned_words_have_a_length_and_do_not_overlap(jfk: SoundTrack) -> None:
    heard = align(Transcript("en", rough(SPEECH, 500, 9_000)), jfk.wav).words
    assert all(word.end > word.start for word in heard)
    assert all(before.end <= after.start for before, after in pairwise(heard))


def test_a_language_that_is_not_named_is_taken_for_english_if_it_reads_like_it(jfk: SoundTrack) -> None:
    assert align(Transcript("", rough(SPEECH, 0, 11_000)), jfk.wav).language == "en"
    foreign = Transcript("", rough("Nous étions très heureux aujourd'hui où vous êtes venus", 0, 11_000))
    assert align(foreign, jfk.wav) == replace(foreign, language="")


def test_other_languages_move_by_the_measured_shift(jfk: SoundTrack) -> None:
    heard = align(Transcript("fr", (Word("Bonjour", 1000, 1500),), "whisper base"), jfk.wav)
    assert heard.words == (Word("Bonjour", 1060, 1560),)


def test_words_that_are_not_in_the_sound_keep_rough_times(jfk: SoundTrack) -> None:
    silent = Transcript("en", rough("nobody says a word of this sentence here", 100_000, 103_000))
    assert [word.start for word in align(silent, jfk.wav).words] == [word.start for word in silent.words]


def test_passages_hold_every_word_once_and_are_cut_in_pauses(jfk: SoundTrack) -> None:
    words = rough(SPEECH, 330, 10_400)
    parts = passages(words, measure_levels(jfk.wav))
    assert [part.first for part in parts] == [0, *(part.last for part in parts[:-1])]
    assert parts[-1].last == len(words)


def test_alignment_can_be_stopped(jfk: SoundTrack) -> None:
    def stop(_share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        align(Transcript("en", rough(SPEECH, 0, 11_000)), jfk.wav, on_progress=stop)
