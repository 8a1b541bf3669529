"""`cliply usage`: what a workspace of a service has used of its plan."""

from collections.abc import Callable
from typing import Any

import typer

from cliply.cli.console import JsonFlag, print_json
from cliply.cli.service_names import WorkspaceOption, workspace
from cliply.infra.quantities import size, spell

_SHOWN = {
    "projects": "projects",
    "clips": "clips",
    "source_minutes": "video looked at",
    "storage_bytes": "stored",
    "render_seconds": "clips rendered",
    "publications": "posts",
    "api_calls": "calls by API keys",
}

_UNITS: dict[str, Callable[[int], str]] = {
    "source_minutes": lambda minutes: spell(60 * minutes),
    "storage_bytes": size,
    "render_seconds": spell,
}
"""What is counted in units that say little in large numbers; --json has it as it is counted."""


def register(app: typer.Typer) -> None:
    app.command()(usage)


def usage(named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """See what a workspace has used of its plan this month, and what it will have at this pace."""
    found = workspace(named).service.get("/api/usage")
    if json:
        print_json(found)
        return
    period = found["period"]
    typer.echo(f"Plan {found['plan']}, {period['begins'][:10]} to {period['ends'][:10]}")
    for each in found["metrics"]:
        typer.echo("  " + line_of(each))


def line_of(each: dict[str, Any]) -> str:
    shown = _UNITS.get(each["metric"], "{:,}".format)
    limit = "no limit" if each["limit"] is None else f"of {shown(each['limit'])} ({each['percent']:g} %)"
    more = [f"{shown(each['reserved'])} reserved"] if each["reserved"] else []
    if each["forecast"] is not None and each["used"]:
        more.append(f"about {shown(each['forecast'])} by the end")
    return f"{_SHOWN[each['metric']]:<18} {shown(each['used']):>15}  {', '.join([limit, *more])}"
