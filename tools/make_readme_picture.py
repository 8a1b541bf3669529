"""Makes the README's picture from the folder of the demo's clips: frames side by side, and one wide cover.

python -m tools.make_readme_picture demo/clips docs/images/demo.jpg
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from cliply.media import ffmpeg
from cliply.media.documents import ClipsDocument

_HEIGHT = 640
_GAP = 16
_TALL = 360
_COVER = (448, 252)
_HOOK_SECONDS = 1.6
"""Into a clip, while its hook line is shown."""
_LATER = 0.45
"""Share of a clip."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame of a clip."""

    clip: Path
    seconds: float


def shots(document: ClipsDocument, folder: Path) -> list[Shot]:
    """Three frames: two of the best clip, the first with its hook line, and one of the last."""
    clips = [entry for entry in document.clips if entry.files.video]
    wanted = [(clips[0], 0.0), (clips[0], _LATER), (clips[-1], _LATER)]
    return [
        Shot(folder / str(entry.files.video), max(_HOOK_SECONDS, entry.duration / 1000 * share))
        for entry, share in wanted
    ]


def picture(folder: Path, target: Path) -> None:
    document = ClipsDocument.load(folder)
    chosen = shots(document, folder)
    covers = [folder / entry.files.cover_wide for entry in document.clips if entry.files.cover_wide][:2]
    arguments: list[str | Path] = ["-y"]
    for shot in chosen:
        arguments += ["-ss", f"{shot.seconds:.2f}", "-i", shot.clip]
    for cover in covers:
        arguments += ["-i", cover]
    width = len(chosen) * (_TALL + _GAP) + _COVER[0]
    parts, last = [f"color=white:s={width}x{_HEIGHT}[p0]"], "p0"
    column = (_HEIGHT - len(covers) * _COVER[1] - (len(covers) - 1) * _GAP) // 2
    for number in range(len(chosen) + len(covers)):
        tall = number < len(chosen)
        size = f"{_TALL}:{_HEIGHT}" if tall else f"{_COVER[0]}:{_COVER[1]}"
        x = number * (_TALL + _GAP) if tall else len(chosen) * (_TALL + _GAP)
        y = 0 if tall else column + (number - len(chosen)) * (_COVER[1] + _GAP)
        parts += [f"[{number}:v]scale={size}:flags=lanczos,setsar=1,setpts=PTS-STARTPTS[v{number}]"]
        parts += [f"[{last}][v{number}]overlay={x}:{y}[p{number + 1}]"]
        last = f"p{number + 1}"
    target.parent.mkdir(parents=True, exist_ok=True)
    graph = ";".join(parts) + f";[{last}]scale=out_range=full,format=yuvj420p[out]"
    ffmpeg.run([*arguments, "-filter_complex", graph, "-map", "[out]", "-frames:v", "1", "-q:v", "4", target])


if __name__ == "__main__":
    picture(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
