"""Figures are taken at fixed ages, once each, and say how old the post really was."""

from datetime import timedelta

import pytest
from tests.features.publishing.polls import (
    HOUR,
    ages_of,
    performance_of,
    poll,
    poll_at,
    published,
    seen_by,
    snapshots,
)
from tests.features.publishing.stage import Stage

from cliply.integrations.publisher import Network


@pytest.mark.parametrize("network", list(Network))
def test_figures_are_taken_at_each_age_once(stage: Stage, network: Network) -> None:
    stage.connect(network)
    publication = published(stage, network)
    poll(stage)
    assert ages_of(stage, publication.id) == []
    for number, age in enumerate((1, 3, 6, 24, 72, 168, 672), start=1):
        seen_by(stage, publication, 100 * number)
        poll_at(stage, publication, age * HOUR)
        seen_by(stage, publication, 9999)
        poll(stage)
        assert [each.views for each in snapshots(stage, publication.id)] == [
            100 * each for each in range(1, number + 1)
        ]
    assert ages_of(stage, publication.id) == [1, 3, 6, 24, 72, 168, 672]
    performance = performance_of(stage, publication.id)
    assert performance is not None
    assert (performance.next_at, performance.standing, performance.gone_at) == (None, "shown", None)


def test_a_poll_that_comes_late_says_how_late_and_makes_nothing_up_for_those_it_missed(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    publication = published(stage)
    seen_by(stage, publication, 50)
    poll_at(stage, publication, 5 * HOUR)
    (only,) = snapshots(stage, publication.id)
    performance = performance_of(stage, publication.id)
    assert performance is not None
    assert (only.age_hours, only.views) == (3, 50)
    assert timedelta() <= only.taken_at - performance.counts_from - 5 * HOUR < timedelta(minutes=1)
    assert performance.next_at == performance.counts_from + 6 * HOUR
