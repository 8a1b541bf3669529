"""`cliply upload`: give a service a video, and take the clips home."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from cliply.cli import times
from cliply.cli.console import JsonFlag, note, print_json
from cliply.cli.project_events import events, steps_line
from cliply.cli.remote import service, uploads_to
from cliply.cli.service_clips import download_clips
from cliply.errors import Conflict, Invalid, NotFound
from cliply.integrations.service import LineCut, Service, file_sha256
from cliply.media.edit import Aspect, Quality
from cliply.media.options import LayoutChoice, Profanity, Tighten
from cliply.media.probe import probe

_LOOKS = 2.0
"""Seconds between two looks at a project."""
_ENDLESS = 10**12
"""Milliseconds of a source whose length only the service will know."""
_ENDED = ("ready", "failed", "refused")


def register(app: typer.Typer) -> None:
    app.command()(upload)


def upload(
    source: Annotated[
        str,
        typer.Argument(
            help="A video or sound file, or a link where the service takes them.",
            metavar="SOURCE",
            show_default=False,
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the project. Default: the file's.")] = None,
    count: Annotated[str, typer.Option(help="How many clips: a number, or auto for as many as are good.")] = "auto",
    shortest: Annotated[float, typer.Option("--min", help="Shortest clip, in seconds.")] = 15,
    longest: Annotated[float, typer.Option("--max", help="Longest clip, in seconds.")] = 60,
    begin: Annotated[str | None, typer.Option("--from", help=times.FROM_HELP)] = None,
    end: Annotated[str | None, typer.Option("--to", help=times.TO_HELP)] = None,
    prompt: Annotated[str, typer.Option(help="What to look for, in your words.")] = "",
    keywords: Annotated[str, typer.Option(help="Words that should come up, separated by commas.")] = "",
    language: Annotated[str, typer.Option(help="Spoken language as a two-letter code, or auto.")] = "auto",
    aspect: Annotated[Aspect, typer.Option(help="Shape of the clips.")] = "9:16",
    layout: Annotated[LayoutChoice, typer.Option(help="How people are framed.")] = "auto",
    style: Annotated[
        str | None, typer.Option(help="Caption style: a name from `cliply styles`. Default: the workspace's.")
    ] = None,
    quality: Annotated[Quality, typer.Option(help="draft, standard or high.")] = "standard",
    tighten: Annotated[Tighten, typer.Option(help="Cut long pauses and filler words.")] = "off",
    profanity: Annotated[Profanity, typer.Option(help="Mask swear words in the captions, or bleep them too.")] = "off",
    title: Annotated[
        bool, typer.Option("--title/--no-title", help="Show a hook line at the beginning and on the cover.")
    ] = True,
    loudness: Annotated[float, typer.Option(help="Loudness in LUFS.", min=-31, max=-8)] = -14,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the clips are ready.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Wait, then download the clips into this folder.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Give the service a video, which makes clips of it. Run again after a dropped line, it goes on."""
    link = source.startswith(("http://", "https://"))
    video = Path(source)
    length = None if link else probe(video).duration
    part = times.part(begin, end, _ENDLESS if length is None else length)
    options = {
        "count": times.count(count),
        "shortest": times.length(shortest, "--min"),
        "longest": times.longest(longest, shortest),
        "begin": part.start if part and begin else None,
        "end": part.end if part and end else None,
        "prompt": prompt,
        "keywords": times.listed(keywords),
        "language": times.language(language),
        "aspect": aspect,
        "layout": layout,
        "style": style,
        "quality": quality,
        "tighten": tighten,
        "profanity": profanity,
        "title": title,
        "loudness": times.level(loudness),
    }
    found = service()
    wanted = _given({"name": name, "duration_ms": length, "options": _given(options)})
    project = _send_link(found, source, wanted) if link else send(found, video, wanted)
    if wait or out is not None:
        project = follow(found, project["id"])
    files = download_clips(found, project["id"], out) if out is not None else []
    if json:
        print_json({"project": project, "files": [str(file) for file in files]})
    else:
        typer.echo("\n".join(str(file) for file in files) if files else project["id"])


def _given(wanted: dict[str, Any]) -> dict[str, Any]:
    """Without what was left open: that is for the service and the workspace to say."""
    return {name: value for name, value in wanted.items() if value is not None}


def _send_link(found: Service, link: str, wanted: dict[str, Any]) -> dict[str, Any]:
    begun = found.post("/api/upload/init", {"kind": "link", "link": link, **wanted})
    project: dict[str, Any] = found.get(f"/api/projects/{begun['project_id']}")
    return project


def send(found: Service, video: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """Upload the file, from where an earlier try was dropped; returns the project, which goes on by itself."""
    uploads = uploads_to(found)
    plan = _begun(found, uploads.known(video))
    if plan is None:
        note("Reading the file …")
        sha256 = file_sha256(video, lambda _bytes: None)
        body = {"file_name": video.name, "size": video.stat().st_size, "sha256": sha256, **wanted}
        plan = found.post("/api/upload/init", body)
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
        project = _completed(found, plan["project_id"])
    except Invalid:
        # It was refused: the next try begins anew.
        uploads.forget(video)
        raise
    uploads.forget(video)
    return project


def _completed(found: Service, project_id: str) -> dict[str, Any]:
    """The project, once its file was looked at; a large one may take minutes."""
    told = False
    while True:
        project: dict[str, Any] = found.post("/api/upload/complete", {"project_id": project_id})
        if project["state"] != "uploading":
            return project
        if not told:
            note("The service looks at the file …")
            told = True
        threading.Event().wait(_LOOKS)


def follow(found: Service, project_id: str) -> dict[str, Any]:
    """Tell what is being done until the project has ended. Raises Conflict with the reason where it failed."""
    while True:
        _tell(found, project_id)
        project: dict[str, Any] = found.get(f"/api/projects/{project_id}")
        if project["state"] in _ENDED and not project["work"]:
            if project["state"] != "ready":
                raise Conflict(f"The project {project['state']}: {project['error']}")
            return project
        threading.Event().wait(_LOOKS)


def _tell(found: Service, project_id: str) -> None:
    """As long as there is something to tell; of a line that is cut again and again, whoever asks finds out why."""
    told = ""
    with suppress(LineCut):
        for name, event in events(found, project_id):
            steps = steps_line(event["work"]) if name == "progress" else ""
            if steps not in ("", told):
                told = steps
                note(steps)


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
