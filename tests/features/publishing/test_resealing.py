"""The key that seals tokens and handles is replaced while publishing goes on, and the old one is not needed then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from tests.features.publishing.stage import Stage

from cliply.features.publishing import resealing, tokens
from cliply.features.publishing.models import Channel
from cliply.features.publishing.tasks import reseal_tokens
from cliply.infra import seal_check
from cliply.infra.sealing import open_sealer
from cliply.integrations.publisher import Network, Reconnect

YOUTUBE, TIKTOK = Network.YOUTUBE, Network.TIKTOK
OLD, NEW = "an old key of more than thirty-two bytes", "a new key of more than thirty-two bytes"


def with_keys(stage: Stage, key: str, *before: str) -> Stage:
    changed = {"secret_key": key, "secret_keys_before": list(before)}
    settings = type(stage.runtime.settings).model_validate({**stage.runtime.settings.model_dump(), **changed})
    return replace(stage, runtime=replace(stage.runtime, settings=settings))


def reseal(stage: Stage) -> int:
    with stage.office.database.system() as session:
        return resealing.reseal(session, open_sealer(stage.runtime.settings))


def expire(stage: Stage) -> None:
    with stage.office.database.system() as session:
        session.execute(update(Channel).values(expires_at=datetime.now(UTC)))


def fresh(stage: Stage, channel: Channel) -> str:
    return tokens.fresh(stage.runtime, stage.office.id, channel.id)


def test_the_key_is_replaced_while_publishing_goes_on_and_is_not_needed_afterwards(stage: Stage) -> None:
    old, both, new = with_keys(stage, OLD, NEW), with_keys(stage, NEW, OLD), with_keys(stage, NEW)
    channels = [old.connect(TIKTOK), old.connect(TIKTOK, account="bob"), old.connect(YOUTUBE)]
    publications = [old.publish(TIKTOK, channel_id=each.id) for each in channels[:2]] + [old.publish(YOUTUBE)]
    # One is being looked at by now, and has a handle that the old key has sealed.
    stage._let_time_pass()
    assert old.run_one()
    resealed = [reseal(both)]
    for number in range(60):
        stage.clock.advance(timedelta(minutes=2))
        stage._let_time_pass()
        if number < 3:
            expire(stage)
        # For a while there are processes of both kinds.
        if not (old if number < 3 and number % 2 else both).run_one():
            break
        resealed.append(reseal(both))
    assert [stage.publication(each.id).state for each in publications] == ["published"] * 3
    assert len(stage.posts()) == 3
    assert resealed[0] == 4, "three channels and a publication"
    assert sum(resealed) > 4, "what the old ones wrote meanwhile as well"
    assert reseal(both) == 0, "nothing is left"
    expire(stage)
    assert all(fresh(new, each) for each in channels)
    with pytest.raises(Reconnect, match="a key that is not here"):
        fresh(with_keys(stage, OLD), channels[0])


def test_a_publication_that_is_under_way_needs_the_old_key_no_more(stage: Stage) -> None:
    old, new = with_keys(stage, OLD), with_keys(stage, NEW)
    old.connect(TIKTOK)
    publication = old.publish(TIKTOK)
    stage._let_time_pass()
    old.run_one()
    assert stage.publication(publication.id).handle_sealed is not None
    before = stage.publication(publication.id).updated_at
    reseal(with_keys(stage, NEW, OLD))
    assert stage.publication(publication.id).updated_at == before
    new.run(passing=timedelta(minutes=2))
    assert stage.publication(publication.id).state == "published"
    assert len(stage.posts()) == 1


def test_a_row_that_does_not_open_keeps_no_other_from_being_sealed_anew(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    old, both, new = with_keys(stage, OLD), with_keys(stage, NEW, OLD), with_keys(stage, NEW)
    channels = [old.connect(TIKTOK), old.connect(TIKTOK, account="bob"), old.connect(YOUTUBE)]
    with stage.office.database.system() as session:
        moved = stage.account(channels[0].id).grant_sealed
        session.execute(update(Channel).where(Channel.id == channels[1].id).values(grant_sealed=moved))
    assert reseal(both) == 2
    assert "secrets_not_opened" in caplog.messages
    assert fresh(new, channels[0])
    assert fresh(new, channels[2])
    assert reseal(new) == 0


def test_one_who_was_not_told_the_old_key_changes_nothing(stage: Stage) -> None:
    old = with_keys(stage, OLD)
    channel = old.connect(TIKTOK)
    assert reseal(with_keys(stage, NEW)) == 0
    assert fresh(old, channel)


def test_the_job_also_seals_what_tells_processes_that_their_key_is_right(stage: Stage) -> None:
    old, both, new = with_keys(stage, OLD), with_keys(stage, NEW, OLD), with_keys(stage, NEW)
    database = stage.office.database
    seal_check.agree(database, old.runtime.settings)
    with pytest.raises(seal_check.OtherKey):
        seal_check.agree(database, new.runtime.settings)
    with database.system() as session:
        reseal_tokens.start(session)
    assert both.run_one()
    seal_check.agree(database, new.runtime.settings)
    with pytest.raises(seal_check.OtherKey):
        seal_check.agree(database, old.runtime.settings)
