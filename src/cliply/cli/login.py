"""`cliply login`: which service and workspace the commands that talk to one mean."""

import platform
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cliply.cli.remote import save_login
from cliply.errors import Invalid
from cliply.integrations.service import Service, check_address
from cliply.integrations.service_account import Workspace, signed_in


def register(app: typer.Typer) -> None:
    app.command()(login)


def login(
    address: Annotated[str, typer.Argument(help="The service, like https://clips.example.com.", show_default=False)],
    email: Annotated[
        str | None, typer.Option(help="Sign in with an account and its password: a key is made for you.")
    ] = None,
    workspace: Annotated[
        str | None, typer.Option(help="Name of the workspace to work in, of an account's several.")
    ] = None,
) -> None:
    """Remember a service and an API key of it. Key or password is asked for, or read from standard input."""
    url = check_address(address)
    if email is not None:
        found = _with_account(url, email, workspace)
    elif workspace is not None:
        raise typer.BadParameter("An API key belongs to one workspace. Leave --workspace out, or add --email.")
    else:
        found = Service(url, _typed("API key"))
    [into, *_] = found.get("/api/workspaces")
    save_login(found)
    typer.echo(f"Signed in to the workspace “{into['name']}”.")


def _with_account(url: str, email: str, workspace: str | None) -> Service:
    """Make a key with the account. One without a workspace gets its first."""
    with signed_in(url, email, _typed("Password")) as account:
        there = account.workspaces()
        into = _chosen(there, workspace) if there else account.new_workspace(workspace or "My clips")
        return account.new_key(into, f"cliply on {platform.node() or 'a terminal'}"[:100])


def _chosen(there: Sequence[Workspace], name: str | None) -> Workspace:
    found = [each for each in there if name is None or each.name == name]
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted({each.name for each in there}))
    raise Invalid(f"Name one of your workspaces with --workspace: {names}.")


def _typed(what: str) -> str:
    return str(typer.prompt(what, hide_input=True)) if sys.stdin.isatty() else sys.stdin.readline().strip()
