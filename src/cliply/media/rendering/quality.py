"""The quality gate: what a finished clip is checked for before anybody gets it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from cliply.media import ffmpeg
from cliply.media.captions.placement import caption_rows, conflicts
from cliply.media.documents import Finding
from cliply.media.edit import ClipEdit
from cliply.media.probe import Source
from cliply.media.rendering.bumper import opening, played_length
from cliply.media.rendering.framemap import frame_map
from cliply.media.rendering.loudness import Level, told_level
from cliply.media.rendering.windows import scenes
from cliply.media.types import FaceAt, Millis, OnProgress, Span, no_progress

Grade = Literal["warning", "failed"]

_LONGEST_BLACK: Millis = 400
_LONGEST_FROZEN: Millis = 3_000
_LONGEST_SLIDE: Millis = 15_000
"""A whole picture that stands still for less is a slide that is talked about."""
_LONGEST_SILENCE: Millis = 2_500
_MOST_DARK = 0.5
_LOUDNESS_TOLERANCE = 1.0
_PEAK_TOLERANCE = 0.1
_WORD_TOLERANCE: Millis = 60
_SPEAKER_SHARE = 0.8
_SPEAKING = 0.5
_INSIDE = 0.8


@dataclass(frozen=True, slots=True)
class Seen:
    """What one cheap decode of the file shows and sounds like, in its time."""

    black: tuple[Span, ...]
    frozen: tuple[Span, ...]
    silent: tuple[Span, ...]
    level: Level

    def within(self, part: Span) -> "Seen":
        black, frozen, silent = (
            tuple(span.clamp(part) for span in spans if span.overlap(part))
            for spans in (self.black, self.frozen, self.silent)
        )
        return Seen(black, frozen, silent, self.level)


def check(
    edit: ClipEdit,
    clip: Path,
    source: Source,
    *,
    faces: Sequence[FaceAt] = (),
    on_progress: OnProgress = no_progress,
) -> tuple[Finding, ...]:
    """Everything that is wrong with the rendered `clip`; empty when nothing is."""
    seen = look(clip, played_length(edit), beside=caption_rows(edit), on_progress=on_progress)
    # The clip itself is checked, not its intro and outro; but a player counts from the beginning of the file.
    begins = opening(edit)
    own = seen.within(Span(begins, begins + edit.duration))
    return (
        *_pictures(own, edit, begins),
        *_sound(own, edit, source),
        *cut_words(edit, begins),
        *_speaker(edit, source, faces),
        *_text(edit, faces),
    )


def look(
    clip: Path,
    length: Millis,
    *,
    beside: Sequence[tuple[float, float]] = (),
    on_progress: OnProgress = no_progress,
) -> Seen:
    """Decode a clip once, small and without the frames that nothing refers to.

    `beside`: rows, as shares of the height, in which captions move while the picture may stand still.
    """
    hidden = "".join(f"drawbox=y=ih*{top:.4f}:h=ih*{bottom - top:.4f}:color=black:t=fill," for top, bottom in beside)
    graph = (
        "[0:v]scale=90:160:flags=fast_bilinear,format=gray,blackdetect=d=0.2:pic_th=0.985:pix_th=0.06,"
        f"{hidden}freezedetect=n=0.0008:d=2[v];"
        "[0:a]silencedetect=noise=-50dB:d=1,ebur128=peak=true:framelog=quiet[a]"
    )
    said = ffmpeg.run(
        [
            "-skip_frame", "bidir", "-skip_loop_filter", "all", *ffmpeg.guarded(clip), "-filter_complex", graph,
            "-map", "[v]", "-map", "[a]", "-fps_mode", "passthrough", "-f", "null", "-",
        ],
        length=Fraction(length, 1000),
        on_progress=on_progress,
    )  # fmt: skip
    black = re.findall(r"black_start:([\d.]+) black_end:([\d.]+)", said)
    return Seen(
        black=tuple(_span(start, end) for start, end in black),
        frozen=_pairs(said, "freeze_start", "freeze_end", length),
        silent=_pairs(said, "silence_start", "silence_end", length),
        level=told_level(said),
    )


def _pairs(said: str, start: str, end: str, length: Millis) -> tuple[Span, ...]:
    """Starts with their ends; the last may be open."""
    starts, ends = (re.findall(rf"{name}: (-?[\d.]+)", said) for name in (start, end))
    ends += [str(length / 1000)] * (len(starts) - len(ends))
    return tuple(_span(one, other) for one, other in zip(starts, ends, strict=False))


def _span(start: str, end: str) -> Span:
    first = max(0, round(float(start) * 1000))
    return Span(first, max(first, round(float(end) * 1000)))


def _pictures(seen: Seen, edit: ClipEdit, begins: Millis) -> Iterator[Finding]:
    length = edit.duration
    dark = sum(span.duration for span in seen.black)
    for span in seen.black:
        if span.duration >= _LONGEST_BLACK:
            level: Grade = "failed" if dark > length * _MOST_DARK else "warning"
            yield Finding(check="black", level=level, message=f"The picture is black {_when(span)}.", at=span)
    for span in seen.frozen:
        lit = span.duration - sum(span.overlap(black) for black in seen.black)
        people = edit.layout_during(span.start - begins, span.end - begins).layout not in ("fit", "stack")
        if lit >= (_LONGEST_FROZEN if people else _LONGEST_SLIDE):
            yield Finding(check="frozen", level="warning", message=f"The picture stands still {_when(span)}.", at=span)


def _sound(seen: Seen, edit: ClipEdit, source: Source) -> Iterator[Finding]:
    spoken = any(word.text for word in edit.words)
    if source.sound is None:
        yield Finding(check="silence", level="warning", message="The source has no sound, so the clip is silent.")
        return
    if seen.level.silent:
        level: Grade = "failed" if spoken else "warning"
        yield Finding(check="silence", level=level, message="Nothing can be heard in this clip.")
        return
    for span in seen.silent:
        if span.duration >= _LONGEST_SILENCE:
            message = f"Nothing can be heard {_when(span)}. Shorten it, or tighten the clip."
            yield Finding(check="silence", level="warning", message=message, at=span)
    off = seen.level.loudness - edit.audio.loudness
    if abs(off) > _LOUDNESS_TOLERANCE:
        which = "louder" if off > 0 else "quieter"
        message = f"The sound is {abs(off):.1f} dB {which} than wanted ({seen.level.loudness:.1f} LUFS)."
        yield Finding(check="loudness", level="warning", message=message)
    if seen.level.true_peak > edit.audio.true_peak + _PEAK_TOLERANCE:
        message = f"The loudest peak is at {seen.level.true_peak:.1f} dBTP; {edit.audio.true_peak:.1f} was wanted."
        yield Finding(check="true-peak", level="warning", message=message)


def cut_words(edit: ClipEdit, begins: Millis = 0) -> Iterator[Finding]:
    """Words that a border of a kept stretch cuts through; words that were removed whole are as wanted.

    `begins`: when the clip begins in its file, behind an intro.
    """
    clip_time = begins
    for span in edit.spans:
        for word in edit.words:
            inside = word.word.span.clamp(span).duration
            if _WORD_TOLERANCE < inside < word.end - word.start - _WORD_TOLERANCE:
                starts = word.start < span.start
                at = clip_time if starts else clip_time + span.duration
                side = "start" if starts else "end"
                message = f"“{word.text}” is cut off at the {side} of a stretch, {_clock(at)} into the video."
                yield Finding(check="word-cut", level="warning", message=message, at=Span(max(0, at - 1), at))
        clip_time += span.duration


def _speaker(edit: ClipEdit, source: Source, faces: Sequence[FaceAt]) -> Iterator[Finding]:
    """How often the face that is heard lies inside what a camera shows."""
    if source.video is None or not faces:
        return
    share = speaker_share(edit, source, faces)
    if share is not None and share < _SPEAKER_SHARE:
        message = f"The person who speaks is in the picture for {share:.0%} of the time only. Choose another layout."
        yield Finding(check="speaker-visible", level="warning", message=message)


def _text(edit: ClipEdit, faces: Sequence[FaceAt]) -> Iterator[Finding]:
    if edit.captions.show and edit.words:
        for message in conflicts(edit, faces):
            yield Finding(check="captions", level="warning", message=message)


def speaker_share(edit: ClipEdit, source: Source, faces: Sequence[FaceAt]) -> float | None:
    """Of the moments at which somebody is known to speak, the share that shows the face; None if there are none."""
    if source.video is None:
        return None
    frames = frame_map(edit, source)
    arranged = scenes(edit, frames, source.video.size, edit.output.size)
    shown = told = 0
    for face in faces:
        if face.speaking < _SPEAKING or not any(span.contains(face.at) for span in edit.spans):
            continue
        frame = frames.frame(face.at)
        paths = next((scene.paths for scene in arranged if scene.start <= frame < scene.end), ())
        told += 1
        shown += any(path.at(frame).overlap(face.box) >= _INSIDE * face.box.area for path in paths)
    return shown / told if told else None


def _when(span: Span) -> str:
    return f"from {_clock(span.start)} to {_clock(span.end)}"


def _clock(at: Millis) -> str:
    return f"{at // 60_000}:{at % 60_000 / 1000:04.1f}"
