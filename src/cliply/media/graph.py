"""ClipEdit to an ffmpeg filter graph: one decode, one encode, every frame counted.

A camera works in two stages. A coarse window of source pixels, constant in size, jumps only at camera cuts; after
scaling, a fine window glides over it in steps of one finished pixel. Cropping before scaling keeps the scaler's work
small, and cropping again after it avoids the coarse steps that chroma subsampling forces on a crop of the source.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from cliply.media.colour import Colour, colour
from cliply.media.edit import ClipEdit, Place
from cliply.media.encoding import PRESETS
from cliply.media.expressions import Piece, balanced_sum, eased, merged, number, piecewise
from cliply.media.framemap import FrameMap, Run
from cliply.media.probe import Video
from cliply.media.types import Box, Size
from cliply.media.windows import PanePath, Scene, Stretch, scenes

# The backdrop is blurred this many times smaller, and then enlarged: invisible, and 40 times cheaper.
_BLUR_SHRINK = 8


@dataclass(frozen=True, slots=True)
class Canvas:
    """What the graph needs to know of picture and output."""

    picture: Size
    """The source as shown: square pixels."""
    decoded: Size
    """The source as it leaves the decoder, turned the right way up."""
    size: Size
    colour: Colour
    scaler: str


def canvas(edit: ClipEdit, video: Video) -> Canvas:
    return Canvas(video.size, video.coded_upright, edit.output.size, colour(video), PRESETS[edit.output.quality].scaler)


def picture_graph(edit: ClipEdit, video: Video, frames: FrameMap, *, out: str) -> str:
    """Filter chains from inputs 0, 1, ... (one for each run of `frames`) to the label `out`: the clip without text."""
    on = canvas(edit, video)
    chains = [
        f"[{index}:v:0]{kept_frames(run, video, frames.rate)}[run{index}]" for index, run in enumerate(frames.runs)
    ]
    joined = "run0"
    if len(frames.runs) > 1:
        joined = "runs"
        labels = "".join(f"[run{index}]" for index in range(len(frames.runs)))
        chains.append(f"{labels}concat=n={len(frames.runs)}:v=1:a=0,setpts=N/({frames.rate})/TB[runs]")
    arranged = scenes(edit, frames, on.picture, on.size)
    chains += _scene_chains(arranged, on, frames.rate, joined, out)
    return ";\n".join(chains)


def kept_frames(run: Run, video: Video, rate: Fraction) -> str:
    """The run's cuts from its input, on the clip's frame grid and exactly as many as they should be."""
    frame = 1 / video.rate
    # Frames sit a quarter of a frame after the grid, so that no rounding of time stamps moves one to its neighbour.
    late = frame / 4 - (run.origin - run.seek)
    decoded = video.coded_upright
    steps = [f"setpts=PTS+{float(late):.6f}/TB"] if abs(late) > Fraction(1, 1_000_000) else []
    steps += [f"scale={decoded.width}:{decoded.height}", f"fps={rate}:start_time=0"]
    if len(run.cuts) == 1:
        steps.append(f"trim=start_frame={run.cuts[0].grid}:end_frame={run.cuts[0].end}")
    else:
        kept = balanced_sum([f"between(n,{cut.grid},{cut.end - 1})" for cut in run.cuts])
        steps.append(f"select='{kept}'")
    # A picture that ends before its sound holds its last frame.
    steps += [f"setpts=N/({rate})/TB", "tpad=stop=-1:stop_mode=clone", f"trim=end_frame={run.frames}"]
    return ",".join(steps)


def _scene_chains(arranged: Sequence[Scene], on: Canvas, rate: Fraction, source: str, out: str) -> list[str]:
    if len(arranged) == 1:
        return _composed(arranged[0], on, source, out, "s0")
    labels = [f"scene{index}" for index in range(len(arranged))]
    chains = [f"[{source}]split={len(arranged)}" + "".join(f"[{label}in]" for label in labels)]
    for index, (scene, label) in enumerate(zip(arranged, labels, strict=True)):
        cut = f"trim=start_frame={scene.start}:end_frame={scene.end},setpts=N/({rate})/TB"
        chains.append(f"[{label}in]{cut}[{label}cut]")
        chains += _composed(scene, on, f"{label}cut", label, f"s{index}")
    inputs = "".join(f"[{label}]" for label in labels)
    chains.append(f"{inputs}concat=n={len(arranged)}:v=1:a=0,setpts=N/({rate})/TB[{out}]")
    return chains


def _composed(scene: Scene, on: Canvas, source: str, out: str, name: str) -> list[str]:
    """One scene's panes, each scaled into its place."""
    places = [pixels(path.pane.place, on.size) for path in scene.paths]
    if len(scene.paths) == 1 and _fills(places[0], on.size):
        return _pane(scene.paths[0], scene.start, places[0], on, source, out, name)
    labels = [f"{name}p{index}" for index in range(len(places))]
    chains = [f"[{source}]split={len(places)}" + "".join(f"[{label}in]" for label in labels)]
    if len(places) == 1:
        chains = [f"[{source}]null[{labels[0]}in]"]
    for path, place, label in zip(scene.paths, places, labels, strict=True):
        chains += _pane(path, scene.start, place, on, f"{label}in", label, label)
    return [*chains, _joined(labels, places, on.size, out)]


def _joined(labels: Sequence[str], places: Sequence[Box], size: Size, out: str) -> str:
    inputs = "".join(f"[{label}]" for label in labels)
    covered = sum(place.area for place in places)
    apart = all(one.overlap(other) == 0 for index, one in enumerate(places) for other in places[index + 1 :])
    if apart and covered == size.width * size.height and all(place.width == size.width for place in places):
        ordered = sorted(zip(places, labels, strict=True), key=lambda each: each[0].y)
        return "".join(f"[{label}]" for _, label in ordered) + f"vstack=inputs={len(places)},setsar=1[{out}]"
    if apart and covered == size.width * size.height:
        layout = "|".join(f"{place.x:.0f}_{place.y:.0f}" for place in places)
        return f"{inputs}xstack=inputs={len(places)}:layout={layout},setsar=1[{out}]"
    # Panes that overlap or leave a gap are laid on each other in their order, the first on black.
    first = places[0]
    chains = [f"[{labels[0]}]pad={size.width}:{size.height}:{first.x:.0f}:{first.y:.0f}:black[{out}l0]"]
    for index, (label, place) in enumerate(zip(labels[1:], places[1:], strict=True), 1):
        last = out if index == len(places) - 1 else f"{out}l{index}"
        chains.append(f"[{out}l{index - 1}][{label}]overlay={place.x:.0f}:{place.y:.0f}:format=yuv420[{last}]")
    if len(places) == 1:
        chains[0] = chains[0].replace(f"[{out}l0]", f"[{out}]")
    return ";\n".join(chains)


def pixels(place: Place, size: Size) -> Box:
    """A place in whole, even pixels of the finished picture."""

    def even(value: float) -> int:
        return round(value / 2) * 2

    left, top = even(place.x * size.width), even(place.y * size.height)
    right, bottom = even((place.x + place.width) * size.width), even((place.y + place.height) * size.height)
    left, top = min(max(0, left), size.width - 2), min(max(0, top), size.height - 2)
    return Box(left, top, max(2, min(right, size.width) - left), max(2, min(bottom, size.height) - top))


def _fills(place: Box, size: Size) -> bool:
    return (place.width, place.height) == (size.width, size.height)


def _pane(path: PanePath, start: int, place: Box, on: Canvas, source: str, out: str, name: str) -> list[str]:
    width, height = round(place.width), round(place.height)
    if path.pane.backdrop == "none":
        return [f"[{source}]{_window(path.stretches, start, Size(width, height), on)}[{out}]"]
    box = path.stretches[0].begin
    scale = min(width / box.width, height / box.height)
    front = Size(max(2, int(box.width * scale / 2) * 2), max(2, int(box.height * scale / 2) * 2))
    shown = _window(path.stretches, start, front, on)
    if (front.width, front.height) == (width, height):
        return [f"[{source}]{shown}[{out}]"]
    left, top = (width - front.width) // 4 * 2, (height - front.height) // 4 * 2
    return [
        f"[{source}]{shown},split[{name}f][{name}b]",
        f"[{name}b]{_backdrop(front, Size(width, height))}[{name}bb]",
        f"[{name}bb][{name}f]overlay={left}:{top}:format=yuv420[{out}]",
    ]


def _backdrop(front: Size, place: Size) -> str:
    """The shown picture again: filling the place, blurred, a little darker so that the front stands out."""
    cover = min(front.width / place.width, front.height / place.height)
    width, height = (max(2, int(side * cover / 2) * 2) for side in (place.width, place.height))
    small = Size(*(max(2, round(side / _BLUR_SHRINK / 2) * 2) for side in (place.width, place.height)))
    return (
        f"crop={width}:{height},zscale={small.width}:{small.height}:filter=bilinear,gblur=sigma=5:steps=2,"
        f"zscale={place.width}:{place.height}:filter=bilinear,lutyuv=y=val*0.72+4,setsar=1"
    )


def _window(stretches: Sequence[Stretch], start: int, shown: Size, on: Canvas) -> str:
    """Coarse window, scaler, fine window. `start` is the scene's first frame, where its frame numbers begin."""
    stretches = _from_zero(stretches, start)
    across, down = on.decoded.width / on.picture.width, on.decoded.height / on.picture.height
    size = stretches[0].begin
    shots = _shots(stretches)
    unions = [_union(shot) for shot in shots]
    wide = _even_up(max(union.width for union in unions) * across, on.decoded.width)
    tall = _even_up(max(union.height for union in unions) * down, on.decoded.height)
    corners = [
        (_even_within(union.x * across, wide, on.decoded.width), _even_within(union.y * down, tall, on.decoded.height))
        for union in unions
    ]
    scaled_width = max(shown.width, round(wide * shown.width / (size.width * across) / 2) * 2)
    scaled_height = max(shown.height, round(tall * shown.height / (size.height * down) / 2) * 2)
    steps = []
    if (wide, tall) != (on.decoded.width, on.decoded.height):
        starts = [shot[0].start for shot in shots]
        x, y = (
            piecewise(merged([Piece(at, number(corner[axis])) for at, corner in zip(starts, corners, strict=True)]))
            for axis in (0, 1)
        )
        steps.append(f"crop={wide}:{tall}:x='{x}':y='{y}'")
    steps.append(on.colour.before)
    steps.append(f"zscale={scaled_width}:{scaled_height}:filter={on.scaler}{on.colour.scale}")
    steps.append(on.colour.after)
    if (scaled_width, scaled_height) != (shown.width, shown.height):
        fine = _Fine(shots, corners, Size(scaled_width, scaled_height), shown)
        x = fine.path(0, scaled_width / wide * across, scaled_width / wide)
        y = fine.path(1, scaled_height / tall * down, scaled_height / tall)
        steps.append(f"crop={shown.width}:{shown.height}:x='{x}':y='{y}':exact=1")
    steps.append("setsar=1")
    return ",".join(filter(None, steps))


@dataclass(frozen=True, slots=True)
class _Fine:
    """The moving window in finished pixels, inside the scaled coarse one."""

    shots: Sequence[Sequence[Stretch]]
    corners: Sequence[tuple[int, int]]
    scaled: Size
    shown: Size

    def path(self, axis: int, per_picture: float, per_decoded: float) -> str:
        room = (self.scaled.width - self.shown.width, self.scaled.height - self.shown.height)[axis]

        def offset(box: Box, corner: tuple[int, int]) -> float:
            return min(max(0.0, (box.x, box.y)[axis] * per_picture - corner[axis] * per_decoded), room)

        pieces = []
        for shot, corner in zip(self.shots, self.corners, strict=True):
            for stretch in shot:
                begin, finish = offset(stretch.begin, corner), offset(stretch.finish, corner)
                # Still windows rest on whole pixels; gliding ones are rounded frame by frame.
                text = eased(begin, finish, stretch.leaves, stretch.arrives) if stretch.moves else str(round(begin))
                pieces.append(Piece(stretch.start, text))
        return piecewise(merged(pieces))


def _from_zero(stretches: Sequence[Stretch], start: int) -> list[Stretch]:
    return [
        Stretch(
            each.start - start, each.end - start, each.begin, each.finish, each.leaves - start, each.arrives - start
        )
        for each in stretches
    ]


def _shots(stretches: Sequence[Stretch]) -> list[list[Stretch]]:
    """Stretches between camera cuts."""
    shots = [[stretches[0]]]
    for one, other in pairwise(stretches):
        if one.finish != other.begin:
            shots.append([])
        shots[-1].append(other)
    return shots


def _union(shot: Sequence[Stretch]) -> Box:
    boxes = [box for stretch in shot for box in (stretch.begin, stretch.finish)]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    return Box(left, top, max(box.right for box in boxes) - left, max(box.bottom for box in boxes) - top)


def _even_up(length: float, most: int) -> int:
    # Two pixels more than asked, because an even corner may lie up to two pixels before the window's.
    length = math.ceil(length - 0.01)
    return min(length + 2 + length % 2, most) if length < most else most


def _even_within(at: float, length: int, most: int) -> int:
    return max(0, min(int(at // 2) * 2, (most - length) // 2 * 2))
