"""`cliply projects ...` and `cliply clips ...`: what a service holds."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from cliply.cli.console import JsonFlag, note, print_json
from cliply.cli.remote import service
from cliply.cli.service_names import Yes, confirm, show
from cliply.integrations.service import Service
from cliply.media.probe import printable
from cliply.media.slug import slug

projects = typer.Typer(help="Projects of a service: see `cliply login`.")
clips = typer.Typer(help="Clips of a service: see `cliply login`.")


class ProjectState(StrEnum):
    UPLOADING = "uploading"
    DOWNLOADING = "downloading"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    REFUSED = "refused"


ProjectId = Annotated[UUID, typer.Argument(help="Id of the project.", show_default=False)]
ClipId = Annotated[UUID, typer.Argument(help="Id of the clip.", show_default=False)]
_NEWEST = 10
_NO_PROJECT = "There is no project yet. Give the service a video: cliply upload talk.mp4"
_Limit = Annotated[int, typer.Option(min=1, max=100, help="How many at most.")]
_ENDINGS = {"video": "mp4", "cover": "jpg", "coverwide": "wide.jpg", "srt": "srt", "vtt": "vtt", "ass": "ass"}


@projects.command("list")
def list_projects(
    state: Annotated[ProjectState | None, typer.Option(help="Only in this state.")] = None,
    limit: _Limit = 20,
    json: JsonFlag = False,
) -> None:
    """List projects, newest first."""
    found = service().get("/api/projects", state=state and str(state), limit=limit)["items"]
    show(
        found, json, lambda each: f"{each['id']}  {each['state']:<12} {each['name']}{_until(each, '  (kept until {})')}"
    )


@projects.command("show")
def show_project(project_id: ProjectId, json: JsonFlag = False) -> None:
    """See a project, when it is deleted if it is kept for a time only, and what is being done for it."""
    found = service().get(f"/api/projects/{project_id}")
    if json:
        print_json(found)
        return
    typer.echo(printable(f"{found['name']}: {found['state']}{': ' + found['error'] if found['error'] else ''}"))
    if found["expires_at"]:
        typer.echo(_until(found, "  Kept until {}, then deleted with all its files"))
    for job in found["work"]:
        typer.echo(f"  {job['kind']} {job['state']} {job['progress']:.0%} {job['step'] or ''}".rstrip())


def _until(project: Any, said: str) -> str:
    """Where it is kept for a time only, by the clock of this machine."""
    if project["expires_at"] is None:
        return ""
    return said.format(f"{datetime.fromisoformat(project['expires_at']).astimezone():%Y-%m-%d %H:%M}")


@projects.command("rename")
def rename_project(
    project_id: ProjectId,
    name: Annotated[str, typer.Argument(help="Its new name.", show_default=False)],
    json: JsonFlag = False,
) -> None:
    """Give a project another name."""
    found = service().patch(f"/api/projects/{project_id}", {"name": name})
    show([found], json, lambda each: f"{each['id']}  {each['name']}")


@projects.command("retry")
def retry_project(project_id: ProjectId, json: JsonFlag = False) -> None:
    """Start a project again at the step that failed."""
    found = service().post(f"/api/projects/{project_id}/retry")
    show([found], json, lambda each: f"{each['id']}  {each['state']}")


@projects.command("delete")
def delete_project(project_id: ProjectId, yes: Yes = False) -> None:
    """Delete a project with its clips and all its files."""
    found = service()
    name = found.get(f"/api/projects/{project_id}")["name"]
    confirm(f"Delete “{name}” with all its files?", yes=yes)
    found.delete(f"/api/projects/{project_id}")
    note(f"“{name}” is deleted.")


@clips.command("list")
def list_clips(
    project_id: Annotated[
        UUID | None,
        typer.Argument(help=f"Id of the project. Default: the {_NEWEST} newest.", show_default=False),
    ] = None,
    candidates: Annotated[bool, typer.Option("--candidates", help="Those that were found and not made.")] = False,
    json: JsonFlag = False,
) -> None:
    """List the clips of a project, best first, or those of the newest projects."""
    found, what = service(), "candidates" if candidates else "clips"
    if project_id is not None:
        show(found.get(f"/api/projects/{project_id}/{what}"), json, _line)
        return
    there = found.get("/api/projects", limit=_NEWEST)["items"]
    listed = [(each, project) for project in there for each in found.get(f"/api/projects/{project['id']}/{what}")]
    if json:
        print_json([each for each, _project in listed])
        return
    nothing = "No project has any yet. `cliply projects list` tells how far they are." if there else _NO_PROJECT
    show(listed, json, lambda each: f"{_line(each[0])}  ({each[1]['name']})", nothing)


def _line(each: Any) -> str:
    return f"{each['id']}  {each.get('state', 'candidate'):<9} {each['rank']:>3}  {each['title']}"


@clips.command("show")
def show_clip(clip_id: ClipId, json: JsonFlag = False) -> None:
    """See a clip: its scores, what the check of it found, and with --json its whole edit."""
    found = service().get(f"/api/clips/{clip_id}")
    if json:
        print_json(found)
        return
    lines = [
        f"{found['rank']:>3}  {found['state']:<9} {found['review']}  {found['title']}",
        f"     {found['reason']}",
        f"     {found['text']}",
    ]
    lines += [f"     {each['level']}: {each['message']}" for each in found["findings"]]
    for line in [*lines, *([f"     {found['error']}"] if found["error"] else [])]:
        typer.echo(printable(line))


@clips.command("download")
def download(
    project_id: ProjectId,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("clips"),
    json: JsonFlag = False,
) -> None:
    """Download the finished clips of a project with their covers and subtitles."""
    files = download_clips(service(), str(project_id), out)
    if json:
        print_json({"files": [str(file) for file in files]})
    else:
        for file in files:
            typer.echo(file)


@clips.command("more")
def more_clips(
    project_id: ProjectId,
    pick: Annotated[
        list[UUID] | None, typer.Option(help="Id of a candidate; may be repeated. Default: the next best.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=20, help="How many of the next best, if none is picked.")] = 3,
    json: JsonFlag = False,
) -> None:
    """Make further clips of a project; nothing is transcribed again."""
    wanted = {"candidates": [str(each) for each in pick]} if pick else {"count": count}
    found = service().post(f"/api/projects/{project_id}/clips", wanted)
    show(found, json, lambda each: f"{each['id']}  {each['title']}")


@clips.command("render")
def render_clip(clip_id: ClipId, json: JsonFlag = False) -> None:
    """Render what was changed of a clip."""
    found = service().post(f"/api/clips/{clip_id}/render")
    show([found], json, lambda each: f"{each['id']}  {each['state']}")


def download_clips(found: Service, project_id: str, out: Path) -> list[Path]:
    """Write the files of every clip that is ready into the folder; videos come first in the answer."""
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for clip in found.get(f"/api/projects/{project_id}/clips"):
        if clip["state"] != "ready":
            continue
        links = found.get(f"/api/clips/{clip['id']}/files")["links"]
        for kind in [kind for kind in _ENDINGS if kind in links]:
            target = out / f"{clip['rank']:02d}-{slug(clip['title'])}.{_ENDINGS[kind]}"
            found.download(links[kind], target)
            written.append(target)
    return sorted(written, key=lambda file: (file.suffix != ".mp4", file.name))
