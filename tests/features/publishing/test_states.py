"""What a publication may become, as the database has it: whoever writes, by whatever program."""

from itertools import product
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from tests.features.workspaces.conftest import Office

from cliply.features.publishing.models import UNFINISHED, PublicationState

S = PublicationState
FOLLOWS: dict[S, set[S]] = {
    S.INTENT: {S.PREPARING, S.PARKED, S.NEEDS_RECONNECT, S.REJECTED, S.CANCELLED},
    S.PREPARING: {S.UPLOADING, S.PARKED, S.NEEDS_RECONNECT, S.REJECTED, S.CANCELLED},
    S.UPLOADING: {
        S.PROCESSING, S.PENDING, S.PUBLISHED, S.PARKED, S.NEEDS_RECONNECT, S.UNKNOWN, S.REJECTED, S.PREPARING,
    },
    S.PROCESSING: {S.PENDING, S.PUBLISHED, S.NEEDS_RECONNECT, S.UNKNOWN, S.REJECTED, S.PARKED},
    S.PENDING: {S.PROCESSING, S.PUBLISHED, S.NEEDS_RECONNECT, S.UNKNOWN, S.REJECTED, S.PARKED},
    S.PARKED: {
        S.PREPARING, S.UPLOADING, S.PROCESSING, S.PENDING, S.PUBLISHED, S.NEEDS_RECONNECT, S.UNKNOWN, S.REJECTED,
        S.CANCELLED,
    },
    S.NEEDS_RECONNECT: {
        S.PREPARING, S.UPLOADING, S.PROCESSING, S.PENDING, S.PUBLISHED, S.PARKED, S.UNKNOWN, S.REJECTED, S.CANCELLED,
    },
    S.UNKNOWN: {S.UPLOADING, S.PROCESSING, S.PENDING, S.PUBLISHED, S.REJECTED, S.PREPARING, S.NEEDS_RECONNECT},
    S.REJECTED: {S.PREPARING},
    S.PUBLISHED: set(),
    S.CANCELLED: set(),
}  # fmt: skip
SENT = {S.UPLOADING, S.PROCESSING, S.PENDING, S.PUBLISHED, S.UNKNOWN}
"""May be there: what it is known by at the network is kept."""
_ROW = text("""
    insert into publications (workspace_id, channel_id, network, post, state, next_at, handle_sealed, begun_at, error,
        published_at)
    values (current_setting('app.workspace_id')::uuid, :channel, 'youtube', '{}', :state, :next_at, :handle, :begun_at,
        :error, :published_at)
    returning id
""")
_CHANNEL = text("""
    insert into channels (workspace_id, network, external_id, name, state)
    values (current_setting('app.workspace_id')::uuid, 'youtube', 'UC1', 'Bees', 'disconnected') returning id
""")
_STEP = text("""
    update publications set state = :state, next_at = :next_at, handle_sealed = :handle, begun_at = :begun_at,
        error = :error, published_at = :published_at where id = :id
""")


def row(state: S, **more: Any) -> dict[str, Any]:
    """A whole row in this state, with nothing that it has no need of."""
    begun = state in SENT
    return {
        "state": state.value,
        "next_at": "2026-12-01T12:00:00Z" if state is S.PARKED else None,
        "handle": b"sealed" if begun else None,
        "begun_at": "2026-12-01T12:00:00Z" if begun else None,
        "error": "It was refused." if state is S.REJECTED else None,
        "published_at": "2026-12-01T12:00:00Z" if state is S.PUBLISHED else None,
        **more,
    }


def broken(session: Session, statement: Any, values: dict[str, Any]) -> str | None:
    """The constraint that refuses it."""
    try:
        with session.begin_nested():
            session.execute(statement, values)
    except IntegrityError as refused:
        return refused.orig.diag.constraint_name if isinstance(refused.orig, psycopg.Error) else None
    return None


def test_each_state_is_followed_by_those_that_may_follow_it_and_by_no_other(office: Office) -> None:
    wrong = []
    with office.entered("owner") as (session, _caller):
        channel = session.execute(_CHANNEL).scalar_one()
        for was, becomes in product(S, S):
            publication = session.execute(_ROW, {"channel": channel, **row(was)}).scalar_one()
            refused = broken(session, _STEP, {"id": publication, **row(becomes)})
            expected = None if was is becomes or becomes in FOLLOWS[was] else "ck_publications_step"
            if refused != expected:
                wrong.append((was, becomes, refused))
    assert wrong == []
    assert len(FOLLOWS) == len(S)


def test_whatever_is_not_finished_can_come_to_an_end() -> None:
    """By a row of steps: no state is left by nothing."""
    ends = set(S) - UNFINISHED
    while more := {state for state in set(S) - ends if FOLLOWS[state] & ends}:
        ends |= more
    assert ends == set(S)


@pytest.mark.parametrize("state", list(S))
def test_a_row_lacks_nothing_that_its_state_stands_for(office: Office, state: S) -> None:
    lacking: dict[str, tuple[dict[str, Any], bool]] = {
        "ck_publications_handle": ({"handle": None, "begun_at": None}, state in SENT),
        "ck_publications_begun_at": ({"handle": b"sealed", "begun_at": None}, True),
        "ck_publications_parked": ({"next_at": None}, state is S.PARKED),
        "ck_publications_rejected": ({"error": None}, state is S.REJECTED),
        "ck_publications_published": (
            {"published_at": None if state is S.PUBLISHED else "2026-12-01T12:00:00Z"}, True,
        ),
    }  # fmt: skip
    with office.entered("owner") as (session, _caller):
        channel = session.execute(_CHANNEL).scalar_one()
        assert broken(session, _ROW, {"channel": channel, **row(state)}) is None
        for constraint, (without, refused) in lacking.items():
            told = broken(session, _ROW, {"channel": channel, **row(state, **without)})
            assert told == (constraint if refused else None), constraint


def test_what_has_begun_is_prepared_again_only_without_its_handle(office: Office) -> None:
    with office.entered("owner") as (session, _caller):
        channel = session.execute(_CHANNEL).scalar_one()
        for was in (S.UPLOADING, S.PARKED, S.NEEDS_RECONNECT, S.UNKNOWN, S.REJECTED):
            kept = {"handle": b"sealed", "begun_at": "2026-12-01T12:00:00Z"}
            publication = session.execute(_ROW, {"channel": channel, **row(was, **kept)}).scalar_one()
            step = {"id": publication, **row(S.PREPARING, **kept)}
            assert broken(session, _STEP, step) == "ck_publications_once"
            assert broken(session, _STEP, step | {"handle": None}) is None


def test_history_is_written_by_the_database_and_by_nobody_else(office: Office) -> None:
    with office.entered("owner") as (session, _caller):
        channel = session.execute(_CHANNEL).scalar_one()
        publication = session.execute(_ROW, {"channel": channel, **row(S.INTENT)}).scalar_one()
        session.execute(_STEP, {"id": publication, **row(S.PARKED, error="It is busy.")})
        session.execute(_STEP, {"id": publication, **row(S.PARKED, error="It is busy.")})
        session.execute(_STEP, {"id": publication, **row(S.PREPARING)})
        history = session.execute(
            text("select state, said from publication_events where publication_id = :id order by id"),
            {"id": publication},
        ).all()
        assert [tuple(each) for each in history] == [
            ("intent", None), ("parked", "It is busy."), ("preparing", None),
        ]  # fmt: skip
        for forged in (
            "insert into publication_events (publication_id, state) select id, 'published' from publications",
            "update publication_events set state = 'published'",
            "delete from publication_events",
        ):
            with pytest.raises(Exception, match="permission denied"), session.begin_nested():
                session.execute(text(forged))
