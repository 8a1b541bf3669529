"""`cliply login` and `cliply upload`: give a service a video, and take the clips home."""

import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from cliply.cli import times
from cliply.cli.console import JsonFlag, note, print_json
from cliply.cli.remote import save_login, service, uploads_to
from cliply.cli.service_clips import download_clips
from cliply.errors import Conflict, Invalid, NotFound
from cliply.integrations.service import Service, check_address, file_sha256
from cliply.media.edit import Aspect, Quality
from cliply.media.options import LayoutChoice
from cliply.media.probe import probe

_LOOKS = 2.0
"""Seconds between two looks at a project."""
_ENDED = ("ready", "failed", "refused")


def register(app: typer.Typer) -> None:
    app.command()(login)
    app.command()(upload)


def login(
    address: Annotated[str, typer.Argument(help="The service, like https://clips.example.com.", show_default=False)],
) -> None:
    """Remember a service and an API key of it, which is asked for or read from standard input."""
    key = typer.prompt("API key", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().strip()
    found = Service(check_address(address), key)
    [workspace, *_] = found.get("/api/workspaces")
    save_login(found)
    typer.echo(f"Signed in to the workspace “{workspace['name']}”.")


def upload(
    video: Annotated[Path, typer.Argument(help="A video or sound file.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="Name of the project. Default: the file's.")] = None,
    count: Annotated[str, typer.Option(help="How many clips: a number, or auto for as many as are good.")] = "auto",
    shortest: Annotated[float, typer.Option("--min", help="Shortest clip, in seconds.")] = 15,
    longest: Annotated[float, typer.Option("--max", help="Longest clip, in seconds.")] = 60,
    prompt: Annotated[str, typer.Option(help="What to look for, in your words.")] = "",
    language: Annotated[str, typer.Option(help="Spoken language as a two-letter code, or auto.")] = "auto",
    aspect: Annotated[Aspect, typer.Option(help="Shape of the clips.")] = "9:16",
    layout: Annotated[LayoutChoice, typer.Option(help="How people are framed.")] = "auto",
    style: Annotated[str, typer.Option(help="Caption style: a name from `cliply styles`.")] = "bold",
    quality: Annotated[Quality, typer.Option(help="draft, standard or high.")] = "standard",
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the clips are ready.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Wait, then download the clips into this folder.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Upload a video to the service, which makes clips of it. Run again after a dropped line, it goes on."""
    probe(video)
    options = {
        "count": times.count(count),
        "shortest": times.length(shortest, "--min"),
        "longest": times.longest(longest, shortest),
        "prompt": prompt,
        "language": times.language(language),
        "aspect": aspect,
        "layout": layout,
        "style": style,
        "quality": quality,
    }
    found = service()
    project = send(found, video, {"name": name, "options": options})
    if wait or out is not None:
        project = follow(found, project["id"])
    files = download_clips(found, project["id"], out) if out is not None else []
    if json:
        print_json({"project": project, "files": [str(file) for file in files]})
    else:
        typer.echo("\n".join(str(file) for file in files) if files else project["id"])


def send(found: Service, video: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """Upload the file, from where an earlier try was dropped; returns the project, which goes on by itself."""
    uploads = uploads_to(found)
    plan = _begun(found, uploads.known(video))
    if plan is None:
        note("Reading the file …")
        sha256 = file_sha256(video, lambda _bytes: None)
        body = {"file_name": video.name, "size": video.stat().st_size, "sha256": sha256, **wanted}
        plan = found.post("/api/upload/init", {key: value for key, value in body.items() if value is not None})
        uploads.keep(video, plan["project_id"])
    else:
        note(f"Going on with {len(plan['arrived'])} of {plan['parts']} parts.")
    while plan["missing"]:
        for part in plan["missing"]:
            note(f"Sending part {part['number']} of {plan['parts']} …")
            start = (part["number"] - 1) * plan["part_size"]
            found.put_part(part["link"], video, start, part["size"], lambda _bytes: None)
        plan = found.get(f"/api/upload/{plan['project_id']}")
    try:
        project: dict[str, Any] = found.post("/api/upload/complete", {"project_id": plan["project_id"]})
    except Invalid:
        # It was refused: the next try begins anew.
        uploads.forget(video)
        raise
    uploads.forget(video)
    return project


def follow(found: Service, project_id: str) -> dict[str, Any]:
    """Tell what is being done until the project has ended. Raises Conflict with the reason where it failed."""
    told = ""
    while True:
        project: dict[str, Any] = found.get(f"/api/projects/{project_id}")
        if project["state"] in _ENDED and not project["work"]:
            if project["state"] != "ready":
                raise Conflict(f"The project {project['state']}: {project['error']}")
            return project
        steps = [f"{job['step'] or job['kind'].lower()} {job['progress']:.0%}" for job in project["work"]]
        if steps and (now := ", ".join(steps)) != told:
            told = now
            note(now)
        threading.Event().wait(_LOOKS)


def _begun(found: Service, project_id: str | None) -> Any:
    """What is left of an upload that was begun before, None where it has ended."""
    if project_id is None:
        return None
    try:
        if found.get(f"/api/projects/{project_id}")["state"] != "uploading":
            return None
        return found.get(f"/api/upload/{project_id}")
    except NotFound:
        return None
