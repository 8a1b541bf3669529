import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.media.captions.scenes import edit_of, spoken

from cliply.media.captions.lines import LINGER, PAUSE, Block, break_into_blocks, ends_sentence, line_text
from cliply.media.captions.styles import CaptionStyle, load_style
from cliply.media.captions.tokens import tokens
from cliply.media.edit import EditWord
from cliply.media.types import Span

STYLE = CaptionStyle(words=4, characters=22, lines=2, punctuation="light")


def broken(
    words: str | Sequence[EditWord], style: CaptionStyle = STYLE, *, language: str = "en", width: float = 22
) -> tuple[Block, ...]:
    """Broken as if every letter were one pixel wide."""
    edit = edit_of(spoken(words) if isinstance(words, str) else words, language=language)
    return break_into_blocks(tokens(edit), style, width=width, measure=len, language=language, length=edit.duration)


def shown(blocks: Sequence[Block]) -> list[str]:
    return [line_text(line) for block in blocks for line in block.lines]


def test_no_line_ends_with_an_article_or_preposition_where_it_can_be_avoided() -> None:
    lines = shown(broken("He walked into the garden with a friend of the family and sat on the old bench"))

    assert not [line for line in lines if line.split()[-1] in {"the", "a", "of", "with", "into", "on", "and"}]


def test_a_screen_ends_where_a_sentence_ends() -> None:
    blocks = broken("It was the best of times. It was the worst of times. No. Leave it alone. It helps them")

    inside = [token.text for block in blocks for token in block.tokens[:-1] if ends_sentence(token.text)]
    assert not inside
    assert [block.tokens[-1].text for block in blocks].count("It") == 0


def test_a_screen_ends_at_a_comma_where_one_is_near() -> None:
    text = "A friend was coming to dinner, ten seconds later, I was stung. It was the age of wisdom, it was over."
    blocks = broken(text, CaptionStyle(words=3, characters=15, punctuation="all"), width=15)

    assert not [block for block in blocks if any("," in token.text for token in block.tokens[:-1])]


def test_sentences_too_short_to_be_read_alone_share_a_screen() -> None:
    words = spoken("No. Not. Now. We go on to the very next thing", each=150)

    assert len(broken(words)[0].tokens) > 1


def test_two_lines_of_a_screen_are_about_even() -> None:
    for text in ("It was the season of light", "It is the wild bees that are in trouble"):
        for block in broken(text, CaptionStyle(words=3, characters=15), width=15):
            lengths = [len(line_text(line)) for line in block.lines]
            assert max(lengths) <= 2 * min(lengths), (text, shown([block]))


def test_one_short_word_stands_alone_only_as_a_sentence_or_between_pauses() -> None:
    blocks = broken("No. She could never see why the old men left it and went to the far end of it all")

    alone = [block.tokens[0].text for block in blocks if len(block.tokens) == 1]
    assert alone == ["No"]


def test_a_number_stays_with_what_it_counts() -> None:
    lines = shown(broken("they paid about 40 million dollars to 25 people in 2019"))

    assert any("40 million" in line for line in lines)
    assert any("25 people" in line for line in lines)


@pytest.mark.parametrize(
    "text", ["U.S.", "3.5", "$2,750,000", "e.g.", "12:30", "p.m.", "24/7", "O'Neill", "well-known", "J.R.R."]
)
def test_abbreviations_and_numbers_stay_whole(text: str) -> None:
    for keep in ("all", "light", "none"):
        lines = shown(broken(f"we saw {text} again", CaptionStyle(punctuation=keep, characters=40, words=9), width=40))
        assert any(text in line for line in lines), (keep, lines)


@pytest.mark.parametrize(
    ("keep", "line"),
    [("all", "Well, it works."), ("light", "Well, it works"), ("none", "Well it works")],
)
def test_punctuation_is_kept_as_the_style_says(keep: str, line: str) -> None:
    assert shown(broken("Well, it works.", CaptionStyle(punctuation=keep))) == [line]


def test_questions_and_calls_are_kept_in_every_style() -> None:
    assert shown(broken("Really? Yes!", CaptionStyle(punctuation="none"))) == ["Really?", "Yes!"]


def test_separate_punctuation_joins_its_word() -> None:
    lines = shown(
        broken(
            "hello , my friend 's $ 5 book ( really ) is 20 -year -old 3 .5 %",
            width=60,
            style=CaptionStyle(words=16, characters=60, punctuation="all"),
        )
    )

    assert " ".join(lines) == "hello, my friend's $5 book (really) is 20-year-old 3.5%"


def test_no_line_begins_with_a_closing_mark() -> None:
    for text, language in (
        ("今日は 、 とても 良い 天気 です 。 明日も 晴れる と いい な", "ja"),
        ("one , two ! three . four", "en"),
    ):
        assert not [line for line in shown(broken(text, language=language, width=8)) if line[0] in "、。,.!"]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("done.", True),
        ("done.”", True),
        ("U.S.", False),
        ("Dr.", False),
        ("3.5", False),
        ("好。", True),
        ("what?!", True),
    ],
)
def test_the_end_of_a_sentence_is_known(text: str, *, ends: bool) -> None:
    assert ends_sentence(text) is ends


def test_japanese_breaks_between_phrases() -> None:
    words = (EditWord(text="今日はとても良い天気ですね明日も晴れるといいなと思います", start=0, end=5600),)
    lines = shown(broken(words, language="ja", width=9))

    assert "".join(lines) == words[0].text
    assert not [line for line in lines if line[0] in "はもとでっゃゅょーん"]


def test_thai_never_breaks_inside_a_letter() -> None:
    text = "วันนี้อากาศดีมากเราไปเดินเล่นที่สวนสาธารณะกันเถอะ"
    lines = shown(
        broken(
            [EditWord(text=each, start=at * 100, end=at * 100 + 90) for at, each in enumerate(text)],
            language="th",
            width=12,
        )
    )

    assert "".join(lines) == text
    assert not [line for line in lines if line[0] in "ัิีึืุูั่้๊๋็์ำะา"]


def test_capitals_follow_the_language() -> None:
    loud = CaptionStyle(uppercase=True)

    assert shown(broken("iyi", loud, language="tr")) == ["İYİ"]
    assert shown(broken("Straße", loud, language="de")) == ["STRAẞE"]
    assert shown(broken("Ποτέ", loud, language="el")) == ["ΠΟΤΕ"]


def test_a_line_stays_across_a_short_gap_and_leaves_in_a_pause() -> None:
    words = (*spoken("one two three four five six seven eight", each=300), *spoken("nine ten", start=4000))
    blocks = broken(words)

    for earlier, later in itertools.pairwise(blocks):
        silence = later.start - earlier.tokens[-1].end
        assert earlier.end == (later.start if silence < PAUSE else earlier.tokens[-1].end + LINGER)
    assert blocks[-1].start == 4000


def test_another_speaker_begins_another_screen() -> None:
    words = [
        word.model_copy(update={"speaker": "A" if at < 2 else "B"})
        for at, word in enumerate(spoken("yes it is no it isn't"))
    ]

    assert all(len({token.speaker for token in block.tokens}) == 1 for block in broken(words))


def test_words_move_with_the_cuts_and_cut_words_are_gone() -> None:
    edit = edit_of(spoken("a b c d e f", each=1000), spans=[Span(0, 2000), Span(4000, 6000)])

    assert [(token.text, token.start) for token in tokens(edit)] == [("a", 0), ("b", 1000), ("e", 2000), ("f", 3000)]


def test_a_correction_of_one_word_into_two_shares_its_time() -> None:
    found = tokens(edit_of([EditWord(text="going to", start=0, end=700)]))

    assert [(token.text, token.start, token.end) for token in found] == [("going", 0, 500), ("to", 500, 700)]


def test_an_endless_word_is_cut_to_what_fits() -> None:
    lines = shown(broken("W" * 400))

    assert len(lines) <= STYLE.lines
    assert max(map(len, lines)) <= 23
    assert lines[-1].endswith("…")


words = st.lists(
    st.tuples(st.text(min_size=1, max_size=12), st.integers(0, 400), st.integers(-50, 900)), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(words, st.sampled_from(["bold", "plain", "punch", "reveal"]))
def test_any_words_give_ordered_blocks_that_fit(drawn: list[tuple[str, int, int]], name: str) -> None:
    style = load_style(name).model_copy(update={"punctuation": "all", "uppercase": False})
    at = 0
    made = []
    for text, length, gap in drawn:
        made.append(EditWord(text=text, start=max(0, at), end=max(0, at + length)))
        at = max(0, at + length + gap)
    found = tokens(edit_of(made))
    blocks = broken(made, style)

    for earlier, later in itertools.pairwise(blocks):
        assert earlier.end <= later.start
    for block in blocks:
        assert block.start < block.end
        assert len(block.lines) <= style.lines
        for line in block.lines:
            assert len(line) == 1 or len(line_text(line)) <= 22
    lasting = [token for token in found if len(token.text) <= 22]
    if len(lasting) == len(found) and len({token.start for token in found}) == len(found):
        assert [token.text for block in blocks for token in block.tokens] == [token.text for token in found]
