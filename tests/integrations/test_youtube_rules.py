import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cliply.integrations.publisher import Post, Video
from cliply.integrations.youtube_rules import (
    CATEGORIES,
    DESCRIPTION_LIMIT,
    HASHTAGS_LIMIT,
    TITLE_LIMIT,
    characters,
    described,
    notes,
    problems,
    resource,
    tags_length,
)

VIDEO = Video(Path("clip.mp4"), 8_000_000, "video/mp4", 42.0, 1080, 1920, 30.0)
POST = Post("Why cats purr", "Nobody knows for sure.", ("cats", "science"), "public")
NOW = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
SOON = datetime(2026, 12, 24, 18, 0, tzinfo=timezone(timedelta(hours=1)))


def codes(post: Post, video: Video = VIDEO) -> set[str]:
    return {problem.code for problem in problems(post, video)}


def test_an_ordinary_post_breaks_no_rule() -> None:
    assert problems(POST, VIDEO) == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"title": ""}, "title", "title_missing"),
        ({"title": " \n "}, "title", "title_missing"),
        ({"title": "x" * 101}, "title", "title_too_long"),
        ({"title": "😀" * 51}, "title", "title_too_long"),
        ({"title": "1 < 2"}, "title", "title_has_brackets"),
        ({"title": "half \ud83d"}, "title", "title_is_no_text"),
        ({"description": "x" * 5001, "hashtags": ()}, "description", "description_too_long"),
        ({"description": "é" * 2501, "hashtags": ()}, "description", "description_too_long"),
        ({"description": "x" * 4990}, "description", "description_too_long"),
        ({"description": "a -> b"}, "description", "description_has_brackets"),
        ({"hashtags": tuple(f"t{number}" for number in range(61))}, "hashtags", "hashtags_too_many"),
        ({"hashtags": ("two words",)}, "hashtags", "hashtag_invalid"),
        ({"hashtags": ("#cats",)}, "hashtags", "hashtag_invalid"),
        ({"hashtags": ("",)}, "hashtags", "hashtag_invalid"),
        ({"privacy": "friends"}, "privacy", "privacy_unknown"),
        ({"privacy": ""}, "privacy", "privacy_unknown"),
        ({"publish_at": SOON}, "publish_at", "publish_at_needs_private"),
        ({"publish_at": SOON, "privacy": "unlisted"}, "publish_at", "publish_at_needs_private"),
        (
            {"publish_at": datetime(2026, 12, 24), "privacy": "private"},  # noqa: DTZ001 - that is what is wrong with it
            "publish_at",
            "publish_at_without_zone",
        ),
        ({"options": {"category_id": "18"}}, "options.category_id", "category_unknown"),
        ({"options": {"category_id": 22}}, "options.category_id", "option_invalid"),
        ({"options": {"tags": ["x" * 249, "y" * 251]}}, "options.tags", "tags_too_long"),
        ({"options": {"tags": ["a,b"]}}, "options.tags", "tag_invalid"),
        ({"options": {"tags": [" "]}}, "options.tags", "tag_invalid"),
        ({"options": {"tags": "cats"}}, "options.tags", "option_invalid"),
        ({"options": {"colour": "red"}}, "options.colour", "option_invalid"),
        ({"options": {"license": "mit"}}, "options.license", "option_invalid"),
        ({"options": {"language": "english please"}}, "options.language", "option_invalid"),
        ({"options": {"embeddable": "yes"}}, "options.embeddable", "option_invalid"),
    ],
)
def test_a_broken_rule_is_named_with_its_field(change: dict[str, Any], field: str, code: str) -> None:
    found = problems(replace(POST, **change), VIDEO)
    assert [(problem.field, problem.code) for problem in found] == [(field, code)]
    assert found[0].message.endswith(".")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"size": 0}, "video_size"),
        ({"size": 274_877_906_945}, "video_size"),
        ({"seconds": 43_201.0}, "video_length"),
        ({"seconds": 0.0}, "video_length"),
        ({"media_type": "image/gif"}, "video_type"),
    ],
)
def test_a_file_that_youtube_does_not_take_is_told_before_it_is_sent(change: dict[str, Any], code: str) -> None:
    assert codes(POST, replace(VIDEO, **change)) == {code}


@pytest.mark.parametrize(
    ("change"),
    [
        {"title": "x" * 100},
        {"title": "😀" * 50},
        {"title": f"  {'x' * 100}  "},
        {"description": "", "hashtags": ()},
        {"description": "x" * 5000, "hashtags": ()},
        {"description": "x" * (5000 - len("\n\n#cats #science"))},
        {"description": "한" * 1666, "hashtags": ()},
        {"hashtags": tuple(f"t{number}" for number in range(60))},
        {"hashtags": ("猫", "हिन्दी", "café_2")},
        {"publish_at": SOON, "privacy": "private"},
        {"options": {"tags": ["x" * 249, "y" * 250]}},
        {"options": {"tags": ["x" * 497 + " "]}},
        {"options": {"language": "pt-BR", "license": "creativeCommon", "category_id": "28"}},
    ],
)
def test_what_is_just_within_a_limit_passes(change: dict[str, Any]) -> None:
    assert problems(replace(POST, **change), VIDEO) == []


def test_the_file_may_be_as_large_and_long_as_youtube_takes() -> None:
    assert problems(POST, replace(VIDEO, size=274_877_906_944, seconds=43_200.0)) == []


def test_every_broken_rule_is_told_at_once() -> None:
    post = replace(POST, title="", description="<3", privacy="all", options={"category_id": "18"})
    assert codes(post) == {"title_missing", "description_has_brackets", "privacy_unknown", "category_unknown"}


def test_a_message_says_by_how_much_it_is_too_long() -> None:
    (problem,) = problems(replace(POST, title="x" * 112), VIDEO)
    assert problem.message == "YouTube takes titles of up to 100 characters, and this one has 112. Shorten it by 12."


@pytest.mark.parametrize(
    ("tags", "length"),
    [([], 0), (["cats"], 4), (["cats", "dogs"], 9), (["big cats"], 10), (["big cats", "dogs", "a b c"], 23)],
)
def test_tags_are_counted_with_commas_and_quotes(tags: list[str], length: int) -> None:
    assert tags_length(tags) == length


def test_hashtags_stand_below_the_description_unless_it_has_them() -> None:
    post = replace(POST, description="All about #Cats and #sciencefiction.\n", hashtags=("cats", "science", "science"))
    assert described(post) == "All about #Cats and #sciencefiction.\n\n#science"
    assert described(replace(post, description="")) == "#cats #science"
    assert described(replace(post, hashtags=())) == "All about #Cats and #sciencefiction."


def test_what_youtube_would_choose_by_itself_is_always_said() -> None:
    status = resource(POST, now=NOW)["status"]
    assert status == {
        "privacyStatus": "public",
        "selfDeclaredMadeForKids": False,
        "containsSyntheticMedia": False,
        "license": "youtube",
        "embeddable": True,
        "publicStatsViewable": True,
    }


def test_the_time_to_publish_is_told_in_utc() -> None:
    status = resource(replace(POST, publish_at=SOON, privacy="private"), now=NOW)["status"]
    assert (status["publishAt"], status["privacyStatus"]) == ("2026-12-24T17:00:00Z", "private")


def test_what_was_to_be_public_by_now_is_public_at_once() -> None:
    status = resource(replace(POST, publish_at=SOON, privacy="private"), now=SOON)["status"]
    assert status["privacyStatus"] == "public"
    assert "publishAt" not in status


def test_labels_and_options_reach_their_places() -> None:
    options = {"tags": ["big cats"], "language": "de", "category_id": "15", "paid_promotion": True}
    sent = resource(replace(POST, made_for_kids=True, synthetic=True, options=options), now=NOW)
    assert sent["snippet"] == {
        "title": "Why cats purr",
        "description": "Nobody knows for sure.\n\n#cats #science",
        "categoryId": "15",
        "tags": ["big cats"],
        "defaultLanguage": "de",
    }
    assert sent["status"]["selfDeclaredMadeForKids"] is True
    assert sent["status"]["containsSyntheticMedia"] is True
    assert sent["paidProductPlacementDetails"] == {"hasPaidProductPlacement": True}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ""),
        ({"seconds": 180.0}, ""),
        ({"width": 1080, "height": 1080}, ""),
        ({"seconds": 180.5}, "longer than 3 minutes"),
        ({"width": 1920, "height": 1080}, "wider than it is high"),
    ],
)
def test_a_video_that_will_be_no_short_is_a_note_and_no_problem(change: dict[str, Any], told: str) -> None:
    video = replace(VIDEO, **change)
    assert told in "".join(notes(video))
    assert bool(told) == bool(notes(video))
    assert problems(POST, video) == []


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_of_either_kind_may_be_the_cover(tmp_path: Path, suffix: str) -> None:
    cover = tmp_path / f"cover{suffix}"
    Image.new("RGB", (1080, 1920), "navy").save(cover)
    assert problems(replace(POST, cover=cover), VIDEO) == []


def test_covers_that_youtube_does_not_take_are_told(tmp_path: Path) -> None:
    webp, large = tmp_path / "cover.webp", tmp_path / "large.png"
    Image.new("RGB", (64, 64)).save(webp)
    large.write_bytes(b"\x89PNG\r\n\x1a\n")
    with large.open("r+b") as file:
        file.truncate(52_428_801)
    assert codes(replace(POST, cover=webp)) == {"cover_type"}
    assert codes(replace(POST, cover=large)) == {"cover_too_large"}
    assert codes(replace(POST, cover=tmp_path / "none.png")) == {"cover_missing"}


TEXTS = st.text(max_size=5200) | st.text(alphabet="ab #<é😀\n", max_size=5200)


@given(title=TEXTS, description=TEXTS, hashtags=st.lists(st.text(min_size=1, max_size=12), max_size=70))
def test_what_passes_is_within_every_limit_of_youtube(title: str, description: str, hashtags: list[str]) -> None:
    post = replace(POST, title=title, description=description, hashtags=tuple(hashtags))
    if problems(post, VIDEO):
        return
    sent = resource(post, now=NOW)["snippet"]
    assert json.loads(json.dumps(sent)) == sent
    assert 1 <= characters(sent["title"]) <= TITLE_LIMIT
    assert len(sent["description"].encode()) <= DESCRIPTION_LIMIT
    assert not {"<", ">"} & set(sent["title"] + sent["description"])
    assert len(set(hashtags)) <= HASHTAGS_LIMIT
    assert sent["categoryId"] in CATEGORIES
