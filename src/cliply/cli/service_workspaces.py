"""`cliply workspaces ...`: what people share in a service."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cliply.cli.asking import typed
from cliply.cli.console import JsonFlag, note, print_json
from cliply.cli.remote import account
from cliply.cli.service_members import member_id
from cliply.cli.service_names import Place, WorkspaceOption, Yes, confirm, is_id, show, show_one, workspace
from cliply.errors import Invalid, Unavailable
from cliply.infra.quantities import size, spell
from cliply.media.probe import printable

workspaces = typer.Typer(help="Workspaces of a service.")

_LOOKS = 1.0
"""Seconds between two looks at an export."""
_ENDED = ("failed", "cancelled")
_NAMES = {"render_seconds_per_month": "rendered per month", "storage_bytes": "storage"}
_UNITS: dict[str, Callable[[int], str]] = {
    "largest_file": size,
    "storage_bytes": size,
    "render_seconds_per_month": spell,
}
"""What is limited in units that say little in large numbers; --json has it as it is limited."""


@workspaces.command("list")
def list_workspaces(json: JsonFlag = False) -> None:
    """List the workspaces that you are in; with an API key, the key's own."""
    show(account().get("/api/workspaces"), json, lambda each: f"{each['id']}  {each['role']:<7} {each['name']}")


@workspaces.command("show")
def show_workspace(named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """See a workspace and its settings."""
    place = workspace(named)
    _show(place.service.get(place.path), json)


@workspaces.command("new")
def make_workspace(
    name: Annotated[str, typer.Argument(help="Its name.", show_default=False)], json: JsonFlag = False
) -> None:
    """Make a workspace; you become its owner."""
    show_one(account().post("/api/workspaces", {"name": name}), json, lambda each: f"{each['id']}  {each['name']}")


@workspaces.command("rename")
def rename_workspace(
    name: Annotated[str, typer.Argument(help="Its new name.", show_default=False)],
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Give a workspace another name."""
    place = workspace(named)
    found = place.service.patch(place.path, {"name": name})
    show_one(found, json, lambda each: f"{each['id']}  {each['name']}")


@workspaces.command("settings")
def change_settings(
    timezone: Annotated[str | None, typer.Option(help="Time zone, like Europe/Berlin.")] = None,
    keep_days: Annotated[
        int | None,
        typer.Option(
            min=0, max=3650, help="Days for which projects are kept, also those that are there; 0: until deleted."
        ),
    ] = None,
    style: Annotated[
        str | None, typer.Option(help="Caption style of new projects, from `cliply styles`; empty for none.")
    ] = None,
    colour: Annotated[
        str | None, typer.Option(help="Colour that replaces the style's own, like #ffcc00; empty for none.")
    ] = None,
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Change the settings of a workspace; what is not named stays."""
    place = workspace(named)
    change: dict[str, Any] = {} if timezone is None else {"timezone": timezone}
    if keep_days is not None:
        change["retention_days"] = keep_days or None
    look = {name: value or None for name, value in (("style", style), ("colour", colour)) if value is not None}
    if look:
        change["brand"] = place.service.get(place.path)["brand"] | look
    if not change:
        raise Invalid("Say what to change, for example --timezone or --style.")
    _show(place.service.patch(place.path, change), json)


@workspaces.command("transfer")
def transfer_workspace(
    who: Annotated[str, typer.Argument(metavar="WHO", help="E-mail address or id of a member.", show_default=False)],
    named: WorkspaceOption = None,
    yes: Yes = False,
    json: JsonFlag = False,
) -> None:
    """Hand a workspace over to another member; you stay as an admin."""
    place = workspace(named)
    user_id = who if is_id(who) else member_id(place.service.get(f"{place.path}/members"), who)
    confirm(f"Make {who} the owner in your place?", yes=yes)
    place.service.post(f"{place.path}/transfer", {"user_id": user_id})
    show_one({"id": place.id, "owner": user_id}, json, lambda _: f"{who} owns the workspace now, and you are an admin.")


@workspaces.command("delete")
def delete_workspace(named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """Delete a workspace with everything in it, 14 days from now.

    Its name is asked for, or read from standard input, so that no other one is deleted.
    """
    place = workspace(named)
    note("Everything in the workspace is going to be deleted. Type its name to go on.")
    found = place.service.post(f"{place.path}/deletion", {"name": typed("Name of the workspace", hidden=False)})
    show_one(found, json, lambda each: f"“{each['name']}” is deleted at {each['delete_at']}.")
    if not json:
        note("Until then `cliply workspaces restore` calls that off.")


@workspaces.command("restore")
def restore_workspace(named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """Call the deletion of a workspace off, as long as its time has not come."""
    place = workspace(named)
    show_one(place.service.delete(f"{place.path}/deletion"), json, lambda each: f"“{each['name']}” stays.")


@workspaces.command("export")
def export_workspace(
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path("cliply-export.zip"),
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Take everything that a workspace holds home, as a zip with a JSON file for each kind of thing."""
    place = workspace(named)
    export = _finished(place, place.service.post(f"{place.path}/exports"))
    link = place.service.post(f"{place.path}/exports/{export['id']}/link")["url"]
    place.service.download(link, out)
    show_one({**export, "file": str(out)}, json, lambda each: str(each["file"]))


@workspaces.command("log")
def show_log(
    action: Annotated[str | None, typer.Option(help="Only this, like member.removed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 20,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the whole log to this file instead.")] = None,
    form: Annotated[
        Literal["csv", "jsonl"], typer.Option("--format", help="Of the file: for spreadsheets, or for programs.")
    ] = "csv",
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """See who did what in a workspace, newest first; or take the whole log home."""
    place = workspace(named)
    if out is not None:
        place.service.save(f"{place.path}/audit/export", out, format=form)
        show_one({"file": str(out)}, json, lambda each: str(each["file"]))
        return
    found = place.service.get(f"{place.path}/audit", action=action, limit=limit)["items"]
    people = {} if json else {each["user_id"]: each["email"] for each in place.service.get(f"{place.path}/members")}

    def who(entry: Any) -> str:
        return str(people.get(entry["actor_id"], f"{entry['actor_kind']} {entry['actor_id'] or ''}")).strip()

    show(found, json, lambda each: f"{each['at']}  {each['action']:<28} {who(each)}")


def _finished(place: Place, export: Any) -> Any:
    """Once its job is done. Raises Unavailable with the reason where it failed."""
    while export["finished_at"] is None:
        job = place.service.get(f"/api/jobs/{export['job_id']}")
        if job["state"] in _ENDED:
            raise Unavailable(f"The export {job['state']}: {job['error'] or 'somebody stopped it'}")
        threading.Event().wait(_LOOKS)
        export = place.service.get(f"{place.path}/exports/{export['id']}")
    return export


def _show(found: Any, json: bool) -> None:
    if json:
        print_json(found)
        return
    kept = f"{found['retention_days']} days" if found["retention_days"] else "until they are deleted"
    look = ", ".join(f"{name} {value}" for name, value in found["brand"].items() if value) or "each style's own"
    for told in (
        f"{found['id']}  {found['name']}",
        f"  time zone      {found['timezone']}",
        f"  files kept     {kept}",
        f"  look           {look}",
        *(_plan(found["plan"]) if "plan" in found else []),
        *([f"  organisation   {found['organisation_id']}"] if found["organisation_id"] else []),
        *([f"  deleted at     {found['delete_at']}"] if found["delete_at"] else []),
    ):
        typer.echo(printable(told))


def _plan(plan: dict[str, Any]) -> Iterator[str]:
    """Its name, and each of its limits on a line, as people read them."""
    yield f"  plan           {plan['name']}"
    for name, value in plan.items():
        if value is False:
            yield f"    {name:<24}  no"
        elif type(value) is int:
            yield f"    {_NAMES.get(name, name.replace('_', ' ')):<24}  {_UNITS.get(name, '{:,}'.format)(value)}"
