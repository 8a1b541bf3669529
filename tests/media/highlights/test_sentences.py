from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.media.highlights.sentences import is_complete, join_words, split_sentences
from cliply.media.types import Transcript, Word


def said(
    text: str,
    *,
    gap: int = 0,
    pauses: dict[int, int] | None = None,
    speakers: Sequence[str] | None = None,
    language: str = "en",
) -> Transcript:
    """Words of 300 ms; `pauses` gives the silence before a word in ms."""
    at, words = 0, []
    for index, word in enumerate(text.split()):
        at += (pauses or {}).get(index, gap)
        words.append(Word(word, at, at + 300, speaker=speakers[index] if speakers else None))
        at += 300
    return Transcript(language, tuple(words))


def texts(transcript: Transcript) -> list[str]:
    return [sentence.text for sentence in split_sentences(transcript)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Hello there.", "How are you?", "Fine!"],
        ["Dr. Smith met Mr. Jones at 5 p.m. on Friday.", "It rained."],
        ["He lives in the U.S. with J. R. Tolkien.", "They walk."],
        ["We use tools, e.g. Hammers, etc. and nails.", "That is No. 5 of ten."],
        ['"Do it now!" he said.', "She said “No.”", "They left."],
        ["Version 3.5 costs $4.99 today.", "Buy it."],
        ["Well... maybe not.", "Yahoo! was big."],
        ["Wait…", "What?!", "(Really.)", "Yes."],
        ["So did I.", "Then we left."],
    ],
)
def test_ends_sentences_where_a_reader_would(sentences: list[str]) -> None:
    assert texts(said(" ".join(sentences))) == sentences


def test_ends_sentences_in_other_scripts() -> None:
    assert texts(said("今日 は 晴れ です 。 明日 は 雨 です か ？ はい 。", language="ja")) == [
        "今日は晴れです。",
        "明日は雨ですか？",
        "はい。",
    ]
    assert texts(said("यह अच्छा है। वह चला गया।", language="hi")) == ["यह अच्छा है।", "वह चला गया।"]
    assert texts(said("كيف حالك؟ أنا بخير.", language="ar")) == ["كيف حالك؟", "أنا بخير."]
    assert texts(said("¿Cómo estás? ¡Muy bien!", language="es")) == ["¿Cómo estás?", "¡Muy bien!"]


def test_a_sentence_has_one_speaker() -> None:
    found = split_sentences(said("I think that No way it works.", speakers=["A", "A", "A", "B", "B", "B", "B"]))
    assert [(each.text, each.speaker) for each in found] == [("I think that", "A"), ("No way it works.", "B")]
    assert [is_complete(each) for each in found] == [False, True]


def test_splits_at_pauses_where_nothing_is_punctuated() -> None:
    found = texts(said("so we went there it was late we came home", pauses={4: 1200, 7: 1000}))
    assert found == ["so we went there", "it was late", "we came home"]


def test_never_leaves_an_endless_sentence_without_punctuation() -> None:
    words = " ".join(f"word{index}" for index in range(500))
    assert max(each.last - each.first for each in split_sentences(said(words, gap=40))) <= 30


def test_a_long_silence_ends_a_sentence_even_without_a_full_stop() -> None:
    found = texts(said("One two. Three four five six. I was going to Hello again. Bye now.", pauses={10: 6000}))
    assert "I was going to" in found


def test_joins_words_without_spaces_only_where_the_script_has_none() -> None:
    assert join_words(["東京", "は", "Tokyo", "です"]) == "東京は Tokyo です"


def test_no_words_give_no_sentences() -> None:
    assert split_sentences(Transcript("en", ())) == ()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "B.", "c,", "d?", "Mr.", "…", "。", "5"]), st.integers(0, 4000), st.sampled_from("XY")
        )
    ),
)
def test_every_word_belongs_to_exactly_one_sentence(items: list[tuple[str, int, str]]) -> None:
    at, words = 0, []
    for text, pause, speaker in items:
        words.append(Word(text, at + pause, at + pause + 200, speaker=speaker))
        at += pause + 200
    found = split_sentences(Transcript("en", tuple(words)))
    assert [index for each in found for index in range(each.first, each.last)] == list(range(len(words)))
    assert all(each.span.start <= each.span.end for each in found)
