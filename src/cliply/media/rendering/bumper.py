"""Intro and outro: any video, made to fit the clip and joined to it inside the same encode."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cliply.errors import Invalid
from cliply.media.edit import CameraKey, ClipEdit, LayoutSpan, Pane, SourceFile
from cliply.media.probe import Source, probe
from cliply.media.rendering.framemap import FrameMap, frame_map
from cliply.media.rendering.loudness import Samples
from cliply.media.rendering.mix import cut_sound, levelled
from cliply.media.types import Millis, Size, Span

_LONGEST: Millis = 30_000

# A picture nearly as wide as the clip fills it; any other is shown whole on a blurred backdrop.
_NEARLY = 0.12


@dataclass(frozen=True, slots=True)
class Bumper:
    """An intro or outro as an edit of its own."""

    edit: ClipEdit
    source: Source
    frames: FrameMap

    @property
    def length(self) -> Millis:
        return round(1000 * self.frames.frames / self.frames.rate)

    def sound(self, folder: Path) -> Samples:
        """At the clip's loudness."""
        samples = cut_sound(self.edit, self.source, self.frames)
        levelled(samples, self.edit.audio, folder)
        return samples


def bumper_source(path: Path) -> tuple[Source, Size]:
    """The video at `path` and its picture's size. Raises like `bumper`."""
    source = probe(path)
    if source.video is None:
        raise Invalid(f"“{path.name}” has no picture, so it cannot be an intro or outro.")
    if source.duration > _LONGEST:
        raise Invalid(f"“{path.name}” lasts {source.duration / 1000:.0f} s; an intro or outro may last 30 s.")
    return source, source.video.size


def bumper(path: Path, edit: ClipEdit) -> Bumper:
    """Make the video at `path` fit `edit`. Raises NotFound, Unreadable and Invalid when it cannot be used."""
    source, size = bumper_source(path)
    fills = abs(size.ratio / edit.output.size.ratio - 1) < _NEARLY
    whole = CameraKey(at=0, x=0, y=0, width=size.width, height=size.height)
    pane = Pane(camera=(whole,), backdrop="none" if fills else "blur")
    frame = 1000 / Fraction(edit.output.frame_rate)
    span = Span(0, max(source.duration, round(frame)))
    own = ClipEdit(
        source=SourceFile(path=path, fingerprint="", size=size, duration=source.duration),
        spans=(span,),
        layouts=(LayoutSpan(span=span, layout="follow" if fills else "fit", panes=(pane,)),),
        audio=edit.audio.model_copy(update={"muted": ()}),
        output=edit.output,
    )
    return Bumper(own, source, frame_map(own, source))


def opening(edit: ClipEdit) -> Millis:
    """How long the intro of `edit` plays before the clip itself. Raises like `bumper`."""
    return bumper(edit.brand.intro, edit).length if edit.brand.intro else 0


def played_length(edit: ClipEdit) -> Millis:
    """Of the finished file: the clip with its intro and outro. Raises like `bumper`."""
    closing = bumper(edit.brand.outro, edit).length if edit.brand.outro else 0
    return opening(edit) + edit.duration + closing
