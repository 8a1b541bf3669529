"""Three people side by side who speak in turn: real faces and voices in a layout of ours, so the speaker is known."""

import json
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from tools.make_demo_video import write_wav

from benchmarks.material import FIXTURES
from cliply.media import ffmpeg
from cliply.media.framing.faces import FaceFinder

_PEOPLE = ("brbk7n", "pwij3p", "sbwe5n")
_TURNS = (0, 1, 2, 1, 0, 2, 0, 2, 1)
_RATE, _SECONDS, _SOUND = 25, 3, 24_000
_FRAMES = _RATE * _SECONDS
_QUIET = 5
"""Frames at the beginning of each recording in which nobody has begun to speak; a listener sways through them."""
_SIZE = (1280, 720)
_PANE = (400, 320)
_LEFTS, _TOP = (20, 440, 860), 200
_STEP = 5
"""Frames from one label to the next: 5 labels a second, as the fixtures have."""

Pictures = NDArray[np.uint8]


def stage_three(folder: Path) -> tuple[Path, Path]:
    """The video and its labels in the form of reframebench.py."""
    people = [_Person(FIXTURES / "video" / f"grid_{name}.mpg") for name in _PEOPLE]
    video, labels = folder / "three_shot.mp4", folder / "three_shot.gt.json"
    sound = folder / "three_shot.wav"
    write_wav(np.concatenate([people[speaker].sound for speaker in _TURNS]), sound)
    command: list[str | Path] = [
        ffmpeg.program(), "-v", "error", "-f", "rawvideo", "-pixel_format", "bgr24", "-video_size",
        "{}x{}".format(*_SIZE), "-framerate", str(_RATE), "-i", "-", "-i", f"file:{sound}", "-c:v", "libx264",
        "-preset", "veryfast", "-crf", "16", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k",
        "-y", f"file:{video}",
    ]  # fmt: skip
    samples: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for number, speaker in enumerate(_TURNS):
            for frame in range(_FRAMES):
                picture, boxes = _scene(people, speaker, frame)
                encoder.stdin.write(picture.tobytes())
                if frame % _STEP == 0:
                    at = number * _SECONDS + frame / _RATE
                    others = [box for person, box in enumerate(boxes) if person != speaker]
                    samples.append({"t": at, "active": _PEOPLE[speaker], "box": boxes[speaker], "others": others})
    if encoder.returncode != 0:
        raise RuntimeError("the staged video could not be written")
    duration = len(_TURNS) * _SECONDS
    labels.write_text(json.dumps({"size": _SIZE, "duration": duration, "cuts": [], "samples": samples}))
    return video, labels


def _scene(people: "list[_Person]", speaker: int, frame: int) -> tuple[Pictures, list[list[float]]]:
    scene = np.full((_SIZE[1], _SIZE[0], 3), 40, np.uint8)
    boxes = []
    for index, (person, left) in enumerate(zip(people, _LEFTS, strict=True)):
        # To and fro through the quiet frames.
        sway = frame % (2 * _QUIET - 2)
        at = frame if index == speaker else min(sway, 2 * _QUIET - 2 - sway)
        scene[_TOP : _TOP + _PANE[1], left : left + _PANE[0]] = person.pictures[at]
        x, y, width, height = person.boxes[at // _STEP * _STEP]
        boxes.append([x + left, y + _TOP, x + left + width, y + _TOP + height])
    return scene, boxes


class _Person:
    """Pictures in the size of a pane, the face in every fifth of them, and the sound."""

    def __init__(self, path: Path) -> None:
        with av.open(str(path)) as file:
            decoded = [frame.reformat(*_PANE, format="bgr24").to_ndarray() for frame in file.decode(video=0)]
        pictures = [np.asarray(each, np.uint8) for each in decoded]
        # A recording may lack a frame of its three seconds.
        self.pictures = [pictures[min(index, len(pictures) - 1)] for index in range(_FRAMES)]
        finder = FaceFinder()
        self.boxes: dict[int, tuple[float, float, float, float]] = {}
        for index in range(0, _FRAMES, _STEP):
            face = max(finder.find(self.pictures[index]), key=lambda each: each.box.width).box
            self.boxes[index] = (face.x, face.y, face.width, face.height)
        raw: list[str | Path] = [ffmpeg.program(), "-v", "error", "-i", path, "-ac", "1", "-ar", str(_SOUND)]
        heard = subprocess.run([*raw, "-f", "f32le", "-"], capture_output=True, check=True).stdout
        self.sound = np.zeros(_SECONDS * _SOUND, np.float32)
        samples = np.frombuffer(heard, np.float32)[: len(self.sound)]
        self.sound[: len(samples)] = samples
