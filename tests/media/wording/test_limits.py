import pytest

from cliply.media.edit import PostText
from cliply.media.wording.limits import (
    check_post,
    is_hashtag,
    tiktok_caption,
    utf16_units,
    youtube_description,
    youtube_tags,
)


def test_an_ordinary_post_is_accepted_by_both() -> None:
    post = PostText(title="Why We Moved", description="Because it was slow.", hashtags=("#Postgres", "#golang"))
    assert check_post(post) == ()
    assert youtube_description(post) == "Because it was slow.\n\n#Postgres #golang"
    assert tiktok_caption(post) == "Why We Moved\n\nBecause it was slow.\n\n#Postgres #golang"
    assert youtube_tags(post) == ["Postgres", "golang"]


@pytest.mark.parametrize(
    ("post", "said"),
    [
        (PostText(title=" "), "empty"),
        (PostText(title="🎬" * 51), "100 characters"),
        (PostText(title="a < b"), "“<”"),
        (PostText(title="a", description="</script>"), "description holds"),
        (PostText(title="a", description="語" * 1700), "5000 bytes"),
        (PostText(title="a", description="x" * 2200), "2200"),
        (PostText(title="a", description="🎬" * 1100), "2200"),
        (PostText(title="a", hashtags=tuple(f"#tag{at:029d}x" for at in range(16))), "for tags"),
        (PostText(title="a", hashtags=tuple(f"#t{at}" for at in range(61))), "ignores all"),
        (PostText(title="a", hashtags=("#two words",)), "letters and digits"),
        (PostText(title="a\x00"), "control characters"),
    ],
)
def test_what_a_network_refuses_is_named(post: PostText, said: str) -> None:
    assert any(said in finding for finding in check_post(post))


def test_each_network_counts_in_its_own_way() -> None:
    assert utf16_units("a🎬語") == 4
    # 1100 emoji are 4400 bytes for one network and 2200 units for the other: with a title of one letter, too many.
    assert check_post(PostText(title="a", description="🎬" * 1098)) == ()


@pytest.mark.parametrize("tag", ["#golang", "Postgres", "#機械学習", "#हिन्दी", "#ไทย", "#v2", "#2026goals", "#naïve"])
def test_hashtags_of_every_script_are_allowed(tag: str) -> None:
    assert is_hashtag(tag)


@pytest.mark.parametrize("tag", ["#", "", "#2026", "#a b", "#a-b", "#it's", "##a", "#🎬", "#a,b"])
def test_what_no_network_links_is_no_hashtag(tag: str) -> None:
    assert not is_hashtag(tag)
