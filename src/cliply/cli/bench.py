"""`cliply bench`: run one part on any data set and write what it says, in the formats of the public scorers."""

from pathlib import Path
from typing import Annotated

import typer

from cliply.cli import bench_chapters, bench_framing, bench_highlights, bench_speech
from cliply.errors import NotFound

app = typer.Typer(help="Run one part on a data set and write its answers for scoring.", no_args_is_help=True)


def _place(out: Path) -> Path:
    """Raises NotFound before the work, which may take long, rather than after it."""
    if not out.absolute().parent.is_dir():
        raise NotFound(f"There is no folder {out.absolute().parent} to write {out.name} into. Make it first.")
    return out


Out = Annotated[Path, typer.Option("--out", "-o", help="File to write.", callback=_place)]


@app.command()
def speech(
    refs: Annotated[Path, typer.Argument(help="JSON whose keys are sound or video files, beside it.")],
    out: Out,
    model: Annotated[str, typer.Option(help="Speech model, as for `cliply clip`.")] = "auto",
    media: Annotated[Path | None, typer.Option(help="Folder of the files. Default: the folder of REFS.")] = None,
) -> None:
    """Transcribe every file that REFS names; writes {file: {text, words}}."""
    bench_speech.run(refs, media, out, model)
    typer.echo(out)


@app.command()
def highlights(
    data: Annotated[Path, typer.Argument(help="Transcripts, one a line: .jsonl or .jsonl.gz.")], out: Out
) -> None:
    """Rank the moments of every transcript in DATA; writes {id: [[start, end], ...]}, best first."""
    bench_highlights.run(data, out)
    typer.echo(out)


@app.command()
def chapters(
    data: Annotated[Path, typer.Argument(help="Transcripts, one a line: .jsonl or .jsonl.gz.")], out: Out
) -> None:
    """Find where topics begin in every transcript in DATA; writes {id: [seconds, ...]}."""
    bench_chapters.run(data, out)
    typer.echo(out)


@app.command()
def framing(video: Annotated[Path, typer.Argument(help="A video.")], out: Out) -> None:
    """Frame the whole of VIDEO for 9:16; writes {crops: [{t, x, y, w, h}, ...]} in source pixels."""
    bench_framing.run(video, out)
    typer.echo(out)
