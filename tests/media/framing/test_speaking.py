import numpy as np

from cliply.media.framing.directing import settle
from cliply.media.framing.faces import Face
from cliply.media.framing.mouths import Motion
from cliply.media.framing.speaking import NOBODY, Turn, who_speaks
from cliply.media.framing.tracking import Observation, Track
from cliply.media.framing.voices import Voices
from cliply.media.types import Box, Span, Word

SHOT = Span(10_000, 22_000)


def person(x: float, talking: list[Span], seed: int, restless: float = 0.05) -> Track:
    """A face whose mouth moves while it talks, and a little otherwise."""
    chance = np.random.default_rng(seed)
    seen = []
    for at in range(SHOT.start, SHOT.end, 300):
        moves = []
        for moment in range(at - 300, at, 100):
            moving = any(span.contains(moment) for span in talking)
            mouth = float(chance.normal(0.2, 0.06) if moving else chance.normal(restless, 0.015))
            moves.append(Motion(moment, max(0.01, mouth), 0.04))
        face = Face(Box(x, 200, 100, 140), np.zeros((5, 2), np.float32), 0.9)
        seen.append(Observation(at, face, tuple(moves)))
    return Track(0, seen)


def voice(*spoken: Span) -> Voices:
    times = np.arange(SHOT.start, SHOT.end, 100)
    speech = np.array([any(span.contains(int(at)) for span in spoken) for at in times])
    swell = np.where(speech, -20 + 4 * np.sin(times / 170), -70.0)
    return Voices(SHOT.start, swell, speech, np.zeros((len(times), 12)))


FIRST, SECOND = Span(10_400, 15_600), Span(16_200, 21_600)


def test_each_turn_goes_to_the_mouth_that_moves() -> None:
    told = who_speaks(SHOT, [person(100, [SECOND], 1), person(800, [FIRST], 2)], voice(FIRST, SECOND), [])
    turns = settle(told.turns, SHOT, voice(FIRST, SECOND))
    assert [who for _, who in turns] == [1, 0]
    assert 15_600 <= turns[0][0].end <= 16_200
    assert told.sure > 0.85
    assert told.chance(1, 13_000) > 0.8 > 0.2 > told.chance(0, 13_000)


def test_two_moving_mouths_and_one_voice_are_not_sure() -> None:
    both = [person(100, [FIRST, SECOND], 1), person(800, [FIRST, SECOND], 2)]
    assert who_speaks(SHOT, both, voice(FIRST, SECOND), []).sure < 0.85


def test_a_narrator_is_nobody_in_the_picture() -> None:
    told = who_speaks(SHOT, [person(100, [], 1), person(800, [], 2)], voice(FIRST, SECOND), [])
    assert {turn.who for turn in told.turns if turn.voiced > 0} == {NOBODY}


def test_silence_gives_nobody_a_chance() -> None:
    told = who_speaks(SHOT, [person(100, [FIRST], 1)], voice(), [])
    assert not told.chances.any()


def test_speaker_labels_make_an_unsure_turn_surer() -> None:
    tracks = [person(100, [FIRST, Span(18_000, 18_600)], 1), person(800, [Span(16_200, 17_000)], 2, restless=0.09)]
    words = [Word("a", FIRST.start, FIRST.end, speaker="A"), Word("b", SECOND.start, SECOND.end, speaker="B")]
    heard = voice(FIRST, SECOND)
    without = who_speaks(SHOT, tracks, heard, []).chance(1, 17_500)
    assert who_speaks(SHOT, tracks, heard, words).chance(1, 17_500) >= without


def test_the_camera_does_not_turn_to_an_interjection() -> None:
    turns = [
        Turn(Span(10_000, 15_000), 0, 1.0, 4500),
        Turn(Span(15_000, 15_500), 1, 0.9, 400),
        Turn(Span(15_500, 17_000), NOBODY, 0.9, 0),
        Turn(Span(17_000, 22_000), 0, 1.0, 4500),
    ]
    assert settle(turns, SHOT, voice(FIRST, SECOND)) == [(SHOT, 0)]
