"""An account is connected again while somebody is still told that its old tokens are taken no more."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

import pytest
from sqlalchemy import func, select
from tests.features.publishing.meetings import meeting
from tests.features.publishing.mortal import Fate, attempted, taken
from tests.features.publishing.stage import Stage

from cliply.dev_providers.faults import Fault, Kind
from cliply.features.notifications.models import Mail
from cliply.features.publishing import tokens
from cliply.features.publishing.models import Channel
from cliply.integrations.publisher import Network, Reconnect

YOUTUBE = Network.YOUTUBE
LATER = timedelta(minutes=2)
Ends: TypeAlias = Callable[[Stage, Channel], None]


def answers_so(stage: Stage, _account: Channel) -> None:
    body = b'{"error": {"code": 403, "message": "No.", "errors": [{"reason": "channelSuspended"}]}}'
    stage.faults(YOUTUBE).plan(Fault(Kind.ANSWER, "^/upload", status=403, body=body))


def was_found_before(stage: Stage, account: Channel) -> None:
    with stage.office.database.workspace(stage.office.id) as session:
        found = tokens.find(session, account.id, locked=True)
        tokens.lose(session, found, Reconnect("It has ended."), settings=stage.runtime.settings)


@pytest.mark.parametrize("ends", [answers_so, was_found_before])
def test_an_answer_to_old_tokens_says_nothing_of_those_that_came_since(stage: Stage, ends: Ends) -> None:
    account = stage.connect(YOUTUBE)
    last = steps_until_it_is_noted(stage, account, ends)
    publication = stage.publish(YOUTUBE)
    ends(stage, account)
    told = letters(stage)
    assert meeting(stage, last, lambda: stage.connect(YOUTUBE))
    assert (stage.account(account.id).state, letters(stage)) == ("connected", told)
    assert stage.publication(publication.id).state == "parked"
    stage.run(passing=LATER)
    assert stage.publication(publication.id).state == "published"


def steps_until_it_is_noted(stage: Stage, account: Channel, ends: Ends) -> int:
    """Of a job whose account is lost and stays so; and the account is connected again."""
    publication, fate = stage.publish(YOUTUBE), Fate(lambda _number, _name: None)
    ends(stage, account)
    token = taken(stage)
    assert token is not None
    attempted(stage, token, fate)
    assert stage.account(account.id).state == "needs_reconnect"
    assert fate.steps[-2].startswith("before a transaction")
    stage.connect(YOUTUBE)
    stage.run(passing=LATER)
    assert stage.publication(publication.id).state == "published"
    return len(fate.steps) - 1


def letters(stage: Stage) -> int:
    with stage.office.database.system() as session:
        return session.scalar(select(func.count()).select_from(Mail)) or 0
