from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cliply.media.speech.fillers import fillers, stutters
from cliply.media.speech.tighten import SHORTEST, dead_air, tighten
from cliply.media.types import Millis, Span, Word


def said(*words: tuple[str, int, int]) -> list[Word]:
    return [Word(text, start, end) for text, start, end in words]


def kept(spans: Sequence[Span]) -> Millis:
    return sum(span.duration for span in spans)


def removed(spans: Sequence[Span], start: Millis, end: Millis) -> bool:
    return not any(span.overlap(Span(start, end)) for span in spans)


def test_off_keeps_everything_that_is_alive() -> None:
    words = said(("Um,", 0, 200), ("I", 400, 500), ("I", 900, 1000), ("waited.", 3000, 3400))
    assert tighten(Span(0, 4000), words, (Span(250, 350), Span(1050, 2950)), "off") == (Span(0, 4000),)


def test_off_shortens_dead_air_all_the_same() -> None:
    words = said(("Wait.", 0, 900), ("Now.", 24_000, 24_500))
    assert tighten(Span(0, 25_000), words, (Span(1_000, 23_900),), "off") == (Span(0, 1_500), Span(23_600, 25_000))


def test_a_click_in_dead_air_does_not_keep_it() -> None:
    words = said(("Wait.", 0, 900), ("Now.", 24_000, 24_500))
    silences = tuple(Span(at, at + 1_950) for at in range(1_000, 23_000, 2_000))
    spans = tighten(Span(0, 25_000), words, silences, "off")
    assert kept(spans) < 5_000
    assert dead_air(Span(900, 24_000), silences) == 25_000 - kept(spans)


def test_music_and_laughter_between_words_are_not_dead_air() -> None:
    words = said(("Wait.", 0, 900), ("Now.", 24_000, 24_500))
    assert tighten(Span(0, 25_000), words, (), "off") == (Span(0, 25_000),)
    assert tighten(Span(0, 25_000), words, (Span(1_000, 3_000), Span(9_000, 11_000)), "off") == (Span(0, 25_000),)


def test_a_long_pause_becomes_a_breath() -> None:
    words = said(("We", 0, 300), ("won.", 3300, 3700))
    assert tighten(Span(0, 3700), words, (), "gentle") == (Span(0, 500), Span(3150, 3700))
    assert tighten(Span(0, 3700), words, (), "hard") == (Span(0, 390), Span(3240, 3700))


def test_a_natural_pause_stays() -> None:
    words = said(("We", 0, 300), ("won.", 950, 1300))
    assert tighten(Span(0, 1300), words, (), "gentle") == (Span(0, 1300),)


def test_what_is_not_silent_is_not_cut() -> None:
    # Nobody speaks between the words, but the sound is not silent: they laugh.
    words = said(("We", 0, 300), ("won.", 3300, 3700))
    assert tighten(Span(0, 3700), words, (Span(3100, 3290),), "hard") == (Span(0, 3700),)


def test_a_filler_between_silences_goes() -> None:
    words = said(("So", 0, 300), ("um,", 500, 800), ("we", 1000, 1100), ("won.", 1110, 1500))
    for silences in ((), (Span(310, 490), Span(810, 990))):
        assert removed(tighten(Span(0, 1500), words, silences, "gentle"), 500, 800)


def test_a_filler_that_runs_into_a_word_stays() -> None:
    words = said(("So", 0, 300), ("um", 500, 800), ("we", 800, 1100), ("won.", 1110, 1500))
    assert tighten(Span(0, 1500), words, (Span(310, 490),), "hard") == (Span(0, 1500),)


def test_a_laugh_beside_a_filler_is_kept() -> None:
    words = said(("So", 0, 300), ("um", 500, 700), ("we", 3000, 3300), ("won.", 3310, 3700))
    silences = (Span(310, 490), Span(2800, 2990))
    assert not removed(tighten(Span(0, 3700), words, silences, "gentle"), 1000, 2500)


def test_a_stutter_keeps_its_last_attempt() -> None:
    words = said(("I", 0, 100), ("I", 300, 400), ("think", 420, 700), ("so.", 710, 1000))
    spans = tighten(Span(0, 1000), words, (), "gentle")
    assert removed(spans, 0, 100)
    assert not removed(spans, 300, 400)


def test_grammar_and_emphasis_are_no_stutter() -> None:
    for text in ("had had", "that that", "very very", "no no", "bye bye"):
        words = [Word(part, at * 300, at * 300 + 200) for at, part in enumerate(text.split())]
        assert not stutters(words, "en"), text


def test_a_filler_of_one_language_is_a_word_of_another() -> None:
    words = said(("um", 0, 100), ("er", 200, 300), ("äh", 400, 500))
    assert fillers(words, "en") == {0, 1}
    assert fillers(words, "de") == {2}


def test_an_aside_goes_only_alone_and_only_when_asked_for() -> None:
    alone = said(("It", 0, 200), ("is,", 210, 400), ("you", 600, 700), ("know,", 710, 900), ("hard.", 1100, 1500))
    assert removed(tighten(Span(0, 1500), alone, (), "hard"), 600, 900)
    assert not removed(tighten(Span(0, 1500), alone, (), "gentle"), 600, 900)
    meant = said(("Do", 0, 200), ("you", 210, 300), ("know", 310, 500), ("him?", 510, 900))
    assert tighten(Span(0, 900), meant, (), "hard") == (Span(0, 900),)


def test_nothing_but_fillers_is_left_alone() -> None:
    assert tighten(Span(0, 900), said(("um", 100, 300), ("uh", 500, 700)), (), "hard") == (Span(0, 900),)


@st.composite
def speech(draw: st.DrawFn) -> tuple[list[Word], tuple[Span, ...], Span]:
    words, silences, at = list[Word](), list[Span](), draw(st.integers(0, 2000))
    for _ in range(draw(st.integers(1, 25))):
        text = draw(st.sampled_from(["um", "I", "the", "like", "word.", "uh,", "went", "you", "know", "th-"]))
        length = draw(st.integers(40, 600))
        words.append(Word(text, at, at + length))
        at += length
        gap = draw(st.sampled_from([0, 0, 30, 150, 400, 900, 4000]))
        if gap > 60 and draw(st.booleans()):
            silences.append(Span(at + 20, at + gap - 20))
        at += gap
    return words, tuple(silences), Span(0, at + draw(st.integers(0, 2000)))


@settings(max_examples=200, deadline=None)
@given(speech(), st.sampled_from(["gentle", "hard"]))
def test_whatever_is_said_the_cuts_are_clean(said: tuple[list[Word], tuple[Span, ...], Span], level: str) -> None:
    words, silences, span = said
    spans = tighten(span, words, silences, "gentle" if level == "gentle" else "hard")
    assert spans[0].start >= span.start
    assert spans[-1].end <= span.end
    for earlier, later in pairwise(spans):
        assert earlier.end < later.start
    for each in spans:
        assert each.duration >= SHORTEST or each == span
        for edge in {each.start, each.end} - {span.start, span.end}:
            assert not any(word.start < edge < word.end for word in words), "a cut inside a word"
            if silences:
                assert any(quiet.start <= edge <= quiet.end for quiet in silences), "a cut outside silence"
