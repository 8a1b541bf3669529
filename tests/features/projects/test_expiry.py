"""What is kept for a time only: announced once, some days before, and gone then and not sooner."""

import email
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update
from tests.database import as_owner, fresh_database
from tests.features.jobs.working import runtime_in, working
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until

from cliply.features.identity.models import Workspace
from cliply.features.jobs.kinds import Kind
from cliply.features.notifications import outbox
from cliply.features.notifications.models import Mail
from cliply.features.projects import expiry, sweeping
from cliply.features.projects.models import Project, ProjectState, SourceKind
from cliply.features.projects.tasks import delete_objects
from cliply.features.workspaces import service as workspaces
from cliply.infra import schema
from cliply.infra.db import Database
from cliply.runtime import Runtime

DAY = timedelta(days=1)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_BEFORE = """
    SET ROLE cliply_system;
    INSERT INTO workspaces (slug, name, retention_days) VALUES ('a', 'Thirty days', 30), ('b', 'For good', NULL);
    INSERT INTO projects (workspace_id, name, source_kind, state, options, expires_at)
        SELECT id, name, 'file', 'failed', '{}', now() + interval '30 days' FROM workspaces;
    RESET ROLE;
"""


@pytest.fixture
def runtime(office: Office, tmp_path: Path) -> Runtime:
    return runtime_in(tmp_path, office.database)


def keep_for(office: Office, days: int | None) -> None:
    """As an admin says it."""
    with office.entered("admin") as (session, caller):
        workspaces.change(session, caller, retention_days=days)


def begun(
    office: Office,
    at: datetime,
    *,
    days: int | None,
    name: str = "Interview",
    state: ProjectState = ProjectState.FAILED,
) -> UUID:
    """A project that was begun then, in a workspace that kept files for so many days."""
    project = Project(
        id=uuid4(), name=name, source_kind=SourceKind.FILE, state=state, options={}, created_at=at,
        expires_at=None if days is None else at + timedelta(days=days),
    )  # fmt: skip
    with office.database.workspace(office.id) as session:
        session.execute(update(Workspace).values(retention_days=days))
        session.add(project)
    return project.id


def tell(office: Office, runtime: Runtime, now: datetime) -> bool:
    with office.database.workspace(office.id) as session:
        return expiry.tell(session, now=now, settings=runtime.settings)


def ends(office: Office, project: UUID) -> datetime | None:
    with office.database.workspace(office.id) as session:
        return session.get_one(Project, project).expires_at


def gone_at(office: Office, now: datetime) -> set[UUID]:
    """What would be deleted then."""
    with office.database.system() as session:
        return set(session.scalars(select(Project.id).where(*expiry.over(now))))


def hours(begin: datetime, end: datetime) -> Iterator[datetime]:
    while begin <= end:
        yield begin
        begin += timedelta(hours=1)


def letters(office: Office) -> int:
    """To the owner and to the admin, each."""
    with office.database.workspace(office.id) as session:
        return len(session.scalars(select(Mail)).all())


def there(office: Office) -> set[UUID]:
    with office.database.workspace(office.id) as session:
        return set(session.scalars(select(Project.id)))


def read(runtime: Runtime) -> list[EmailMessage]:
    """The letters that were sent, to the admin first."""
    files = (runtime.settings.data / "mail").glob("*.eml")
    found = [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    return sorted(found, key=lambda each: str(each["To"]))


def sent(office: Office, runtime: Runtime, url: str) -> list[EmailMessage]:
    with working(url, office.database, [outbox.send_mail], runtime=runtime):
        until(lambda: len(read(runtime)) == letters(office))
    return read(runtime)


def lost_after(told: bool) -> None:
    """The line to the database goes once the letter was written and before it is committed."""
    assert told
    raise ConnectionResetError


def first_told(office: Office, runtime: Runtime, begin: datetime, end: datetime) -> datetime:
    """The one hour of all these in which there was a letter, asked for by the job of every hour."""
    (told,) = [hour for hour in hours(begin, end) if tell(office, runtime, hour)]
    return told


def test_owners_are_told_on_the_seventh_day_before_and_the_project_goes_at_its_time_and_not_sooner(
    office: Office, runtime: Runtime
) -> None:
    project = begun(office, NOON, days=30)
    over = NOON + 30 * DAY
    midnight = datetime(2026, 12, 13, tzinfo=UTC)
    assert not tell(office, runtime, midnight - timedelta(microseconds=1))
    assert first_told(office, runtime, midnight, over + DAY) == midnight
    assert ends(office, project) == over
    assert gone_at(office, over - timedelta(microseconds=1)) == set()
    assert gone_at(office, over) == {project}


def test_who_keeps_files_for_a_week_at_most_is_told_the_day_before(office: Office, runtime: Runtime) -> None:
    begun(office, NOON, days=7)
    assert first_told(office, runtime, NOON, NOON + 8 * DAY) == datetime(2026, 11, 26, tzinfo=UTC)


def test_days_are_those_of_the_workspaces_zone_also_where_clocks_are_changed(
    office: Office, runtime: Runtime, migrated: str
) -> None:
    with office.database.workspace(office.id) as session:
        session.get_one(Workspace, office.id).timezone = "America/New_York"
    # There the 1st of November 2026 has 25 hours. It ends on the 8th at 23:30, four hours later by UTC than before.
    over = datetime(2026, 11, 9, 4, 30, tzinfo=UTC)
    project = begun(office, over - 30 * DAY, days=30)
    begins = datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert not tell(office, runtime, begins - timedelta(microseconds=1))
    assert tell(office, runtime, begins)
    assert ends(office, project) == over
    assert "2026-11-08 (Sunday)" in sent(office, runtime, migrated)[0].get_content()


def test_nothing_goes_untold_and_the_days_of_notice_begin_when_owners_are_told(
    office: Office, runtime: Runtime
) -> None:
    project = begun(office, NOON, days=30)
    late = NOON + 40 * DAY
    assert gone_at(office, late) == set(), "no worker ran meanwhile, so nobody knows"
    assert tell(office, runtime, late)
    assert ends(office, project) == late + 7 * DAY
    assert gone_at(office, late + 7 * DAY - timedelta(microseconds=1)) == set()
    assert gone_at(office, late + 7 * DAY) == {project}


def test_a_day_has_one_letter_and_what_came_after_it_is_in_the_next(office: Office, runtime: Runtime) -> None:
    first = begun(office, NOON, days=1)
    assert tell(office, runtime, NOON + timedelta(hours=1))
    second = begun(office, NOON + timedelta(hours=2), days=1)
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    assert first_told(office, runtime, NOON + timedelta(hours=2), NOON + DAY) == midnight
    assert ends(office, first) == NOON + timedelta(hours=25)
    assert ends(office, second) == midnight + DAY


def test_a_shorter_time_counts_for_what_is_there_and_deletes_nothing_before_it_was_told(
    office: Office, runtime: Runtime
) -> None:
    now = datetime.now(UTC)
    old, young = begun(office, now - 100 * DAY, days=None), begun(office, now, days=None)
    keep_for(office, 30)
    asked_at = ends(office, old)
    assert asked_at is not None
    assert now + 8 * DAY <= asked_at <= datetime.now(UTC) + 8 * DAY
    assert ends(office, young) == now + 30 * DAY
    assert gone_at(office, asked_at + DAY) == set()
    # From when it was asked for, which may be another day already than the one on which this test began.
    told = first_told(office, runtime, asked_at - 8 * DAY, asked_at)
    assert told + 7 * DAY <= asked_at
    assert ends(office, old) == asked_at, "what the API says is what happens"
    assert gone_at(office, asked_at) == {old}


def test_a_longer_time_moves_the_end_and_it_is_told_again_before_that(office: Office, runtime: Runtime) -> None:
    # At noon: the letter goes with the first hour of a day, whenever this runs.
    begin = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - 25 * DAY
    project = begun(office, begin, days=30)
    assert tell(office, runtime, datetime.now(UTC))
    keep_for(office, 60)
    assert ends(office, project) == begin + 60 * DAY
    assert gone_at(office, begin + 100 * DAY) == set()
    told = first_told(office, runtime, datetime.now(UTC), begin + 60 * DAY)
    assert 7 * DAY <= begin + 60 * DAY - told < 8 * DAY
    assert gone_at(office, begin + 60 * DAY) == {project}


def test_what_is_to_be_kept_until_somebody_deletes_it_never_goes_by_itself(office: Office, runtime: Runtime) -> None:
    project = begun(office, datetime.now(UTC) - 25 * DAY, days=30)
    assert tell(office, runtime, datetime.now(UTC))
    keep_for(office, None)
    assert ends(office, project) is None
    assert gone_at(office, datetime.now(UTC) + 1000 * DAY) == set()


def test_what_was_begun_while_its_workspace_began_to_keep_everything_stays(office: Office, runtime: Runtime) -> None:
    project = begun(office, NOON, days=30)
    keep_for(office, None)
    with office.database.workspace(office.id) as session:
        session.get_one(Project, project).expires_at = NOON + 30 * DAY
    assert not tell(office, runtime, NOON + 40 * DAY)
    assert gone_at(office, NOON + 100 * DAY) == set()


@pytest.mark.slow
def test_an_upgrade_keeps_what_its_workspace_does_not_want_deleted_any_more(server: str) -> None:
    with fresh_database(server, "upgraded") as url:
        schema.upgrade(url, "0091")
        with as_owner(url) as owner:
            owner.execute(text(_BEFORE))
        schema.upgrade(url)
        database = Database(url)
        with database.system() as session:
            found = session.execute(select(Project.name, Project.expires_at, Project.expiry_told_at)).all()
        database.close()
    assert {name: at is not None for name, at, _ in found} == {"Thirty days": True, "For good": False}
    assert [told for _, _, told in found] == [None, None]


def test_another_setting_of_the_workspace_moves_no_end(office: Office, runtime: Runtime) -> None:
    project = begun(office, datetime.now(UTC) - 25 * DAY, days=30)
    assert tell(office, runtime, datetime.now(UTC))
    over = ends(office, project)
    assert over is not None
    with office.entered("owner") as (session, caller):
        workspaces.change(session, caller, name="Engines", timezone="Asia/Tokyo", retention_days=30)
    assert ends(office, project) == over
    assert gone_at(office, over) == {project}


def test_of_what_was_refused_nobody_is_told_and_its_line_goes_in_time(office: Office, runtime: Runtime) -> None:
    project = begun(office, NOON, days=30, state=ProjectState.REFUSED)
    assert not tell(office, runtime, NOON + 25 * DAY)
    assert letters(office) == 0
    assert gone_at(office, NOON + 32 * DAY) == {project}


def test_another_workspaces_projects_are_told_to_its_own_people_alone(
    office: Office, runtime: Runtime, migrated: str
) -> None:
    begun(office, NOON, days=30)
    with office.database.system() as session:
        elsewhere = session.scalars(select(Workspace.id).where(Workspace.name == "Elsewhere")).one()
    other = Office(office.database, elsewhere)
    keep_for(office, 10)
    theirs = begun(other, NOON, days=30, name="Theirs")
    assert ends(other, theirs) == NOON + 30 * DAY
    assert tell(other, runtime, NOON + 25 * DAY)
    assert letters(office) == 0
    (letter,) = sent(other, runtime, migrated)
    assert str(letter["To"]) == "stranger@example.com"
    assert "“Theirs”" in letter.get_content()
    assert "Interview" not in letter.get_content()


def test_a_letter_and_the_note_that_it_was_written_are_one(office: Office, runtime: Runtime) -> None:
    begun(office, NOON, days=30)
    with pytest.raises(ConnectionResetError), office.database.workspace(office.id) as session:
        lost_after(expiry.tell(session, now=NOON + 25 * DAY, settings=runtime.settings))
    assert letters(office) == 0
    assert gone_at(office, NOON + 100 * DAY) == set()
    assert tell(office, runtime, NOON + 25 * DAY)
    assert letters(office) == 2


def test_however_many_workers_look_at_once_there_is_one_letter(office: Office, runtime: Runtime) -> None:
    for number in range(3):
        begun(office, NOON, days=30, name=f"Part {number}")
    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(lambda _: tell(office, runtime, NOON + 25 * DAY), range(6)))
    assert sum(told) == 1
    assert letters(office) == 2, "to the owner and to the admin"


def test_the_jobs_tell_and_delete_and_the_letter_says_what_goes_and_how_to_keep_it(
    office: Office, runtime: Runtime, migrated: str
) -> None:
    now = datetime.now(UTC)
    due = [begun(office, now - 29 * DAY + n * timedelta(minutes=1), days=30, name=f"Part {n}") for n in range(52)]
    lasting = begun(office, now, days=30)
    announced = begun(office, now - 31 * DAY, days=30, name="Announced")
    with office.database.workspace(office.id) as session:
        session.execute(
            text("update projects set expiry_told_at = now() - interval '7 days' where id = :id"), {"id": announced}
        )
    with office.database.system() as session:
        sweeping.tell_of_expiry.start(session)
        sweeping.expire_projects.start(session)
    kinds: list[Kind[Any]] = [sweeping.tell_of_expiry, sweeping.expire_projects, delete_objects, outbox.send_mail]
    with working(migrated, office.database, kinds, runtime=runtime):
        until(lambda: len(read(runtime)) == 2)
        until(lambda: there(office) == {*due, lasting})
    admin, owner = read(runtime)
    assert (str(owner["To"]), str(admin["To"])) == ("owner@example.com", "admin@example.com")
    end = ends(office, due[0])
    assert end is not None
    assert str(owner["Subject"]) == f"52 projects of “Engines & Co.” will be deleted from {end:%Y-%m-%d (%A)} on"
    body = owner.get_content()
    assert "keeps its files for 30 days" in body
    assert f"    {end:%Y-%m-%d (%A)}  “Part 0”\n        {due[0]}\n" in body
    assert body.count("“Part ") == 50
    assert "and 2 more" in body
    assert "cliply workspaces settings --keep-days" in body
    assert "cliply clips download ID" in body
    assert str(lasting) not in body
