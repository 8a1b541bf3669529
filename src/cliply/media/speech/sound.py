"""What a source sounds like: the speech track, its loudness over time and its silences, from one decode.

Time 0 is the start of the file, the first picture or the first sound, as everywhere: sound that starts after the
picture is preceded by silence.
"""

import json
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cliply.media import ffmpeg
from cliply.media.cache import work_prefix, write_text
from cliply.media.errors import NoSpeech, Unreadable
from cliply.media.isolation import Limits
from cliply.media.probe import Sound, Source
from cliply.media.speech.levels import Levels, integrated, measure_levels
from cliply.media.types import Millis, OnProgress, Span, no_progress

RATE = 16_000
"""Samples a second of the speech track."""
CURVE_STEP: Millis = 100
_VERSION = 1
_METERED_RATES = range(32_000, 48_001)


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """The sound of a source, ready for speech recognition and for choosing where to cut."""

    wav: Path
    """16 kHz, one channel, 16 bits."""
    duration: Millis
    loudness: float
    """Integrated, LUFS (ITU-R BS.1770-4); -70 when there is nothing to measure."""
    curve: tuple[float, ...]
    """Momentary loudness, LUFS, of the 400 ms before each multiple of 100 ms; -70 is silence."""
    silences: tuple[Span, ...]
    """Stretches of at least 150 ms that are quiet compared with the rest, in order."""
    peak: float = -120.0
    """The loudest 20 ms, dB below full scale."""

    @property
    def silent(self) -> bool:
        """Nothing can be heard: digital silence, or noise far below any voice."""
        # A whisper close to a phone is 30 dB louder.
        return self.peak < -60.0

    def save(self, file: Path) -> None:
        """Write everything but the samples as JSON beside the WAV."""
        document = {
            "version": _VERSION,
            "wav": self.wav.name,
            "duration": self.duration,
            "loudness": self.loudness,
            "peak": self.peak,
            "curve": self.curve,
            "silences": [[span.start, span.end] for span in self.silences],
        }
        write_text(file, json.dumps(document, separators=(",", ":")))

    @classmethod
    def load(cls, file: Path) -> "SoundTrack | None":
        """What `save` wrote; None if it is missing, damaged or of another version, so that it is made again."""
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            if told["version"] != _VERSION:
                return None
            return cls(
                wav=file.parent / Path(told["wav"]).name,
                duration=int(told["duration"]),
                loudness=float(told["loudness"]),
                curve=tuple(map(float, told["curve"])),
                silences=tuple(Span(int(start), int(end)) for start, end in told["silences"]),
                peak=float(told["peak"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None


def analyse_sound(source: Source, folder: Path, *, on_progress: OnProgress = no_progress) -> SoundTrack:
    """Decode the sound of `source` once, to `folder/speech.wav` and its measures.

    Raises NoSpeech if the source has no sound, Unreadable if it cannot be decoded, TooMuch at a limit.
    """
    if source.sound is None:
        raise NoSpeech(f"{source.path.name} has no sound, so there is no speech to clip.")
    wav = folder / "speech.wav"
    # The temporary folder is a neighbour, so that the finished file can be moved into place in one step.
    with tempfile.TemporaryDirectory(dir=folder, prefix=work_prefix("sound")) as scratch:
        made, meter = Path(scratch) / "speech.wav", Path(scratch) / "meter.txt"
        ffmpeg.run(
            _arguments(source, source.sound),
            limits=_limits(source),
            length=Fraction(max(1, source.duration), 1000),
            on_progress=lambda share: on_progress(0.9 * share),
            folder=Path(scratch),
        )
        if not made.exists():
            raise Unreadable(f"The sound of {source.path.name} cannot be decoded. Convert the file first.")
        levels = measure_levels(made, on_progress=lambda share: on_progress(0.9 + 0.1 * share))
        track = _track(wav, levels, _curve(meter))
        made.replace(wav)
    return track


def _arguments(source: Source, sound: Sound) -> list[str | Path]:
    # Time 0 is the start of the file, as for every other reader: its first picture or its first sound.
    zero = min(source.video.start, sound.start) if source.video else sound.start
    rate = sound.rate if sound.rate in _METERED_RATES else 48_000
    graph = [
        f"[0:a:{sound.index}]{_known_channels(sound)}asetpts=PTS-{zero}/1000/TB",
        # Gaps in the time stamps become silence, so that later words keep their time.
        f"aresample={rate}:async=1:first_pts=0,asplit[heard][metered]",
    ]
    return [
        # Without it, ffmpeg would move the first packet of any stream to time 0.
        "-copyts",
        "-vn", "-sn", "-dn",
        *ffmpeg.guarded(source.path),
        "-filter_complex",
        ",".join(graph)
        + f";[heard]aformat=sample_rates={RATE}:channel_layouts=mono:sample_fmts=s16[speech]"
        + ";[metered]ebur128=metadata=1:framelog=quiet"
        + ",ametadata=mode=print:key=lavfi.r128.M:file=meter.txt,anullsink",
        "-map", "[speech]", "-map_metadata", "-1", "-bitexact",
        # A damaged time stamp may claim years.
        "-t", f"{source.duration / 1000 + 1:.3f}",
        "-c:a", "pcm_s16le", "-f", "wav", "-y", "speech.wav",
    ]  # fmt: skip


def _known_channels(sound: Sound) -> str:
    """Average the channels where they are too many to have places in a room that ffmpeg knows."""
    if sound.channels <= 8:  # 7.1 is the largest usual layout
        return ""
    average = "+".join(f"{1 / sound.channels:.5f}*c{channel}" for channel in range(sound.channels))
    return f"pan=mono|c0={average},"


def _limits(source: Source) -> Limits:
    length = source.duration / 1000
    return Limits(
        wall_seconds=max(60, length),
        cpu_seconds=int(max(60, length / 2)),
        output_bytes=int((length + 60) * RATE * 2) + (64 << 20),
    )


def _curve(meter: Path) -> tuple[float, ...]:
    """The momentary loudness that ffmpeg wrote, one value each 100 ms."""
    values: list[float] = []
    if meter.exists():
        with meter.open(encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith("lavfi.r128.M="):
                    value = line.partition("=")[2].strip()
                    values.append(-70.0 if "n" in value else round(min(9.0, max(-70.0, float(value))), 1))
    return tuple(values)


def _track(wav: Path, levels: Levels, curve: tuple[float, ...]) -> SoundTrack:
    return SoundTrack(
        wav=wav,
        duration=levels.duration,
        loudness=integrated(curve),
        curve=curve,
        silences=levels.silences,
        peak=levels.peak,
    )
