import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, text
from tests.api.conftest import World, app, runtime, world
from tests.cli.at_a_service import Served, Terminal, service, terminal
from tests.database import as_owner
from tests.media.clips import TONE, make
from typer.testing import CliRunner, Result

from cliply.cli import console, doctor
from cliply.cli.main import app as cliply
from cliply.cli.plans import WrongOverride
from cliply.errors import LimitReached
from cliply.features.billing.syncing import BillingOff
from cliply.features.identity.access import Principal
from cliply.features.identity.models import User
from cliply.features.identity.plans import NoSuchPlan, WrongOverrides, WrongPlans
from cliply.features.workspaces import service as workspaces
from cliply.features.workspaces.own_plan import WorkspaceNotThere
from cliply.infra.db import Database

__all__ = ["app", "runtime", "service", "terminal", "world"]

PLANS = """
[basic]
uploads_per_day = 2
[agency]
members = 200
"""


@pytest.fixture(autouse=True)
def named(database: Database, migrated: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    console.settings.cache_clear()
    monkeypatch.setenv("CLIPLY_DATABASE__URL", migrated)
    (tmp_path / "plans.toml").write_text(PLANS)
    monkeypatch.setenv("CLIPLY_PLANS", str(tmp_path / "plans.toml"))
    yield
    console.settings.cache_clear()


def spaced(table: str) -> str:
    return " ".join(table.split())


@pytest.fixture
def slug(database: Database) -> str:
    with database.system() as session:
        owner = User(email="ada@example.com", name="Ada", email_confirmed_at=func.now())
        session.add(owner)
        session.flush()
        return workspaces.create(session, "Engines", by=Principal(owner.id)).slug


def plans(*arguments: str) -> Result:
    return CliRunner().invoke(cliply, ["plans", *arguments])


def test_the_plans_are_listed_with_what_the_file_changes() -> None:
    told = json.loads(plans("list", "--json").output)
    assert list(told["plans"]) == ["unlimited", "basic", "pro", "premium", "agency"]
    assert (told["plans"]["basic"]["uploads_per_day"], told["default"]) == (2, "unlimited")
    shown = plans("list").output
    assert "unlimited (of new workspaces)\n" in shown
    assert "members 200" in spaced(shown)
    assert "sold as" not in shown
    assert "rates.read user 600/minute, key 600/minute, workspace 1800/minute, address" in spaced(shown)


def test_prices_are_listed_with_the_plans_that_they_buy(tmp_path: Path) -> None:
    (tmp_path / "plans.toml").write_text('[pro]\nprices = ["price_month", "price_year"]\n')
    assert "pro\n  sold as price_month, price_year\n" in plans("list").output
    assert json.loads(plans("list", "--json").output)["prices"]["pro"] == ["price_month", "price_year"]


def test_subscriptions_are_compared_when_an_operator_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(plans("sync").exception, BillingOff)
    monkeypatch.setenv("CLIPLY_BILLING__SECRET_KEY", "sk_test_1")
    monkeypatch.setenv("CLIPLY_BILLING__WEBHOOK_SECRETS", '["whsec_1"]')
    console.settings.cache_clear()
    assert "A worker begins with it" in plans("sync").output
    with database.system() as session:
        query = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'SUBSCRIPTIONS_CHECK' AND status = 'todo'"
        assert session.execute(text(query)).scalar_one() == 1


def test_a_workspace_gets_a_plan_and_limits_of_its_own(slug: str, migrated: str) -> None:
    assert f"{slug} has the plan agency" in plans("set", slug, "agency").output
    own = plans("set", slug, "basic", "--limit", "members=9", "--limit", "scheduling=yes").output
    assert "members 9 (its own)" in spaced(own)
    assert "scheduling yes (its own)" in spaced(own)
    told = json.loads(plans("set", slug, "--limit", "members=unlimited", "--json").output)
    assert (told["plan"], told["overrides"]) == ("basic", {"members": None, "scheduling": True}), "one by one"
    assert json.loads(plans("show", told["workspace"], "--json").output) == told
    reset = json.loads(plans("set", slug, "--reset", "--json").output)
    assert (reset["plan"], reset["overrides"], reset["terms"]["uploads_per_day"]) == ("basic", {}, 2)
    with as_owner(migrated) as connection:
        kinds = connection.execute(text("SELECT actor_kind FROM audit_entries WHERE action = 'workspace.plan_changed'"))
        assert kinds.scalars().all() == ["operator"] * 4


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["gold"], NoSuchPlan),
        (["--limit", "members"], WrongOverride),
        (["--limit", "members=-1"], WrongOverride),
        (["--limit", "members=0"], WrongOverrides),
        (["--limit", "stars=5"], WrongOverrides),
        (["--limit", "rates.read.key=often"], WrongOverrides),
        (["--limit", "rates.nap.key=5/minute"], WrongOverrides),
    ],
)
def test_what_cannot_be_set_is_said_so(slug: str, arguments: list[str], error: type[Exception]) -> None:
    assert isinstance(plans("set", slug, *arguments).exception, error)


def test_a_workspace_gets_a_rate_of_its_own_beside_those_of_its_plan(slug: str) -> None:
    plans("set", slug, "basic", "--limit", "rates.publish.workspace=5/minute")
    own = ("--limit", "rates.publish.user=unlimited", "--limit", "rates.read.key=9/2 hours", "--json")
    told = json.loads(plans("set", slug, *own).output)
    rates = {"publish": {"workspace": "5/minute", "user": None}, "read": {"key": "9/2 hours"}}
    assert told["overrides"] == {"rates": rates}
    read = told["terms"]["rates"]["read"]
    assert (read["key"], read["workspace"]) == ("9/2 hours", "1800/minute")
    assert "rates.publish workspace 5/minute (its own)" in spaced(plans("show", slug).output)


def test_a_workspace_that_is_not_there_is_said_so() -> None:
    assert isinstance(plans("show", "nothing").exception, WorkspaceNotThere)


def test_a_plan_that_is_not_defined_any_more_is_shown_as_what_it_is(slug: str, migrated: str) -> None:
    with as_owner(migrated) as connection:
        connection.execute(text("UPDATE workspaces SET plan = 'gold'"))
    shown = plans("show", slug).output
    assert f"{slug} has the plan unlimited\n  since “gold” is not defined any more\n" in shown


def test_a_wrong_file_is_told_wherever_it_is_used(slug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[basic]\nuploads = 1\n")
    monkeypatch.setenv("CLIPLY_PLANS", str(wrong))
    console.settings.cache_clear()
    for arguments in (["list"], ["show", slug], ["set", slug, "pro"]):
        assert isinstance(plans(*arguments).exception, WrongPlans)


def test_the_doctor_names_the_plans() -> None:
    assert doctor._plans(console.settings()).startswith("unlimited, basic, pro, premium, agency; new workspaces get")
    assert doctor._plans(console.settings()).endswith("; nothing is sold")


def test_what_a_plan_refuses_over_the_api_is_a_limit_to_scripts_too(
    world: World, service: Served, terminal: Callable[[str], Terminal], tmp_path: Path
) -> None:
    plans("set", str(world.workspace), "--limit", "uploads_per_day=0")
    member = terminal("member")
    member.environment = {"CLIPLY_REMOTE__URL": service.url, "CLIPLY_REMOTE__KEY": world.keys["member"]}
    voice = make(tmp_path / "voice.wav", None, TONE.format(seconds=20)).path
    refused = member.invoke("upload", voice)
    assert isinstance(refused.exception, LimitReached)
    assert "“unlimited” allows 0 uploads a day" in str(refused.exception)
    plans("set", str(world.workspace), "basic", "--reset")
    shown = member.run("workspaces", "show")
    for line in (
        "plan +basic",
        "uploads per day +2",
        "largest file +2 GB",
        "rendered per month +20 h",
        "scheduling +no",
    ):
        assert re.search(rf"^ +{line}$", shown, re.MULTILINE), line


def test_a_video_that_is_too_long_for_the_plan_is_refused_before_it_is_sent(
    world: World, service: Served, terminal: Callable[[str], Terminal], tmp_path: Path
) -> None:
    plans("set", str(world.workspace), "--limit", "source_minutes_per_month=0")
    member = terminal("member")
    member.environment = {"CLIPLY_REMOTE__URL": service.url, "CLIPLY_REMOTE__KEY": world.keys["member"]}
    refused = member.invoke("upload", make(tmp_path / "voice.wav", None, TONE.format(seconds=20)).path)
    assert isinstance(refused.exception, LimitReached)
    assert service.asked[-1] == "init_upload"
