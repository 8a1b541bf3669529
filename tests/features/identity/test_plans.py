"""What plans allow, where they come from, and the gate."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from tests.features.workspaces.conftest import Office, office

from cliply.features.identity import plans as plans_module
from cliply.features.identity.access import plan_of, resolve
from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import (
    BUILT_IN,
    Flag,
    Meter,
    NoSuchDefault,
    NoSuchPlan,
    NotInPlan,
    Plan,
    PlanLimit,
    Plans,
    Terms,
    WrongOverrides,
    WrongPlans,
    checked_overrides,
    is_usable,
    plans_of,
)
from cliply.infra.settings import Settings

__all__ = ["office"]

LIMITED = ("basic", "pro", "premium")


def read(file: Path, written: str, **more: Any) -> Plans:
    file.write_text(written)
    return plans_of(Settings(plans=file, **more))


def refused(what: Meter, plan: str = "basic", **counted: Any) -> PlanLimit:
    with pytest.raises(PlanLimit) as raised:
        BUILT_IN.named(plan).admit(what, **counted)
    return raised.value


def test_the_plans_that_come_along_have_these_figures() -> None:
    told = {
        name: (terms.uploads_per_day, terms.clips_per_project, terms.scheduling)
        for name, terms in BUILT_IN.defined.items()
    }
    assert told == {
        "unlimited": (None, None, True),
        "basic": (5, 3, False),
        "pro": (30, 12, True),
        "premium": (150, 40, True),
    }
    assert BUILT_IN.default.name == "unlimited"
    assert BUILT_IN.default.terms.model_dump(exclude={"scheduling", "rates"}) == dict.fromkeys((*Meter, "jobs_at_once"))


def test_every_plan_that_is_sold_limits_everything_and_the_dearer_one_never_less() -> None:
    for name in (*Meter, "jobs_at_once"):
        limits = [getattr(BUILT_IN.defined[plan], name) for plan in LIMITED]
        assert None not in limits, name
        assert limits == sorted(limits), name


@pytest.mark.parametrize("plan", LIMITED)
@pytest.mark.parametrize("what", Meter)
def test_the_gate_opens_up_to_the_limit_and_not_beyond(plan: str, what: Meter) -> None:
    it = BUILT_IN.named(plan)
    limit = it.limit(what)
    assert limit is not None
    for used, wanted in ((limit - 2, 1), (limit - 1, 1), (0, limit - 1), (0, limit)):
        it.admit(what, used=used, wanted=wanted)
    for used, wanted in ((limit, 1), (limit + 1, 1), (0, limit + 1), (limit - 1, 2)):
        told = refused(what, plan, used=used, wanted=wanted)
        assert (told.exceeded, told.limit, told.used, told.wanted) == (what, limit, used, wanted)
        assert told.plan == plan


@pytest.mark.parametrize("what", Meter)
def test_what_is_unlimited_is_never_refused(what: Meter) -> None:
    BUILT_IN.default.admit(what, used=10**15, wanted=10**15)


def test_a_refusal_says_what_is_used_when_there_is_more_and_what_would_lift_it() -> None:
    midnight = datetime(2026, 12, 2, tzinfo=UTC)
    told = refused(Meter.UPLOADS_PER_DAY, used=5, resets_at=midnight)
    assert (told.resets_at, told.lifts) == (midnight, ("pro", "premium"))
    assert str(told) == (
        "The plan “basic” allows 5 uploads a day, and 5 were begun today. It allows more from 2026-12-02 00:00 UTC on. "
        "The plans pro and premium allow it."
    )
    assert refused(Meter.UPLOADS_PER_DAY, used=30).lifts == ("premium",), "those that would refuse it too are no help"
    beyond = refused(Meter.CLIPS_PER_PROJECT, "premium", used=40)
    assert beyond.lifts == ()
    assert str(beyond).endswith("Ask whoever runs this service for more.")


@pytest.mark.parametrize(
    ("what", "limit", "used", "wanted", "told"),
    [
        (Meter.UPLOADS_PER_DAY, 1, 1, 1, "1 upload a day, and 1 was begun today"),
        (Meter.CLIPS_PER_PROJECT, 1, 0, 2, "1 clip of a project, of which 0 are made, and 2 were asked for"),
        (Meter.MEMBERS, 1, 1, 1, "1 member, and there is 1, with those who are invited"),
        (Meter.SOURCE_MINUTES_PER_MONTH, 300, 299, 2, "300 minutes of video a month, of which 299 are used, and 2"),
        (Meter.RENDER_SECONDS_PER_MONTH, 72_000, 71_000, 2_000, "20 h of rendered clips a month, of which 19 h 43 min"),
        (Meter.STORAGE_BYTES, 20 * 10**9, 19 * 10**9, 10**9 + 1, "20 GB of storage, of which 19 GB are used, and 1 GB"),
        (Meter.LARGEST_FILE, 2 * 10**9, 0, 3 * 10**9, "files of 2 GB at most, and this one is larger"),
        (Meter.API_CALLS_PER_MONTH, 10_000, 10_000, 1, "10,000 calls by API keys a month, and 10,000 were made"),
    ],
)  # fmt: skip
def test_a_refusal_has_numbers_as_people_read_them(what: Meter, limit: int, used: int, wanted: int, told: str) -> None:
    plan = Plan("small", Terms.model_validate({what.value: limit}))
    with pytest.raises(PlanLimit) as raised:
        plan.admit(what, used=used, wanted=wanted)
    assert f"The plan “small” allows {told}" in str(raised.value)


def test_a_product_in_the_place_of_a_price_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "plans.toml"
    file.write_text('[pro]\nprices = ["prod_Q1"]\n')
    with pytest.raises(WrongPlans, match="prod_Q1 is a product; name one of its prices"):
        plans_of(Settings(plans=file))


def test_where_plans_are_sold_only_those_are_named_that_can_be_bought(tmp_path: Path) -> None:
    file = tmp_path / "plans.toml"
    file.write_text('[pro]\nprices = ["price_pro"]\n')
    basic = plans_of(Settings(plans=file, plan="basic")).default
    assert basic.lifting(Meter.UPLOADS_PER_DAY, 6) == basic.having(Flag.SCHEDULING) == ("pro",)
    with pytest.raises(PlanLimit, match="“pro” allows it; owners and admins buy it with `cliply billing`"):
        basic.admit(Meter.UPLOADS_PER_DAY, used=5)
    with pytest.raises(PlanLimit, match="Ask whoever runs this service for more"):
        basic.admit(Meter.UPLOADS_PER_DAY, used=5, wanted=100)


def test_a_flag_is_there_or_named_with_the_plans_that_have_it() -> None:
    BUILT_IN.named("pro").require(Flag.SCHEDULING)
    with pytest.raises(NotInPlan, match=r"“basic” does not allow .* The plans pro and premium allow it") as raised:
        BUILT_IN.named("basic").require(Flag.SCHEDULING)
    assert (raised.value.plan, raised.value.lifts) == ("basic", ("pro", "premium"))
    assert BUILT_IN.named("pro").scheduling is True
    assert BUILT_IN.named("basic").scheduling is False


def test_a_file_changes_plans_and_adds_some(tmp_path: Path) -> None:
    plans = read(
        tmp_path / "plans.toml",
        """
        [basic]
        uploads_per_day = 2
        members = "unlimited"
        [agency]
        members = 200
        """,
        plan="agency",
    )
    assert list(plans.defined) == ["unlimited", *LIMITED, "agency"]
    basic, before = plans.named("basic").terms, BUILT_IN.defined["basic"]
    assert basic == before.model_copy(update={"uploads_per_day": 2, "members": None}), "the rest stays"
    assert plans.default.name == "agency"
    assert plans.default.terms == Terms(members=200), "what is left out of a new plan is not limited"
    with pytest.raises(PlanLimit) as raised:
        plans.named("basic").admit(Meter.UPLOADS_PER_DAY, used=2)
    assert raised.value.lifts == ("pro", "premium", "agency")


def test_a_file_may_be_json(tmp_path: Path) -> None:
    plans = read(tmp_path / "plans.json", json.dumps({"pro": {"members": None, "scheduling": False}}))
    assert (plans.named("pro").terms.members, plans.named("pro").scheduling) == (None, False)


def test_all_that_is_wrong_with_a_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(WrongPlans) as raised:
        read(
            tmp_path / "plans.toml",
            """
            [basic]
            uploads_per_week = 2
            members = 0
            largest_file = "2 GB"
            scheduling = "perhaps"
            ["Big One"]
            [starter]
            jobs_at_once = true
            clips_per_project = 2.5
            """,
        )
    told = str(raised.value)
    assert "CLIPLY_PLANS" in told
    for where in (
        "basic.uploads_per_week: there is no such limit", "basic.members", "basic.largest_file", "basic.scheduling",
        "Big One", "starter.jobs_at_once", "starter.clips_per_project",
    ):  # fmt: skip
        assert where in told


@pytest.mark.parametrize(
    ("name", "written"),
    [("plans.toml", "[basic"), ("plans.json", "{"), ("plans.json", '["basic"]'), ("plans.toml", "basic = 3")],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, written: str) -> None:
    with pytest.raises(WrongPlans):
        read(tmp_path / name, written)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongPlans, match="No such file"):
        plans_of(Settings(plans=tmp_path / "none.toml"))


def test_the_plan_of_new_workspaces_has_to_be_one() -> None:
    with pytest.raises(NoSuchDefault, match=r"CLIPLY_PLAN names no plan: “gold”. There are: unlimited, basic"):
        plans_of(Settings(plan="gold"))
    assert plans_of(Settings(plan="pro")).default.name == "pro"


def test_a_plan_that_is_not_defined_is_the_default_one_and_nobody_is_shut_out() -> None:
    plans = Plans(BUILT_IN.defined, "basic")
    assert plans.of("gone", {}) == plans.named("basic")
    assert plans.of("gone", {"members": 9}).terms.members == 9
    with pytest.raises(NoSuchPlan, match="There are: unlimited, basic, pro, premium"):
        plans.named("gone")


def test_a_workspace_differs_from_its_plan_where_it_is_said() -> None:
    plan = BUILT_IN.of("basic", checked_overrides({"members": 20, "uploads_per_day": "unlimited", "scheduling": True}))
    assert plan.terms == BUILT_IN.defined["basic"].model_copy(
        update={"members": 20, "uploads_per_day": None, "scheduling": True}
    )


@pytest.mark.parametrize("wrong", [{"colour": 1}, {"members": 0}, {"members": "20"}, {"scheduling": 1}])
def test_overrides_are_held_to_the_same_rules(wrong: dict[str, Any]) -> None:
    with pytest.raises(WrongOverrides):
        checked_overrides(wrong)


def test_overrides_of_another_version_count_as_far_as_they_are_understood() -> None:
    kept = {"members": 20, "stars": 5, "jobs_at_once": "many"}
    assert not is_usable(kept)
    assert is_usable({"members": 20, "jobs_at_once": None})
    assert BUILT_IN.of("basic", kept).terms == BUILT_IN.defined["basic"].model_copy(update={"members": 20})


def test_the_file_is_read_once(tmp_path: Path) -> None:
    first = read(tmp_path / "plans.toml", "[basic]\nmembers = 4")
    assert read(tmp_path / "plans.toml", "[basic]\nmembers = 5") is first, "until the process is started again"
    assert plans_module.plans_of(Settings()).defined == BUILT_IN.defined


def test_the_caller_carries_the_plan_and_costs_one_question(office: Office) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    with office.database.system() as session:
        workspace = session.get_one(Workspace, office.id)
        workspace.plan, workspace.plan_overrides = "basic", {"members": 20}
    with office.database.workspace(office.id) as session:
        session.connection()
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", note)
        try:
            caller = resolve(session, office.principal("member"), BUILT_IN)
            plan = plan_of(session, BUILT_IN)
        finally:
            event.remove(engine, "before_cursor_execute", note)
    assert caller.plan == plan
    assert (caller.plan.name, caller.plan.terms.members, caller.plan.terms.uploads_per_day) == ("basic", 20, 5)
    assert len(asked) == 2, "one for the caller, one for who has none"
