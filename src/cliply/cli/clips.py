"""`cliply clip`, `more`, `render` and `export`: from a video to files worth posting."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from cliply.cli import engines, times
from cliply.cli.console import JsonFlag, analysis_cache, note, print_json, settings, stderr
from cliply.cli.exit_codes import ExitCode
from cliply.cli.progress import Rates, reporter
from cliply.cli.running import run_watched
from cliply.errors import NotFound
from cliply.media.brand import load_brand
from cliply.media.captions.styles import style_names
from cliply.media.documents import ClipEntry, ClipsDocument
from cliply.media.edit import Aspect, Brand, Quality
from cliply.media.edits import clip_name, load_edit, load_edits
from cliply.media.exports import Format, export_edits
from cliply.media.fingerprint import fingerprint
from cliply.media.options import ClipOptions, LayoutChoice, Profanity, Tighten
from cliply.media.outcome import refuse_overwriting
from cliply.media.page import alike, cut_line
from cliply.media.pipeline import Finished, Request, make_clips, make_more, render_edit
from cliply.media.preflight import check_request
from cliply.media.probe import Source as MediaSource
from cliply.media.probe import probe
from cliply.media.progress import Watch
from cliply.media.slug import slug

Result = TypeVar("Result")

Source = Annotated[Path, typer.Argument(help="A video or sound file.", metavar="SOURCE", show_default=False)]
# A path has lost one of the two slashes of an address.
_LINK = ("http:/", "https:/", "www.")


def register(app: typer.Typer) -> None:
    app.command()(clip)
    app.command()(more)
    app.command()(render)
    app.command()(export)


def clip(
    source: Source,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the clips. Default: clips/NAME.")] = None,
    count: Annotated[str, typer.Option(help="How many clips: a number, or auto for as many as are good.")] = "auto",
    shortest: Annotated[float, typer.Option("--min", help="Shortest clip, in seconds.")] = 15,
    longest: Annotated[float, typer.Option("--max", help="Longest clip, in seconds.")] = 60,
    begin: Annotated[str | None, typer.Option("--from", help=times.FROM_HELP)] = None,
    end: Annotated[str | None, typer.Option("--to", help=times.TO_HELP)] = None,
    prompt: Annotated[str, typer.Option(help="What to look for, in your words: “advice for beginners”.")] = "",
    keywords: Annotated[str, typer.Option(help="Words that should come up, separated by commas.")] = "",
    language: Annotated[str, typer.Option(help="Spoken language as a two-letter code, or auto.")] = "auto",
    model: Annotated[str, typer.Option(help=engines.MODEL_HELP)] = "auto",
    transcript: Annotated[str | None, typer.Option(help=engines.TRANSCRIPT_HELP)] = None,
    aspect: Annotated[Aspect, typer.Option(help="Shape of the clips.")] = "9:16",
    layout: Annotated[LayoutChoice, typer.Option(help="How people are framed; auto chooses by what is seen.")] = "auto",
    style: Annotated[str, typer.Option(help="Caption style: a name from `cliply styles`, or a style file.")] = "bold",
    quality: Annotated[
        Quality, typer.Option(help="draft is quick and smaller, high takes three times as long.")
    ] = "standard",
    tighten: Annotated[
        Tighten, typer.Option(help="Cut long pauses and filler words. Silences above 2.5 s are always cut.")
    ] = "off",
    profanity: Annotated[Profanity, typer.Option(help="Mask swear words in the captions, or bleep them too.")] = "off",
    title: Annotated[
        bool, typer.Option("--title/--no-title", help="Show a hook line at the beginning and on the cover.")
    ] = True,
    brand: Annotated[Path | None, typer.Option(help="A brand file: logo, colours, font, intro and outro.")] = None,
    loudness: Annotated[float, typer.Option(help="Loudness in LUFS.", min=-31, max=-8)] = -14,
    json: JsonFlag = False,
) -> None:
    """Make clips from a video: ranked, framed on whoever speaks, with captions, covers and titles."""
    _refuse_link(source)
    transcriber = engines.transcriber(model)
    found = probe(source)
    options = ClipOptions(
        count=times.count(count),
        shortest=times.length(shortest, "--min"),
        longest=times.longest(longest, shortest),
        within=times.part(begin, end, found.duration),
        prompt=prompt,
        keywords=times.listed(keywords),
        language=times.language(language),
        transcript=engines.given_transcript(transcript, found, analysis_cache()),
        aspect=aspect,
        layout=layout,
        style=_located(style),
        quality=quality,
        tighten=tighten,
        profanity=profanity,
        title=title,
        brand=load_brand(brand) if brand else Brand(),
        loudness=times.level(loudness),
    )
    folder = out or Path("clips") / slug(source.stem)
    check_request(found, options, folder, analysis_cache().root)
    refuse_overwriting(folder, fingerprint(source))
    engines.check(transcriber, options.language)
    if found.damage:
        note(found.damage)
    request = Request(found, options, folder)
    finished = watched(
        lambda watch: make_clips(
            request, transcriber=transcriber, judge=engines.judge(), cache=analysis_cache(), watch=watch
        ),
        found,
    )
    _show(finished, folder, json)


def more(
    folder: Annotated[
        Path, typer.Argument(help="A folder that `cliply clip` made.", metavar="FOLDER", show_default=False)
    ],
    pick: Annotated[
        list[int] | None,
        typer.Option(help="Number of a candidate on the page; may be repeated. Default: the next best."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many of the next best, if none is picked.")] = 3,
    json: JsonFlag = False,
) -> None:
    """Make further clips of a video that was already looked through: nothing is transcribed again."""
    document = ClipsDocument.load(folder)
    found = _source_of(document, folder)
    picks = pick or [candidate.pick for candidate in document.candidates[:count]]
    if not picks:
        raise NotFound(f"There are no further candidates in {folder}: all of them are clips already.")
    finished = watched(
        lambda watch: make_more(folder, document, found, picks=picks, cache=analysis_cache(), watch=watch),
        found,
    )
    _show(finished, folder, json)


def render(
    edit: Annotated[
        Path,
        typer.Argument(help="An edit file, NN-name.edit.json, changed or not.", metavar="EDIT", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The video to write. Default: beside the edit.")
    ] = None,
    quality: Annotated[Quality | None, typer.Option(help="Instead of the edit's own quality.")] = None,
    json: JsonFlag = False,
) -> None:
    """Make the clip that an edit file describes."""
    wanted = load_edit(edit)
    if quality is not None:
        wanted = wanted.model_copy(update={"output": wanted.output.model_copy(update={"quality": quality})})
    found = probe(wanted.source.path)
    target = out or edit.with_name(f"{clip_name(edit)}.mp4")
    if target.suffix != ".mp4":
        raise typer.BadParameter(f"{target} must end in .mp4.")
    made = watched(lambda watch: render_edit(wanted, found, target.absolute(), watch), found)
    if json:
        told = [finding.model_dump(mode="json") for finding in made.findings]
        print_json({"files": made.files.model_dump(mode="json"), "findings": told})
    else:
        typer.echo(target)
    for finding in made.findings:
        note(finding.message)
    if made.failed:
        raise typer.Exit(ExitCode.CHECK_FAILED)


def export(
    folder: Annotated[
        Path, typer.Argument(help="A folder that `cliply clip` made, or one edit file.", show_default=False)
    ],
    to: Annotated[Format, typer.Option(help="Format to write.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to write to. Default: the folder itself.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Write the clips as timelines for an editing program, or their words as subtitles."""
    edits = load_edits(folder)
    target = out or (folder.parent if folder.is_file() else folder)
    written = export_edits(list(edits.values()), list(edits), to, target)
    if json:
        print_json({"files": [str(path) for path in written]})
    else:
        for path in written:
            typer.echo(path)


def _located(style: str) -> str:
    """A style file by its absolute path: `more` and `render` may be called from another folder."""
    named = style in style_names() or not Path(style).is_file()
    return style if named else str(Path(style).absolute())


def _source_of(document: ClipsDocument, folder: Path) -> MediaSource:
    again = "Put it back, or run `cliply clip` on it at its new place: nothing is transcribed again."
    if document.source.path is None:
        raise NotFound(f"{folder} does not say where its video is. {again}")
    try:
        return probe(document.source.path)
    except NotFound as gone:
        raise NotFound(f"The video {document.source.path} is not there any more. {again}") from gone


def _refuse_link(source: Path) -> None:
    if str(source).startswith(_LINK):
        raise typer.BadParameter("Links cannot be opened from here yet. Download the video first, then name the file.")


def watched(work: Callable[[Watch], Result], source: MediaSource) -> Result:
    rates = Rates(settings().cache / "rates.json")
    console = stderr()
    shown = reporter(console, rates, source.duration / 1000, plain=settings().progress == "lines")
    return run_watched(work, shown)


def _show(finished: Finished, folder: Path, json: bool) -> None:
    document = finished.document
    clips = [made for made in document.clips if made.number in finished.made]
    if json:
        of_this_run = {"made": list(finished.made), "warnings": list(finished.warnings)}
        print_json(document.model_dump(mode="json") | of_this_run)
    else:
        for made in clips:
            typer.echo(folder / str(made.files.video))
        typer.echo(folder / "index.html")
    failed = [made for made in clips if any(finding.level == "failed" for finding in made.findings)]
    for made in clips:
        if made.cuts:
            note(f"{made.files.video}: {cut_line(made)}.")
        if made.findings:
            note(check_line(made))
    for warning in finished.warnings:
        note(warning)
    for failure in finished.failures:
        note(f"Clip {failure.number} could not be made: {failure.message}")
    if failed or finished.failures:
        raise typer.Exit(ExitCode.CHECK_FAILED)


def check_line(made: ClipEntry) -> str:
    """What the check found in a clip, what is worst first; the same kind of thing is said once."""
    worst_first = sorted(made.findings, key=lambda finding: finding.level != "failed")
    groups = alike(worst_first)
    told = [group[0].message + (f" ({len(group) - 1} more like it.)" if len(group) > 1 else "") for group in groups]
    verdict = " did not pass its check" if worst_first[0].level == "failed" else ""
    return f"{made.files.video}{verdict}: {' '.join(told)}"
