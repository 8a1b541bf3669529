from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, text
from tests.database import as_owner
from tests.features.jobs.working import runtime_in, working
from tests.infra.queue.fleet import until
from tests.infra.queue.workspaces import workspaces

from cliply.features.notifications import outbox
from cliply.features.notifications.models import Mail
from cliply.infra.db import Database
from cliply.infra.mail import Letter, MailFailed
from cliply.runtime import Runtime

__all__ = ["workspaces"]

LETTER = Letter("ada@example.com", "Come in", "The code is hunter2-hunter2.\n")


class Unsteady:
    """A mail server that is away for a while; what it takes goes on to the one behind it."""

    def __init__(self, behind: Runtime, away: int) -> None:
        self._mailer = behind.mailer
        self._away = away

    def send(self, letter: Letter) -> Path | None:
        self._away -= 1
        if self._away >= 0:
            raise MailFailed("smtp.example.com", "no connection")
        return self._mailer.send(letter)


@pytest.fixture
def runtime(database: Database, tmp_path: Path) -> Runtime:
    return runtime_in(tmp_path, database)


def letters(runtime: Runtime) -> Iterator[EmailMessage]:
    for file in sorted((runtime.settings.data / "mail").glob("*.eml")):
        yield message_from_bytes(file.read_bytes(), policy=policy.default)


def all_sent(database: Database) -> bool:
    with database.system() as session:
        return bool(session.scalar(text("SELECT bool_and(sent_at IS NOT NULL) FROM mails")))


def test_a_letter_is_sent_once_after_its_transaction_and_nothing_is_left_of_it(
    runtime: Runtime, migrated: str, workspaces: list[UUID]
) -> None:
    with runtime.database.workspace(workspaces[0]) as session:
        mail_id = outbox.put(session, LETTER, settings=runtime.settings)
    assert list(letters(runtime)) == []
    with as_owner(migrated) as owner:
        kept = [
            *owner.execute(text("SELECT row_to_json(m)::text FROM mails m")).scalars(),
            *owner.execute(text("SELECT row_to_json(j)::text FROM procrastinate_jobs j")).scalars(),
        ]
    assert not any("hunter2" in row or "ada@example.com" in row for row in kept)
    with working(migrated, runtime.database, [outbox.send_mail], runtime=runtime):
        until(lambda: all_sent(runtime.database))
    (sent,) = letters(runtime)
    assert (sent["To"], sent["Subject"]) == ("ada@example.com", "Come in")
    assert "hunter2-hunter2" in sent.get_content()
    assert sent["Message-ID"] == f"<{mail_id}@localhost>"
    with runtime.database.workspace(workspaces[0]) as session:
        assert session.scalars(select(Mail.sealed)).all() == [None]
    with runtime.database.workspace(workspaces[1]) as session:
        assert session.scalars(select(Mail.id)).all() == []


def test_a_transaction_that_fails_sends_nothing(runtime: Runtime, workspaces: list[UUID]) -> None:
    class Undone(Exception):
        pass

    def undone() -> None:
        with runtime.database.workspace(workspaces[0]) as session:
            outbox.put(session, LETTER, settings=runtime.settings)
            raise Undone

    with pytest.raises(Undone):
        undone()
    with runtime.database.system() as session:
        assert session.scalar(text("SELECT count(*) FROM mails")) == 0
        assert session.scalar(text("SELECT count(*) FROM jobs")) == 0


def test_a_server_that_is_away_is_asked_again_later(runtime: Runtime, migrated: str, workspaces: list[UUID]) -> None:
    unsteady = Runtime(runtime.settings, runtime.database, runtime.storage, Unsteady(runtime, away=2))
    with runtime.database.workspace(workspaces[0]) as session:
        outbox.put(session, LETTER, settings=runtime.settings)

    def hurried() -> bool:
        with runtime.database.system() as session:
            session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"))
        return all_sent(runtime.database)

    with working(migrated, runtime.database, [outbox.send_mail], runtime=unsteady):
        until(hurried)
    assert len(list(letters(runtime))) == 1
    with runtime.database.system() as session:
        assert session.scalar(text("SELECT failures FROM jobs")) == 2


def test_a_letter_that_was_sent_is_not_sent_again(runtime: Runtime, migrated: str, workspaces: list[UUID]) -> None:
    with runtime.database.workspace(workspaces[0]) as session:
        mail_id = outbox.put(session, LETTER, settings=runtime.settings)
        for _ in range(3):
            outbox.send_mail.start(session, mail_id=mail_id)
    with working(migrated, runtime.database, [outbox.send_mail], runtime=runtime, concurrency=1):
        until(lambda: ended(runtime.database) == 4)
    assert len(list(letters(runtime))) == 1


def ended(database: Database) -> int:
    with database.system() as session:
        return int(session.execute(text("SELECT count(*) FROM jobs WHERE state = 'succeeded'")).scalar_one())


def test_a_week_later_a_letter_is_forgotten(runtime: Runtime, migrated: str, workspaces: list[UUID]) -> None:
    with runtime.database.workspace(workspaces[0]) as session:
        old, new = (outbox.put(session, LETTER, settings=runtime.settings) for _ in range(2))
    with runtime.database.system() as session:
        session.execute(text("UPDATE mails SET created_at = now() - interval '8 days' WHERE id = :id"), {"id": old})
        outbox.forget_mails.start(session)
    with working(migrated, runtime.database, [outbox.forget_mails], runtime=runtime):
        until(lambda: ended(runtime.database) == 1)
    with runtime.database.system() as session:
        assert session.scalars(select(Mail.id)).all() == [new]
