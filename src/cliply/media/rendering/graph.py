"""ClipEdit to an ffmpeg filter graph: one decode, one encode, every frame counted."""

from collections.abc import Sequence
from fractions import Fraction

from cliply.media.edit import ClipEdit, Place
from cliply.media.probe import Video
from cliply.media.rendering.expressions import balanced_sum, even_times
from cliply.media.rendering.framemap import FrameMap, Run
from cliply.media.rendering.viewfinder import Canvas, canvas, viewfinder
from cliply.media.rendering.windows import PanePath, Scene, scenes
from cliply.media.types import Box, Size

# The backdrop is blurred this many times smaller, and then enlarged: invisible, and 40 times cheaper.
_BLUR_SHRINK = 8


# Cameras and broadcasters store half pictures with these; frames that are whole pass untouched.
_INTERLACING = ("mpeg2video", "dvvideo", "vc1", "h264")


def picture_graph(edit: ClipEdit, video: Video, frames: FrameMap, *, out: str, first_input: int = 0) -> str:
    """Filter chains that end in the label `out`: the clip without text.

    Each run of `frames` has an input of its own, from `first_input` on. All labels begin with `out`, so that several
    graphs can stand in one file.
    """
    on = canvas(edit, video)
    runs = [f"{out}_run{index}" for index in range(len(frames.runs))]
    chains = [
        f"[{first_input + index}:V:0]{kept_frames(run, video, frames.rate)}[{label}]"
        for index, (run, label) in enumerate(zip(frames.runs, runs, strict=True))
    ]
    joined = runs[0]
    if len(runs) > 1:
        joined = f"{out}_runs"
        inputs = "".join(f"[{label}]" for label in runs)
        chains.append(f"{inputs}concat=n={len(runs)}:v=1:a=0,{even_times(frames.rate)}[{joined}]")
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
    if video.codec in _INTERLACING:
        steps.append("bwdif=mode=send_frame:deint=interlaced")
    # A picture that begins after its sound shows its first frame before, one that ends sooner holds its last.
    steps += [f"scale={decoded.width}:{decoded.height}", f"fps={rate}:start_time=0", "tpad=stop=-1:stop_mode=clone"]
    if len(run.cuts) == 1:
        steps.append(f"trim=start_frame={run.cuts[0].grid}:end_frame={run.cuts[0].end}")
    else:
        kept = balanced_sum([f"between(n,{cut.grid},{cut.end - 1})" for cut in run.cuts])
        steps += [f"trim=end_frame={run.cuts[-1].end}", f"select='{kept}'"]
    return ",".join([*steps, even_times(rate)])


def _scene_chains(arranged: Sequence[Scene], on: Canvas, rate: Fraction, source: str, out: str) -> list[str]:
    if len(arranged) == 1:
        return _composed(arranged[0], on, source, out, f"{out}_s0")
    labels = [f"{out}_scene{index}" for index in range(len(arranged))]
    chains = [f"[{source}]split={len(arranged)}" + "".join(f"[{label}in]" for label in labels)]
    for index, (scene, label) in enumerate(zip(arranged, labels, strict=True)):
        cut = f"trim=start_frame={scene.start}:end_frame={scene.end},{even_times(rate)}"
        chains.append(f"[{label}in]{cut}[{label}cut]")
        chains += _composed(scene, on, f"{label}cut", label, f"{out}_s{index}")
    inputs = "".join(f"[{label}]" for label in labels)
    chains.append(f"{inputs}concat=n={len(arranged)}:v=1:a=0,{even_times(rate)}[{out}]")
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
        return [f"[{source}]{viewfinder(path.stretches, start, Size(width, height), on)}[{out}]"]
    box = path.stretches[0].begin
    scale = min(width / box.width, height / box.height)
    front = Size(max(2, int(box.width * scale / 2) * 2), max(2, int(box.height * scale / 2) * 2))
    shown = viewfinder(path.stretches, start, front, on)
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
