"""What jobs put into storage."""

import io
from collections.abc import Callable
from pathlib import Path
from uuid import uuid5

from cliply.features.clips.models import Clip
from cliply.features.clips.service import StoredFile
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.protocol import Storage

CONTENT_TYPES = {
    "video": "video/mp4",
    "cover": "image/jpeg",
    "coverwide": "image/jpeg",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "ass": "text/x-ssa",
}


def put_text(storage: Storage, key: ObjectKey, text: str, content_type: str) -> None:
    storage.put_stream(key, io.BytesIO(text.encode()), content_type=content_type)


def put_clip_file(
    storage: Storage, clip: Clip, kind: str, made_from: str, file: Path, on_progress: Callable[[int], None]
) -> StoredFile:
    """Store one file of a clip, under a name made of what it was made from.

    The version of the edit is part of it: a file that was replaced may be removed late, and must not be one that an
    edit back to what was before has made again.
    """
    key = clip.key(kind, uuid5(clip.id, f"{kind}-{clip.version}-{made_from}"))
    stored = storage.put_file(key, file, content_type=CONTENT_TYPES[kind], on_progress=on_progress)
    return StoredFile(key=str(key), size=stored.size, sha256=stored.sha256, content_type=stored.content_type)
