from pathlib import Path

import pytest
from tests.hostile.command import Place

from cliply.media import ffmpeg


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="session")
def kept_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that runs on the same video share, so that its words are recognised once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def talk(fixtures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven seconds of real speech to a moving picture."""
    path = tmp_path_factory.mktemp("talk") / "talk.mp4"
    ffmpeg.run(
        ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-i", f"file:{fixtures}/audio/jfk.flac", "-shortest",
         "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", f"file:{path}"]
    )  # fmt: skip
    return path
