"""`cliply projects timeline` and `watch`: what became of a project, and what is becoming of it."""

import json as jsonlib
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any

import typer

from cliply.cli.console import JsonFlag, note
from cliply.cli.remote import service
from cliply.cli.service_clips import ProjectId, projects
from cliply.cli.service_names import show
from cliply.errors import NotFound
from cliply.integrations.service import LineCut, Service
from cliply.media.probe import printable

__all__ = ["projects"]

_CUTS = 10
"""How often in a row a line may be cut before it is given up."""
_WAIT = 2.0
"""Seconds before a line that was cut is taken up again."""


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
    for name, told in _events(service(), f"/api/projects/{project_id}/events"):
        if name == "gone":
            raise NotFound("The project was deleted, or is not yours any more.")
        if json:
            typer.echo(jsonlib.dumps({"event": name, **told}, ensure_ascii=False))
        elif name == "step":
            typer.echo(printable(_step_line(told)))
        elif steps := [f"{job['step'] or job['kind'].lower()} {job['progress']:.0%}" for job in told["work"]]:
            note(printable(", ".join(steps)))


def _events(found: Service, path: str) -> Iterator[tuple[str, Any]]:
    """Each event's name and data, over as many lines as it takes. Raises LineCut once too many are cut in a row."""
    after: str | None = None
    cuts = 0
    while True:
        try:
            with found.events(path, after=after) as lines:
                is_over = True
                for event in _parsed(lines):
                    is_over, cuts = False, 0
                    after = event.get("id", after)
                    if "data" in event:
                        yield event.get("event", "message"), jsonlib.loads(event["data"])
        except LineCut:
            is_over, cuts = False, cuts + 1
            if cuts >= _CUTS:
                raise
            threading.Event().wait(_WAIT)
        if is_over:
            return


def _parsed(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """The fields of each event; an event ends with an empty line."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            yield fields
            fields = {}


def _step_line(each: Any) -> str:
    whose = f"clip {each['clip_id']}" if each["clip_id"] else "project"
    return f"{each['at']}  {whose}: {each['state']}{': ' + each['error'] if each['error'] else ''}"
