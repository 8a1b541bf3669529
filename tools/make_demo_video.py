"""Make a short talk to try Cliply on: two painted people, a synthetic voice and a second one, slides.

    python -m tools.make_demo_video OUT.mp4

Everything comes from packages or is drawn here; nothing is downloaded and nobody real is shown or heard.
"""

import subprocess
import sys
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cliply.media import ffmpeg
from tools.demo_talk.dialogue import TALK, Line, Shot, Speaker
from tools.demo_talk.scenes import HEIGHT, RATE, WIDTH, Frame, Studio, motion
from tools.demo_talk.voices import RATE as SOUND_RATE
from tools.demo_talk.voices import Sound, Spoken, opening, speak


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.make_demo_video OUT.mp4")
    out = Path(sys.argv[1])
    print("Making a short talk to try Cliply on; this takes about two minutes.", file=sys.stderr)
    seconds = make(TALK, out)
    print(f"{out}: {seconds:.0f} seconds", file=sys.stderr)


def make(lines: Sequence[Line], out: Path) -> float:
    """Make the talk of `lines`, whole or not at all; returns its length in seconds."""
    out.parent.mkdir(parents=True, exist_ok=True)
    sound, spoken = speak(lines)
    part = out.with_name(f".{out.name}.part.mp4")
    try:
        _encode(sound, spoken, part)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return len(sound) / SOUND_RATE


def _encode(sound: Sound, spoken: tuple[Spoken, ...], out: Path) -> None:
    with TemporaryDirectory() as folder:
        voice = Path(folder) / "voice.wav"
        write_wav(sound, voice)
        command: list[str | Path] = [
            ffmpeg.program(), "-nostdin", "-loglevel", "error", "-y",
            "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE), "-i", "pipe:0",
            "-i", voice, "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p",
            "-c:v", "libx264", "-preset", "superfast", "-crf", "21", "-g", "60",
            "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
            "-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2", "-shortest", "-movflags", "+faststart", out,
        ]  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
            if encoder.stdin is None:
                raise RuntimeError("the encoder takes no input")
            for frame in frames(sound, spoken):
                encoder.stdin.write(frame.data)
            encoder.stdin.close()
        if encoder.returncode:
            sys.exit("The talk could not be encoded.")


def write_wav(sound: Sound, path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SOUND_RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())


def frames(sound: Sound, spoken: tuple[Spoken, ...]) -> Iterator[Frame]:
    """The pictures to the sound, one after the other."""
    studio = Studio()
    count = int(len(sound) / SOUND_RATE * RATE)
    mouth = opening(sound, count, RATE)
    pose = {"host": motion(mouth, 1), "guest": motion(mouth, 2)}
    for index in range(count):
        shot, speaker = _now(spoken, index / RATE)
        people: dict[Speaker, bool] = {"host": speaker == "host", "guest": speaker == "guest"}
        yield studio.frame(shot, {name: pose[name](index, speaking) for name, speaking in people.items()})


def _now(spoken: tuple[Spoken, ...], at: float) -> tuple[Shot, Speaker]:
    """The shot changes a moment before the line begins, as an editor would cut."""
    current = spoken[0]
    for each in spoken:
        if each.start - 0.12 <= at:
            current = each
    return current.line.shot, current.line.speaker


if __name__ == "__main__":
    main()
