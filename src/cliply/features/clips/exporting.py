"""Clips for editing programs, and their words as subtitles."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.orm import Session

from cliply.features.clips.models import Clip
from cliply.features.clips.service import edit_of, title_of
from cliply.features.projects import service as projects
from cliply.features.projects.source_cache import safe_name
from cliply.media.edits import moved
from cliply.media.exports import Format, export_edits
from cliply.media.slug import slug

CONTENT_TYPES: Mapping[Format, str] = {
    "otio": "application/json",
    "fcpxml": "application/xml",
    "edl": "text/plain",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "ass": "text/x-ssa",
}
_NOWHERE = Path("/source")


def export(session: Session, clip: Clip, to: Format) -> tuple[str, bytes]:
    """The file's name, percent-encoded for a header, and its content. Raises ClipNotMade."""
    project = projects.find(session, clip.project_id)
    # An editing program looks for the source by its name, wherever its user has it.
    edit = moved(edit_of(clip), _NOWHERE / safe_name(project.file_name or "source"))
    name = f"{clip.rank:02d}-{slug(title_of(clip))}"
    with tempfile.TemporaryDirectory(prefix="cliply-") as folder:
        [written] = export_edits([edit], [name], to, Path(folder))
        return quote(written.name), written.read_bytes()
