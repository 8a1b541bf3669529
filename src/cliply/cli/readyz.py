"""`cliply readyz`: whether the service can work, for scripts and people; the same checks as `/api/readyz`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from cliply.cli.console import JsonFlag, print_json, settings
from cliply.cli.exit_codes import ExitCode
from cliply.errors import CliplyError
from cliply.infra.settings import Settings

if TYPE_CHECKING:
    from cliply.infra.db import Database
    from cliply.infra.health import Check


def register(app: typer.Typer) -> None:
    app.command()(readyz)


def readyz(json: JsonFlag = False) -> None:
    """Check whether the service can work: database, tables, key, storage, queue, disk and scheduler.

    Asks the same as /api/readyz does and ends with 0 only if all is well, within a few seconds.
    """
    checks = service_checks(settings())
    if json:
        print_json({"ready": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            typer.echo(f"{'ok' if check.ok else 'NOT READY':10} {check.name:12} {check.found}")
    if not all(check.ok for check in checks):
        raise typer.Exit(ExitCode.UNAVAILABLE)


def service_checks(now: Settings) -> "tuple[Check, ...]":
    from cliply.features.publishing import pulse
    from cliply.infra.health import Check, readiness

    try:
        with existing_database(now) as database:
            if database is None:
                return (Check("database", False, "There is none yet. Start the service: cliply up"),)
            return readiness(database, now, also={"scheduler": pulse.check}).checks()
    except CliplyError as refused:
        return (Check("database", False, str(refused)),)


@contextmanager
def existing_database(now: Settings) -> Iterator["Database | None"]:
    """Whatever its tables are at. The bundled one is started where it is there already, and never made: None then."""
    from cliply.infra.db import Database
    from cliply.infra.embedded_folders import is_made
    from cliply.infra.opening import database_url, embedded_root

    root = embedded_root(now)
    if root is not None and not is_made(root):
        yield None
        return
    with database_url(now) as url:
        database = Database(url)
        try:
            yield database
        finally:
            database.close()
