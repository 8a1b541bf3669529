"""A workspace's plan: given, changed, followed by the queue, and what its members are held to."""

from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import LIMITED, admitted_at_once, is_admitted, limit_of, on_plan
from tests.infra.queue.claiming import claim, register
from tests.infra.queue.looking import put_many

from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity.models import Membership, Organisation, OrganisationMember, Role, User, Workspace
from cliply.features.identity.plans import BUILT_IN, Meter, NoSuchPlan, PlanLimit, Plans, WrongOverrides
from cliply.features.organisations import service as organisations
from cliply.features.workspaces import invitations, own_plan
from cliply.features.workspaces import service as workspaces
from cliply.features.workspaces.models import Invitation
from cliply.features.workspaces.own_plan import WorkspaceNotThere
from cliply.infra.queue import control
from cliply.infra.queue.rows import NewJob

OPERATOR = Actor(ActorKind.OPERATOR, None, "r-1", "192.0.2.7")


def at_once(office: Office) -> dict[UUID, int]:
    with office.database.system() as session:
        return control.limits(session)


def people(office: Office, count: int) -> list[UUID]:
    """More users, who belong to nothing yet."""
    ids = [uuid4() for _ in range(count)]
    with office.database.system() as session:
        session.add_all(
            User(id=each, email=f"{each}@example.com", name="Somebody", email_confirmed_at=func.now()) for each in ids
        )
    office.people.update({str(each): each for each in ids})
    return ids


def join(office: Office, ids: list[UUID]) -> None:
    with office.database.system() as session:
        session.add_all(Membership(workspace_id=office.id, user_id=each, role=Role.VIEWER) for each in ids)


def invite(office: Office, email: str) -> str:
    with office.entered("owner") as (session, caller):
        return invitations.invite(session, caller, email, Role.VIEWER).token


def accept(office: Office, token: str, who: UUID) -> None:
    with office.database.system() as session:
        invitations.accept(session, token, by=office.principal(str(who)), plans=BUILT_IN)


def members(office: Office) -> int:
    with office.database.workspace(office.id) as session:
        return session.scalar(select(func.count()).select_from(Membership)) or 0


def claimed(office: Office, queued: int) -> int:
    """How many of so many jobs of the office run at once, where a worker gives six to everybody."""
    put_many(office.database, [NewJob(kind="RENDER", queue="work", workspace_id=office.id)] * queued)
    worker = register(office.database)
    return sum(claim(office.database, worker, cap=6) is not None for _ in range(queued))


def test_a_plan_is_given_by_id_or_slug_and_written_down(office: Office) -> None:
    with office.database.system() as session:
        given = own_plan.assign(session, office.id, BUILT_IN, name="pro", by=OPERATOR)
        slug = given.workspace.slug
        assert own_plan.find(session, slug, BUILT_IN).plan.name == "pro"
        own_plan.assign(session, slug, BUILT_IN, overrides={"members": 3}, by=OPERATOR)
        again = own_plan.assign(session, slug, BUILT_IN, name="pro", by=OPERATOR)
        assert (again.plan.name, again.plan.terms.members, again.workspace.plan_overrides) == ("pro", 3, {"members": 3})
    assert [action for action, _ in office.entries()] == ["workspace.plan_changed"] * 2, "the third changed nothing"


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"name": "gold"}, NoSuchPlan),
        ({"name": "pro", "overrides": {"members": 0}}, WrongOverrides),
        ({"name": "pro", "named": "nothing-like-it"}, WorkspaceNotThere),
        ({"name": "pro", "named": uuid4()}, WorkspaceNotThere),
    ],
)
def test_what_cannot_be_given_changes_nothing(office: Office, wanted: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error), office.database.system() as session:
        own_plan.assign(session, wanted.pop("named", office.id), BUILT_IN, by=OPERATOR, **wanted)
    with office.database.system() as session:
        assert own_plan.find(session, office.id, BUILT_IN).plan == BUILT_IN.default


def test_a_new_workspace_has_the_plan_of_new_ones(office: Office) -> None:
    with office.database.system() as session:
        made = workspaces.create(session, "Looms", by=office.principal("owner"), plan=BUILT_IN.named("basic")).id
        assert own_plan.find(session, made, BUILT_IN).plan.name == "basic"
        assert own_plan.find(session, office.id, BUILT_IN).plan.name == "unlimited", "where none is named"
    assert at_once(office) == {made: 2}


@pytest.mark.parametrize("plan", LIMITED)
@pytest.mark.parametrize("beside", [-1, 0, 1])
def test_a_workspace_runs_as_many_jobs_as_its_plan_allows(office: Office, plan: str, beside: int) -> None:
    on_plan(office, plan)
    limit = BUILT_IN.defined[plan].jobs_at_once
    assert limit is not None
    assert claimed(office, limit + beside) == min(limit, limit + beside)


def test_the_queue_follows_a_change_of_plan_at_once(office: Office) -> None:
    on_plan(office, "basic")
    assert at_once(office) == {office.id: 2}
    on_plan(office, "basic", jobs_at_once=5)
    assert at_once(office) == {office.id: 5}
    on_plan(office, "unlimited")
    assert at_once(office) == {}
    assert claimed(office, 8) == 6, "as many as the worker gives"


def test_the_queue_follows_a_change_of_the_file_when_a_worker_starts(office: Office) -> None:
    on_plan(office, "basic")
    with office.database.system() as session:
        other = session.scalars(select(Workspace.id).where(Workspace.id != office.id)).one()
        own_plan.assign(session, other, BUILT_IN, name="basic", overrides={"jobs_at_once": 7}, by=OPERATOR)
    defined = {**BUILT_IN.defined, "basic": BUILT_IN.defined["basic"].model_copy(update={"jobs_at_once": 3})}
    with office.database.system() as session:
        own_plan.follow(session, Plans(defined))
    assert at_once(office) == {office.id: 3, other: 7}
    with office.database.system() as session:
        own_plan.follow(session, Plans({"unlimited": BUILT_IN.defined["unlimited"]}))
    assert at_once(office) == {other: 7}, "a plan that is gone is the default one"


@pytest.mark.parametrize("plan", LIMITED)
def test_members_are_invited_up_to_the_limit(office: Office, plan: str) -> None:
    limit = limit_of(plan, Meter.MEMBERS)
    with office.database.system() as session:
        for role in ("admin", "member", "viewer"):
            session.delete(session.get_one(Membership, (office.id, office.people[role])))
    join(office, people(office, limit - 3))
    on_plan(office, plan)
    tries = [is_admitted(partial(invite, office, f"{each}@example.org")) for each in "abc"]
    assert tries == [True, True, False], "one below it, at it, and beyond it"
    assert is_admitted(lambda: invite(office, "A@example.org")), "who is invited again has their place already"


def test_an_invitation_that_is_over_takes_nobody_s_place(office: Office) -> None:
    on_plan(office, "basic", members=5)
    invite(office, "a@example.org")
    with pytest.raises(PlanLimit) as raised:
        invite(office, "b@example.org")
    assert (raised.value.used, raised.value.limit, raised.value.lifts) == (5, 5, ("pro", "premium"))
    with office.database.system() as session:
        session.execute(update(Invitation).values(expires_at=func.now()))
    invite(office, "b@example.org")


@pytest.mark.parametrize("plan", LIMITED)
def test_twenty_who_accept_at_once_are_one_where_one_place_is_left(office: Office, plan: str) -> None:
    limit = limit_of(plan, Meter.MEMBERS)
    twenty = people(office, 20)
    tokens = [invite(office, f"{each}@example.com") for each in twenty]
    # They were invited when there was room, and then the plan became a smaller one.
    on_plan(office, plan, members=max(limit, 5))
    join(office, people(office, max(limit, 5) - 4 - 1))
    steps = [partial(accept, office, token, who) for token, who in zip(tokens, twenty, strict=True)]
    assert admitted_at_once(steps) == 1
    assert members(office) == max(limit, 5)


def test_who_is_a_member_already_accepts_whatever_the_limit(office: Office) -> None:
    [somebody] = people(office, 1)
    token = invite(office, f"{somebody}@example.com")
    join(office, [somebody])
    on_plan(office, "basic", members=1)
    accept(office, token, somebody)
    assert members(office) == 5


@pytest.fixture
def agency(office: Office) -> UUID:
    """The office is its; the owner alone is in it, and one more person who may be taken in."""
    with office.database.system() as session:
        made = organisations.create(session, "Agency", by=office.principal("owner"))
        organisations.take_in(session, made.id, office.id, by=office.principal("owner"), plans=BUILT_IN)
    return made.id


def test_an_organisation_takes_nobody_into_a_workspace_that_is_full(office: Office, agency: UUID) -> None:
    owner = office.principal("owner")
    small = Plans(BUILT_IN.defined, "basic")
    with office.database.system() as session:
        second = organisations.create_workspace(session, agency, "Second", by=owner, plans=small).id
    for who in ("admin", "member"):
        with office.database.system() as session:
            organisations.put_member(session, agency, office.people[who], Role.MEMBER, by=owner, plans=small)
    with pytest.raises(PlanLimit) as raised, office.database.system() as session:
        organisations.put_member(session, agency, office.people["viewer"], Role.VIEWER, by=owner, plans=small)
    assert (raised.value.used, raised.value.limit) == (3, 3)
    with office.database.system() as session:
        # What somebody is in it can change all the same.
        organisations.put_member(session, agency, office.people["member"], Role.ADMIN, by=owner, plans=small)
        assert own_plan.find(session, second, small).plan.name == "basic"
        assert session.get(OrganisationMember, (agency, office.people["viewer"])) is None


def test_an_organisation_with_too_many_people_gets_no_workspace_of_a_small_plan(office: Office, agency: UUID) -> None:
    owner = office.principal("owner")
    for who in ("admin", "member", "viewer"):
        with office.database.system() as session:
            organisations.put_member(session, agency, office.people[who], Role.MEMBER, by=owner, plans=BUILT_IN)
    small = Plans(BUILT_IN.defined, "basic")
    with pytest.raises(PlanLimit), office.database.system() as session:
        organisations.create_workspace(session, agency, "Second", by=owner, plans=small)
    with office.database.system() as session:
        mine = workspaces.create(session, "Mine", by=owner, plan=small.default).id
    with pytest.raises(PlanLimit), office.database.system() as session:
        organisations.take_in(session, agency, mine, by=owner, plans=small)
    with office.database.system() as session:
        assert session.get_one(Organisation, agency).name == "Agency"
        assert session.get_one(Workspace, mine).organisation_id is None


def test_an_operator_hears_of_plans_that_are_gone_and_of_limits_that_mean_nothing(office: Office) -> None:
    with office.database.system() as session:
        assert list(own_plan.findings(session, BUILT_IN)) == []
        workspace = session.get_one(Workspace, office.id)
        workspace.plan, workspace.plan_overrides = "gold", {"stars": 5}
        session.flush()
        gone, unknown = own_plan.findings(session, BUILT_IN)
        assert (gone.about, gone.severity) == ("plans", "error")
        assert "“gold” is not defined" in gone.told
        assert "“unlimited”" in gone.told
        assert workspace.slug in unknown.told
