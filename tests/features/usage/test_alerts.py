"""What is told when a limit comes near, and that it is told once."""

import email
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.features.jobs.working import runtime_in, working
from tests.features.usage.books import agree, commit, counted, reserve
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import at_noon, on_plan
from tests.infra.queue.fleet import until

from cliply.features.identity.models import Workspace
from cliply.features.notifications import outbox
from cliply.features.notifications.models import Mail
from cliply.features.usage import alerts, ledger
from cliply.features.usage import service as usage
from cliply.features.usage.models import Metric
from cliply.features.usage.tasks import sweep_usage
from cliply.runtime import Runtime

NOVEMBER = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def runtime(office: Office, tmp_path: Path) -> Runtime:
    return runtime_in(tmp_path, office.database)


def look(office: Office, runtime: Runtime, moment: datetime = NOVEMBER) -> None:
    with office.entered("owner") as (session, caller):
        now = ledger.now_in(session, moment)
        alerts.raise_due(session, caller.plan, now=now, settings=runtime.settings)


def told(office: Office, metric: Metric, moment: datetime = NOVEMBER) -> list[int]:
    with office.entered("viewer") as (session, caller):
        return list(usage.summary(session, caller, now=moment).of(metric).alerts)


def letters(office: Office) -> int:
    """To the owner and to the admin, each."""
    with office.database.workspace(office.id) as session:
        return len(session.scalars(select(Mail)).all())


def test_each_threshold_is_told_once_in_a_month(office: Office, runtime: Runtime) -> None:
    on_plan(office, source_minutes_per_month=10)
    expected = {4: [], 5: [50], 7: [50], 8: [50, 80], 9: [50, 80], 10: [50, 80, 100], 11: [50, 80, 100]}
    seen = []
    for minute in range(1, 12):
        commit(office, Metric.SOURCE_MINUTES, f"{minute}", 1, moment=NOVEMBER)
        for _ in range(2):
            look(office, runtime)
        seen.append(letters(office))
        if minute in expected:
            assert told(office, Metric.SOURCE_MINUTES) == expected[minute], minute
    assert seen == [0, 0, 0, 0, 2, 2, 2, 4, 4, 6, 6]
    december = NOVEMBER + timedelta(days=20)
    assert told(office, Metric.SOURCE_MINUTES, december) == []
    commit(office, Metric.SOURCE_MINUTES, "new", 5, moment=december)
    look(office, runtime, december)
    assert told(office, Metric.SOURCE_MINUTES, december) == [50]
    assert letters(office) == 8


def test_who_goes_past_all_of_them_at_once_gets_one_letter(office: Office, runtime: Runtime) -> None:
    on_plan(office, publications_per_month=1)
    commit(office, Metric.PUBLICATIONS, "a", 1, moment=NOVEMBER)
    look(office, runtime)
    assert told(office, Metric.PUBLICATIONS) == [50, 80, 100]
    assert letters(office) == 2


def test_what_is_only_reserved_is_no_reason_for_a_letter(office: Office, runtime: Runtime) -> None:
    on_plan(office, source_minutes_per_month=10)
    reserve(office, Metric.SOURCE_MINUTES, "a", 10, moment=NOVEMBER)
    look(office, runtime)
    assert letters(office) == 0


def test_a_smaller_plan_is_a_reason_and_a_larger_one_makes_none(office: Office, runtime: Runtime) -> None:
    at_noon(office.database, office.id)
    commit(office, Metric.SOURCE_MINUTES, "a", 6, moment=datetime.now(UTC))
    look(office, runtime, datetime.now(UTC))
    assert letters(office) == 0, "without a limit"
    on_plan(office, source_minutes_per_month=10)
    look(office, runtime, datetime.now(UTC))
    assert told(office, Metric.SOURCE_MINUTES, datetime.now(UTC)) == [50]
    on_plan(office, source_minutes_per_month=100)
    look(office, runtime, datetime.now(UTC))
    assert letters(office) == 2


def test_a_limit_that_is_new_is_told_of_once_as_the_one_before_was(office: Office, runtime: Runtime) -> None:
    on_plan(office, source_minutes_per_month=10)
    commit(office, Metric.SOURCE_MINUTES, "a", 10, moment=datetime.now(UTC))
    look(office, runtime, datetime.now(UTC))
    assert (told(office, Metric.SOURCE_MINUTES, datetime.now(UTC)), letters(office)) == ([50, 80, 100], 2)
    on_plan(office, "pro", source_minutes_per_month=30)
    look(office, runtime, datetime.now(UTC))
    assert (told(office, Metric.SOURCE_MINUTES, datetime.now(UTC)), letters(office)) == ([], 2)
    for source, expected in (("b", ([50], 4)), ("c", ([50], 4)), ("d", ([50, 80], 6))):
        commit(office, Metric.SOURCE_MINUTES, source, 5, moment=datetime.now(UTC))
        for _ in range(2):
            look(office, runtime, datetime.now(UTC))
        assert (told(office, Metric.SOURCE_MINUTES, datetime.now(UTC)), letters(office)) == expected, source
    on_plan(office, source_minutes_per_month=10)
    look(office, runtime, datetime.now(UTC))
    assert (told(office, Metric.SOURCE_MINUTES, datetime.now(UTC)), letters(office)) == ([50, 80, 100], 6), "as before"


@pytest.mark.parametrize(
    ("zone", "begins", "changes", "ends"),
    [
        # Back by an hour, on by an hour, back by half an hour, a whole day left out, and none of it.
        ("America/New_York", "2026-11-01T04:00Z", "2026-11-01T06:00Z", "2026-12-01T05:00Z"),
        ("Europe/Berlin", "2026-02-28T23:00Z", "2026-03-29T01:00Z", "2026-03-31T22:00Z"),
        ("Australia/Lord_Howe", "2026-03-31T13:00Z", "2026-04-04T15:00Z", "2026-04-30T13:30Z"),
        ("Pacific/Apia", "2011-12-01T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z"),
        ("UTC", "2026-12-01T00:00Z", "2026-12-15T00:00Z", "2027-01-01T00:00Z"),
    ],
)
def test_a_month_of_a_faked_clock_rolls_over_at_midnight_where_the_workspace_is_and_tells_each_once(
    office: Office, runtime: Runtime, zone: str, begins: str, changes: str, ends: str
) -> None:
    begun, over = datetime.fromisoformat(begins), datetime.fromisoformat(ends)
    moments = list(moments_of(begun, datetime.fromisoformat(changes), over))
    on_plan(office, source_minutes_per_month=len(moments) + 10)
    with office.database.workspace(office.id) as session:
        session.get_one(Workspace, office.id).timezone = zone
    commit(office, Metric.SOURCE_MINUTES, "before", 100, moment=begun - timedelta(microseconds=1))
    reached = []
    for number, moment in enumerate(moments):
        commit(office, Metric.SOURCE_MINUTES, f"{moment}", 1, moment=moment)
        if number % 6 == 0 or moment is moments[-1]:
            look(office, runtime, moment)
            reached.append(told(office, Metric.SOURCE_MINUTES, moment))
    commit(office, Metric.SOURCE_MINUTES, "after", 7, moment=over)
    with office.entered("owner") as (session, caller):
        summary = usage.summary(session, caller, now=over)
    assert summary.of(Metric.SOURCE_MINUTES).used == 7
    assert [each.used[Metric.SOURCE_MINUTES] for each in summary.history] == [len(moments), 100]
    assert (summary.history[0].begins, summary.history[0].ends) == (begun, over)
    assert [len(each) for each in reached] == sorted(len(each) for each in reached)
    assert reached[-1] == [50, 80]
    assert letters(office) == 4
    agree(office.database)


def moments_of(begins: datetime, changes: datetime, ends: datetime) -> Iterator[datetime]:
    """Every half an hour where something happens to clocks or months, twice a day elsewhere; the last one too."""
    moment = begins
    while moment < ends:
        yield moment
        close = any(abs(moment - each) <= timedelta(hours=2) for each in (begins, changes, ends))
        step = timedelta(minutes=30) if close else timedelta(hours=12)
        moment = min([moment + step, *(each for each in (changes, ends) if each > moment)])
    yield ends - timedelta(microseconds=1)


def test_a_letter_has_sizes_and_lengths_as_people_read_them(office: Office, runtime: Runtime, migrated: str) -> None:
    half = {Metric.STORAGE_BYTES: 10**10, Metric.RENDER_SECONDS: 36_000, Metric.SOURCE_MINUTES: 1_500}
    on_plan(office, "basic", **{metric.meter.value: 2 * amount for metric, amount in half.items()})
    for metric, amount in half.items():
        commit(office, metric, "a", amount)
    with office.database.system() as session:
        sweep_usage.start(session)
    with working(migrated, office.database, [sweep_usage, outbox.send_mail], runtime=runtime):
        until(lambda: len(list((runtime.settings.data / "mail").glob("*.eml"))) == 6)
    told = {
        (str(each["Subject"]), each.get_content().split(" that its plan")[0].split(" has ")[1])
        for each in sent(runtime)
    }
    assert told == {
        ("50 % of the storage of “Engines & Co.” is used", "used 10 GB of the 20 GB of storage"),
        ("50 % of the time for rendered clips of “Engines & Co.” is used", "used 10 h of the 20 h of rendered clips"),
        ("50 % of the minutes of video of “Engines & Co.” are used", "used 1,500 of the 3,000 minutes of video"),
    }


def sent(runtime: Runtime) -> list[email.message.EmailMessage]:
    files = (runtime.settings.data / "mail").glob("*.eml")
    return [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def test_the_sweep_gives_back_and_tells_and_the_letter_says_what_to_do(
    office: Office, runtime: Runtime, migrated: str
) -> None:
    on_plan(office, "basic", clips_per_month=10)
    commit(office, Metric.CLIPS, "made", 10)
    reserve(office, Metric.SOURCE_MINUTES, "lost", 3, moment=datetime.now(UTC) - ledger.LEASE)
    with office.database.system() as session:
        sweep_usage.start(session)
    with working(migrated, office.database, [sweep_usage, outbox.send_mail], runtime=runtime):
        until(lambda: len(list((runtime.settings.data / "mail").glob("*.eml"))) == 2)
    assert counted(office, Metric.SOURCE_MINUTES) == (0, 0)
    found = sent(runtime)
    assert sorted(str(each["To"]) for each in found) == ["admin@example.com", "owner@example.com"]
    assert str(found[0]["Subject"]) == "100 % of the clips of “Engines & Co.” are used"
    body = found[0].get_content()
    assert "has used 10 of the 10 clips that its plan “basic” allows until" in body
    assert "These plans allow more: pro, premium." in body
    assert "cliply billing" not in body, "nothing is sold here"


def test_the_letter_says_how_to_get_the_plans_that_allow_more_where_they_are_sold(
    office: Office, runtime: Runtime, migrated: str
) -> None:
    on_plan(office, "basic", clips_per_month=10)
    commit(office, Metric.CLIPS, "made", 10, moment=NOVEMBER)
    with office.entered("owner") as (session, caller):
        now = ledger.now_in(session, NOVEMBER)
        alerts.raise_due(session, replace(caller.plan, sold=True), now=now, settings=runtime.settings)
    with working(migrated, office.database, [outbox.send_mail], runtime=runtime):
        until(lambda: len(sent(runtime)) == 2)
    body = sent(runtime)[0].get_content()
    assert "These plans allow more: pro, premium. `cliply billing plans` says what they cost.\n" in body
