"""What is measured on: a 1080p30 source of real footage where at hand, else drawn, and still pictures under a sound."""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from cliply.media import ffmpeg
from cliply.media.edit import CameraKey, Captions, ClipEdit, EditWord, LayoutSpan, Output, Pane, Quality, SourceFile
from cliply.media.probe import Source, probe
from cliply.media.types import Span

FIXTURES = Path(os.environ.get("CLIPLY_FIXTURES", Path(__file__).parents[2] / "shared" / "fixtures"))
SECONDS = 30
_RATE = 48_000
_AUDIBLE = 0.06

# Shots of people at different sizes and of motion; each is enlarged, sharpened and given grain to resemble a camera.
_SHOTS = (
    ("reframe/two_shot_dev.mp4", 1, 5), ("video/webcam_noaudio.mp4", 5, 5), ("reframe/cut_interview_dev.mp4", 2, 5),
    ("video/film_three_people_bw.mp4", 0, 5), ("video/phone_hevc_vfr_face_then_noface.mov", 0, 5),
    ("video/silhouette_noface_quiet.mp4", 4, 5),
)  # fmt: skip
_CAMERA = "unsharp=5:5:0.8,noise=alls=4:allf=t,format=yuv420p,setsar=1,fps=30"
_ENCODE = (
    "-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-g", "120", "-bf", "3", "-color_primaries", "bt709",
    "-color_trc", "bt709", "-colorspace", "bt709", "-c:a", "aac", "-b:a", "160k", "-ac", "2", "-ar", "48000",
)  # fmt: skip


def source_1080p30() -> Path:
    """With grain, hard cuts and keyframes 4 s apart; made once and kept among the temporary files."""
    folder = Path(tempfile.gettempdir()) / f"cliply-benchmarks-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    inputs, graph = _real() if (FIXTURES / _SHOTS[0][0]).exists() else _drawn()
    made = folder / f"source-{hashlib.blake2b(graph.encode(), digest_size=6).hexdigest()}.mp4"
    if not made.exists():
        part = made.with_suffix(".part")
        output = ["-map", "[v]", "-map", "[a]", *_ENCODE, "-f", "mp4", "-y", f"file:{part}"]
        ffmpeg.run([*inputs, "-filter_complex", graph, *output])
        part.replace(made)
    return made


def _real() -> tuple[list[str], str]:
    inputs: list[str] = []
    chains: list[str] = []
    for index, (name, start, length) in enumerate(_SHOTS):
        inputs += ["-ss", str(start), "-t", str(length), *ffmpeg.guarded(FIXTURES / name)]
        fill = "scale=1920:1080:force_original_aspect_ratio=increase:flags=lanczos,crop=1920:1080"
        chains.append(f"[{index}:v:0]{fill},{_CAMERA},tpad=stop=-1:stop_mode=clone,trim=duration={length}[v{index}]")
    speech = len(_SHOTS)
    inputs += ["-stream_loop", "-1", *ffmpeg.guarded(FIXTURES / "audio" / "two_cities.wav")]
    joined = "".join(f"[v{index}]" for index in range(len(_SHOTS)))
    chains.append(f"{joined}concat=n={len(_SHOTS)}:v=1:a=0[v]")
    chains.append(f"[{speech}:a:0]atrim=duration={sum(shot[2] for shot in _SHOTS)}[a]")
    return inputs, ";".join(chains)


def _drawn() -> tuple[list[str], str]:
    shots = (
        "testsrc2=s=1920x1080:r=30:d=10",
        "mandelbrot=s=1920x1080:r=30,trim=duration=10",
        "testsrc=s=1920x1080:r=30:d=10",
    )
    chains = [f"{shot},{_CAMERA}[v{index}]" for index, shot in enumerate(shots)]
    joined = "".join(f"[v{index}]" for index in range(len(shots)))
    tone = f"aevalsrc='0.3*sin(2*PI*(180+60*sin(2*PI*t))*t)*(0.6+0.4*sin(9*t))':s=48000:d={SECONDS}[a]"
    return [], ";".join([*chains, f"{joined}concat=n={len(shots)}:v=1:a=0[v]", tone])


def still_video(sound: Path, out: Path, *, rate: str = "30") -> Source:
    """A grey picture of 320 × 180 for as long as `sound` lasts."""
    grey = f"color=c=0x606060:s=320x180:r={rate}"
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "120", "-c:a", "aac", "-b:a", "128k", "-ar", "48000"]
    ffmpeg.run([*ffmpeg.guarded(sound), "-f", "lavfi", "-i", grey, *encode, "-shortest", "-y", f"file:{out}"])
    return probe(out)


def still_edit(
    source: Source,
    spans: tuple[Span, ...],
    *,
    words: tuple[EditWord, ...] = (),
    captions: Captions = Captions(show=False),  # noqa: B008  (frozen)
    quality: Quality = "draft",
    rate: str = "30",
) -> ClipEdit:
    """`spans` one after the other under a camera that holds still."""
    assert source.video is not None
    size = source.video.size
    pane = Pane(camera=(CameraKey(at=0, x=0, y=0, width=size.width, height=size.height),))
    return ClipEdit(
        source=SourceFile(path=source.path, fingerprint="", size=size, duration=source.duration),
        spans=spans,
        words=words,
        layouts=(LayoutSpan(span=Span(0, source.duration + 1000), layout="follow", panes=(pane,)),),
        captions=captions,
        output=Output(aspect="16:9", quality=quality, frame_rate=rate),
    )


def onsets(path: Path) -> list[float]:
    """Seconds at which a sound begins after at least 50 ms of silence."""
    command: list[str | Path] = [
        ffmpeg.program(), "-v", "error", "-i", path, "-af", f"aresample={_RATE}:async=1:first_pts=0",
        "-ac", "1", "-f", "f32le", "-",
    ]  # fmt: skip
    heard = np.abs(np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32))
    loud = np.flatnonzero(heard > _AUDIBLE)
    return [float(at) for at in loud[np.diff(loud, prepend=-_RATE) > _RATE // 20] / _RATE]
