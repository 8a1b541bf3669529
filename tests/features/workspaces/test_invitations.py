"""Invitations from being sent to being used up."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from tests.database import as_owner
from tests.features.workspaces.conftest import Office

from cliply.errors import Invalid
from cliply.features.identity.access import RoleTooLow
from cliply.features.identity.models import Role
from cliply.features.identity.plans import BUILT_IN
from cliply.features.workspaces import invitations
from cliply.features.workspaces.invitations import Issued


def invite(office: Office, email: str = "Stranger@Example.com", role: Role = Role.MEMBER, by: str = "admin") -> Issued:
    with office.entered(by) as (session, caller):
        return invitations.invite(session, caller, email, role)


def accept(office: Office, token: str, by: str = "stranger") -> None:
    with office.database.system() as session:
        assert invitations.accept(session, token, by=office.principal(by), plans=BUILT_IN) == office.id


def pass_time(url: str, interval: str) -> None:
    with as_owner(url) as connection:
        moved = "UPDATE invitations SET expires_at = expires_at - CAST(:ago AS interval)"
        connection.execute(text(moved), {"ago": interval})


def test_who_is_invited_becomes_a_member_once(office: Office) -> None:
    issued = invite(office)
    accept(office, issued.token)
    assert office.roles()["stranger"] == "member"
    with pytest.raises(invitations.InvitationOver):
        accept(office, issued.token)
    assert [action for action, _ in office.entries()] == ["invitation.created", "member.joined"]


def test_an_invitation_is_bound_to_its_address(office: Office) -> None:
    issued = invite(office, email="babbage@example.com")
    with pytest.raises(invitations.ForSomebodyElse):
        accept(office, issued.token)
    assert "stranger" not in office.roles()


def test_an_invitation_is_used_once_however_many_try_at_once(office: Office) -> None:
    token = invite(office).token

    def tried(_: int) -> bool:
        try:
            accept(office, token)
        except invitations.InvitationOver:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(tried, range(4))) == 1


def test_an_invitation_lasts_seven_days_and_from_each_sending_again(office: Office, migrated: str) -> None:
    first = invite(office)
    pass_time(migrated, "6 days 23 hours")
    with office.entered("admin") as (session, caller):
        second = invitations.resend(session, caller, first.invitation.id)
    with pytest.raises(invitations.InvitationOver):
        accept(office, first.token)
    pass_time(migrated, "6 days 23 hours")
    accept(office, second.token)
    third = invite(office, email="babbage@example.com")
    pass_time(migrated, "7 days")
    with pytest.raises(invitations.InvitationOver):
        accept(office, third.token)


def test_an_invitation_that_is_taken_back_is_worth_nothing(office: Office) -> None:
    issued = invite(office)
    with office.entered("owner") as (session, caller):
        assert [each.email for each in invitations.list_open(session, caller)] == ["Stranger@Example.com"]
        invitations.revoke(session, caller, issued.invitation.id)
    with pytest.raises(invitations.InvitationOver):
        accept(office, issued.token)
    with pytest.raises(invitations.NoSuchInvitation), office.entered("owner") as (session, caller):
        invitations.revoke(session, caller, issued.invitation.id)
    assert [action for action, _ in office.entries()] == ["invitation.created", "invitation.revoked"]


def test_who_is_invited_again_has_one_invitation(office: Office) -> None:
    first, second = invite(office), invite(office, email="STRANGER@example.com", role=Role.VIEWER)
    with pytest.raises(invitations.InvitationOver):
        accept(office, first.token)
    accept(office, second.token)
    assert office.roles()["stranger"] == "viewer"


def test_a_member_is_not_invited_again(office: Office) -> None:
    with pytest.raises(invitations.MemberAlready):
        invite(office, email="VIEWER@example.com")


@pytest.mark.parametrize(("by", "role"), [("member", Role.VIEWER), ("viewer", Role.VIEWER), ("admin", Role.OWNER)])
def test_who_may_not_invite_does_not(office: Office, by: str, role: Role) -> None:
    with pytest.raises(RoleTooLow):
        invite(office, by=by, role=role)
    assert office.entries() == []


def test_an_admin_does_not_send_an_owner_s_invitation_again(office: Office) -> None:
    issued = invite(office, by="owner", role=Role.OWNER)
    with pytest.raises(RoleTooLow), office.entered("admin") as (session, caller):
        invitations.resend(session, caller, issued.invitation.id)


def test_an_address_that_would_add_to_a_mail_s_header_is_refused(office: Office) -> None:
    with pytest.raises(Invalid):
        invite(office, email="a@example.com\r\nBcc: b@example.com")


def test_only_so_many_invitations_are_open(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_OPEN", 2)
    for name in ("a", "b"):
        invite(office, email=f"{name}@example.com")
    with pytest.raises(invitations.TooManyInvitations):
        invite(office, email="c@example.com")


def test_a_token_is_kept_nowhere(office: Office, migrated: str) -> None:
    issued = invite(office)
    with as_owner(migrated) as connection:
        rows = connection.execute(
            text("SELECT i::text FROM invitations i UNION ALL SELECT a::text FROM audit_entries a")
        ).scalars()
        assert not any(issued.token in row or issued.token.encode().hex() in row for row in rows)
    assert issued.token not in repr(issued)
