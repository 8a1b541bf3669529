"""The one encode of a clip: all inputs, all filters, one process."""

import re
import shutil
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from cliply.errors import LimitReached
from cliply.media import ffmpeg
from cliply.media.edit import ClipEdit, Quality
from cliply.media.errors import RenderFailed, Unreadable
from cliply.media.isolation import Limits
from cliply.media.probe import Source
from cliply.media.rendering.bumper import Bumper
from cliply.media.rendering.encoding import PRESETS, video_arguments
from cliply.media.rendering.expressions import even_times
from cliply.media.rendering.framemap import FrameMap, Run
from cliply.media.rendering.graph import picture_graph
from cliply.media.rendering.heard import heard_words
from cliply.media.rendering.logo import logo_filter, write_logo
from cliply.media.rendering.mix import Mix
from cliply.media.rendering.waveform import bars_size, waveform_graph, write_background, write_bars
from cliply.media.types import OnProgress

_FULL_DISK = 16 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """What is encoded, and the private folder in which it happens."""

    edit: ClipEdit
    source: Source
    frames: FrameMap
    folder: Path
    intro: Bumper | None = None
    outro: Bumper | None = None

    @property
    def rate(self) -> Fraction:
        return self.frames.rate

    @property
    def total_frames(self) -> int:
        return sum(part.frames.frames for part in (self.intro, self, self.outro) if part is not None)


@dataclass(slots=True)
class _Inputs:
    """ffmpeg's inputs as they are added."""

    arguments: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, *arguments: str) -> int:
        """Returns the number of the new input."""
        self.arguments += arguments
        self.count += 1
        return self.count - 1


def encode(job: Job, sound: Mix, out: Path, *, threads: int | None, on_progress: OnProgress) -> float:
    """Write `out` and return the processor seconds it took. Raises RenderFailed, LimitReached or TooMuch."""
    inputs, environment = _Inputs(), dict[str, str]()
    graph = ";\n".join(_graph(job, sound, inputs, environment))
    (job.folder / "graph.txt").write_text(graph, encoding="utf-8")
    heard = inputs.add("-i", f"file:{sound.path}")
    arguments: list[str | Path] = ["-benchmark", *inputs.arguments, "-/filter_complex", "graph.txt", "-map", "[v]"]
    arguments += ["-map", f"{heard}:a:0", "-c:a", "copy"]
    arguments += video_arguments(job.edit.output.quality, job.rate, threads)
    arguments += ["-map_metadata", "-1", "-map_chapters", "-1", "-movflags", "+faststart", "-f", "mp4"]
    length = job.total_frames / job.rate
    limits = Limits(wall_seconds=max(300, 60 * float(length)), cpu_seconds=max(600, int(60 * length)))
    try:
        said = ffmpeg.run(
            [*arguments, "-y", f"file:{out}"],
            limits=limits,
            length=length,
            on_progress=on_progress,
            folder=job.folder,
            environment=environment,
        )
    except Unreadable as failed:
        if shutil.disk_usage(out.parent).free < _FULL_DISK:
            raise LimitReached(f"The disk of {out.parent} is full. Make room and start again.") from failed
        raise RenderFailed(f"The clip could not be encoded: {failed}") from failed
    return processor_seconds(said)


def processor_seconds(said: str) -> float:
    """What ffmpeg's -benchmark says of its own processor time."""
    found = re.findall(r"bench: utime=([\d.]+)s stime=([\d.]+)s", said)
    return sum(float(part) for part in found[-1]) if found else 0.0


def _graph(job: Job, sound: Mix, inputs: _Inputs, environment: dict[str, str]) -> list[str]:
    """Chains that end in [v]; what they read is added to `inputs`."""
    chains = [_picture(job, sound, inputs)]
    label = "picture"
    if text := _text(job, environment):
        chains.append(f"[{label}]{text}[written]")
        label = "written"
    brand = job.edit.brand
    if brand.logo is not None:
        logo = write_logo(brand.logo, brand.logo_width, job.edit.output.size, job.folder)
        number = inputs.add("-f", "png_pipe", "-i", f"file:{logo}")
        chains.append(logo_filter(brand, job.edit.output.aspect, number, label, "branded"))
        label = "branded"
    before = [_bumper(job.intro, "intro", inputs, chains)] if job.intro else []
    after = [_bumper(job.outro, "outro", inputs, chains)] if job.outro else []
    parts = [*before, label, *after]
    joined = f"concat=n={len(parts)}:v=1:a=0," if len(parts) > 1 else ""
    chains.append("".join(f"[{part}]" for part in parts) + f"{joined}{even_times(job.rate)}[v]")
    return chains


def _picture(job: Job, sound: Mix, inputs: _Inputs) -> str:
    if job.source.video is None:
        return _drawn(job, sound, inputs)
    first = _open_runs(job.source, job.frames, job.edit.output.quality, inputs)
    return picture_graph(job.edit, job.source.video, job.frames, out="picture", first_input=first)


def _drawn(job: Job, sound: Mix, inputs: _Inputs) -> str:
    """For a source that is sound only."""
    size, bars = job.edit.output.size, bars_size()
    background = write_background(job.edit.brand.colour, size, job.folder)
    first = inputs.add("-f", "png_pipe", "-i", f"file:{background}")
    moving = write_bars(sound.body(), job.rate, job.frames.frames, job.folder)
    raw = ["-f", "rawvideo", "-pixel_format", "gray", "-video_size", f"{bars.width}x{bars.height}"]
    inputs.add(*raw, "-framerate", str(job.rate), "-i", f"file:{moving}")
    return waveform_graph(job.rate, job.frames.frames, size, first_input=first, out="picture")


def _bumper(bumper: Bumper, label: str, inputs: _Inputs, chains: list[str]) -> str:
    if bumper.source.video is not None:
        first = _open_runs(bumper.source, bumper.frames, bumper.edit.output.quality, inputs)
        chains.append(picture_graph(bumper.edit, bumper.source.video, bumper.frames, out=label, first_input=first))
    return label


def _open_runs(source: Source, frames: FrameMap, quality: Quality, inputs: _Inputs) -> int:
    decoding = PRESETS[quality].decoding
    numbers = [inputs.add(*decoding, *_opened(source, run, frames.rate)) for run in frames.runs]
    return numbers[0]


def _opened(source: Source, run: Run, rate: Fraction) -> list[str]:
    length = run.origin - run.seek + (run.cuts[-1].end + 2) / rate
    # At least up to the first frame, which stands for what is before it.
    length = max(length, Fraction(source.pictured.start, 1000) - run.seek + 1)
    seek = ["-ss", ffmpeg.time_argument(run.seek), "-t", ffmpeg.time_argument(length)]
    return ["-reinit_filter", "0", "-an", "-sn", "-dn", *seek, *ffmpeg.guarded(source.path)]


def _text(job: Job, environment: dict[str, str]) -> str:
    """The filter that burns in captions and hook; empty when there is nothing to write."""
    edit = job.edit
    if not (edit.captions.show and edit.words) and edit.hook is None:
        return ""
    from cliply.media.captions.ass import write_ass
    from cliply.media.captions.fonts import font_environment

    written = write_ass(heard_words(edit, job.frames), job.folder)
    environment.update(font_environment(job.folder, edit.brand.font))
    return f"ass={written.name}"
