"""Hand a folder's clips on: to an editing program as timelines, to anybody as subtitles."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from cliply.errors import NotAllowed
from cliply.media.cache import write_text
from cliply.media.captions.subtitles import write_plain_ass, write_srt, write_vtt
from cliply.media.edit import ClipEdit
from cliply.media.timeline import export as export_timelines

Format = Literal["otio", "fcpxml", "edl", "srt", "vtt", "ass"]

_SUBTITLES: dict[Format, Callable[[ClipEdit], str]] = {"srt": write_srt, "vtt": write_vtt, "ass": write_plain_ass}


def export_edits(edits: Sequence[ClipEdit], names: Sequence[str], to: Format, folder: Path) -> list[Path]:
    """Write one file for each edit (and for timelines one with all of them); returns the paths."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if to in ("otio", "fcpxml", "edl"):
            return export_timelines(edits, to, folder, names=names)
        files = [folder / f"{name}.{to}" for name in names]
        for edit, file in zip(edits, files, strict=True):
            write_text(file, _SUBTITLES[to](edit))
    except OSError as refused:
        raise NotAllowed(
            f"{folder} cannot be written ({refused.strerror}). Choose another folder with --out."
        ) from refused
    return files
