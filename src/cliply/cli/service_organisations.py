"""`cliply organisations ...`: who is in one, is in each of the workspaces that it owns."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cliply.cli.console import JsonFlag
from cliply.cli.remote import account
from cliply.cli.service_members import RoleName, member_id, member_line
from cliply.cli.service_names import Yes, confirm, is_id, one, show, show_one
from cliply.errors import NotFound
from cliply.integrations.service import Service

organisations = typer.Typer(help="Organisations, which own workspaces; for people who are signed in, not for keys.")

_Named = Annotated[
    str, typer.Argument(metavar="ORGANISATION", help="Name or id of the organisation.", show_default=False)
]
_Who = Annotated[str, typer.Argument(metavar="WHO", help="E-mail address or id of somebody.", show_default=False)]
_Workspace = Annotated[str, typer.Argument(metavar="WORKSPACE", help="Name or id of a workspace.", show_default=False)]


@organisations.command("list")
def list_organisations(json: JsonFlag = False) -> None:
    """List the organisations that you are in."""
    show(account().get("/api/organisations"), json, _line)


@organisations.command("show")
def show_organisation(named: _Named, json: JsonFlag = False) -> None:
    """See an organisation."""
    place = _organisation(named)
    show_one(place.service.get(place.path), json, _line)


@organisations.command("new")
def make_organisation(
    name: Annotated[str, typer.Argument(help="Its name.", show_default=False)], json: JsonFlag = False
) -> None:
    """Make an organisation; you become its owner."""
    show_one(account().post("/api/organisations", {"name": name}), json, _line)


@organisations.command("rename")
def rename_organisation(
    named: _Named,
    name: Annotated[str, typer.Argument(help="Its new name.", show_default=False)],
    json: JsonFlag = False,
) -> None:
    """Give an organisation another name."""
    place = _organisation(named)
    show_one(place.service.patch(place.path, {"name": name}), json, _line)


@organisations.command("delete")
def delete_organisation(named: _Named, yes: Yes = False, json: JsonFlag = False) -> None:
    """Delete an organisation that owns no workspace any more."""
    place = _organisation(named)
    confirm(f"Delete the organisation “{named}”?", yes=yes)
    place.service.delete(place.path)
    show_one({"id": place.id, "deleted": True}, json, lambda _: f"“{named}” is deleted.")


@organisations.command("members")
def list_organisation_members(named: _Named, json: JsonFlag = False) -> None:
    """List who is in an organisation, longest first."""
    place = _organisation(named)
    show(place.service.get(f"{place.path}/members"), json, member_line)


@organisations.command("put-member")
def put_member(
    named: _Named,
    who: _Who,
    role: Annotated[RoleName, typer.Argument(help="What they are in all its workspaces.", show_default=False)],
    json: JsonFlag = False,
) -> None:
    """Take a member of one of its workspaces into an organisation, or change what somebody is in it."""
    place = _organisation(named)
    user_id = who if is_id(who) else _somebody(place, who)
    place.service.put(f"{place.path}/members/{user_id}", {"role": role})
    show_one({"user_id": user_id, "role": role}, json, lambda _: f"{who} is {role} of “{named}” now.")


@organisations.command("remove-member")
def remove_member(named: _Named, who: _Who, yes: Yes = False, json: JsonFlag = False) -> None:
    """Remove somebody from an organisation; with your own address, leave."""
    place = _organisation(named)
    user_id = who if is_id(who) else member_id(place.service.get(f"{place.path}/members"), who)
    confirm(f"Remove {who} from “{named}” and its workspaces?", yes=yes)
    place.service.delete(f"{place.path}/members/{user_id}")
    show_one({"user_id": user_id, "removed": True}, json, lambda _: f"{who} is not in “{named}” any more.")


@organisations.command("workspaces")
def list_organisation_workspaces(named: _Named, json: JsonFlag = False) -> None:
    """List the workspaces of an organisation."""
    place = _organisation(named)
    show(place.service.get(f"{place.path}/workspaces"), json, _workspace_line)


@organisations.command("new-workspace")
def make_workspace(
    named: _Named,
    name: Annotated[str, typer.Argument(help="Name of the workspace.", show_default=False)],
    json: JsonFlag = False,
) -> None:
    """Make a workspace that belongs to an organisation."""
    place = _organisation(named)
    show_one(place.service.post(f"{place.path}/workspaces", {"name": name}), json, _workspace_line)


@organisations.command("take-in")
def take_in(named: _Named, workspace: _Workspace, json: JsonFlag = False) -> None:
    """Give a workspace that you own to an organisation."""
    place = _organisation(named)
    workspace_id = _workspace_id(place, workspace, "/api/workspaces")
    show_one(place.service.put(f"{place.path}/workspaces/{workspace_id}"), json, _workspace_line)


@organisations.command("release")
def release(named: _Named, workspace: _Workspace, yes: Yes = False, json: JsonFlag = False) -> None:
    """Take a workspace out of an organisation; you become its owner."""
    place = _organisation(named)
    workspace_id = _workspace_id(place, workspace, f"{place.path}/workspaces")
    confirm(f"Take “{workspace}” out of “{named}”?", yes=yes)
    show_one(place.service.delete(f"{place.path}/workspaces/{workspace_id}"), json, _workspace_line)


@dataclass(frozen=True, slots=True)
class _Place:
    service: Service
    id: str

    @property
    def path(self) -> str:
        return f"/api/organisations/{self.id}"


def _organisation(named: str) -> _Place:
    found = account()
    wanted = named if is_id(named) else str(one(found.get("/api/organisations"), named, "organisation")["id"])
    return _Place(found, wanted)


def _workspace_id(place: _Place, named: str, path: str) -> str:
    return named if is_id(named) else str(one(place.service.get(path), named, "workspace")["id"])


def _somebody(place: _Place, email: str) -> str:
    """Of the organisation, or of one of its workspaces: nobody else can be taken in. Raises NotFound."""
    paths = [f"/api/workspaces/{each['id']}/members" for each in place.service.get(f"{place.path}/workspaces")]
    for path in (f"{place.path}/members", *paths):
        for each in place.service.get(path):
            if each["email"].casefold() == email.casefold():
                return str(each["user_id"])
    raise NotFound(f"{email} is in no workspace of the organisation. Invite them to one first: cliply members invite")


def _line(each: Any) -> str:
    return f"{each['id']}  {each['role']:<7} {each['name']}"


def _workspace_line(each: Any) -> str:
    return f"{each['id']}  {each['name']}"
