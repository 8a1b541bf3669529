"""Sources as jobs and checks see them: a file of this machine, and what is known of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

from cliply.errors import Invalid, LimitReached
from cliply.features.projects.local_copies import local_copies
from cliply.features.projects.source_cache import SourceCache
from cliply.infra.storage.keys import ObjectKey
from cliply.media.probe import Source
from cliply.runtime import Runtime


class VideoTooLong(LimitReached):
    def __init__(self, longest: timedelta) -> None:
        hours = longest.total_seconds() / 3600
        super().__init__(f"Videos may last at most {hours:g} hours. Cut it into parts, and upload them one by one.")


class VideoTooShort(Invalid):
    def __init__(self, duration: int, shortest: int) -> None:
        super().__init__(
            f"What is to be looked at lasts {duration / 1000:.1f} s, less than the shortest clip of "
            f"{shortest / 1000:g} s. Allow shorter clips, or use a longer recording."
        )


def source_cache(runtime: Runtime) -> SourceCache:
    return local_copies(runtime.settings).sources


def opened(
    runtime: Runtime, key: ObjectKey, name: str, *, on_wait: Callable[[], None] = lambda: None
) -> AbstractContextManager[Path]:
    """A stored source as a file of this machine."""
    return source_cache(runtime).opened(runtime.storage, key, name, on_wait=on_wait)


def facts(source: Source) -> dict[str, Any]:
    """What of a source is worth showing."""
    video, sound = source.video, source.sound
    return {
        "container": source.container,
        "duration_ms": source.duration,
        "video": video
        and {
            "codec": video.codec,
            "width": video.size.width,
            "height": video.size.height,
            "frame_rate": str(video.frame_rate),
            "rotation": video.rotation,
            "hdr": video.hdr,
        },
        "sound": sound and {"codec": sound.codec, "rate": sound.rate, "channels": sound.channels},
        "damage": source.damage or None,
    }
