"""API keys, from being shown once to being revoked; in a workspace with all roles."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from tests.database import as_owner
from tests.features.workspaces.conftest import Office

from cliply.errors import Invalid
from cliply.features.audit.models import AuditEntry
from cliply.features.identity import api_keys
from cliply.features.identity.access import NoSuchWorkspace, NotForKeys, Principal, RoleTooLow, ScopeMissing, resolve
from cliply.features.identity.api_keys import NewKey
from cliply.features.identity.models import Role
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import BUILT_IN
from cliply.features.workspaces import members
from cliply.features.workspaces import service as workspaces

CHANGE = (Action.READ_WORKSPACE, Action.CHANGE_WORKSPACE)


def make(office: Office, *scopes: Action, by: str = "admin", lasts: timedelta | None = None) -> NewKey:
    with office.entered(by) as (session, caller):
        return api_keys.create(session, caller, "Uploader", scopes or CHANGE, lasts=lasts)


def principal(office: Office, secret: str) -> Principal:
    with office.database.system() as session:
        return api_keys.principal_of(session, secret, request_id="r-1", ip="192.0.2.7")


def test_a_key_acts_for_its_maker_within_its_scopes(office: Office) -> None:
    made = make(office)
    found = principal(office, made.secret)
    with office.database.workspace(office.id) as session:
        caller = resolve(session, found, BUILT_IN)
        workspaces.change(session, caller, name="Looms")
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "workspace.changed")).one()
        assert (entry.actor_kind, entry.actor_id) == ("api_key", made.key.id)
        with pytest.raises(ScopeMissing, match="members:read"):
            members.list_members(session, caller)


def test_a_key_has_a_known_shape_and_its_secret_is_kept_nowhere(office: Office, migrated: str) -> None:
    made = make(office)
    assert re.fullmatch(r"clp_live_[0-9A-Za-z]{36}", made.secret)
    assert made.secret not in repr(made)
    assert make(office).secret != made.secret
    with as_owner(migrated) as connection:
        rows = connection.execute(text("SELECT k::text FROM api_keys k UNION SELECT a::text FROM audit_entries a"))
        assert not any(made.secret[9:39] in row or made.secret.encode().hex() in row for row in rows.scalars())
    with office.entered("owner") as (session, caller):
        assert made.key.ending in {key.ending for key in api_keys.list_keys(session, caller)}


DAMAGES: dict[str, Callable[[str], str]] = {
    "another sign": lambda key: key[:-1] + "!",
    "one missing": lambda key: key[:20] + key[21:] + "0",
    "one too many": lambda key: key + "0",
    "in capitals": lambda key: key.upper(),
    "nothing": lambda _: "",
    "a zero byte": lambda _: "clp_live_\0",
    "no ASCII": lambda _: "é" * 45,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_key_opens_nothing(office: Office, damage: Callable[[str], str]) -> None:
    with pytest.raises(api_keys.WrongKey) as refused:
        principal(office, damage(make(office).secret))
    assert "clp_live" not in str(refused.value)


def test_a_checksum_tells_a_typing_error_without_a_look_into_the_database(office: Office) -> None:
    secret = make(office).secret
    other = "A" if secret[15] != "A" else "B"
    assert api_keys._is_well_formed(secret)
    assert not api_keys._is_well_formed(secret[:15] + other + secret[16:])


def test_a_revoked_key_opens_nothing_any_more(office: Office) -> None:
    made = make(office)
    principal(office, made.secret)
    with office.entered("owner") as (session, caller):
        api_keys.revoke(session, caller, made.key.id)
    with pytest.raises(api_keys.WrongKey):
        principal(office, made.secret)
    with pytest.raises(api_keys.NoSuchKey), office.entered("owner") as (session, caller):
        api_keys.revoke(session, caller, made.key.id)
    assert [action for action, _ in office.entries()] == ["api_key.created", "api_key.revoked"]


def test_a_key_opens_nothing_after_its_time(office: Office, migrated: str) -> None:
    made = make(office, lasts=timedelta(days=1))
    principal(office, made.secret)
    with as_owner(migrated) as connection:
        connection.execute(text("UPDATE api_keys SET expires_at = expires_at - interval '1 day'"))
    with pytest.raises(api_keys.WrongKey):
        principal(office, made.secret)


def test_it_is_known_when_a_key_was_last_used_to_the_minute(office: Office, migrated: str) -> None:
    secret = make(office).secret

    def used() -> object:
        principal(office, secret)
        with as_owner(migrated) as connection:
            return connection.execute(text("SELECT last_used_at FROM api_keys")).scalar_one()

    assert (first := used()) is not None
    assert used() == first
    with as_owner(migrated) as connection:
        connection.execute(text("UPDATE api_keys SET last_used_at = last_used_at - interval '61 seconds'"))
    assert used() != first


def test_a_key_is_worth_what_its_maker_s_role_is_and_goes_with_the_membership(office: Office) -> None:
    found = principal(office, secret := make(office).secret)
    with office.entered("owner") as (session, owner):
        members.change_role(session, owner, office.people["admin"], Role.VIEWER)
    with pytest.raises(RoleTooLow), office.database.workspace(office.id) as session:
        workspaces.change(session, resolve(session, found, BUILT_IN), name="Looms")
    with office.entered("owner") as (session, owner):
        members.remove(session, owner, office.people["admin"])
    with pytest.raises(NoSuchWorkspace), office.database.workspace(office.id) as session:
        resolve(session, found, BUILT_IN)
    with pytest.raises(api_keys.WrongKey):
        principal(office, secret)


def test_a_key_opens_its_own_workspace_only(office: Office) -> None:
    found = principal(office, make(office).secret)
    with office.database.system() as session:
        other = workspaces.create(session, "Another of theirs", by=office.principal("admin")).id
    with pytest.raises(NoSuchWorkspace), office.database.workspace(other) as session:
        resolve(session, found, BUILT_IN)


def test_a_key_makes_no_key_that_may_more_and_neither_leaves_nor_makes_a_workspace(office: Office) -> None:
    found = principal(office, make(office, Action.MANAGE_KEYS).secret)
    with office.database.workspace(office.id) as session:
        caller = resolve(session, found, BUILT_IN)
        assert api_keys.create(session, caller, "Child", [Action.MANAGE_KEYS])
        with pytest.raises(ScopeMissing):
            api_keys.create(session, caller, "Child", [Action.CHANGE_WORKSPACE])
        with pytest.raises(NotForKeys):
            members.remove(session, caller, found.user_id)
        with pytest.raises(ScopeMissing):
            members.change_role(session, caller, office.people["viewer"], Role.MEMBER)
    with pytest.raises(NotForKeys), office.database.system() as session:
        workspaces.create(session, "Mine", by=found)


@pytest.mark.parametrize("by", ["member", "viewer"])
def test_who_may_not_manage_keys_makes_none(office: Office, by: str) -> None:
    with pytest.raises(RoleTooLow):
        make(office, Action.READ_WORKSPACE, by=by)


def test_an_admin_makes_no_key_for_what_only_owners_may(office: Office) -> None:
    with pytest.raises(RoleTooLow):
        make(office, Action.CHANGE_OWNERS)


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(days=-1), timedelta(days=4000)])
def test_a_key_that_lasts_no_time_or_too_long_is_refused(office: Office, lasts: timedelta) -> None:
    with pytest.raises(Invalid, match="can last"):
        make(office, lasts=lasts)
