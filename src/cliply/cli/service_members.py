"""`cliply members ...` and `cliply invitations ...`: who belongs to a workspace of a service."""

from typing import Annotated, Any, Literal

import typer

from cliply.cli.asking import typed
from cliply.cli.console import JsonFlag, note
from cliply.cli.remote import account
from cliply.cli.service_names import Place, WorkspaceOption, Yes, confirm, is_id, one, show, show_one, workspace

members = typer.Typer(help="Who belongs to a workspace of a service, and as what.")
invitations = typer.Typer(help="Invitations to a workspace that nobody has accepted yet.")

RoleName = Literal["owner", "admin", "member", "viewer"]
_Who = Annotated[str, typer.Argument(metavar="WHO", help="E-mail address or id of a member.", show_default=False)]
_Invitation = Annotated[
    str, typer.Argument(metavar="INVITATION", help="Address that was invited, or the id.", show_default=False)
]


@members.command("list")
def list_members(named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """List the members, longest first."""
    place = workspace(named)
    show(place.service.get(f"{place.path}/members"), json, member_line)


@members.command("invite")
def invite_member(
    email: Annotated[str, typer.Argument(help="Address to send the invitation to.", show_default=False)],
    role: Annotated[RoleName, typer.Option(help="What they are going to be.")] = "member",
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Ask somebody to become a member, by mail; invited again, they get a new code."""
    place = workspace(named)
    found = place.service.post(f"{place.path}/invitations", {"email": email, "role": role})
    show_one(found, json, _invitation_line)
    note("They get a letter with a code, and join with: cliply invitations accept")


@members.command("role")
def change_role(
    who: _Who,
    role: Annotated[RoleName, typer.Argument(help="What they are from now on.", show_default=False)],
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Change what a member is."""
    place = workspace(named)
    found = place.service.patch(f"{place.path}/members/{_member(place, who)}", {"role": role})
    show_one(found, json, member_line)


@members.command("remove")
def remove_member(who: _Who, named: WorkspaceOption = None, yes: Yes = False, json: JsonFlag = False) -> None:
    """Remove a member; with your own address, leave."""
    place = workspace(named)
    user_id = _member(place, who)
    confirm(f"Remove {who} from the workspace?", yes=yes)
    place.service.delete(f"{place.path}/members/{user_id}")
    show_one({"user_id": user_id, "removed": True}, json, lambda _: f"{who} is no member any more.")


@invitations.command("list")
def list_invitations(named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """List the invitations that are open, newest first."""
    place = workspace(named)
    show(place.service.get(f"{place.path}/invitations"), json, _invitation_line)


@invitations.command("resend")
def resend_invitation(invitation: _Invitation, named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """Send an invitation again, with a new code and seven days from now."""
    place = workspace(named)
    found = place.service.post(f"{place.path}/invitations/{_open(place, invitation)}/resend")
    show_one(found, json, _invitation_line)


@invitations.command("revoke")
def revoke_invitation(invitation: _Invitation, named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """Take an invitation back; its code opens nothing from now on."""
    place = workspace(named)
    invitation_id = _open(place, invitation)
    place.service.delete(f"{place.path}/invitations/{invitation_id}")
    show_one({"id": invitation_id, "revoked": True}, json, lambda _: f"The invitation of {invitation} is taken back.")


@invitations.command("accept")
def accept_invitation(json: JsonFlag = False) -> None:
    """Join a workspace with the code from the letter, which is asked for, or read from standard input."""
    found = account().post("/api/invitations/accept", {"token": typed("Code").strip()})
    show_one(found, json, lambda each: f"You are a member of the workspace {each['workspace_id']} now.")
    note(f"To work in it: cliply login ADDRESS --email YOU --workspace {found['workspace_id']}")


def member_line(each: Any) -> str:
    return f"{each['user_id']}  {each['role']:<7} {each['email']}  {each['name']}"


def _invitation_line(each: Any) -> str:
    return f"{each['id']}  {each['role']:<7} {each['email']}  until {each['expires_at'][:10]}"


def _member(place: Place, who: str) -> str:
    return who if is_id(who) else str(member_id(place.service.get(f"{place.path}/members"), who))


def member_id(found: list[Any], who: str) -> str:
    return str(one(found, who, "member", by="email", id_field="user_id")["user_id"])


def _open(place: Place, invitation: str) -> str:
    if is_id(invitation):
        return invitation
    return str(one(place.service.get(f"{place.path}/invitations"), invitation, "open invitation", by="email")["id"])
