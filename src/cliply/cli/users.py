"""`cliply users ...`: the service's local accounts, in the hands of whoever runs it."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cliply.cli.console import JsonFlag, note, print_json, settings

if TYPE_CHECKING:
    from cliply.features.audit.service import Actor
    from cliply.features.identity.accounts import StartedRecovery

app = typer.Typer(help="Accounts of the service, for whoever runs it.")

_Email = Annotated[str, typer.Argument(help="The account's e-mail address.")]


@app.command()
def add(
    email: _Email,
    name: Annotated[str, typer.Option(help="Name that others see.")],
    json: JsonFlag = False,
) -> None:
    """Make an account. The password is asked for, or read from standard input."""
    from cliply.features.identity import accounts
    from cliply.infra.opening import open_database

    password = _password()
    with open_database(settings()) as database:
        user_id = accounts.sign_up(database, email=email, name=name, password=password, by=_operator(), confirmed=True)
    if json:
        print_json({"id": str(user_id), "email": email})
    else:
        typer.echo(f"{email} can sign in now.")


@app.command()
def recover(
    email: _Email,
    mail: Annotated[bool, typer.Option("--mail", help="Send the code to the address instead of showing it.")] = False,
    json: JsonFlag = False,
) -> None:
    """Let somebody who forgot their password in again: a code that sets a new one, once, within an hour."""
    from cliply.features.identity import accounts
    from cliply.infra.opening import open_database

    with open_database(settings()) as database, database.system() as session:
        started = accounts.start_recovery(session, email, by=_operator())
    if started is None:
        raise accounts.NoAccount
    if mail:
        _send_code(started, json=json)
    elif json:
        print_json({"email": email, "code": started.token})
    else:
        note("Give this code to the account's owner and to nobody else; `cliply users reset` takes it:")
        typer.echo(started.token)


def _send_code(started: "StartedRecovery", *, json: bool) -> None:
    from cliply.features.recovery.recovery_letter import recovery_letter
    from cliply.infra.mail import mailer

    email, file = started.email, mailer(settings()).send(recovery_letter(started))
    if json:
        print_json({"email": email, "sent": file is None, "file": str(file) if file else None})
    elif file is None:
        typer.echo(f"The code was sent to {email}.")
    else:
        typer.echo(f"No mail server is set (CLIPLY_MAIL__HOST), so nothing was sent. The mail is in {file}")


@app.command()
def reset(
    keep_keys: Annotated[bool, typer.Option("--keep-keys", help="Let the account's API keys go on.")] = False,
    json: JsonFlag = False,
) -> None:
    """Set a new password with a code of `cliply users recover`, sign the account out everywhere, revoke its API keys.

    Code and password are asked for, or read from standard input, a line each.
    """
    from cliply.features.identity import accounts
    from cliply.infra.opening import open_database

    code = typer.prompt("Code", hide_input=True) if sys.stdin.isatty() else _line()
    password = _password()
    with open_database(settings()) as database:
        user_id = accounts.recover(database, code.strip(), password, by=_operator(), revoke_keys=not keep_keys)
    if json:
        print_json({"id": str(user_id)})
    else:
        typer.echo("The password is set. Sign in with it.")


@app.command("sign-out")
def sign_out(email: _Email, json: JsonFlag = False) -> None:
    """Sign an account out of every browser, at once."""
    from cliply.features.identity import accounts, login_sessions
    from cliply.infra.opening import open_database

    with open_database(settings()) as database, database.system() as session:
        ended = login_sessions.end_all(session, accounts.find(session, email), by=_operator())
    if json:
        print_json({"email": email, "ended": ended})
    else:
        typer.echo(f"{email} was signed out of {ended} browser{'' if ended == 1 else 's'}.")


@app.command()
def admin(
    email: _Email,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it back.")] = False,
    json: JsonFlag = False,
) -> None:
    """Let an account look after the whole installation over the API: jobs and queues of all workspaces, readiness."""
    from cliply.features.identity import accounts
    from cliply.infra.opening import open_database

    with open_database(settings()) as database, database.system() as session:
        accounts.set_admin(session, accounts.find(session, email), not revoke, by=_operator())
    if json:
        print_json({"email": email, "is_admin": not revoke})
    else:
        typer.echo(f"{email} {'no longer runs' if revoke else 'runs'} this installation.")


def _operator() -> "Actor":
    from cliply.features.audit.models import ActorKind
    from cliply.features.audit.service import Actor

    return Actor(ActorKind.OPERATOR)


def _password() -> str:
    # Never an option: those are seen by everybody on the machine and kept in the shell's history.
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return _line()


def _line() -> str:
    return sys.stdin.readline().rstrip("\r\n")
