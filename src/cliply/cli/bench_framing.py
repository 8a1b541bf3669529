"""`cliply bench framing`: the camera path of a whole video in the form that reframebench.py scores."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from cliply.media.framing.camera import places_at
from cliply.media.framing.reframe import compose
from cliply.media.probe import probe
from cliply.media.speech.sound import analyse_sound
from cliply.media.types import Span

_STEP = 100


def run(video: Path, out: Path) -> None:
    """Frame all of `video` for 9:16 without a transcript, and write where the camera is every 0.1 s and at each key."""
    source = probe(video)
    whole = Span(0, source.duration)
    with TemporaryDirectory(prefix="cliply-bench-") as scratch:
        wav = analyse_sound(source, Path(scratch)).wav if source.sound is not None else None
        framing = compose(source, whole, wav=wav)
    crops = []
    for layout in framing.layouts:
        keys = {key.at for pane in layout.panes for key in pane.camera if layout.span.contains(key.at)}
        for at in sorted({*range(layout.span.start, layout.span.end, _STEP), *keys}):
            panes = [{"x": box.x, "y": box.y, "w": box.width, "h": box.height} for box in places_at(layout, at)]
            crops.append({"t": at / 1000, **panes[0]} if len(panes) == 1 else {"t": at / 1000, "panes": panes})
    out.write_text(json.dumps({"crops": crops}), encoding="utf-8")
