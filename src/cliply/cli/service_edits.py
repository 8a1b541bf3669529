"""`cliply clips edit`, `review` and `export`: what people do to a clip of a service before it is posted."""

import json as jsonlib
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cliply.cli import times
from cliply.cli.console import JsonFlag, note
from cliply.cli.remote import service
from cliply.cli.service_clips import ClipId, clips
from cliply.cli.service_names import show
from cliply.errors import Invalid, NotFound
from cliply.media.edit import Quality
from cliply.media.exports import Format
from cliply.media.options import LayoutChoice
from cliply.media.slug import slug

__all__ = ["clips"]


@clips.command("edit")
def edit_clip(
    clip_id: ClipId,
    begin: Annotated[str | None, typer.Option("--from", help="Begin here in the source: 90, 1:30 or 1:02:03.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="End here in the source.")] = None,
    title: Annotated[str | None, typer.Option(help="Title of the post.")] = None,
    description: Annotated[str | None, typer.Option(help="Text of the post.")] = None,
    hook: Annotated[str | None, typer.Option(help="Line at the beginning; empty for none.")] = None,
    cover_title: Annotated[str | None, typer.Option(help="Text on the cover; empty for none.")] = None,
    style: Annotated[str | None, typer.Option(help="Caption style: a name from `cliply styles`.")] = None,
    layout: Annotated[LayoutChoice | None, typer.Option(help="How people are framed.")] = None,
    captions: Annotated[
        bool | None, typer.Option("--captions/--no-captions", help="Whether captions are shown.")
    ] = None,
    quality: Annotated[Quality | None, typer.Option(help="draft, standard or high.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="JSON with anything that the API takes, such as `words`; options go over it.", show_default=False
        ),
    ] = None,
    render: Annotated[bool, typer.Option("--render/--no-render", help="Make the clip again at once.")] = True,
    json: JsonFlag = False,
) -> None:
    """Change a clip; what is not named stays. Somebody else's change in between is not lost: yours is refused."""
    options: dict[str, Any] = {
        "start": times.time(begin) if begin is not None else None,
        "end": times.time(end) if end is not None else None,
        "title": title,
        "description": description,
        "hook": hook,
        "cover_title": cover_title,
        "style": style,
        "layout": layout,
        "captions": captions,
        "quality": quality,
    }
    change = _read(file) | {name: value for name, value in options.items() if value is not None}
    if not change:
        raise Invalid("Say what to change, for example --title or --from.")
    found = service()
    clip = found.get(f"/api/clips/{clip_id}")
    clip = found.patch(f"/api/clips/{clip_id}", change, version=clip["version"])
    if render:
        clip = found.post(f"/api/clips/{clip_id}/render")
    show([clip], json, lambda each: f"{each['id']}  {each['state']}  {each['title']}")


@clips.command("review")
def review_clip(
    clip_id: ClipId,
    verdict: Annotated[
        Literal["approved", "rejected", "open"], typer.Argument(help="What you think of it.", show_default=False)
    ],
    json: JsonFlag = False,
) -> None:
    """Approve a clip, reject it, or leave that open."""
    found = service().post(f"/api/clips/{clip_id}/review", {"review": verdict})
    show([found], json, lambda each: f"{each['id']}  {each['review']}  {each['title']}")


@clips.command("export")
def export_clip(
    clip_id: ClipId,
    to: Annotated[Format, typer.Option("--to", help="Timeline for an editing program, or subtitles.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("clips"),
) -> None:
    """Write a clip as a timeline, or its words as subtitles."""
    found = service()
    clip = found.get(f"/api/clips/{clip_id}")
    written = found.text(f"/api/clips/{clip_id}/exports/{to}")
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{clip['rank']:02d}-{slug(clip['title'])}.{to}"
    target.write_text(written, encoding="utf-8")
    note("Download the source beside it, and name it there as the program asks.")
    typer.echo(target)


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        read = jsonlib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.") from None
    except (OSError, ValueError):
        raise Invalid(f"{file} is no JSON.") from None
    if not isinstance(read, dict):
        raise Invalid(f"{file} holds no object with what is to be changed.")
    return read
