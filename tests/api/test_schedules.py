"""Schedules over HTTP: planned by the clock of a zone, changed, seen as a calendar, fired by a scheduler outside."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from tests.api.networks import Scene, browser_of, media, scene, served_at
from tests.api.test_publishing import WANTED, ask
from tests.features.publishing.hours import pass_by

from cliply.api.app import create_app
from cliply.infra.settings import Cron

__all__ = ["media", "scene"]

BERLIN, SYDNEY = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Sydney")
SECRET = "a secret of some length"
TOMORROW = datetime.now(UTC).date() + timedelta(days=1)


def plan(scene: Scene, at: str, **more: Any) -> Any:
    clip_id = str(more.pop("clip_id", None) or scene.stage.clip().id)
    network = more.pop("network", "youtube")
    with scene.world.database.system() as session:
        session.execute(text("delete from rate_limits"))
    return ask(
        scene, "POST", "/api/schedules", {"clip_id": clip_id, "network": network, "at": at, **WANTED[network], **more}
    )


def planned(scene: Scene, at: str, **more: Any) -> dict[str, Any]:
    answer = plan(scene, at, **more)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def change_to_come(by: timedelta) -> tuple[date, ZoneInfo]:
    """The next day, of one zone or the other, on which clocks are changed so at 02:00 or at 03:00.

    In one zone it may be more than a year ahead, and so far nothing is planned.
    """
    for day in (TOMORROW + timedelta(days=number) for number in range(1, 366)):
        for zone in (BERLIN, SYDNEY):
            before, after = (noon_of(each, zone).utcoffset() for each in (day - timedelta(days=1), day))
            if before is not None and after is not None and after - before == by:
                return day, zone
    raise AssertionError(by)


def noon_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(12), zone)


def set_up(scene: Scene, account: Any, **settings: Any) -> None:
    answer = ask(scene, "POST", "/api/accounts/publish", {"account_id": str(account), "settings": settings})
    assert answer.status_code == 200, answer.text


def test_a_schedule_keeps_the_time_on_the_clock_and_its_zone(scene: Scene) -> None:
    account = scene.connect("google")
    made = planned(scene, f"{TOMORROW}T18:00", zone="Europe/Berlin", title="Bees at work")
    moment = datetime.combine(TOMORROW, datetime.min.time()).replace(hour=18, tzinfo=BERLIN)
    assert (made["local_at"], made["zone"]) == (f"{TOMORROW}T18:00:00", "Europe/Berlin")
    assert datetime.fromisoformat(made["run_at"]) == moment
    assert datetime.fromisoformat(made["at"]).utcoffset() == moment.utcoffset()
    assert (made["state"], made["publication"], made["title"]) == ("planned", "intent", "Bees at work")
    assert made["account_id"] == str(account)
    publication = ask(scene, "GET", f"/api/publications/{made['id']}").json()
    assert (publication["schedule"], publication["run_at"]) == ("planned", made["run_at"])
    assert ask(scene, "GET", f"/api/schedules/{made['id']}", who="viewer").json() == made


def test_a_time_with_an_offset_is_that_moment_on_the_clock_of_the_zone(scene: Scene) -> None:
    scene.connect("google")
    made = planned(scene, f"{TOMORROW}T18:00:00+09:00", zone="America/New_York")
    moment = datetime.fromisoformat(f"{TOMORROW}T18:00:00+09:00")
    assert datetime.fromisoformat(made["run_at"]) == moment
    assert made["local_at"] == moment.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None).isoformat()


def test_a_time_that_clocks_leave_out_or_show_twice_has_a_rule(scene: Scene) -> None:
    scene.connect("google")
    hour = timedelta(hours=1)
    (spring, there), (autumn, elsewhere) = change_to_come(hour), change_to_come(-hour)
    left_out = planned(scene, f"{spring}T02:30", zone=there.key)
    summer = noon_of(spring, there).replace(hour=3, minute=30).isoformat()
    assert (left_out["local_at"], left_out["at"]) == (f"{spring}T02:30:00", summer)
    first = planned(scene, f"{autumn}T02:30", zone=elsewhere.key)
    second = planned(scene, f"{autumn}T02:30", zone=elsewhere.key, second=True)
    winter = noon_of(autumn, elsewhere).utcoffset()
    assert winter is not None
    assert [datetime.fromisoformat(each["at"]).utcoffset() for each in (first, second)] == [winter + hour, winter]
    assert {each["local_at"] for each in (first, second)} == {f"{autumn}T02:30:00"}


def test_a_calendar_shows_a_range_of_days_in_any_zone(scene: Scene) -> None:
    account = scene.connect("google")
    days = [TOMORROW + timedelta(days=number) for number in range(3)]
    made = [planned(scene, f"{day}T23:30", zone="UTC")["id"] for day in days]
    ask(scene, "POST", f"/api/schedules/{made[1]}/cancel")
    ask(scene, "POST", f"/api/schedules/{made[2]}/pause")

    def seen(query: str) -> list[str]:
        items = ask(scene, "GET", f"/api/schedules?{query}").json()["items"]
        return [each["id"] for each in items]

    assert seen("") == [made[0], made[2]], "without what was called off"
    assert seen(f"from={days[0]}&to={days[0]}&zone=UTC") == made[:1]
    assert seen(f"from={days[0]}&to={days[0]}&zone=Asia/Tokyo") == [], "there it is the next day"
    assert seen("state=cancelled") == made[1:2]
    assert seen("state=paused&state=cancelled") == made[1:]
    assert seen(f"account_id={account}&limit=1") == made[:1]
    page = ask(scene, "GET", "/api/schedules?limit=1").json()
    assert seen(f"limit=1&cursor={page['next']}") == [made[2]]
    for wrong, status in (
        (f"account_id={uuid4()}", 404),
        ("from=2026-02-02&to=2026-02-01", 422),
        ("zone=Mars/Base", 422),
    ):
        assert ask(scene, "GET", f"/api/schedules?{wrong}").status_code == status


def test_a_schedule_is_moved_paused_resumed_and_called_off(scene: Scene) -> None:
    scene.connect("google")
    path = f"/api/schedules/{planned(scene, f'{TOMORROW}T18:00')['id']}"
    moved = ask(scene, "PATCH", path, {"at": f"{TOMORROW}T20:00", "zone": "Asia/Tokyo"}).json()
    assert (moved["at"], moved["zone"], moved["state"]) == (f"{TOMORROW}T20:00:00+09:00", "Asia/Tokyo", "planned")
    assert ask(scene, "POST", f"{path}/pause").json()["state"] == "paused"
    assert ask(scene, "POST", f"{path}/resume").json()["state"] == "planned"
    assert ask(scene, "POST", f"{path}/cancel").json()["state"] == "cancelled"
    for method, last, body in (("PATCH", "", {"at": None}), ("POST", "/pause", None), ("POST", "/resume", None)):
        refused = ask(scene, method, path + last, body)
        assert refused.status_code == 409, refused.text
        assert "cancelled" in refused.json()["detail"]


def test_a_schedule_goes_out_at_once_when_it_is_moved_to_now(scene: Scene) -> None:
    scene.connect("google")
    path = f"/api/schedules/{planned(scene, f'{TOMORROW}T18:00', zone='Europe/Berlin')['id']}"
    now = ask(scene, "PATCH", path, {"at": None}).json()
    assert (now["state"], now["zone"]) == ("fired", "Europe/Berlin")
    scene.stage.run(passing=timedelta(minutes=2))
    assert ask(scene, "GET", path).json()["publication"] == "published"
    # Not from today on: it may have been moved to a moment of yesterday.
    listed = ask(scene, "GET", f"/api/schedules?from={TOMORROW - timedelta(days=1)}").json()["items"]
    assert [each["id"] for each in listed] == [now["id"]]


def test_what_was_asked_for_at_once_is_no_schedule(scene: Scene) -> None:
    scene.connect("google")
    made = ask(scene, "POST", "/api/publish/youtube", {"clip_id": str(scene.stage.clip().id)}).json()
    assert made["schedule"] is None
    for method, last in (("GET", ""), ("POST", "/pause"), ("POST", "/cancel")):
        assert ask(scene, method, f"/api/schedules/{made['id']}{last}").json()["code"] == "no_such_schedule"


def test_an_account_s_own_rules_are_named_with_the_next_free_time(scene: Scene) -> None:
    account = scene.connect("google")
    set_up(scene, account, spacing=60, daily_cap=2, quiet_from="22:00", quiet_to="07:00")
    planned(scene, f"{TOMORROW}T12:00")
    for at, code, told, free in (
        (f"{TOMORROW}T23:00", "in_quiet_hours", "22:00 to 07:00 (UTC)", f"{TOMORROW + timedelta(days=1)} 07:00"),
        (f"{TOMORROW}T12:30", "too_close", "60 minutes", f"{TOMORROW} 13:00"),
        (f"{TOMORROW}T11:01", "too_close", "60 minutes", f"{TOMORROW} 13:00"),
    ):
        refused = plan(scene, at)
        assert (refused.status_code, refused.json()["code"]) == (409, code), refused.text
        assert told in refused.json()["detail"]
        assert free in refused.json()["detail"]
    second = planned(scene, f"{TOMORROW}T11:00")
    full = plan(scene, f"{TOMORROW}T18:00")
    assert (full.json()["code"], "2 a day" in full.json()["detail"]) == ("day_is_full", True)
    moved = ask(scene, "PATCH", f"/api/schedules/{second['id']}", {"at": f"{TOMORROW}T13:00"})
    assert moved.status_code == 200, "it does not stand in its own way"
    at_a_time = {"clip_id": str(scene.stage.clip().id), "run_at": f"{TOMORROW}T23:00:00Z"}
    assert ask(scene, "POST", "/api/publish/youtube", at_a_time).json()["code"] == "in_quiet_hours"


def test_the_next_free_slot_keeps_to_the_account_s_rules(scene: Scene) -> None:
    account = scene.connect("google")
    query = f"/api/schedules/next-slot?account_id={account}&after={TOMORROW}T21:30&zone=UTC"

    def slot() -> str:
        return str(ask(scene, "GET", query).json()["local_at"])

    assert slot() == f"{TOMORROW}T21:30:00"
    set_up(scene, account, spacing=45, quiet_from="22:00", quiet_to="07:00")
    assert slot() == f"{TOMORROW}T21:30:00"
    planned(scene, f"{TOMORROW}T21:00")
    next_day = TOMORROW + timedelta(days=1)
    assert slot() == f"{TOMORROW}T21:45:00"
    planned(scene, f"{TOMORROW}T21:45")
    assert slot() == f"{next_day}T07:00:00"
    ask(scene, "POST", f"/api/schedules/{planned(scene, f'{next_day}T07:30')['id']}/pause")
    assert slot() == f"{next_day}T08:15:00", "what is paused keeps its place"
    shown = ask(
        scene, "GET", query.replace("zone=UTC", "zone=Asia/Tokyo").replace("after=", "after=2020-01-01T00:00&x=")
    )
    assert shown.json()["zone"] == "Asia/Tokyo"
    assert datetime.fromisoformat(shown.json()["at"]) > datetime.now(UTC), "never in the past"
    assert ask(scene, "GET", "/api/schedules/next-slot").status_code == 422
    assert ask(scene, "GET", "/api/schedules/next-slot?network=youtube").json()["account_id"] == str(account)
    assert ask(scene, "GET", "/api/schedules/next-slot?network=tiktok").json()["code"] == "no_channel"


@pytest.mark.parametrize(
    ("at", "more"),
    [
        ("2020-01-01T00:00", {}),
        ("2126-01-01T00:00", {}),
        ("0001-01-01T00:00", {"zone": "Asia/Tokyo"}),
        ("tomorrow", {}),
        ("2027-02-30T00:00", {}),
        (f"{TOMORROW}", {}),
        (f"{TOMORROW}T12:00", {"zone": "Mars/Base"}),
        (f"{TOMORROW}T12:00", {"zone": "../../etc/passwd"}),
        (7, {}),
    ],
)
def test_a_time_that_is_none_or_of_no_zone_is_refused(scene: Scene, at: Any, more: dict[str, Any]) -> None:
    scene.connect("google")
    assert plan(scene, at, **more).status_code == 422


def test_a_plan_without_scheduling_plans_nothing(scene: Scene) -> None:
    scene.connect("google")
    made = planned(scene, f"{TOMORROW}T18:00")
    path = f"/api/schedules/{made['id']}"
    ask(scene, "POST", f"{path}/pause")
    changed = f"/api/admin/workspaces/{scene.world.workspace}"
    assert scene.client.patch(changed, json={"plan": "basic"}, headers=scene.cookie("operator")).status_code == 200
    for answer in (
        plan(scene, f"{TOMORROW}T18:00"),
        ask(scene, "PATCH", path, {"at": f"{TOMORROW}T20:00"}),
        ask(scene, "POST", f"{path}/resume"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_in_plan"), answer.text
    assert ask(scene, "POST", f"{path}/cancel").status_code == 200


# Schedulers outside


def with_secret(scene: Scene) -> Any:
    served = served_at(scene.stage)
    settings = served.settings.model_copy(update={"cron": Cron(secret=SecretStr(SECRET))})
    return browser_of(create_app(replace(served, settings=settings)))


def test_a_scheduler_outside_fires_what_is_due(scene: Scene) -> None:
    scene.connect("google")
    planned(scene, f"{datetime.now(UTC) + timedelta(minutes=5):%Y-%m-%dT%H:%M}")
    outside, headers = with_secret(scene), {"authorization": f"Bearer {SECRET}"}
    nothing = {"fired": 0, "missed": 0, "left": False}
    assert outside.post("/api/cron/scan-schedules", headers=headers).json() == nothing
    pass_by(scene.stage, timedelta(minutes=6))
    assert outside.post("/api/cron/scan-schedules", headers=headers).json() == {**nothing, "fired": 1}
    assert outside.post("/api/cron/scan-schedules", headers=headers).json() == nothing


def test_a_scheduler_outside_brings_the_secret_and_does_not_guess_at_it(scene: Scene) -> None:
    unset = scene.client.post("/api/cron/scan-schedules", headers={"authorization": f"Bearer {SECRET}"})
    assert (unset.status_code, "CLIPLY_CRON__SECRET" in unset.json()["detail"]) == (409, True)
    outside = with_secret(scene)
    wrong = ("", f"Bearer {SECRET}x", SECRET[:-1], "Bearer ", f"Basic {SECRET}", *["Bearer guess"] * 6)
    path = "/api/cron/scan-schedules"
    answers = [outside.post(path, headers={"authorization": brought}) for brought in wrong]
    assert [each.status_code for each in answers] == [401] * 10 + [429]
    assert SECRET not in "".join(each.text for each in answers)
