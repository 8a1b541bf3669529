"""A clip goes to its network, and what became of it is known."""

from datetime import timedelta

import pytest
from tests.features.publishing.stage import Stage

from cliply.integrations.publisher import Network

LATER = timedelta(minutes=2)


@pytest.mark.parametrize("network", list(Network))
def test_a_clip_is_published_once_with_its_own_bytes(stage: Stage, network: Network) -> None:
    stage.connect(network)
    clip = stage.clip()
    publication = stage.publish(network, clip)
    stage.run(passing=LATER)
    now = stage.publication(publication.id)
    assert (now.state, now.error) == ("published", None), stage.states(publication.id)
    [post] = stage.posts()
    assert post.details["sha256"] == clip.files["video"]["sha256"]
    assert now.external_id == (post.details.get("id") or post.details.get("post_id"))
    assert now.external_id is not None
    assert now.url is not None
    assert now.external_id in now.url
    assert stage.states(publication.id)[:3] == ["intent", "preparing", "uploading"]
