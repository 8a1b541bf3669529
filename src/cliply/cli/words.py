"""`cliply probe`, `transcribe` and `highlights`: look at the steps on their own."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cliply.cli import engines, names, times
from cliply.cli.clips import Source, watched
from cliply.cli.console import JsonFlag, analysis_cache, note, print_json
from cliply.media.analysis import analyse, listen, write_down
from cliply.media.cache import write_text
from cliply.media.captions.subtitles import transcript_srt, transcript_vtt
from cliply.media.options import ClipOptions
from cliply.media.preflight import check_folder, check_length, check_sound
from cliply.media.probe import Source as MediaSource
from cliply.media.probe import printable, probe
from cliply.media.speech.transcripts import language_doubt, load_transcript, transcript_json
from cliply.media.types import Highlight, Span, Transcript


def _text(transcript: Transcript) -> str:
    return " ".join(word.text for word in transcript.words) + "\n"


_WRITERS: dict[str, Callable[[Transcript], str]] = {
    ".json": transcript_json,
    ".srt": transcript_srt,
    ".vtt": transcript_vtt,
    ".txt": _text,
}


def register(app: typer.Typer) -> None:
    app.command("probe")(show_probe)
    app.command()(transcribe)
    app.command()(highlights)


def show_probe(source: Source, json: JsonFlag = False) -> None:
    """Show what a file is: length, picture, sound, subtitles."""
    found = probe(source)
    if json:
        print_json(_plain(found))
        return
    typer.echo(f"{printable(found.path.name)}: {names.container(found.container)}, {times.clock(found.duration)}")
    if (video := found.video) is not None:
        shape = f"{video.size.width}×{video.size.height}"
        turned = f", turned by {video.rotation}°" if video.rotation else ""
        high = ", HDR" if video.hdr else ""
        typer.echo(
            f"  picture: {names.codec(video.codec)}, {shape}, {float(video.rate):.5g} frames a second{turned}{high}"
        )
    if (sound := found.sound) is not None:
        typer.echo(f"  sound: {names.codec(sound.codec)}, {names.channels(sound.channels)}, {sound.rate} Hz")
    for subtitles in found.subtitles:
        typer.echo(f"  subtitles: {subtitles.codec} {subtitles.language or 'of unknown language'}")
    if found.sound is None:
        typer.echo("  sound: none")
    if found.damage:
        typer.echo(f"  damage: {found.damage}")


def transcribe(
    source: Source,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write: .json, .srt, .vtt or .txt. Default: text on stdout."),
    ] = None,
    language: Annotated[str, typer.Option(help="Spoken language as a two-letter code, or auto.")] = "auto",
    model: Annotated[str, typer.Option(help=engines.MODEL_HELP)] = "auto",
    json: JsonFlag = False,
) -> None:
    """Write down what is said, with the time of every word."""
    if out is not None:
        if out.suffix not in _WRITERS:
            raise typer.BadParameter(f"{out} must end in {', '.join(_WRITERS)}.")
        check_folder(out.parent)
    found = probe(source)
    check_sound(found)
    options = ClipOptions(language=times.language(language))
    transcriber = engines.transcriber(model)
    engines.check(transcriber, options.language)
    if found.damage:
        note(found.damage)
    transcript = watched(
        lambda watch: write_down(
            found, listen(found, analysis_cache(), watch), options, transcriber, analysis_cache(), watch
        ),
        found,
    )
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, _WRITERS[out.suffix](transcript))
    typer.echo(transcript_json(transcript) if json else (out or _text(transcript).rstrip()))
    for warning in language_doubt(transcript):
        note(warning)


def highlights(
    source: Source,
    count: Annotated[str, typer.Option(help="How many: a number, or auto for as many as are good.")] = "auto",
    shortest: Annotated[float, typer.Option("--min", help="Shortest, in seconds.")] = 15,
    longest: Annotated[float, typer.Option("--max", help="Longest, in seconds.")] = 60,
    begin: Annotated[str | None, typer.Option("--from", help=times.FROM_HELP)] = None,
    end: Annotated[str | None, typer.Option("--to", help=times.TO_HELP)] = None,
    prompt: Annotated[str, typer.Option(help="What to look for, in your words.")] = "",
    keywords: Annotated[str, typer.Option(help="Words that should come up, separated by commas.")] = "",
    language: Annotated[str, typer.Option(help="Spoken language as a two-letter code, or auto.")] = "auto",
    model: Annotated[str, typer.Option(help=engines.MODEL_HELP)] = "auto",
    transcript: Annotated[str | None, typer.Option(help=engines.TRANSCRIPT_HELP)] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that were not chosen; the chosen ones are marked.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """List the moments worth posting, best first, with the reasons; nothing is rendered."""
    found = probe(source)
    within = times.part(begin, end, found.duration)
    check_sound(found, within)
    options = ClipOptions(
        count=times.count(count),
        shortest=times.length(shortest, "--min"),
        longest=times.longest(longest, shortest),
        within=within,
        prompt=prompt,
        keywords=times.listed(keywords),
        language=times.language(language),
        transcript=engines.given_transcript(transcript, found, analysis_cache()),
    )
    check_length(found, options, within or Span(0, found.duration))
    if options.transcript is not None:
        load_transcript(options.transcript)
    transcriber = engines.transcriber(model)
    engines.check(transcriber, options.language)
    if found.damage:
        note(found.damage)
    analysis = watched(
        lambda watch: analyse(
            found,
            options,
            transcriber=transcriber,
            judge=engines.judge(),
            cache=analysis_cache(),
            watch=watch,
        ),
        found,
    )
    for warning in analysis.findings.warnings:
        note(warning)
    shown = [each for each in analysis.findings.highlights if everything or each.chosen]
    if json:
        print_json([dataclasses.asdict(each) for each in shown])
        return
    for rank, each in enumerate(shown, 1):
        typer.echo(_described(rank, each, marked=everything and each.chosen))


def _described(rank: int, highlight: Highlight, *, marked: bool) -> str:
    span = f"{times.clock(highlight.span.start)}–{times.clock(highlight.span.end)}"
    mark = "  chosen" if marked else ""
    return f"{rank:2}. {span}{mark}  {highlight.title or shortened(highlight.text)}\n      {highlight.reason}"


def shortened(text: str, most: int = 70) -> str:
    """`text` in at most `most` characters, ending with a whole word where it has spaces."""
    if len(text) <= most:
        return text
    cut = text[:most]
    return f"{(cut[: cut.rfind(' ')] if ' ' in cut else cut[:-1]).rstrip(' ,;:')}…"


def _plain(source: MediaSource) -> dict[str, object]:
    told = dataclasses.asdict(source)
    told["path"] = str(source.path)
    if source.video is not None:
        told["video"]["rate"] = str(source.video.rate)
        told["video"]["pixel_aspect"] = str(source.video.pixel_aspect)
    return told
