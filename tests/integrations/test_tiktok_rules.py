from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.integrations.publisher import Post, Video
from cliply.integrations.tiktok_rules import (
    Agreement,
    Creator,
    TikTokOptions,
    agreements,
    caption,
    creator_problems,
    declaration,
    is_public,
    known_problems,
    label_notice,
    options_of,
    post_info,
)
from cliply.media.wording.limits import utf16_units

CONSENT: dict[str, object] = {"consented_at": "2026-11-30T16:00:00Z", "agreed_to": ["music_usage"]}
POST = Post(
    title="Why bees dance", description="", hashtags=(), privacy="PUBLIC_TO_EVERYONE", options=CONSENT
)  # fmt: skip
VIDEO = Video(Path("clip.mp4"), 9_000_000, "video/mp4", 42.0, 1080, 1920, 30.0)
CREATOR = Creator.model_validate(
    {
        "creator_nickname": "Ada",
        "creator_username": "ada",
        "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
        "max_video_post_duration_sec": 300,
    }
)
BRANDED: dict[str, Any] = {
    "discloses_content": True,
    "branded_content": True,
    "agreed_to": ["music_usage", "branded_content"],
}


def found(post: Post = POST, video: Video = VIDEO) -> list[tuple[str, str]]:
    return [(problem.field, problem.code) for problem in known_problems(post, video)]


def with_options(post: Post = POST, **options: object) -> Post:
    return replace(post, options={**CONSENT, **options})


def test_a_post_within_the_rules_has_no_problem() -> None:
    assert found() == []


CAPTIONS = [
    ("t", "d", (), "t\n\nd"),
    ("t", "", ("one", "two"), "t\n\n#one #two"),
    ("", "", ("one",), "#one"),
    ("", "", (), ""),
    (" t ", "\nd\n", (), "t\n\nd"),
    ("Why bees dance", "Why bees dance, and why it matters", (), "Why bees dance, and why it matters"),
    ("t", "about #Bees", ("bees", "dance", "dance"), "t\n\nabout #Bees\n\n#dance"),
]


@pytest.mark.parametrize(("title", "description", "hashtags", "expected"), CAPTIONS)
def test_the_caption_says_nothing_twice(title: str, description: str, hashtags: tuple[str, ...], expected: str) -> None:
    assert caption(replace(POST, title=title, description=description, hashtags=hashtags)) == expected


@pytest.mark.parametrize(
    ("description", "problem"), [("😀" * 1100, False), ("😀" * 1100 + "a", True), ("a" * 2201, True)]
)
def test_a_caption_has_at_most_2200_units(description: str, problem: bool) -> None:
    post = replace(POST, title="", description=description)
    assert found(post) == ([("description", "caption_too_long")] if problem else [])


def test_hashtags_count_with_the_caption_and_the_message_says_by_how_much() -> None:
    post = replace(POST, title="", description="a" * 2195, hashtags=("bees",))
    (problem,) = known_problems(post, VIDEO)
    assert "at most 2200" in problem.message
    assert "have 2202. Shorten them by 2" in problem.message


@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), max_size=4))
def test_any_caption_can_be_made_and_counted(title: str, description: str, tags: list[str]) -> None:
    text = caption(replace(POST, title=title, description=description, hashtags=tuple(tags)))
    assert utf16_units(text) >= len(text)
    assert all(f"#{tag}" in text for tag in tags)


@pytest.mark.parametrize("tag", ["", "#bees", "honey bees", "a\nb", "bees@home", "🐝", "bees-dance"])
def test_a_hashtag_is_one_word(tag: str) -> None:
    assert found(replace(POST, hashtags=(tag,))) == [("hashtags", "hashtag_invalid")]


@pytest.mark.parametrize(
    ("privacy", "options", "expected"),
    [
        ("", {}, [("privacy", "privacy_missing")]),
        ("public", {}, [("privacy", "privacy_unknown")]),
        ("SELF_ONLY", {}, []),
        ("SELF_ONLY", BRANDED, [("privacy", "branded_content_private")]),
        ("MUTUAL_FOLLOW_FRIENDS", BRANDED, []),
        ("SELF_ONLY", {"discloses_content": True, "own_brand": True}, []),
    ],
)
def test_privacy_is_chosen_and_fits_the_labels(
    privacy: str, options: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert found(with_options(replace(POST, privacy=privacy), **options)) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"discloses_content": True}, [("options.discloses_content", "disclosure_empty")]),
        ({"own_brand": True}, [("options.discloses_content", "disclosure_off")]),
        ({"discloses_content": True, "own_brand": True}, []),
        ({"consented_at": None}, [("options.consented_at", "consent_missing")]),
        ({"agreed_to": []}, [("options.agreed_to", "agreement_missing")]),
        ({**BRANDED, "agreed_to": ["music_usage"]}, [("options.agreed_to", "agreement_missing")]),
        (BRANDED, []),
        ({"consented_at": "yesterday"}, [("options.consented_at", "options_invalid")]),
        ({"consented_at": "2026-11-30T16:00:00"}, [("options.consented_at", "options_invalid")]),
        ({"allow_coments": True}, [("options.allow_coments", "options_invalid")]),
        ({"destination": "story"}, [("options.destination", "options_invalid")]),
    ],
)
def test_what_the_audit_demands_is_demanded(options: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert found(with_options(**options)) == expected


def test_nothing_is_chosen_in_a_person_s_place() -> None:
    options = TikTokOptions()
    chosen = (options.allow_comments, options.allow_duet, options.allow_stitch, options.discloses_content)
    assert not any((*chosen, options.own_brand, options.branded_content, options.consented_at, options.agreed_to))
    bare = replace(POST, privacy="", options={})
    assert {code for _, code in found(bare)} == {"privacy_missing", "consent_missing", "agreement_missing"}


def test_the_inbox_needs_consent_only_as_the_rest_is_chosen_in_the_app() -> None:
    post = replace(POST, privacy="", description="a" * 3000, options={"destination": "inbox"})
    assert found(post) == [("options.consented_at", "consent_missing")]
    assert found(replace(post, options={"destination": "inbox", "consented_at": datetime.now(UTC)})) == []


def test_the_declaration_names_what_is_agreed_to() -> None:
    plain, branded = TikTokOptions(), TikTokOptions(branded_content=True)
    assert declaration(plain) == "By posting, you agree to TikTok's Music Usage Confirmation."
    assert declaration(branded) == (
        "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation."
    )
    assert declaration(options_of(with_options(destination="inbox"))) == ""
    assert set(agreements(branded)) == set(Agreement)
    assert all(agreement.url.startswith("https://www.tiktok.com/legal/") for agreement in Agreement)


@pytest.mark.parametrize(
    ("own", "branded", "words"),
    [(True, False, "Promotional content"), (False, True, "Paid partnership"), (True, True, "Paid partnership")],
)
def test_the_label_is_announced(own: bool, branded: bool, words: str) -> None:
    options = TikTokOptions(discloses_content=True, own_brand=own, branded_content=branded)
    assert words in label_notice(options)


def test_no_label_is_announced_where_there_is_none() -> None:
    assert label_notice(TikTokOptions()) == label_notice(TikTokOptions(discloses_content=True)) == ""


VIDEOS: list[tuple[dict[str, Any], list[str]]] = [
    ({"media_type": "video/x-matroska"}, ["media_type"]),
    ({"media_type": 'video/mp4; codecs="avc1.640028, mp4a.40.2"'}, []),
    ({"media_type": 'video/mp4; codecs="av01.0.08M.08"'}, ["codec"]),
    ({"media_type": "video/quicktime"}, []),
    ({"size": 0}, ["empty"]),
    ({"size": 4_000_000_000}, []),
    ({"size": 4_000_000_001}, ["too_large"]),
    ({"seconds": 600.0}, []),
    ({"seconds": 600.1}, ["too_long"]),
    ({"frame_rate": 22.9}, ["frame_rate"]),
    ({"frame_rate": 23.0}, []),
    ({"frame_rate": 60.0}, []),
    ({"frame_rate": 120.0}, ["frame_rate"]),
    ({"width": 359}, ["picture_size"]),
    ({"width": 360, "height": 640}, []),
    ({"height": 4096, "width": 2304}, []),
    ({"height": 4097, "width": 2304}, ["picture_size"]),
]


@pytest.mark.parametrize(("changed", "expected"), VIDEOS)
def test_the_file_is_one_that_tiktok_takes(changed: dict[str, Any], expected: list[str]) -> None:
    assert found(video=replace(VIDEO, **changed)) == [("video", code) for code in expected]


def test_tiktok_keeps_nothing_for_later_and_takes_its_cover_from_the_video() -> None:
    assert found(replace(POST, publish_at=datetime.now(UTC))) == [("publish_at", "no_schedule")]
    for seconds, expected in ((0.0, []), (41.9, []), (42.0, ["cover_outside"]), (-1.0, ["cover_outside"])):
        post = replace(POST, cover_at=timedelta(seconds=seconds))
        assert [code for _, code in found(post)] == expected


def test_every_message_says_what_to_change() -> None:
    post = replace(
        POST, privacy="x", description="a" * 3000, hashtags=("a b",), publish_at=datetime.now(UTC), options={}
    )
    video = replace(VIDEO, media_type="text/plain", size=5_000_000_000, seconds=700.0, frame_rate=5.0, width=10)
    problems = known_problems(post, video)
    assert len(problems) == 11
    for problem in problems:
        assert problem.message.startswith("TikTok")
        assert problem.message.count(". ") + problem.message.endswith(".") >= 1


def test_what_the_creator_may_not_do_today_is_said_with_their_name() -> None:
    post = with_options(
        replace(POST, privacy="FOLLOWER_OF_CREATOR"), allow_comments=True, allow_duet=True, allow_stitch=True
    )
    creator = CREATOR.model_copy(update={"comments_off": True, "duet_off": True, "stitch_off": True})
    problems = creator_problems(creator, post, replace(VIDEO, seconds=301.0))
    assert [(problem.field, problem.code) for problem in problems] == [
        ("options.allow_comments", "comments_off"),
        ("options.allow_duet", "duet_off"),
        ("options.allow_stitch", "stitch_off"),
        ("privacy", "privacy_not_offered"),
        ("video", "too_long_for_creator"),
    ]
    assert all("Ada" in problem.message for problem in problems)
    assert "PUBLIC_TO_EVERYONE, MUTUAL_FOLLOW_FRIENDS, SELF_ONLY" in problems[3].message
    assert "at most 300 seconds" in problems[4].message


def test_what_the_creator_offers_has_no_problem() -> None:
    post = with_options(allow_comments=True, allow_duet=True, allow_stitch=True)
    assert creator_problems(CREATOR, post, replace(VIDEO, seconds=300.0)) == []


def test_the_post_is_told_to_tiktok_with_every_choice() -> None:
    post = with_options(replace(POST, synthetic=True, cover_at=timedelta(seconds=1.5)), allow_duet=True, **BRANDED)
    assert post_info(post) == {
        "title": "Why bees dance",
        "privacy_level": "PUBLIC_TO_EVERYONE",
        "disable_comment": True,
        "disable_duet": False,
        "disable_stitch": True,
        "brand_content_toggle": True,
        "brand_organic_toggle": False,
        "is_aigc": True,
        "video_cover_timestamp_ms": 1500,
    }
    assert "title" not in post_info(replace(POST, title=""))


def test_only_a_post_for_everybody_on_a_profile_is_public() -> None:
    assert is_public(POST)
    assert not is_public(replace(POST, privacy="SELF_ONLY"))
    assert not is_public(with_options(destination="inbox"))
