"""`cliply projects timeline` and `watch`: what became of a project, and what is becoming of it."""

import json as jsonlib
from itertools import islice
from typing import Annotated, Any

import typer

from cliply.cli.console import JsonFlag, note
from cliply.cli.project_events import events, steps_line
from cliply.cli.remote import service
from cliply.cli.service_clips import ProjectId, projects
from cliply.cli.service_names import show
from cliply.errors import NotFound
from cliply.media.probe import printable

__all__ = ["projects"]


@projects.command("timeline")
def show_timeline(
    project_id: ProjectId,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 1000,
    json: JsonFlag = False,
) -> None:
    """List what happened to a project and its clips, oldest first."""
    found = list(islice(service().pages(f"/api/projects/{project_id}/timeline", limit=min(limit, 100)), limit))
    show(found, json, _step_line)


@projects.command("watch")
def watch_project(project_id: ProjectId, json: JsonFlag = False) -> None:
    """Follow a project live until nothing is left to be done; a line that is cut is taken up where it was.

    With --json every event is a line of its own.
    """
    for name, told in events(service(), project_id):
        if name == "gone":
            raise NotFound("The project was deleted, or is not yours any more.")
        if json:
            typer.echo(jsonlib.dumps({"event": name, **told}, ensure_ascii=False))
        elif name == "step":
            typer.echo(printable(_step_line(told)))
        elif steps := steps_line(told["work"]):
            note(printable(steps))


def _step_line(each: Any) -> str:
    whose = f"clip {each['clip_id']}" if each["clip_id"] else "project"
    return f"{each['at']}  {whose}: {each['state']}{': ' + each['error'] if each['error'] else ''}"
