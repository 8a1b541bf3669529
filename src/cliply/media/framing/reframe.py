"""How each stretch of a clip is framed: shots, faces and who speaks become layouts and camera paths."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cliply.media.edit import OUTPUT_SIZES, Aspect, LayoutSpan
from cliply.media.framing.directing import Scene, Shape, direct, joined
from cliply.media.framing.frames import Picture
from cliply.media.framing.insets import find_inset
from cliply.media.framing.scenes import find_cuts, refine, shots
from cliply.media.framing.screens import find_screen
from cliply.media.framing.speaking import who_speaks
from cliply.media.framing.tracking import track, watch
from cliply.media.framing.voices import listen
from cliply.media.options import LayoutChoice
from cliply.media.probe import Source
from cliply.media.types import Box, FaceAt, OnProgress, Size, Span, Word, no_progress

_STILLS = 6


@dataclass(frozen=True, slots=True)
class Framing:
    """How a stretch of the source is framed, in source time."""

    layouts: tuple[LayoutSpan, ...]
    """Cover the stretch exactly, in order."""
    faces: tuple[FaceAt, ...]
    shots: tuple[Span, ...]


def compose(
    source: Source,
    span: Span,
    *,
    words: Sequence[Word] = (),
    wav: Path | None = None,
    aspect: Aspect = "9:16",
    layout: LayoutChoice = "auto",
    on_progress: OnProgress = no_progress,
) -> Framing:
    """Frame `span` of a source with pictures.

    `wav` is the source's sound as `analyse_sound` makes it. Raises Unreadable when no picture can be had.
    """
    if source.video is None:
        raise ValueError("a source without pictures cannot be framed")
    shape = Shape(source.video.size, OUTPUT_SIZES[aspect])
    watched = watch(source, span, on_progress=lambda share: on_progress(0.9 * share))
    cuts = refine(source, find_cuts(watched.looks, 1000 / float(source.video.rate)), on_progress=on_progress)
    divided = shots(span, cuts)
    tracks = track(watched, divided)
    voices = listen(wav, span, words)
    layouts: list[LayoutSpan] = []
    faces: list[FaceAt] = []
    for index, shot in enumerate(divided):
        seen = [each for each in tracks if each.shot == index]
        speaking = who_speaks(shot, seen, voices, words)
        stills = [picture for at, picture in watched.stills if shot.contains(at)]
        smallest = min((each.box for each in seen), key=lambda box: box.area, default=None)
        screen = find_screen(stills, smallest, source.video.size)
        insets = [_inset(stills, each.box, source.video.size) for each in seen]
        layouts += direct(Scene(shot, seen, speaking, screen, insets), shape, voices, layout)
        for number, each in enumerate(seen):
            faces += [FaceAt(one.at, one.box, number, speaking.chance(number, one.at)) for one in each.observations]
        on_progress(0.9 + 0.1 * (index + 1) / len(divided))
    return Framing(joined(layouts), tuple(sorted(faces, key=lambda face: face.at)), divided)


def find_faces(source: Source, span: Span, *, on_progress: OnProgress = no_progress) -> tuple[FaceAt, ...]:
    """The faces in a stretch, where only they are asked for: nobody is taken for the one who speaks."""
    watched = watch(source, span, on_progress=on_progress)
    if source.video is None:
        return ()
    cuts = [cut.after for cut in find_cuts(watched.looks, 1000 / float(source.video.rate))]
    seen = enumerate(track(watched, shots(span, cuts)))
    found = (FaceAt(each.at, each.box, person) for person, track_ in seen for each in track_.observations)
    return tuple(sorted(found, key=lambda face: face.at))


def _inset(stills: Sequence[Picture], face: Box, size: Size) -> Box | None:
    if not stills:
        return None
    # A few tell what stands still as well as many.
    few = stills[:: max(1, len(stills) // _STILLS)][:_STILLS]
    return find_inset(few, face, size.width / few[0].shape[1])
