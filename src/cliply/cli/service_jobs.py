"""`cliply jobs ...`: what a service works on for a workspace."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer

from cliply.cli.console import JsonFlag, print_json
from cliply.cli.remote import service
from cliply.cli.service_names import show, show_one
from cliply.media.probe import printable

jobs = typer.Typer(help="What a service works on: see `cliply login`.")


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


JobNumber = Annotated[int, typer.Argument(help="Number of the job.", show_default=False)]
KindOption = Annotated[str | None, typer.Option(help="Only of this kind, like CLIP_RENDER.")]
StateOption = Annotated[list[JobState] | None, typer.Option(help="Only in this state; may be repeated.")]
Limit = Annotated[int, typer.Option(min=1, max=100, help="How many at most.")]


@jobs.command("list")
def list_jobs(
    project: Annotated[UUID | None, typer.Option(help="Only of this project.")] = None,
    kind: KindOption = None,
    state: StateOption = None,
    limit: Limit = 20,
    json: JsonFlag = False,
) -> None:
    """List jobs, newest first."""
    asked = {"project": project and str(project), "kind": kind, "state": state or None, "limit": limit}
    show(service().get("/api/jobs/search", **asked)["items"], json, job_line)


@jobs.command("show")
def show_job(job_id: JobNumber, json: JsonFlag = False) -> None:
    """See a job and everything that became of it."""
    tell_job(service().get(f"/api/jobs/{job_id}"), json)


def tell_job(found: Any, json: bool, *more: str) -> None:
    """What it is, `more` about it, and what became of it."""
    if json:
        print_json(found)
        return
    typer.echo(printable(f"{found['kind']}: {found['state']}{': ' + found['error'] if found['error'] else ''}"))
    for line in more:
        typer.echo(printable(f"  {line}"))
    for event in found["events"]:
        typer.echo(printable(f"  {event['at']}  {event['became']}  {event['note'] or ''}".rstrip()))


@jobs.command("enqueue")
def enqueue_job(
    kind: Annotated[str, typer.Argument(help="Kind of the job, like CLIP_RENDER.", show_default=False)],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE", help="What it is to work on, like clip_id=…", show_default=False),
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Not before then: 2026-12-01T03:00, in this machine's time zone or with one.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="The same key gets the same job, whatever became of it.")] = None,
    priority: Annotated[int, typer.Option(min=-100, max=0, help="Less than 0 waits for others.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Queue a job of a kind that members may start by themselves, such as a render for tonight."""
    body = {
        "kind": kind,
        "arguments": dict(_pair(each) for each in arguments or ()),
        "at": None if at is None else _time(at),
        "key": key,
        "priority": priority,
    }
    show_one(service().post("/api/jobs/enqueue", body), json, job_line)


@jobs.command("cancel")
def cancel_job(job_id: JobNumber, json: JsonFlag = False) -> None:
    """Cancel a job; one that runs is told to stop."""
    show_one(service().post(f"/api/jobs/{job_id}/cancel"), json, lambda each: f"{each['kind']}: {each['state']}")


def job_line(each: Any) -> str:
    return f"{each['id']:>7}  {each['state']:<10} {each['progress']:>4.0%}  {each['kind']}"


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"“{text}” is no NAME=VALUE, such as clip_id=8d8ac610-566d-4ef0-9c22-186b2a5ed793.")
    return name, value


def _time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except ValueError:
        raise typer.BadParameter(f"“{text}” is no time. Write it like 2026-12-01T03:00.") from None
