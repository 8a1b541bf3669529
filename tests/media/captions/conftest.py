"""Single frames drawn by the real libass."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.media.captions.scenes import BACKGROUND, Draw, Frame

from cliply.media import ffmpeg
from cliply.media.captions import fonts
from cliply.media.captions.ass import write_ass
from cliply.media.captions.styles import CaptionStyle
from cliply.media.edit import ClipEdit
from cliply.media.types import Millis


@pytest.fixture(scope="session")
def own_fonts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Scanned once: it takes longer than drawing."""
    return fonts.font_environment(tmp_path_factory.mktemp("fonts"))


@pytest.fixture
def draw(tmp_path: Path, own_fonts: dict[str, str]) -> Draw:
    """Draws the captions of an edit at one moment, on a plain picture."""

    def frame(edit: ClipEdit, at: Millis, *, style: CaptionStyle | None = None) -> Frame:
        written = write_ass(edit, tmp_path, style=style)
        environment = own_fonts
        if edit.brand.font is not None:
            environment = fonts.font_environment(tmp_path, edit.brand.font)
        size = edit.output.size
        colour = "0x{:02x}{:02x}{:02x}".format(*BACKGROUND)
        picture = tmp_path / "frame.png"
        chain = f"setpts=PTS+{at / 1000}/TB,format=yuv444p,ass={written.name}"
        source = f"color=c={colour}:s={size.width}x{size.height}:d=0.04"
        said = ffmpeg.run(
            ["-y", "-f", "lavfi", "-i", source, "-vf", chain, "-frames:v", "1", "-update", "1", f"file:{picture}"],
            folder=tmp_path,
            environment=environment,
        )
        chosen = [line.split("-> ")[1].split(",")[0] for line in said.splitlines() if "fontselect:" in line]
        with Image.open(picture) as drawn:
            return Frame(np.asarray(drawn.convert("RGB")), tuple(Path(path) for path in chosen), said)

    return frame
