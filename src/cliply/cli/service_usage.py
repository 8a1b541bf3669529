"""`cliply usage`: what a workspace of a service has used of its plan."""

from typing import Any

import typer

from cliply.cli.console import JsonFlag, print_json
from cliply.cli.service_names import WorkspaceOption, workspace

_SHOWN = {
    "projects": "projects",
    "clips": "clips",
    "source_minutes": "minutes of video",
    "storage_bytes": "bytes stored",
    "render_seconds": "seconds rendered",
    "publications": "posts",
    "api_calls": "calls by API keys",
}


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
        typer.echo("  " + _line(each))


def _line(each: dict[str, Any]) -> str:
    limit = "no limit" if each["limit"] is None else f"of {each['limit']:,} ({each['percent']:g} %)"
    more = [f"{each['reserved']:,} reserved"] if each["reserved"] else []
    if each["forecast"] is not None and each["used"]:
        more.append(f"about {each['forecast']:,} by the end")
    return f"{_SHOWN[each['metric']]:<18} {each['used']:>15,}  {', '.join([limit, *more])}"
