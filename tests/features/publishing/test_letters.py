"""What people are written about what is published: who gets it, which account it is about, and what they can do."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from tests.features.publishing.hours import live, pass_by, watch
from tests.features.publishing.stage import Stage

from cliply.dev_providers.faults import Fault, Kind
from cliply.features.identity.models import Workspace
from cliply.features.notifications.models import Mail
from cliply.features.publishing import publications, tokens
from cliply.features.publishing.models import Channel, Publication, PublicationState, ScheduleState
from cliply.infra.mail import Letter
from cliply.infra.sealing import open_sealer
from cliply.infra.settings import Settings
from cliply.integrations.publisher import Network, Reconnect

REFUSED = b'{"error": {"code": 400, "message": "No.", "errors": [{"reason": "invalidTitle"}]}}'
SECRETS = ("act.", "rft.", "ya29.", "1//0", "app-secret-canary")


def letters(stage: Stage) -> list[Letter]:
    """All that wait to be sent, by recipient."""
    sealer = open_sealer(stage.runtime.settings)
    with stage.office.database.system() as session:
        found = session.execute(select(Mail.id, Mail.sealed).where(Mail.sealed.is_not(None))).all()
    opened = [Letter(**json.loads(sealer.open(each.sealed, row=f"mails/{each.id}"))) for each in found]
    return sorted(opened, key=lambda each: each.to)


def let_in_no_more(stage: Stage, network: Network, *, who: str = "owner") -> Channel:
    """Its owner has taken the permission back at the network, and that is found out."""
    channel = stage.connect(network, who=who)
    tokens_there = (stage.google if network is Network.YOUTUBE else stage.tiktok).tokens
    tokens_there.end(*tokens_there.consents())
    with stage.office.database.system() as session:
        session.execute(update(Channel).values(expires_at=datetime.now(UTC)))
    with pytest.raises(Reconnect):
        tokens.fresh(stage.runtime, stage.office.id, channel.id)
    return channel


def called(stage: Stage, *, workspace: str, address: str | None = None) -> None:
    with stage.office.database.system() as session:
        session.execute(update(Workspace).where(Workspace.id == stage.office.id).values(name=workspace))
    settings = stage.runtime.settings.model_dump() | {"server": {"url": address}}
    object.__setattr__(stage.runtime, "settings", Settings.model_validate(settings))


@pytest.mark.parametrize("network", list(Network))
def test_owners_and_who_connected_it_are_told_which_account_to_connect_again(stage: Stage, network: Network) -> None:
    called(stage, workspace="Bees & Co.", address="https://clips.example.com")
    channel = let_in_no_more(stage, network, who="admin")
    found = letters(stage)
    assert [each.to for each in found] == ["admin@example.com", "owner@example.com"]
    for letter in found:
        assert letter.subject == f"Connect “{channel.name}” on {network.label} again"
        assert f"on “{channel.name}” any more, in the workspace “Bees & Co.”" in letter.text
        assert (stage.account(channel.id).problem or "?") in letter.text, "why"
        assert "waits until somebody connects it again, at https://clips.example.com" in letter.text
        assert f"cliply accounts reconnect {channel.id}" in letter.text
        assert not any(secret in f"{letter.subject}{letter.text}" for secret in SECRETS)


def test_who_planned_something_is_told_that_it_missed_its_time(stage: Stage) -> None:
    called(stage, workspace="Bees & Co.", address="https://clips.example.com")
    stage.connect(Network.YOUTUBE)
    missed = [planned(stage, who=who) for who in ("owner", "member", "member")]
    pass_by(stage, timedelta(hours=5))
    watch(stage)
    found = letters(stage)
    assert [each.to for each in found] == ["member@example.com", "owner@example.com"]
    for letter in found:
        assert letter.subject == "3 things that were planned were not published"
        assert "In the workspace “Bees & Co.”" in letter.text
        assert letter.text.count("on “Bees, daily”") == 3
        assert all(str(each) in letter.text for each in missed)
        assert "https://clips.example.com" in letter.text
        assert 'cliply schedule move ID "tomorrow 18:00"' in letter.text
        assert "cliply schedule cancel ID" in letter.text
        assert not any(secret in f"{letter.subject}{letter.text}" for secret in SECRETS)


def test_names_that_others_chose_are_no_links_in_a_letter(stage: Stage) -> None:
    called(stage, workspace="Win at http://evil.example/now")
    channel = stage.connect(Network.YOUTUBE)
    planned(stage, who="owner")
    with stage.office.database.system() as session:
        session.execute(update(Channel).where(Channel.id == channel.id).values(name="evil.example/account"))
    pass_by(stage, timedelta(hours=5))
    watch(stage)
    [letter] = letters(stage)
    assert letter.subject == "Something that was planned was not published"
    assert not any(link in letter.text for link in ("://", "evil.example"))
    assert "None" not in letter.text, "an installation without an address names none"


def test_who_planned_something_is_told_once_that_it_came_to_nothing(stage: Stage) -> None:
    called(stage, workspace="Bees & Co.", address="https://clips.example.com")
    stage.connect(Network.YOUTUBE)
    failed = planned(stage, who="member")
    at_once = stage.publish(Network.YOUTUBE).id
    stage.faults(Network.YOUTUBE).plan(Fault(Kind.ANSWER, "^/upload", status=400, body=REFUSED, times=None))
    live(stage, 3)
    assert {stage.publication(each).state for each in (failed, at_once)} == {PublicationState.REJECTED}
    watch(stage)
    found = letters(stage)
    assert [each.to for each in found] == ["member@example.com", "owner@example.com"]
    for letter in found:
        assert letter.subject == "Something that was planned was not published"
        assert "In the workspace “Bees & Co.”, this came to nothing:" in letter.text
        assert letter.text.count("on “Bees, daily”") == 1
        assert "YouTube does not take this title: it has 1 to 100 characters" in letter.text, "why"
        assert str(failed) in letter.text
        assert str(at_once) not in letter.text, "whoever publishes at once sees it"
        assert "cliply publications retry ID" in letter.text
        assert "settle" not in letter.text
        assert not any(secret in f"{letter.subject}{letter.text}" for secret in SECRETS)
    with stage.office.entered("owner") as (session, caller):
        publications.retry(session, caller, failed)
    live(stage, 1)
    watch(stage)
    assert len(letters(stage)) == 2 * len(found), "who tries again hears of that as well"


def test_who_planned_something_is_told_that_nobody_knows_whether_it_is_there(stage: Stage) -> None:
    called(stage, workspace="Bees & Co.")
    stage.connect(Network.YOUTUBE)
    lost = planned(stage, who="owner")
    with stage.office.database.system() as session:
        steps = (
            {"schedule": ScheduleState.FIRED, "fired_at": datetime.now(UTC)},
            {"state": PublicationState.PREPARING},
            {"state": PublicationState.UPLOADING, "handle_sealed": b"sealed", "begun_at": datetime.now(UTC)},
            {"state": PublicationState.UNKNOWN, "next_at": None, "error": "Its answer was lost: see evil.example/now."},
        )
        for step in steps:
            session.execute(update(Publication).where(Publication.id == lost).values(step))
    watch(stage)
    watch(stage)
    [letter] = letters(stage)
    assert letter.subject == "Something that was planned may not have been published"
    assert "Its answer was lost: see evil example now." in letter.text, "what a network said is no link"
    assert f"{lost}" in letter.text
    assert "cliply publications settle ID published" in letter.text
    assert "retry" not in letter.text


def planned(stage: Stage, *, who: str) -> UUID:
    at = datetime.now(UTC) + timedelta(hours=1)
    return stage.publish(Network.YOUTUBE, run_at=at, who=who).id
