"""A made talk and a service that knows what is said in it: all of the pipeline but the model, in seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.media.clips import TONE, make
from tests.media.highlights.talks import FILLER, GEM
from tests.servers.speech import KEY, openai

SECONDS = 75
_TEXT = f"{FILLER[0]} {GEM} {FILLER[1]} {FILLER[2]}"
SMALL: dict[str, Any] = {"quality": "draft", "aspect": "1:1", "shortest": 5_000, "longest": 12_000, "title": False}
"""Options with which a clip is made quickly."""


def film(path: Path, seconds: int = SECONDS) -> Path:
    """Test pictures and a tone."""
    return make(path, "testsrc2=s=160x160:r=10", TONE.format(seconds=seconds), "-t", str(seconds)).path


@contextmanager
def heard(text: str = _TEXT, seconds: int = SECONDS) -> Iterator[dict[str, Any]]:
    """Settings of an installation whose speech service hears `text` in any sound."""
    spoken = text.split()
    each = (seconds - 1) / len(spoken)
    times = [(word, 0.5 + number * each, 0.5 + number * each + 0.8 * each) for number, word in enumerate(spoken)]
    with openai(text, times) as service:
        yield {"speech": {"model": "openai"}, "openai": {"key": KEY, "url": service.url}}
