"""Hand a folder's clips on: to an editing program as timelines, to anybody as subtitles."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cliply.errors import NotAllowed
from cliply.media.cache import write_text
from cliply.media.edit import ClipEdit
from cliply.media.rendering.subtitles import SubtitleFormat, subtitle_text
from cliply.media.timeline import TimelineFormat
from cliply.media.timeline import export as export_timelines

Format = Literal[TimelineFormat, SubtitleFormat]


def export_edits(edits: Sequence[ClipEdit], names: Sequence[str], to: Format, folder: Path) -> list[Path]:
    """Write one file for each edit (and for timelines one with all of them); returns the paths."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if to == "otio" or to == "fcpxml" or to == "edl":
            return export_timelines(edits, to, folder, names=names)
        files = [folder / f"{name}.{to}" for name in names]
        for edit, file in zip(edits, files, strict=True):
            write_text(file, subtitle_text(edit, to))
    except OSError as refused:
        raise NotAllowed(
            f"{folder} cannot be written ({refused.strerror}). Choose another folder with --out."
        ) from refused
    return files
