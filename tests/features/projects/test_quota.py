"""How many projects a workspace begins in a day."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from tests.database import as_owner
from tests.features.pipeline.studio import Studio
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import LIMITED, admitted_at_once, is_admitted, limit_of, on_plan
from tests.integrations.test_downloads import allowing, site

from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import BUILT_IN, Meter, PlanLimit
from cliply.features.pipeline import service as pipeline
from cliply.features.projects import quota, uploads
from cliply.features.projects import service as projects
from cliply.features.projects.models import Project
from cliply.features.projects.options import ProjectOptions
from cliply.features.projects.quota import Day
from cliply.features.projects.uploads import FileTooLarge, NewUpload

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Africa/Cairo", "America/Havana")


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Studio:
    return Studio.at(tmp_path, office)


def begin(studio: Studio, size: int = 100, **options: Any) -> Project:
    wanted = NewUpload(file_name="talk.mp4", size=size, options=ProjectOptions(**options))
    with studio.office.entered("member") as (session, caller):
        return projects.find(session, uploads.init(studio.runtime, session, caller, wanted).upload.project_id)


def begun_before(office: Office, url: str, count: int, at: str = "now()") -> None:
    """Projects that were begun, and deleted again."""
    entry = (
        "INSERT INTO audit_entries (workspace_id, actor_kind, action, target_kind, target_id, at)"
        f" SELECT :id, 'user', 'project.created', 'project', gen_random_uuid(), {at} FROM generate_series(1, :count)"
    )
    with as_owner(url) as connection:
        connection.execute(text(entry), {"id": office.id, "count": count})


@pytest.mark.parametrize("plan", LIMITED)
def test_a_day_has_as_many_uploads_as_the_plan_says(studio: Studio, migrated: str, plan: str) -> None:
    on_plan(studio.office, plan)
    begun_before(studio.office, migrated, limit_of(plan, Meter.UPLOADS_PER_DAY) - 2)
    tries = [is_admitted(lambda: begin(studio)) for _ in range(4)]
    assert tries == [True, True, False, False]


def test_a_workspace_without_limits_is_neither_counted_nor_held(studio: Studio, migrated: str) -> None:
    begun_before(studio.office, migrated, 500)
    begin(studio)


@pytest.mark.parametrize("plan", LIMITED)
def test_of_a_hundred_at_once_one_gets_the_last_upload(studio: Studio, migrated: str, plan: str) -> None:
    on_plan(studio.office, plan)
    begun_before(studio.office, migrated, limit_of(plan, Meter.UPLOADS_PER_DAY) - 1)
    assert admitted_at_once([lambda: begin(studio)] * 100) == 1


def test_a_link_is_an_upload(office: Office, migrated: str, tmp_path: Path) -> None:
    with site() as found:
        studio = Studio.at(tmp_path, office, downloads=allowing(found))
        on_plan(office, "basic")
        begun_before(office, migrated, 4)

        def link() -> None:
            with office.entered("member") as (session, caller):
                pipeline.begin_link(
                    studio.runtime, session, caller, f"{found.url}/bees.mp4", name=None, options=ProjectOptions()
                )

        assert [is_admitted(link), is_admitted(link)] == [True, False]


def test_a_deleted_project_was_begun_and_a_refused_one_is_given_back(studio: Studio) -> None:
    on_plan(studio.office, uploads_per_day=2)
    first, second = begin(studio), begin(studio)
    with studio.office.entered("member") as (session, caller):
        projects.delete(session, caller, first.id)
    assert not is_admitted(lambda: begin(studio))
    with studio.office.entered("member") as (session, caller):
        uploads.refuse(session, caller.actor, second.id, "That is no video.")
    assert is_admitted(lambda: begin(studio))
    assert not is_admitted(lambda: begin(studio))


def test_the_day_is_that_of_the_workspace_and_the_refusal_says_when_it_ends(studio: Studio, migrated: str) -> None:
    on_plan(studio.office, "basic")
    # Kiritimati is 14 hours ahead: at every moment of the day, its day began before or after that of UTC.
    zone = ZoneInfo("Pacific/Kiritimati")
    with studio.office.entered("owner") as (session, _):
        session.get_one(Workspace, studio.office.id).timezone = zone.key
    day = Day.around(datetime.now(UTC), zone)
    before, since = (f"timestamptz '{at.isoformat()}'" for at in (day.begins - timedelta(seconds=1), day.begins))
    begun_before(studio.office, migrated, 5, at=before)
    begun_before(studio.office, migrated, 4, at=since)
    begin(studio)
    with pytest.raises(PlanLimit) as raised:
        begin(studio)
    assert raised.value.resets_at == day.ends
    assert raised.value.resets_at.utcoffset() == timedelta(hours=14)
    assert "00:00 +14" in str(raised.value)


def test_another_workspace_s_uploads_do_not_count(studio: Studio, migrated: str) -> None:
    on_plan(studio.office, "basic")
    with as_owner(migrated) as connection:
        moved = (
            "INSERT INTO audit_entries (workspace_id, actor_kind, action, target_kind, target_id)"
            " SELECT id, 'user', 'project.created', 'project', gen_random_uuid()"
            " FROM workspaces, generate_series(1, 50) WHERE id <> :id"
        )
        connection.execute(text(moved), {"id": studio.office.id})
    begin(studio)


@pytest.mark.parametrize(
    ("moment", "zone", "begins", "ends"),
    [
        # The clocks go forward: 23 hours; and back: 25.
        ("2026-03-29T12:00Z", "Europe/Berlin", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
        ("2026-10-25T12:00Z", "Europe/Berlin", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
        # At midnight itself: in Cairo there is none that day, in Havana there are two.
        ("2026-04-24T12:00Z", "Africa/Cairo", "2026-04-23T22:00Z", "2026-04-24T21:00Z"),
        ("2026-11-01T12:00Z", "America/Havana", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
        # Apia left a whole day out.
        ("2011-12-30T09:59Z", "Pacific/Apia", "2011-12-29T10:00Z", "2011-12-30T10:00Z"),
    ],
)
def test_a_day_goes_from_midnight_to_midnight_whatever_the_clocks_do(
    moment: str, zone: str, begins: str, ends: str
) -> None:
    day = Day.around(datetime.fromisoformat(moment), ZoneInfo(zone))
    assert day == Day(datetime.fromisoformat(begins), datetime.fromisoformat(ends))


@given(seconds=st.integers(946_684_800, 2_208_988_800), zone=st.sampled_from(ZONES))
def test_every_moment_is_in_its_day_and_the_next_begins_where_it_ends(seconds: int, zone: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    day = Day.around(moment, ZoneInfo(zone))
    assert day.begins <= moment < day.ends
    assert timedelta(hours=22) < day.ends - day.begins <= timedelta(hours=48)
    assert Day.around(day.ends, ZoneInfo(zone)).begins == day.ends
    assert Day.around(day.ends - timedelta(microseconds=1), ZoneInfo(zone)) == day


@pytest.mark.parametrize("plan", LIMITED)
@pytest.mark.parametrize(("beside", "fits"), [(-1, True), (0, True), (1, False)])
def test_a_file_is_as_large_as_the_plan_says(studio: Studio, plan: str, beside: int, fits: bool) -> None:
    # The installation itself takes more than any of them.
    largest = BUILT_IN.defined["premium"].largest_file
    assert largest is not None
    studio.runtime.settings.uploads.largest = 2 * largest
    on_plan(studio.office, plan)
    size = limit_of(plan, Meter.LARGEST_FILE) + beside
    assert is_admitted(lambda: begin(studio, size)) is fits


def test_the_installation_s_own_limit_holds_for_every_plan(studio: Studio) -> None:
    studio.runtime.settings.uploads.largest = 1000
    with pytest.raises(FileTooLarge):
        begin(studio, 1001)
    assert uploads.largest(studio.runtime, BUILT_IN.named("basic")) == 1000


@pytest.mark.parametrize("plan", LIMITED)
@pytest.mark.parametrize(("beside", "fits"), [(-1, True), (0, True), (1, False)])
def test_no_more_clips_are_asked_for_than_the_plan_allows(studio: Studio, plan: str, beside: int, fits: bool) -> None:
    on_plan(studio.office, plan)
    count = limit_of(plan, Meter.CLIPS_PER_PROJECT) + beside
    assert is_admitted(lambda: begin(studio, count=count)) is fits
    with studio.office.database.workspace(studio.office.id) as session:
        used = quota.begun_since(session, datetime.now(UTC) - timedelta(hours=1))
    assert used == int(fits), "what is refused is no upload"
