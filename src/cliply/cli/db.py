"""`cliply db ...`: bring the service's database up to this version, back, or look whether it fits."""

from collections.abc import Callable
from typing import Annotated

import typer

from cliply.cli.console import JsonFlag, print_json, settings

app = typer.Typer(help="The service's database: the bundled one, or the one in CLIPLY_DATABASE__URL.")


@app.command()
def upgrade(json: JsonFlag = False) -> None:
    """Bring the database to what this version of Cliply needs, all of it or nothing.

    The bundled database is upgraded by itself when the service starts.
    """
    from cliply.infra import schema

    _report(schema.upgrade, json=json)


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="Revision to go back to, or `base` to remove every table.")],
    yes: Annotated[bool, typer.Option("--yes", help="Go on although data is lost.")] = False,
    json: JsonFlag = False,
) -> None:
    """Go back to an earlier revision, so that an earlier version of Cliply can be used again.

    What later revisions added is removed, with the data in it.
    """
    from cliply.infra import schema

    if not yes:
        raise typer.BadParameter("going back loses what later revisions added. Make a backup, then add --yes.")
    _report(lambda url: schema.downgrade(url, revision), json=json)


@app.command()
def check(json: JsonFlag = False) -> None:
    """Say whether the database answers and fits this version of Cliply; if not, what to do."""
    from cliply.infra import schema

    _report(schema.check, json=json)


@app.command("take-key")
def take_key(
    yes: Annotated[bool, typer.Option("--yes", help="Go on although what the key before has sealed is lost.")] = False,
    json: JsonFlag = False,
) -> None:
    """Have the database take CLIPLY_SECRET_KEY for its own, where the key before is lost.

    Processes with another key do not start. What the lost key has sealed does not open any more: letters that were not
    sent yet are lost, and connected accounts have to be connected again, which their owners are told by mail.
    """
    from cliply.infra import seal_check
    from cliply.infra.opening import open_database

    if not yes:
        raise typer.BadParameter("what the key before has sealed is lost then. Look for it first; then add --yes.")
    with open_database(settings()) as database:
        lost = seal_check.take(database, settings())
    if json:
        print_json({"lost": lost})
    else:
        typer.echo(f"The database has this key now; {lost} sealed things do not open with it. Start the service again.")


def _report(step: Callable[[str], str], *, json: bool) -> None:
    from cliply.infra import schema
    from cliply.infra.database_url import printable
    from cliply.infra.opening import database_url, embedded_root

    root = embedded_root(settings())
    with database_url(settings()) as url:
        revision = step(url)
        where = str(root) if root else printable(url)
        server = schema.server_version(url)
    if json:
        print_json({"database": where, "bundled": root is not None, "server": server, "revision": revision})
    else:
        typer.echo(f"The database in {where} is at revision {revision}, on PostgreSQL {server}.")
