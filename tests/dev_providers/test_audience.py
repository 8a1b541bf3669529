from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from cliply.dev_providers.audience import watched

HOURS = st.floats(0, 10_000).map(lambda hours: timedelta(hours=hours))


@given(st.text(min_size=1), HOURS, HOURS)
def test_no_number_falls_while_a_post_is_shown_for_longer(post: str, first: timedelta, second: timedelta) -> None:
    before, after = watched(post, min(first, second)), watched(post, max(first, second))
    for name in ("views", "likes", "comments", "shares", "minutes"):
        assert 0 <= getattr(before, name) <= getattr(after, name) <= after.views


def test_nobody_has_seen_what_was_not_shown_and_everybody_does_in_the_end() -> None:
    assert watched("a", timedelta()).views == 0
    assert watched("a", timedelta(hours=-1)).views == 0
    assert watched("a", timedelta(days=28)).views > watched("a", timedelta(hours=1)).views > 0
    assert watched("a", timedelta(days=28)) != watched("b", timedelta(days=28))
