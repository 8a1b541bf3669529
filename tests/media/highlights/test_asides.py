import pytest
from tests.media.highlights.talks import FILLER

from cliply.media.highlights.asides import sponsor_reads
from cliply.media.highlights.sentences import split_sentences
from cliply.media.types import Transcript, Word
from cliply.media.wording.cues import cues


def paragraphs(text: str) -> list[str]:
    return [" ".join(each.split()) for each in text.strip().split("\n\n")]


READS = paragraphs("""
This episode is brought to you by Acme. Acme makes billing simple for teams of every size. I have used it for
years. Head over to acme.com/show to try it for free today.

Quick word from our sponsor. Sleep is hard and the Dreamer mattress makes it easy. It arrives in a box at your
door. Use the promo code NIGHT at checkout for twenty percent off your first order. That is dreamer dot com
slash night.

I want to tell you about Lotus, the easiest way to run payroll for small companies. It took me ten minutes to
set up. Sign up at lotus.io/pod and get started for free. That's lotus.io/pod.
""")
TALK = paragraphs("""
We were looking for a sponsor for the school back then. My father wrote letters for months. Nobody ever answered
him.

You should check out her book on the history of sleep. I read it twice. It changed how I work in the morning.

We built our website in a weekend and bought the domain for ten dollars. Customers came slowly. Then they came
fast.

I told the team to go to the customers and ask. They found three problems. We solved two of them that week.
""")


def transcript(*parts: tuple[str, str]) -> Transcript:
    words, at = [], 0
    for speaker, text in parts:
        for word in text.split():
            words.append(Word(word, at, at + 300, speaker=speaker))
            at += 320
    return Transcript("en", tuple(words))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("read", READS)
def test_a_sponsor_read_is_recognised_as_a_whole(read: str, *, known: bool) -> None:
    host, guest = ("host", "guest") if known else ("", "")
    sentences = split_sentences(transcript((guest, " ".join(FILLER)), (host, read), (guest, " ".join(FILLER * 2))))
    marked = sponsor_reads(sentences, cues("en"))
    inside = [bool(mark) for sentence, mark in zip(sentences, marked, strict=True) if sentence.text in read]
    assert all(inside)
    assert len(inside) >= 4
    if known:
        assert marked.sum() == len(inside)


@pytest.mark.parametrize("talk", TALK)
def test_talk_about_sponsors_and_web_sites_is_not_a_sponsor_read(talk: str) -> None:
    sentences = split_sentences(transcript(("guest", talk), ("host", "How did that go?"), ("guest", " ".join(FILLER))))
    assert not sponsor_reads(sentences, cues("en")).any()
