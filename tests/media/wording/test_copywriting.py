"""Titles, hooks, descriptions and hashtags: properties that hold for any talk, and a few talks in full."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cliply.media.edit import PostText
from cliply.media.types import Transcript, Word
from cliply.media.wording import lexicon
from cliply.media.wording.clauses import clauses, clean, complete, undenied
from cliply.media.wording.copywriting import hashtag, write_copy
from cliply.media.wording.limits import check_post, is_hashtag
from cliply.media.wording.profanity import is_profane
from cliply.media.wording.titlecase import headline, sentence_case
from cliply.media.wording.tokens import words_of

REWRITE = (
    "So we had this Python monolith. And, um, every deployment took forty minutes. You know, nobody wanted to touch "
    "it. And honestly, nobody really understands the cost of a slow deployment. So we rewrote it in Go -- and, well."
)
SPOKEN: dict[str, str] = {
    "de": "Also, ich glaube, die größte Überraschung war der Umzug auf Postgres. Unsere Datenbank war zu langsam.",
    "es": "Bueno, nadie nos enseña a manejar el dinero. El interés compuesto cambió mi vida por completo.",
    "fr": "Alors, le problème, c'est l'attention. La concentration est un muscle. J'ai supprimé les notifications.",
    "ja": "なぜ機械学習は難しいのでしょうか。データの質がすべてを決めるからです。まずはデータを見ましょう。",
    "zh": "今天我们聊聊人工智能。为什么人工智能这么重要？真正赚钱的是卖芯片的公司。",
    "ko": "왜 창업은 어려울까요? 대부분의 스타트업은 3년 안에 실패합니다.",
    "ar": "لماذا يخاف الناس من الذكاء الاصطناعي؟ المستقبل يحتاج إلى مهارات جديدة.",
    "hi": "लोग पैसे क्यों नहीं बचा पाते? बचत की आदत बचपन से शुरू होती है।",
    "th": "วันนี้เราจะพูดถึงการลงทุน การลงทุนมีความเสี่ยง",
}


def transcript(text: str, language: str = "en") -> Transcript:
    return Transcript(language, tuple(Word(word, 0, 1) for word in text.split()))


def assert_postable(post: PostText, hook: str, language: str = "en") -> None:
    assert check_post(post) == ()
    assert not post.title.endswith(("…", "...", ",", ";", ":", "-", "."))
    assert len(hook.split()) <= 10
    assert hook
    assert len(post.hashtags) <= 5
    assert len({tag.casefold() for tag in post.hashtags}) == len(post.hashtags)
    assert all(is_hashtag(tag) for tag in post.hashtags)
    if language == "en":
        assert post.title.casefold().rstrip("?").split()[-1] not in lexicon.words("weak_end") - {"made", "say", "know"}


def test_a_title_is_a_whole_thought_of_the_clip() -> None:
    post, hook = write_copy(REWRITE, whole=transcript(REWRITE))
    assert post.title in (
        "Every Deployment Took Forty Minutes",
        "Nobody Really Understands the Cost of a Slow Deployment",
    )
    assert_postable(post, hook)
    assert post.hashtags[0] == "#PythonMonolith"
    assert "--" not in post.description
    assert "um" not in post.description.split()


def test_a_question_becomes_a_question() -> None:
    post, _ = write_copy("Right. So how do you make money with open source? That's the thing. Well, you sell hosting.")
    assert post.title == "How Do You Make Money with Open Source?"


def test_a_question_that_people_want_answered_heads_the_clip_that_opens_with_it() -> None:
    told = "My very first summer. I opened a hive in the evening. A friend was coming to dinner. The bees stung me."
    post, hook = write_copy(f"What was the worst mistake you ever made? {told}")
    assert post.title == "What Was the Worst Mistake You Ever Made?"
    assert hook == "What was the worst mistake you ever made?"
    later, _ = write_copy(f"{told} What was the worst mistake you ever made?")
    assert not later.title.startswith("What Was")


def test_a_noun_of_a_set_phrase_is_no_hashtag() -> None:
    hurried, _ = write_copy("I opened the hive in a hurry. The bees punish whoever is in a hurry. The hive was loud.")
    assert "#hurry" not in hurried.hashtags
    hurry, _ = write_copy("The hurry of beekeepers is a bad thing. The hurry ruins a hive.")
    assert "#hurry" in hurry.hashtags


def test_instructions_become_a_guide() -> None:
    post, _ = write_copy(
        "I want to show you something, and it's about how to deploy Elixir apps without downtime, okay?"
    )
    assert post.title == "How to Deploy Elixir Apps Without Downtime"


def test_a_thought_that_points_back_is_no_title() -> None:
    post, hook = write_copy(
        "It was terrible. They never told him about that server. And this broke everything, so we did it again."
    )
    for word in ("it", "that", "this", "they", "him"):
        assert word not in post.title.casefold().split()
        assert word not in hook.casefold().split()


def test_without_a_whole_thought_the_subject_is_named() -> None:
    post, hook = write_copy("The, um, service mesh, with the sidecar proxies... and the, the service mesh, you know --")
    assert post.title in ("The Service Mesh", "The Sidecar Proxies", "Sidecar Proxies")
    assert hook.casefold() == post.title.casefold()


def test_names_keep_the_writing_of_the_whole_source() -> None:
    whole = "We host it on GitHub. I like GitHub. You push to GitHub. My iPhone is old, an iPhone, this iPhone."
    post, _ = write_copy("github has never deleted a repository by accident.", whole=transcript(whole))
    assert post.title == "GitHub Has Never Deleted a Repository by Accident"


def test_people_who_are_spoken_to_are_not_the_subject() -> None:
    text = "Thanks for coming on, Johnny. The garbage collector pauses every thread. What do you do then, Johnny?"
    post, _ = write_copy(text, whole=transcript(text))
    assert "johnny" not in " ".join((post.title, *post.hashtags)).casefold()


def test_keywords_of_the_creator_count_more() -> None:
    text = "Compilers check your types before anything runs. Databases keep your money safe while everything fails."
    assert "Compilers" in write_copy(text, keywords=("compilers",))[0].title
    assert "Databases" in write_copy(text, keywords=("databases",))[0].title


def test_the_same_clip_gets_the_same_copy() -> None:
    assert write_copy(REWRITE) == write_copy(REWRITE)


@pytest.mark.parametrize("language", SPOKEN)
def test_other_languages_get_whole_sentences_and_no_english(language: str) -> None:
    post, hook = write_copy(SPOKEN[language], language=language)
    assert_postable(post, hook, language)
    assert not re.search(r"\b(?:about|and|let's)\b", " ".join((post.title, post.description)).casefold())
    assert post.hashtags


def test_chinese_is_named_by_what_is_said_twice() -> None:
    assert "#人工智能" in write_copy(SPOKEN["zh"], language="zh")[0].hashtags


def test_an_elided_article_is_no_part_of_the_noun() -> None:
    assert "#attention" in write_copy(SPOKEN["fr"], language="fr")[0].hashtags


@pytest.mark.parametrize(
    "text",
    ["", " ", "🔥🔥🔥", "...", "um, uh, er.", "word " * 5000, "<script>alert(1)</script>", "a" * 4000, "\x00\x01"],
)
def test_any_text_gives_a_post_that_is_accepted(text: str) -> None:
    post, hook = write_copy(text)
    assert check_post(post) == ()
    assert hook


def test_no_hashtag_is_strong_language() -> None:
    post, _ = write_copy(
        "The fucking compiler hates generics. Generics are slow. Fuck the compiler, and bullshit generics."
    )
    assert not any(is_profane(tag.removeprefix("#"), "en") for tag in post.hashtags)


def test_hashtags_are_what_the_source_comes_back_to() -> None:
    clip = "The bottle stood on the terrace. The beekeepers count every hive in spring, and a hive is counted twice."
    whole = transcript(f"{clip} A hive needs beekeepers. Beekeepers like spring. No hive without beekeepers.")

    tags = {tag.casefold() for tag in write_copy(clip, whole=whole)[0].hashtags}

    assert {"#hive", "#beekeepers"} <= tags
    assert not tags & {"#bottle", "#terrace"}


def test_one_subject_gives_one_hashtag() -> None:
    clip = "A Blu-ray lasts for decades. Some Blu-rays were pressed badly. I keep every Blu-ray."
    whole = transcript(f"{clip} Blu-rays are cheap. The Blu-ray player is old.")

    tags = write_copy(clip, whole=whole)[0].hashtags

    assert sum(tag.casefold().startswith("#bluray") and len(tag) < 10 for tag in tags) == 1


def test_a_verb_that_is_no_noun_makes_a_sentence_whole() -> None:
    text = "Inside the hive, the queen gives the orders. No. The queen decides nothing. A queen lays eggs."
    assert write_copy(text)[0].title == "The Queen Decides Nothing"


def test_a_no_that_denies_a_noun_stays() -> None:
    said = [clause.text for clause in clauses(["No boss, no meeting, no email."])]
    assert said
    assert all(text.startswith(("No boss", "no meeting")) for text in said)


def test_a_suggestion_is_taken_where_it_passes() -> None:
    good = PostText(title="The Forty-Minute Deployment", description="What it cost us.", hashtags=("#devops",))
    assert write_copy(REWRITE, suggestion=(good, "Forty minutes. Every time."))[0] == good
    own, own_hook = write_copy(REWRITE)
    bad = PostText(title="A title <b>", description="<i>", hashtags=("#two words",))
    assert write_copy(REWRITE, suggestion=(bad, "one two three four five six seven eight nine ten eleven")) == (
        own,
        own_hook,
    )


@pytest.mark.parametrize(
    ("phrase", "tag"),
    [("service mesh", "#ServiceMesh"), ("GitHub", "#GitHub"), ("Python's", "#Python"), ("front-end", "#FrontEnd"),
     ("C++", None), ("2026", None), ("हिन्दी", "#हिन्दी"), ("機械学習", "#機械学習"), ("", None), ("x" * 40, None)],
)  # fmt: skip
def test_a_phrase_as_hashtag(phrase: str, tag: str | None) -> None:
    assert hashtag(phrase) == tag


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("the state-of-the-art of iPod covers", "The State-of-the-Art of iPod Covers"),
        ("what is love for", "What Is Love For"),
        ("go: it was the worst", "Go: It Was the Worst"),
        ("i can't run k8s in AWS", "I Can't Run k8s in AWS"),
    ],
)
def test_headline_style(text: str, title: str) -> None:
    assert headline(text) == title


def test_sentence_case_keeps_a_small_first_letter_that_is_meant() -> None:
    assert sentence_case("iPod covers") == "iPod covers"
    assert sentence_case("“what now") == "“What now"


def test_without_the_english_word_data_the_subject_is_still_named() -> None:
    hide = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n: None if 'denckring' in n else f(n); "
    ask = (
        "from cliply.media.wording.copywriting import write_copy; "
        "print(write_copy('The compiler hates generics.')[0].title)"
    )
    told = subprocess.run([sys.executable, "-c", hide + ask], capture_output=True, text=True, check=True).stdout
    assert "compiler" in told.casefold()


@pytest.mark.slow
def test_hundreds_of_real_moments_get_copy_that_can_be_posted(fixtures: Path) -> None:
    with gzip.open(fixtures / "highlights" / "laugh_dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        episodes = [json.loads(line) for line in lines]
    for episode in episodes:
        sentences = [text for _, _, _, text in episode["sents"]]
        whole = transcript(" ".join(sentences))
        for first in range(0, len(sentences) - 8, max(8, len(sentences) // 6)):
            post, hook = write_copy(" ".join(sentences[first : first + 8]), whole=whole)
            assert check_post(post) == ()
            assert len(hook.split()) <= 10
            assert not post.title.endswith(("…", "...", ",", "-", "."))
            assert len(post.title) <= 80


def test_what_the_next_sentence_denies_is_claimed_nowhere() -> None:
    said = (
        "So inside the hive, the queen gives the orders. No, that is the biggest myth of all. "
        "The queen decides nothing. "
        "When a swarm needs a new home, a few hundred scouts go looking, and the best place wins more dancers."
    )
    post, hook = write_copy(said)
    told = " ".join((post.title, post.description, hook)).casefold()
    assert "gives the orders" not in told
    assert "queen" in told or "swarm" in told


def test_only_a_denial_takes_a_statement_away() -> None:
    kept = ["The queen gives the orders.", "No bee ever disobeys her.", "Does she rule?", "No, she does not."]
    assert undenied(kept) == kept
    assert undenied(["She rules.", "No, never."]) == ["No, never."]


def test_words_keep_the_vowel_signs_of_their_script() -> None:
    assert words_of("ड्रिप सिंचाई से पानी आधा लगता है।") == ["ड्रिप", "सिंचाई", "से", "पानी", "आधा", "लगता", "है"]
    spoken = "ड्रिप सिंचाई से पानी आधा लगता है। सरकार ड्रिप सिंचाई का आधा खर्च देती है।"
    post, _ = write_copy(spoken, whole=transcript(spoken, "hi"), language="hi")
    assert "#सिंचाई" in post.hashtags


@pytest.mark.parametrize(
    ("language", "spoken"),
    [
        ("de", "Und der größte Fehler war die Temperatur vom Wasser. Das Wasser war viel zu heiß."),
        ("es", "Pero la deuda fue nuestro peor error. La deuda se comió los ahorros de toda la familia."),
        ("fr", "Mais le sommeil est le secret du marathon. Le sommeil compte plus que la course."),
    ],
)
def test_no_line_in_another_language_opens_with_a_conjunction(language: str, spoken: str) -> None:
    post, hook = write_copy(spoken, whole=transcript(spoken, language), language=language)
    for text in (post.title, post.description, hook):
        assert text.split()[0].casefold() not in {"und", "pero", "mais"}


@pytest.mark.parametrize(
    "begun",
    [
        "I don't think not having to look at the code.",
        "I'm and my function is user interface design.",
        "When we came with the Billie Jean?",
    ],
)
def test_a_thought_that_was_begun_anew_is_no_title(begun: str) -> None:
    assert not any(complete(clause) for clause in clauses([begun]))


def test_numbers_stand_without_a_filler() -> None:
    assert clean("The title could only be like 30 characters.") == "The title could only be 30 characters."
    assert clean("It looks like 30 people came.") == "It looks like 30 people came."


def test_two_subjects_that_never_meet_make_no_title() -> None:
    spoken = "Well, the menu button. And, uh, the menu button again, because. A banana, or the banana, you know."
    title = write_copy(spoken, whole=transcript(spoken))[0].title
    assert title == "The Menu Button"


def test_a_plain_word_said_in_passing_is_no_hashtag() -> None:
    spoken = "Dropbox broke my backup. There is a hole in Dropbox. My backup needs Dropbox."
    whole = transcript(
        spoken + " I fell into a hole. We dug a hole. The encryption of the kernel failed. The kernel needs a "
        "compiler. The compiler reads the kernel. Encryption of the firmware needs a scheduler. The scheduler runs "
        "the firmware. Encryption, the compiler and the firmware, and a debugger. The debugger stops the scheduler."
    )
    assert "#hole" not in write_copy(spoken, whole=whole)[0].hashtags


def test_a_hashtag_keeps_a_name_as_it_is_written() -> None:
    assert hashtag("iCloud backup") == "#iCloudBackup"


def test_who_is_greeted_by_name_is_not_what_the_clip_is_about() -> None:
    said = (
        "Hi Benedict, thank you for having me. Benedict, I brought a telescope. Benedict has looked through telescopes."
    )
    post, _ = write_copy(said)
    assert "Telescope" in post.title
    assert "#Benedict" not in post.hashtags


def test_what_somebody_happened_to_be_doing_is_no_headline() -> None:
    said = (
        "I've been using the batch transcription with diarization functionality. "
        "Batch transcription never tells you who is speaking."
    )
    post, _ = write_copy(said)
    assert "Been Using" not in post.title


def test_a_noun_after_an_article_is_one_however_it_ends() -> None:
    assert "#hive" in write_copy("We opened the hive. Bees left the hive at once. A hive is warm.")[0].hashtags


def test_a_question_that_was_begun_anew_is_no_headline() -> None:
    said = "Is the new telescope can see the moon of Jupiter? The telescope shows every moon of Jupiter at once."
    post, hook = write_copy(said)
    assert "telescope can" not in f"{post.title} {hook}".casefold()


@pytest.mark.parametrize("language", ["en", "de"])
def test_asked_to_be_decent_title_and_hook_are_lines_without_strong_language(language: str) -> None:
    said = {
        "en": "Fucking bees are the biggest fucking secret of the garden. Honey bees visit two million flowers a year.",
        "de": "Scheiße, Scheiße, Bienen sind echt Scheiße! Bienen besuchen zwei Millionen Blüten im Jahr.",
    }[language]

    post, hook = write_copy(said, whole=transcript(said, language), language=language, decent=True)

    told = f"{post.title} {hook} {' '.join(post.hashtags)}"
    assert not any(is_profane(word, language) for word in words_of(told)), told
    assert post.title != "Clip"


def test_a_hashtag_is_said_in_the_clip_or_shares_a_word_with_it() -> None:
    clip = "The honey harvest begins in July. Every honey harvest needs dry weather."
    rest = "The quantum computer is cold. A quantum computer needs helium. Nobody sells a quantum computer. "
    rest += "A honey museum opened. The honey museum is free. We love the honey museum. "

    post, _hook = write_copy(clip, whole=transcript(rest * 3 + clip))

    heard = {word.casefold() for word in words_of(clip)}
    assert post.hashtags
    assert not [tag for tag in post.hashtags if "quantum" in tag.casefold() or "computer" in tag.casefold()]
    assert all(any(word in tag.casefold() for word in heard if len(word) > 3) for tag in post.hashtags)


def test_a_plain_sentence_of_the_clip_says_more_than_one_word_for_its_subject() -> None:
    text = "Alright. There's a way a professional does things. A professional, you know, and the money, and --"
    assert write_copy(text)[0].title == "There's a Way a Professional Does Things"


def test_a_thought_that_hangs_on_a_comma_only_is_found() -> None:
    text = (
        "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
    )
    assert "Ask What You Can Do for Your Country" in write_copy(text)[0].title


def test_words_on_everybodys_lips_are_no_hashtags() -> None:
    text = (
        "I was in a hurry, my friend was coming to dinner and my friend likes wine. Every hive needs a queen bee. "
        "The queen bee leaves the hive in May."
    )
    tags = {tag.casefold() for tag in write_copy(text, whole=transcript(text))[0].hashtags}
    assert "#queenbee" in tags
    assert not tags & {"#friend", "#hurry", "#dinner", "#wine"}


def test_an_order_may_begin_with_never() -> None:
    text = "So, yeah. Never open a hive when you are in a hurry, because the bees will know before you do."
    assert write_copy(text)[0].title == "Never Open a Hive When You Are in a Hurry"


def test_what_a_recogniser_masked_is_no_decent_title() -> None:
    text = "Holy s***, the compiler ate my homework. Every compiler warning is a present."
    post, hook = write_copy(text, decent=True)
    assert "*" not in post.title + hook
