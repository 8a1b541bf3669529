"""What of an edit its video and its cover depend on, so that only what changed is made again."""

from cliply.media.edit import ClipEdit, Cover, PostText
from cliply.media.edits import edit_digest, look_digest


def video_digest(edit: ClipEdit) -> str:
    """The same for edits whose videos and subtitles are the same."""
    return _digest(edit.model_copy(update={"post": PostText(), "cover": Cover()}))


def cover_digest(edit: ClipEdit) -> str:
    """The same for edits whose covers are the same."""
    return _digest(edit.model_copy(update={"post": PostText(), "words": (), "hook": None}))


def _digest(edit: ClipEdit) -> str:
    return f"{edit_digest(edit)}-{look_digest(edit.captions.style, edit.brand)}"
