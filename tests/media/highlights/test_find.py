import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from tests.media.highlights.talks import AD, GEM, GREETING, interview

from cliply.media.highlights import HighlightOptions, find_highlights
from cliply.media.highlights.candidates import windows
from cliply.media.highlights.embeddings import Embedder
from cliply.media.highlights.features import FeatureTable
from cliply.media.highlights.ranking import packaged_weights, score
from cliply.media.highlights.sound import delivery_columns, silence_after
from cliply.media.types import Sentence, Span, Transcript, Word


def end_of(transcript: Transcript) -> int:
    return transcript.words[-1].end + 1000


def test_finds_the_moment_and_avoids_the_rest() -> None:
    talk = interview()
    found = find_highlights(talk, end_of(talk)).highlights
    gem = set(GEM.split())
    assert len(gem & set(found[0].text.split())) > 0.6 * len(gem)
    for each in found:
        if each.chosen:
            assert not {AD.split()[6], "plankton.dev/talk"} & set(each.text.split())
            assert "welcome back" not in each.text
            assert "Thank you so much for listening" not in each.text


def test_highlights_are_whole_sentences_in_whole_words_and_within_the_wanted_length() -> None:
    talk = interview()
    options = HighlightOptions(shortest=20_000, longest=40_000)
    findings = find_highlights(talk, end_of(talk), options=options)
    starts = {talk.words[each.first].start for each in findings.sentences}
    for each in findings.highlights:
        words = [word for word in talk.words if each.span.overlap(word.span)]
        assert words[0].start in starts
        assert words[-1].text.endswith((".", "?"))
        assert all(each.span.start <= word.start and word.end <= each.span.end for word in words)
        assert " ".join(word.text for word in words) == each.text
        assert 20_000 <= each.span.duration <= 40_000


def test_the_best_come_first_and_the_chosen_do_not_overlap() -> None:
    talk = interview(40)
    found = find_highlights(talk, end_of(talk)).highlights
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    chosen = sorted(each.span for each in found if each.chosen)
    assert 1 <= len(chosen) <= 9
    assert all(one.end <= other.start for one, other in pairwise(chosen))
    assert len(found) > len(chosen)


def test_the_same_transcript_gives_the_same_highlights() -> None:
    talk = interview()
    assert find_highlights(talk, end_of(talk)) == find_highlights(talk, end_of(talk))


def test_gives_as_many_as_asked_for_if_they_fit() -> None:
    talk = interview()
    found = find_highlights(talk, end_of(talk), options=HighlightOptions(count=3)).highlights
    assert sum(each.chosen for each in found) == 3
    short = interview(1, gems=(), ads=())
    few = find_highlights(short, end_of(short), options=HighlightOptions(count=30))
    number = sum(each.chosen for each in few.highlights)
    assert 1 <= number < 5
    [told] = few.warnings
    assert "asked for 30 clips" in told
    assert f"found for {number}" in told


def test_stays_within_the_part_that_was_asked_for() -> None:
    talk = interview()
    part = Span(600_000, 900_000)
    found = find_highlights(talk, end_of(talk), options=HighlightOptions(within=part)).highlights
    assert found
    assert all(part.start <= each.span.start and each.span.end <= part.end for each in found)


def test_looks_for_what_was_asked_for() -> None:
    words = list(interview(gems=(6,), ads=()).words)
    at = next(index for index, word in enumerate(words) if word.start > 900_000 and words[index - 1].text.endswith("."))
    said = "A good sourdough starter needs flour, water and a week of patience. Feed the starter twice a day. "
    said += "Bake bread when it doubles."
    shifted = [Word(word.text, word.start + 20_000, word.end + 20_000, speaker=word.speaker) for word in words[at:]]
    start = words[at].start
    told = [
        Word(text, start + 400 * index, start + 400 * index + 380, speaker="guest")
        for index, text in enumerate(said.split())
    ]
    talk = Transcript("en", (*words[:at], *told, *shifted))
    for options in (HighlightOptions(keywords=("sourdough",)), HighlightOptions(prompt="baking bread with a starter")):
        best = find_highlights(talk, end_of(talk), options=options).highlights[0]
        assert "sourdough" in best.text
        assert next(part for part in best.dimensions if part.name == "match").reason


def test_the_reason_of_a_match_names_the_keyword_and_quotes_the_sentence_that_says_it() -> None:
    talk = interview()
    by_keyword, by_prompt = HighlightOptions(keywords=("afraid",)), HighlightOptions(prompt="afraid of it")
    for asked, told in ((by_keyword, "“afraid”"), (by_prompt, "Close to")):
        best = find_highlights(talk, end_of(talk), options=asked).highlights[0]
        reason = next(part.reason for part in best.dimensions if part.name == "match")
        assert told in reason
        assert reason.endswith("“Because you are afraid of the answer.”")


def test_says_so_when_nothing_answers_what_was_asked_for() -> None:
    talk = interview(5, gems=(), ads=())
    findings = find_highlights(talk, end_of(talk), options=HighlightOptions(keywords=("zebra",)))
    assert "Nothing in this recording" in findings.warnings[0]
    assert findings.highlights == find_highlights(talk, end_of(talk)).highlights


def test_every_dimension_that_moved_the_rank_says_why() -> None:
    talk = interview()
    best = find_highlights(talk, end_of(talk)).highlights[0]
    assert best.reason
    assert [part.name for part in best.dimensions][:3] == ["hook", "standalone", "payoff"]
    assert all(part.reason for part in best.dimensions if part.percentile >= 75)
    assert any("“" in part.reason for part in best.dimensions)
    assert not any("%" in part.reason for part in best.dimensions)


@dataclass
class Heard:
    curve: list[float]
    silences: tuple[Span, ...] = ()


def test_what_is_told_with_energy_ranks_higher() -> None:
    talk = interview(gems=(), ads=())
    curve = [-24.0] * (end_of(talk) // 100 + 10)
    plain = find_highlights(talk, end_of(talk), sound=Heard(curve)).highlights
    quiet = next(each for each in plain[5:] if each.span.start > 400_000)
    loud = list(curve)
    loud[quiet.span.start // 100 : quiet.span.end // 100] = [-10.0] * (quiet.span.duration // 100)
    heard = find_highlights(talk, end_of(talk), sound=Heard(loud)).highlights
    place = next(place for place, each in enumerate(heard) if each.span.overlap(quiet.span) > 10_000)
    assert place < plain.index(quiet)


def paused(talk: Transcript, after: str, pause: int) -> tuple[Transcript, Span]:
    """`talk` with a silence after the last word that is `after`, and where it is."""
    index = max(index for index, word in enumerate(talk.words) if word.text == after) + 1
    later = [Word(word.text, word.start + pause, word.end + pause, speaker=word.speaker) for word in talk.words[index:]]
    start = talk.words[index - 1].end
    return Transcript("en", (*talk.words[:index], *later)), Span(start + 50, start + 50 + pause)


def test_of_two_moments_alike_the_one_with_dead_air_ranks_lower() -> None:
    starts = (0, 8_000, 20_000, 33_000)  # as long, but for a silence, and spoken alike
    sentences = [Sentence(at, at + 20, Span(start, start + 8_000), "Yes.") for at, start in enumerate(starts)]
    sound = Heard([-20.0] * 500, (Span(28_000, 33_000),))
    found = windows(sentences, 16_000, 21_000, punctuated=True, dead=silence_after(sentences, sound))
    table = FeatureTable(delivery_columns(found, sentences, sound), len(found))
    assert found.duration.tolist() == [16_000, 20_000, 16_800]
    plain, _, interrupted = score(table, packaged_weights()).total
    assert plain > interrupted


def test_a_clip_that_needs_a_silence_says_that_it_is_cut_out() -> None:
    words = [Word(f"word{index}.", index * 500, index * 500 + 400) for index in range(40)]
    talk, silence = paused(Transcript("en", tuple(words)), "word20.", 20_000)
    found = find_highlights(talk, end_of(talk), sound=Heard([-20.0] * 500, (silence,))).highlights
    assert found[0].span.overlap(silence) == silence.duration
    assert found[0].reason.endswith("19 s of silence are cut out of it.")


def test_works_in_languages_without_spaces_and_without_cue_lists() -> None:
    sentences = [
        "東京は大きいです。",
        "なぜ失敗したのですか？",
        "毎日3回練習しました。",
        "とても楽しかったです。",
        "それから家に帰りました。",
    ]
    words, at = [], 0
    for round_ in range(40):
        for sentence in sentences:
            for start in range(0, len(sentence), 3):
                words.append(Word(sentence[start : start + 3], at, at + 400))
                at += 400
            at += 300 + 50 * (round_ % 3)
    found = find_highlights(Transcript("ja", tuple(words)), at).highlights
    assert found
    assert " " not in found[0].text
    assert found[0].text.endswith(("。", "？"))


def test_works_without_any_punctuation() -> None:
    words, at = [], 0
    for index in range(1500):
        at += 1200 if index % 11 == 0 else 20
        words.append(Word(f"word{index % 97}", at, at + 250))
        at += 250
    found = find_highlights(Transcript("xx", tuple(words)), at).highlights
    assert sum(each.chosen for each in found) >= 1


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_little_speech_gives_nothing(count: int) -> None:
    words = tuple(Word("Yes.", index * 500, index * 500 + 400) for index in range(count))
    findings = find_highlights(Transcript("en", words), 10_000)
    assert findings.highlights == ()
    assert len(findings.sentences) == count


def test_progress_reaches_the_end_and_can_stop() -> None:
    talk = interview(5, gems=(), ads=())
    shares: list[float] = []
    find_highlights(talk, end_of(talk), embedder=Embedder(), on_progress=shares.append)
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_an_hour_costs_less_than_five_cpu_seconds() -> None:
    talk = interview(60)
    begin = time.process_time()
    find_highlights(talk, end_of(talk))
    assert time.process_time() - begin < 5


def test_greetings_are_not_chosen() -> None:
    talk = interview(10, gems=(), ads=())
    chosen = [each for each in find_highlights(talk, end_of(talk)).highlights if each.chosen]
    assert chosen
    assert all(GREETING.split()[4] not in each.text.split() for each in chosen)


def test_scores_are_percentiles_of_this_source() -> None:
    talk = interview()
    scores = np.array([each.score for each in find_highlights(talk, end_of(talk)).highlights])
    assert scores.max() == 100
    assert scores.min() == 0


def test_keywords_are_things_that_a_moment_comes_back_to_each_of_them_once() -> None:
    said = (
        "Why does a swarm of bees leave the hive later in spring?",
        "The swarm is looking for a new hive before it gets cold.",
        "Please remember that one bee never decides alone.",
        "So the bees vote by dancing until the swarm agrees on one place.",
        "It saves them and it saves the swarm, please believe me.",
    )
    words = [word for sentence in said for word in sentence.split()]
    talk = Transcript("en", tuple(Word(word, at * 400, at * 400 + 300) for at, word in enumerate(words)))
    keywords = find_highlights(talk, end_of(talk)).highlights[0].keywords
    assert "hive" in keywords
    assert len({"bee", "bees"}.intersection(keywords)) == 1
    assert not {"later", "please", "alone", "saves"}.intersection(keywords)
