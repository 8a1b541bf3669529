"""`cliply login` and `logout`: which service and workspace the commands that talk to one mean."""

import platform
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cliply.cli.asking import typed
from cliply.cli.console import note
from cliply.cli.remote import (
    Login,
    NoLogin,
    Session,
    end_session,
    forget_login,
    keep_session,
    known_session,
    save_login,
    saved_login,
    sign_out,
)
from cliply.errors import Invalid, NotAllowed, Unavailable
from cliply.integrations.service import NotSignedIn, Proof, RoleTooLow, Service, check_address
from cliply.integrations.service_account import KEY_SCOPES, new_key, sign_in


def register(app: typer.Typer) -> None:
    app.command()(login)
    app.command()(logout)


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
        name = log_in(url, email, typed("Password"), workspace)
    elif workspace is not None:
        raise typer.BadParameter("An API key belongs to one workspace. Leave --workspace out, or add --email.")
    else:
        name = _with_key(url, typed("API key"))
    typer.echo(f"Signed in to the workspace “{name}”.")


def _with_key(url: str, key: str) -> str:
    [into, *_] = Service(url, Proof.by_key(key)).get("/api/workspaces")
    _replace(Login(url, key.strip(), into["id"]))
    return str(into["name"])


def log_in(url: str, email: str, password: str, workspace: str | None = None, *, invitation: str | None = None) -> str:
    """Make a key with the account, in the workspace that an invitation's code leads to where there is one.

    An account without a workspace gets its first. Returns the workspace's name.
    """
    cookie = sign_in(url, email, password)
    found = Service(url, Proof.by_session(cookie))
    try:
        if invitation is not None:
            workspace = found.post("/api/invitations/accept", {"token": invitation})["workspace_id"]
        there = found.get("/api/workspaces")
        into = _chosen(there, workspace) if there else found.post("/api/workspaces", {"name": workspace or "My clips"})
        name = f"cliply on {platform.node() or 'a terminal'}"[:100]
        key = str(new_key(found, into["id"], name, KEY_SCOPES)["secret"])
    except RoleTooLow:
        _replace(Login(url, None, into["id"], email))
        keep_session(Session(url, email, cookie))
        note("You may make no API key there, so you stay signed in: for twelve hours unseen, thirty days at most.")
    except BaseException:
        sign_out(found)
        raise
    else:
        _replace(Login(url, key, into["id"], email))
        sign_out(found)
    return str(into["name"])


def _replace(login: Login) -> None:
    session = known_session()
    if session is not None and (session.url, session.email) != (login.url, login.email):
        # Somebody else's from now on, as far as the commands are concerned.
        end_session()
    save_login(login)


def logout() -> None:
    """Forget the service: its key is revoked where that can be done from here, and who is signed in is signed out."""
    kept, session = saved_login(), known_session()
    if kept is None and session is None:
        raise NoLogin
    if kept is not None and kept.key is not None:
        _revoke_key(Service(kept.url, Proof.by_key(kept.key)), kept, session)
    end_session()
    forget_login()
    typer.echo("This terminal knows no service any more.")


def _revoke_key(by_key: Service, kept: Login, session: Session | None) -> None:
    """By who is signed in; few keys may revoke keys."""
    found = by_key
    if session is not None and session.url == kept.url:
        found = Service(session.url, Proof.by_session(session.cookie))
    try:
        key_id = by_key.get("/api/me")["key_id"]
        workspace = kept.workspace or by_key.get("/api/workspaces")[0]["id"]
        found.delete(f"/api/workspaces/{workspace}/keys/{key_id}")
    except NotSignedIn:
        # It is revoked already.
        return
    except (NotAllowed, Unavailable):
        note("The key itself still works for whoever has it: `cliply keys revoke` ends it, once you are signed in.")


def _chosen(there: Sequence[Any], name: str | None) -> Any:
    found = [each for each in there if name is None or name in (each["name"], each["id"])]
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted({each["name"] for each in there}))
    raise Invalid(f"Name one of your workspaces with --workspace: {names}.")
