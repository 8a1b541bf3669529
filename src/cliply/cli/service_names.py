"""Things of a service by the names that people know them by, and how what became of them is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

import typer

from cliply.cli.asking import at_a_terminal
from cliply.cli.console import note, print_json
from cliply.cli.exit_codes import ExitCode
from cliply.cli.remote import account, known_login
from cliply.errors import Conflict, Invalid, NotFound
from cliply.integrations.service import Service
from cliply.media.probe import printable

WorkspaceOption = Annotated[
    str | None,
    typer.Option("--workspace", "-w", help="Name or id of the workspace. Default: the one of `cliply login`."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace, and the service as somebody in it sees it."""

    service: Service
    id: str

    @property
    def path(self) -> str:
        return f"/api/workspaces/{self.id}"


def workspace(named: str | None) -> Place:
    """The one that is named, or that of the last login, or the only one. Raises NotFound or Conflict."""
    found, login = account(), known_login()
    if named is None and login is not None and login.workspace is not None and login.url == found.url:
        return Place(replace(found, workspace=login.workspace), login.workspace)
    if named is not None and is_id(named):
        return Place(replace(found, workspace=named), named)
    there = found.get("/api/workspaces")
    if named is None and len(there) > 1:
        raise Conflict(f"Name one of your workspaces with --workspace: {_listed(there)}.")
    into = one(there, named or "", "workspace") if named is not None or not there else there[0]
    return Place(replace(found, workspace=into["id"]), into["id"])


def one(found: Sequence[Any], named: str, what: str, *, by: str = "name", id_field: str = "id") -> Any:
    """The one with this id, or whose `by` this is, however it is capitalised. Raises NotFound or Conflict."""
    fitting = [each for each in found if each[id_field] == named.lower()]
    fitting = fitting or [each for each in found if each[by].casefold() == named.casefold()]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        ids = ", ".join(each[id_field] for each in fitting)
        raise Conflict(f"Several have the {by} “{named}”. Name the {what} by its id: {ids}.")
    known = f" There are: {_listed(found, by)}." if found else ""
    raise NotFound(f"There is no {what} “{named}”.{known}")


def is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def show(found: Sequence[Any], json: bool, line: Callable[[Any], str], nothing: str = "") -> None:
    """A line for each; what others have called things steers no terminal. Where there is none, `nothing` is said beside
    the output, so that silence is not taken for a fault."""
    if json:
        print_json(found)
        return
    if nothing and not found:
        note(nothing)
    for each in found:
        typer.echo(printable(line(each)))


def show_one(found: Any, json: bool, line: Callable[[Any], str]) -> None:
    if json:
        print_json(found)
    else:
        typer.echo(printable(line(found)))


def confirm(question: str, *, yes: bool) -> None:
    """Unless `yes`, go on only if somebody says so."""
    if yes:
        return
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        if at_a_terminal():
            raise
        raise Invalid("Nobody is there to ask. Add --yes to go on.") from None
    if not agreed:
        note("Nothing was done.")
        raise typer.Exit(ExitCode.DECLINED)


def _listed(found: Sequence[Any], by: str = "name") -> str:
    return printable(", ".join(sorted(each[by] for each in found)))
