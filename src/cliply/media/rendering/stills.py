"""One moment of an edit as a picture: the same graph as the clip's, one frame long."""

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cliply.media import ffmpeg
from cliply.media.edit import CameraKey, ClipEdit, LayoutSpan, Pane
from cliply.media.errors import RenderFailed, Unreadable
from cliply.media.probe import Source
from cliply.media.rendering.framemap import frame_map
from cliply.media.rendering.graph import picture_graph
from cliply.media.rendering.waveform import write_background
from cliply.media.scratch import scratch_folder
from cliply.media.types import Box, Millis, Size, Span

_JPEG = "scale={width}:{height}:flags=bicubic:in_color_matrix=bt709:out_color_matrix=bt601:out_range=pc,format=yuvj420p"
_ONTO = (
    "split[front][back];[back]scale=72:128:force_original_aspect_ratio=increase,crop=72:128,gblur=sigma=4,"
    "scale=1080:1920,lutyuv=y=val*0.72+4[behind];[front]scale=1080:1920:force_original_aspect_ratio=decrease[shown];"
    "[behind][shown]overlay=(W-w)/2:(H-h)/2,"
)


def at_moment(edit: ClipEdit, source: Source, at: Millis) -> ClipEdit:
    """`edit` cut down to the one frame that shows `at`, in full size."""
    length = round(1000 / Fraction(edit.output.frame_rate)) + 1
    at = max(0, min(at, source.duration - length))
    covers = any(layout.span.start <= at and at + length <= layout.span.end for layout in edit.layouts)
    layouts = edit.layouts if covers else tuple(_widened(layout, at, length) for layout in edit.layouts)
    output = edit.output.model_copy(update={"quality": "standard"})
    return edit.model_copy(update={"spans": (Span(at, at + length),), "layouts": layouts, "output": output})


def _widened(layout: LayoutSpan, at: Millis, length: Millis) -> LayoutSpan:
    if not layout.span.contains(at):
        return layout
    return layout.model_copy(update={"span": Span(layout.span.start, max(layout.span.end, at + length))})


def landscape(edit: ClipEdit, at: Millis, window: Box | None) -> ClipEdit:
    """`edit` as 16:9 showing `window`, or the whole picture on a backdrop."""
    size = edit.source.size
    shown = window or Box(0, 0, size.width, size.height)
    key = CameraKey(at=at, x=shown.x, y=shown.y, width=shown.width, height=shown.height)
    pane = Pane(camera=(key,), backdrop="none" if window else "blur")
    layout = LayoutSpan(span=Span(0, edit.source.duration + 1000), layout="follow" if window else "fit", panes=(pane,))
    output = edit.output.model_copy(update={"aspect": "16:9", "quality": "standard"})
    return edit.model_copy(update={"layouts": (layout,), "output": output})


@dataclass(frozen=True, slots=True)
class Lettering:
    """A filter that writes on a picture, and where it finds its script and fonts."""

    filter: str
    folder: Path
    environment: dict[str, str]


def write_still(edit: ClipEdit, source: Source, size: Size, out: Path, lettering: Lettering | None = None) -> None:
    """The first frame of `edit` as a JPEG of `size`; it appears whole. Raises RenderFailed."""
    part = out.with_name(f".cliply-{os.getpid()}-{out.name[-80:]}.part")
    with scratch_folder("still") as scratch:
        inputs, graph = _picture(edit, source, Path(scratch))
        fit = _ONTO if edit.output.size.ratio > size.ratio * 1.01 else ""
        text = f"{lettering.filter}," if lettering else ""
        last = f"[picture]{fit}{text}{_JPEG.format(width=size.width, height=size.height)}[v]"
        arguments = [*inputs, "-filter_complex", f"{graph};{last}", "-map", "[v]", "-frames:v", "1"]
        arguments += ["-c:v", "mjpeg", "-q:v", "2", "-map_metadata", "-1", "-f", "image2", "-update", "1"]
        folder, environment = (lettering.folder, lettering.environment) if lettering else (None, None)
        try:
            ffmpeg.run([*arguments, "-y", f"file:{part.absolute()}"], folder=folder, environment=environment)
            part.replace(out)
        except (Unreadable, FileNotFoundError) as failed:
            raise RenderFailed(f"The cover could not be made: {failed}") from failed
        finally:
            part.unlink(missing_ok=True)


def _picture(edit: ClipEdit, source: Source, folder: Path) -> tuple[list[str], str]:
    """ffmpeg's input and the graph that ends in [picture]."""
    if source.video is None:
        background = write_background(edit.brand.colour, edit.output.size, folder)
        return ["-f", "png_pipe", "-i", f"file:{background}"], (
            "[0:v]scale=out_color_matrix=bt709:out_range=tv,format=yuv420p[picture]"
        )
    frames = frame_map(edit, source)
    seek = ["-ss", ffmpeg.time_argument(frames.runs[0].seek), "-t", "15", "-an", "-sn", "-dn"]
    return [*seek, *ffmpeg.guarded(source.path)], picture_graph(edit, source.video, frames, out="picture")
