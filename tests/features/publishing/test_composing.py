"""What a clip has to be before it is published."""

import pytest

from cliply.features.clips.models import Clip, ClipState
from cliply.features.publishing.composing import ClipNotRendered, check_made


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (ClipState.CANDIDATE, "is not made yet. Render it, then publish it."),
        (ClipState.RENDERING, "is being rendered, and can be published once that is done."),
        (ClipState.READY, "is not rendered yet. Render it, then publish it."),
        (ClipState.FAILED, "could not be rendered. Render it again, then publish it."),
    ],
)
def test_a_clip_that_is_not_made_is_refused_with_what_to_do(state: ClipState, told: str) -> None:
    clip = Clip(state=state, files={"video": {}}, version=2, rendered_version=1)
    with pytest.raises(ClipNotRendered) as refused:
        check_made(clip)
    assert str(refused.value).endswith(told)
