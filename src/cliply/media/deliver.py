"""From an edit to its files: rendered, checked, covered, subtitled, and put in place all together."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cliply.media.documents import ClipFiles, Finding
from cliply.media.edit import ClipEdit
from cliply.media.edits import save_edit
from cliply.media.probe import Source
from cliply.media.rendering.quality import check
from cliply.media.rendering.render import render
from cliply.media.rendering.subtitles import subtitle_text
from cliply.media.rendering.thumbnail import make_cover
from cliply.media.repair import repaired
from cliply.media.types import FaceAt, Millis, OnProgress

_SCRATCH = ".cliply-"
# The encode is nearly all of the work; the rest is the check and the cover.
_RENDERED, _CHECKED = 0.95, 0.95


@dataclass(frozen=True, slots=True)
class Delivered:
    """The files of one clip and what its check found."""

    edit: ClipEdit
    """What was rendered; another than was asked for where a fault was repaired."""
    files: ClipFiles
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        return any(finding.level == "failed" for finding in self.findings)


def file_names(stem: str) -> ClipFiles:
    """The names of a clip's files; all begin with `stem`."""
    return ClipFiles(
        video=f"{stem}.mp4",
        cover=f"{stem}.jpg",
        cover_wide=f"{stem}.wide.jpg",
        srt=f"{stem}.srt",
        vtt=f"{stem}.vtt",
        ass=f"{stem}.ass",
        edit=f"{stem}.edit.json",
    )


def deliver(
    edit: ClipEdit,
    source: Source,
    folder: Path,
    names: ClipFiles,
    *,
    faces: Sequence[FaceAt],
    threads: int | None,
    on_progress: OnProgress,
    repairing: bool = True,
    cover_at: Millis | None = None,
) -> Delivered:
    """Make all files of one clip in `folder`. They appear together at the end, the video last; or none does.

    With `repairing`, a clip that fails its check is made once more if another cut mends it. `cover_at` is the moment
    for the cover where the edit names none.
    """
    source = source.shown(edit.span)
    with scratch(folder) as making:
        edit, findings = make_video(
            edit,
            source,
            making / str(names.video),
            faces=faces,
            threads=threads,
            on_progress=_part(on_progress, 0.0, _CHECKED),
            repairing=repairing,
        )
        cover, wide = making / str(names.cover), making / str(names.cover_wide)
        make_cover(_covered(edit, cover_at), source, faces, cover, wide, on_progress=_part(on_progress, _CHECKED, 1.0))
        write_subtitles(edit, making, names)
        save_edit(edit, making / str(names.edit))
        for name in sorted(filter(None, names.model_dump().values()), key=lambda name: name == names.video):
            (making / name).replace(folder / name)
    on_progress(1.0)
    return Delivered(edit, names, findings)


def _covered(edit: ClipEdit, at: Millis | None) -> ClipEdit:
    if edit.cover.at is not None or at is None:
        return edit
    return edit.model_copy(update={"cover": edit.cover.model_copy(update={"at": at})})


def make_video(
    edit: ClipEdit,
    source: Source,
    video: Path,
    *,
    faces: Sequence[FaceAt],
    threads: int | None,
    on_progress: OnProgress,
    repairing: bool,
) -> tuple[ClipEdit, tuple[Finding, ...]]:
    """Render and check the clip; returns what was rendered in the end, see `deliver`, and what the check found."""
    findings = _checked(edit, source, video, faces, threads, on_progress)
    if repairing and (better := repaired(edit, findings)) != edit:
        edit = better
        findings = _checked(edit, source, video, faces, threads, lambda _share: on_progress(1.0))
    return edit, findings


def write_subtitles(edit: ClipEdit, folder: Path, names: ClipFiles) -> None:
    """Write what is said in the formats of players and editing programs."""
    (folder / str(names.srt)).write_text(subtitle_text(edit, "srt"), encoding="utf-8")
    (folder / str(names.vtt)).write_text(subtitle_text(edit, "vtt"), encoding="utf-8")
    (folder / str(names.ass)).write_text(subtitle_text(edit, "ass"), encoding="utf-8")


def _checked(
    edit: ClipEdit,
    source: Source,
    video: Path,
    faces: Sequence[FaceAt],
    threads: int | None,
    on_progress: OnProgress,
) -> tuple[Finding, ...]:
    render(edit, source, video, threads=threads, on_progress=_part(on_progress, 0.0, _RENDERED))
    return check(edit, video, source, faces=faces, on_progress=_part(on_progress, _RENDERED, 1.0))


def _part(on_progress: OnProgress, start: float, end: float) -> OnProgress:
    """Tells `on_progress` of a stage that takes it from `start` to `end`."""
    return lambda share: on_progress(start + (end - start) * share)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A hidden folder beside the results, on the same disk, so that finished files only change their name."""
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder, ignore_cleanup_errors=True) as making:
        yield Path(making)


def sweep(folder: Path) -> None:
    """Remove what a killed run left; call only while no other run is at work here."""
    for left in folder.glob(f"{_SCRATCH}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
    for half in folder.glob(".*.part"):
        half.unlink(missing_ok=True)
