"""Workers that die at any step, or come back when another has taken over: one post, and nothing is lost."""

import threading
from contextlib import suppress

import pytest
from tests.features.publishing.mortal import LATER, Frozen, attempted, bury, dies_at_step, taken
from tests.features.publishing.stage import Stage

from cliply.features.publishing.models import Publication
from cliply.infra.queue.rows import Token
from cliply.infra.queue.worker import Stopped
from cliply.integrations.publisher import Network


def settled(stage: Stage, publication: Publication, *, posts: int) -> None:
    """It is published, nothing of it is left here, and so many posts are there in all."""
    now = stage.publication(publication.id)
    assert (now.state, now.error) == ("published", None), stage.states(publication.id)
    assert len(stage.posts()) == posts
    assert stage.posts()[-1].details["sha256"] == stage.digest
    assert stage.copies(publication.id) == []


@pytest.mark.slow
@pytest.mark.parametrize("network", list(Network))
def test_a_worker_that_dies_at_any_step_of_each_job_leaves_one_post(busy: Stage, network: Network) -> None:
    busy.connect(network)
    for step in range(1, 200):
        publication = busy.publish(network)
        died = dies_at_step(busy, step)
        settled(busy, publication, posts=step)
        if not died:
            break
    assert 30 < step < 199


@pytest.mark.slow
@pytest.mark.parametrize("network", list(Network))
def test_a_worker_that_comes_back_when_another_has_taken_over_changes_nothing(busy: Stage, network: Network) -> None:
    busy.connect(network)
    for step in range(1, 200):
        publication = busy.publish(network)
        token = taken(busy)
        assert token is not None
        frozen = Frozen(step)
        zombie = threading.Thread(target=comes_back, args=(busy, token, frozen))
        zombie.start()
        while not frozen.stands.wait(0.02) and zombie.is_alive():
            pass
        stands = frozen.stands.is_set()
        if stands:
            bury(busy)
        busy.run(passing=LATER)
        settled(busy, publication, posts=step)
        before = busy.publication(publication.id)
        frozen.thawed.set()
        zombie.join()
        busy.run(passing=LATER)
        settled(busy, publication, posts=step)
        assert busy.publication(publication.id).updated_at == before.updated_at
        if not stands:
            break
    assert 20 < step < 199


def comes_back(stage: Stage, token: Token, frozen: Frozen) -> None:
    # What it then runs into is its own affair.
    with suppress(Exception, Stopped):
        attempted(stage, token, frozen.fate())
