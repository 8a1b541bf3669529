"""`cliply keys ...`: API keys of a workspace, by which programs act."""

from typing import Annotated, Any

import typer

from cliply.cli.console import JsonFlag, note, print_json
from cliply.cli.service_names import WorkspaceOption, is_id, one, show, show_one, workspace
from cliply.integrations.service_account import KEY_SCOPES, new_key

keys = typer.Typer(help="API keys of a workspace, by which programs act for you.")


@keys.command("list")
def list_keys(named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """List the keys, newest first; none of them with its secret."""
    place = workspace(named)
    show(place.service.get(f"{place.path}/keys"), json, _line)


@keys.command("new")
def make_key(
    name: Annotated[str, typer.Argument(help="What it is for.", show_default=False)],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may do at most, like projects:read; may be repeated. "
            "Default: what `cliply login` asks for, which is all about projects, clips, jobs and publications."
        ),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="How long it lasts. Default: until it is revoked.")
    ] = None,
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Make a key. Its secret is printed this once, alone, so that it can go straight to where it is kept.

    With --json the secret is in the output too, as `secret`.
    """
    place = workspace(named)
    made = new_key(place.service, place.id, name, scope or KEY_SCOPES, days=days)
    if json:
        print_json(made)
        return
    note(f"Key {made['id']}, which may: {', '.join(made['scopes'])}. Its secret is shown this once:")
    typer.echo(made["secret"])


@keys.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Name or id of the key.", show_default=False)],
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Revoke a key: from now on it opens nothing."""
    place = workspace(named)
    key_id = key if is_id(key) else str(one(place.service.get(f"{place.path}/keys"), key, "API key")["id"])
    place.service.delete(f"{place.path}/keys/{key_id}")
    show_one({"id": key_id, "revoked": True}, json, lambda _: f"The key “{key}” opens nothing any more.")


def _line(each: Any) -> str:
    used = f"used {each['last_used_at'][:10]}" if each["last_used_at"] else "never used"
    over = f", until {each['expires_at'][:10]}" if each["expires_at"] else ""
    return f"{each['id']}  …{each['ending']}  {each['name']}, {used}{over}: {', '.join(each['scopes'])}"
