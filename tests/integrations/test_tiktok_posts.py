import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.integrations.tiktok_posts import count, figures_by_id, listed, post_url, public_id, says, text_id

ID = "7300000000000000001"
LONG = "They tell where the flowers are. " * 20


@given(st.integers(10**18, 2**63 - 1))
def test_a_number_is_told_digit_by_digit(number: int) -> None:
    data = json.loads(json.dumps({"publicaly_available_post_id": [number]}))
    assert public_id(data) == str(number)


@pytest.mark.parametrize("told", [None, True, 7.3e18, "", "7300x", "../7", -7, [7], {"id": 7}, "7" * 21])
def test_what_is_no_number_is_none(told: object) -> None:
    assert text_id(told) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, None),
        ({"publicaly_available_post_id": []}, None),
        ({"publicaly_available_post_id": None}, None),
        ({"publicaly_available_post_id": "71"}, None),
        ({"publicaly_available_post_id": [None, ID]}, ID),
        ({"publicly_available_post_id": [int(ID)]}, ID),
    ],
)
def test_a_public_number_is_found_under_either_spelling(data: dict[str, object], expected: str | None) -> None:
    assert public_id(data) == expected


@pytest.mark.parametrize(
    ("told", "caption", "same"),
    [
        ("Why bees dance", "Why bees dance", True),
        ("Why bees  dance #bees", "Why bees dance\n\n#bees", True),
        ("Why bees", "Why bees dance", False),
        ("Why bees dance", "Why bees", False),
        (LONG[:150], LONG, True),
        (LONG[:150], LONG.replace("flowers", "flower"), False),
        (LONG[:100], LONG, False),
        ("😀" * 75, "😀" * 100, True),
        ("a" + "😀" * 74 + "\ufffd", "a" + "😀" * 100, True),
        ("😀" * 75, "😀" * 74 + "🐝" * 26, False),
        ("", "", False),
        ("", LONG, False),
    ],
)
def test_a_caption_is_known_again_by_its_beginning_only_where_it_was_cut(told: str, caption: str, same: bool) -> None:
    assert says(told, caption) is same


@pytest.mark.parametrize(
    ("username", "url"),
    [
        ("ada.l_1", f"https://www.tiktok.com/@ada.l_1/video/{ID}"),
        ("", None),
        ("ada/../x", None),
        ("ada?x", None),
        ("a" * 65, None),
        ("ada\n", None),
    ],
)
def test_an_address_is_made_of_a_name_that_is_one(username: str, url: str | None) -> None:
    assert post_url(username, ID) == url


@pytest.mark.parametrize(
    ("told", "url"),
    [
        (f"https://www.tiktok.com/@ada/video/{ID}?utm_campaign=x#y", f"https://www.tiktok.com/@ada/video/{ID}"),
        (f"http://www.tiktok.com/@ada/video/{ID}", None),
        (f"https://www.tiktok.com.example.com/@ada/video/{ID}", None),
        (f"https://me@www.tiktok.com/@ada/video/{ID}", None),
        ("javascript:alert(1)", None),
        ("https://[", None),
        (7, None),
    ],
)
def test_only_an_address_of_tiktok_is_shown_and_nothing_that_follows_people(told: object, url: str | None) -> None:
    (video,) = listed({"videos": [{"id": ID, "create_time": 1_700_000_000, "title": "t", "share_url": told}]})
    assert video.url == url


@pytest.mark.parametrize(
    ("told", "number"),
    [(0, 0), (7, 7), (-1, None), (True, None), ("7", None), (7.0, None), (None, None), (10**18, None)],
)
def test_a_count_is_a_whole_number(told: object, number: int | None) -> None:
    assert count(told) == number
    ((_, figures),) = figures_by_id({"videos": [{"id": ID, "view_count": told}]})
    assert figures.views == number


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["videos", "id", "create_time", "title", "share_url", "view_count"]), inner)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["videos", "publicaly_available_post_id"]), _ANYTHING))
def test_nothing_that_comes_is_too_odd_to_be_read(data: dict[str, object]) -> None:
    public_id(data)
    assert all(video.id.isdigit() for video in listed(data))
    assert all(video_id.isdigit() for video_id, _ in figures_by_id(data))
