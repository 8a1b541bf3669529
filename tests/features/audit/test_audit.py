from uuid import UUID, uuid4

import pytest
from sqlalchemy import UpdateBase, delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from tests.database import as_owner

from cliply.features.audit import service as audit
from cliply.features.audit.models import ActorKind, AuditEntry
from cliply.infra.db import Database

OURS = UUID(int=1)
ADA = audit.Actor(ActorKind.USER, UUID(int=10), request_id="req-1", ip="2001:db8::1")


def test_an_entry_is_written_with_what_it_is_about(database: Database) -> None:
    with database.workspace(OURS) as session:
        audit.record(session, "clip.renamed", ("clip", 7), by=ADA, before={"name": "a"}, after={"name": "b"})
    with database.workspace(OURS) as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.workspace_id, entry.actor_kind, entry.actor_id) == (OURS, "user", UUID(int=10))
    assert (entry.action, entry.target_kind, entry.target_id) == ("clip.renamed", "clip", "7")
    assert (entry.request_id, entry.ip) == ("req-1", "2001:db8::1")
    assert entry.before_hash != entry.after_hash


def test_the_same_state_has_the_same_hash_in_any_order(database: Database) -> None:
    with database.workspace(OURS) as session:
        entry = audit.record(
            session, "clip.renamed", ("clip", 7), by=ADA, before={"a": 1, "b": [2]}, after={"b": [2], "a": 1}
        )
    assert entry.before_hash == entry.after_hash


def test_an_entry_goes_with_the_change_that_it_tells_of(database: Database) -> None:
    def fail_late(session: Session) -> None:
        audit.record(session, "clip.renamed", ("clip", 7), by=ADA)
        raise LookupError

    with pytest.raises(LookupError), database.workspace(OURS) as session:
        fail_late(session)
    with database.system() as session:
        assert session.scalars(select(AuditEntry)).all() == []


def test_a_workspace_sees_its_own_entries_and_not_the_installation_s(database: Database) -> None:
    with database.system() as session:
        audit.record(session, "queue.paused", ("queue", "media"), by=audit.Actor(ActorKind.OPERATOR))
        audit.record(session, "clip.renamed", ("clip", 7), by=ADA, workspace_id=uuid4())
        audit.record(session, "clip.renamed", ("clip", 8), by=ADA, workspace_id=OURS)
    with database.workspace(OURS) as session:
        assert session.scalars(select(AuditEntry.target_id)).all() == ["8"]


@pytest.mark.parametrize("change", [update(AuditEntry).values(action="nothing"), delete(AuditEntry)])
def test_no_session_changes_or_removes_an_entry(database: Database, change: UpdateBase) -> None:
    with database.workspace(OURS) as session:
        audit.record(session, "clip.renamed", ("clip", 7), by=ADA)
    with pytest.raises(DBAPIError, match="permission denied"), database.workspace(OURS) as session:
        session.execute(change)
    with pytest.raises(DBAPIError, match="permission denied"), database.system() as session:
        session.execute(change)


@pytest.mark.parametrize("replica", [False, True], ids=["as usual", "as a replica"])
@pytest.mark.parametrize(
    "change", ["UPDATE audit_entries SET action = 'nothing'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"]
)
def test_not_even_a_superuser_changes_or_removes_an_entry(
    database: Database, migrated: str, change: str, replica: bool
) -> None:
    with database.workspace(OURS) as session:
        audit.record(session, "clip.renamed", ("clip", 7), by=ADA)
    role = "replica" if replica else "origin"
    with pytest.raises(DBAPIError, match="audit_entries is append-only"), as_owner(migrated) as connection:
        connection.execute(text(f"SET LOCAL session_replication_role = {role}; {change}"))
