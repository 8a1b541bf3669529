import numpy as np
import pytest
from tests.media.highlights.bakery import ARCS, FAREWELL, GREETING, READ, bakery

from cliply.media.highlights import HighlightOptions, find_highlights
from cliply.media.highlights.arcs import arc_features, arc_starts, awaits_answer
from cliply.media.highlights.asides import asides, sponsor_reads
from cliply.media.highlights.candidates import Windows
from cliply.media.highlights.sentences import split_sentences
from cliply.media.types import Highlight, Sentence, Span, Transcript, Word
from cliply.media.wording.cues import cues

KNOWN = pytest.mark.parametrize("speakers", [True, False])
QUESTIONS = [arc[0][1] for arc in ARCS]
PAYOFFS = [f"{each.rstrip('.')}." for arc in ARCS for each in arc[-1][1].split(". ")]


def found(*, speakers: bool, count: int | None = None) -> list[Highlight]:
    talk = bakery(speakers=speakers)
    options = HighlightOptions(count=count)
    return list(find_highlights(talk, talk.words[-1].end + 500, options=options).highlights)


def chosen(*, speakers: bool, count: int | None = None) -> list[Highlight]:
    return [each for each in found(speakers=speakers, count=count) if each.chosen]


def said(*texts: str, speakers: str = "") -> tuple[Sentence, ...]:
    """One sentence of each text; `speakers` is one letter for each."""
    words, at = [], 0
    for index, text in enumerate(texts):
        for word in text.split():
            words.append(Word(word, at, at + 300, speaker=speakers[index] if speakers else None))
            at += 320
        at += 400
    return split_sentences(Transcript("en", tuple(words)))


@KNOWN
def test_the_best_clips_are_one_arc_from_its_question_to_its_pay_off(*, speakers: bool) -> None:
    for each in chosen(speakers=speakers):
        assert sum(question in each.text for question in QUESTIONS) == 1
        assert each.text.startswith(tuple(QUESTIONS))
        assert each.text.endswith(tuple(PAYOFFS))


@KNOWN
def test_no_candidate_ends_on_a_question_or_on_what_announces_something(*, speakers: bool) -> None:
    for each in found(speakers=speakers):
        assert not each.text.endswith(("?", "Here is the thing."))


@KNOWN
def test_no_candidate_touches_a_sponsor_read_a_greeting_or_a_good_bye(*, speakers: bool) -> None:
    highlights = found(speakers=speakers)
    assert len(highlights) >= len(ARCS)
    for _, text, _ in (*GREETING, *READ, *FAREWELL):
        for sentence in said(text):
            assert not any(sentence.text in each.text for each in highlights)


@KNOWN
def test_three_good_clips_are_chosen_and_five_different_ones_when_asked_for(*, speakers: bool) -> None:
    assert len(chosen(speakers=speakers)) == 3
    five = chosen(speakers=speakers, count=5)
    assert len(five) == 5
    for question in QUESTIONS:
        assert sum(question in each.text for each in five) == 1


def test_a_recording_that_is_nothing_but_a_sponsor_read_still_gives_its_best() -> None:
    read = Transcript("en", tuple(word for word in bakery(speakers=True).words if word.speaker == "host"))
    texts = " ".join(text for _, text, _ in (*READ, *READ, *READ, *READ))
    words = tuple(Word(word, 330 * index, 330 * index + 300) for index, word in enumerate(texts.split()))
    assert len(find_highlights(Transcript("en", words), words[-1].end).highlights) >= 1
    assert read.words


@pytest.mark.parametrize(
    "text",
    [
        "And how did they find out?",
        "Tell me about the first shop.",
        "Here's the thing.",
        "I learned one thing that night.",
        "It did not matter to anybody, because...",
    ],
)
def test_what_asks_or_announces_awaits_something(text: str) -> None:
    assert awaits_answer(said(text, "The oven was cold."), cues("en"))[0]


@pytest.mark.parametrize(
    "text",
    [
        "It was cold that morning, right?",
        "Let me tell you, we were so afraid that night that nobody said a single word.",
        "There is no bread like it.",
        "I waited and waited...",
    ],
)
def test_what_is_finished_awaits_nothing(text: str) -> None:
    assert not awaits_answer(said(text, "The oven was cold."), cues("en"))[0]


def test_a_question_that_is_written_as_a_statement_is_told_by_its_answer() -> None:
    answered = said("So the queen gives the orders.", "No, that is the biggest myth.", speakers="hg")
    assert awaits_answer(answered, cues("en"))[0]
    same = said("So the queen gives the orders.", "No, that is the biggest myth.", speakers="gg")
    assert not awaits_answer(same, cues("en"))[0]


@KNOWN
def test_arcs_begin_at_questions_after_an_answer_and_at_the_edges_of_a_read(*, speakers: bool) -> None:
    sentences = split_sentences(bakery(speakers=speakers))
    known = cues("en")
    avoided = asides(sentences, known, sponsor_reads(sentences, known))
    starts = arc_starts(sentences, known, avoided)
    strong = {sentence.text for sentence, start in zip(sentences, starts, strict=True) if start >= 0.5}
    assert set(QUESTIONS) <= strong
    assert "This episode is brought to you by Cloud Socks, the only socks with a warranty for life." in strong
    assert not strong & {text for arc in ARCS for _, text, _ in arc[1:]}


def test_a_follow_up_question_begins_no_new_arc() -> None:
    answer = "We had nothing at all that winter, and " + "we baked and baked and " * 10 + "sold it."
    sentences = said(
        "What happened that winter?", answer, "Really?", "Yes, nothing.", "Why?", "The mill burned down.", answer,
        "What came next?", speakers="hghghggh",
    )  # fmt: skip
    starts = arc_starts(sentences, cues("en"), np.zeros(len(sentences), bool))
    assert starts[0] == 1
    assert max(starts[2], starts[4]) < 0.5
    assert starts[7] < 0.5 < arc_starts(
        said("What happened?", answer, "What did the neighbours say then?", speakers="hgh"),
        cues("en"),
        np.zeros(3, bool),
    )[2]  # fmt: skip


def test_a_window_that_runs_into_the_next_arc_is_told_from_one_that_ends_in_time() -> None:
    sentences = said(*(f"Sentence number {index} of this little talk." for index in range(12)))
    starts = np.zeros(12)
    starts[[0, 6]] = 1.0
    ends = np.array([5, 7, 11])
    first = np.zeros(3, np.int64)
    at = np.array([each.span.start for each in sentences])
    until = np.array([each.span.end for each in sentences])
    features = arc_features(Windows(first, ends, at[first], until[ends], np.zeros(3, np.int64)), sentences, starts)
    assert features["crossed"].tolist() == [0, 1, 1]
    assert features["ends_arc"].tolist() == [1, 0, 1]
    assert features["tail"][1] > 0.9
    assert features["tail"][0] == features["tail"][2] == 0
    assert Span(0, int(until[5])).duration > 10_000
