"""A picture that shows every caption style, drawn by the same libass that draws the clips."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cliply.errors import Invalid, NotAllowed
from cliply.media import ffmpeg
from cliply.media.captions import fonts
from cliply.media.captions.ass import write_ass
from cliply.media.captions.emphasis import emphasise
from cliply.media.captions.styles import CaptionStyle, load_style, style_names
from cliply.media.edit import CameraKey, Captions, ClipEdit, EditWord, Hook, LayoutSpan, Output, Pane, SourceFile
from cliply.media.types import Millis, Size, Span, Word

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURES = (".png", ".jpg", ".jpeg")
_TEXT = "Never trust a robot that makes great coffee."
_HOOK = "Why I fired my robot"
_EACH: Millis = 380
_MOMENT: Millis = 2 * _EACH + _EACH * 3 // 4 + _EACH
"""While the fourth word is spoken."""
_CELL = Size(360, 640)
_LABEL = 64
_GAP = 18
_COLUMNS = 5


def style_sheet(out: Path, styles: Sequence[str | Path] = ()) -> Path:
    """Draw `styles` (default: all named ones) into the picture `out`, .png or .jpg, and return it.

    Raises Invalid for another kind of file, NotFound for a style that is not there.
    """
    from PIL import Image

    if out.suffix.lower() not in PICTURES:
        raise Invalid(f"{out} must end in .png or .jpg.")
    chosen = [load_style(name) for name in (styles or style_names())]
    rows = math.ceil(len(chosen) / _COLUMNS)
    columns = min(_COLUMNS, len(chosen))
    width = columns * (_CELL.width + _GAP) + _GAP
    sheet = Image.new("RGB", (width, rows * (_CELL.height + _LABEL + _GAP) + _GAP), "#15171C")
    with tempfile.TemporaryDirectory(prefix="cliply-styles-") as scratch:
        for at, (style, cell) in enumerate(zip(chosen, _cells(chosen, Path(scratch)), strict=True)):
            x = _GAP + at % _COLUMNS * (_CELL.width + _GAP)
            y = _GAP + at // _COLUMNS * (_CELL.height + _LABEL + _GAP)
            sheet.paste(cell, (x, y))
            _label(sheet, style.name, (x, y + _CELL.height + 12))
    try:
        sheet.save(out, quality=92)
    except OSError as refused:
        raise NotAllowed(f"{out} cannot be written ({refused.strerror or refused}).") from refused
    return out


def _cells(styles: Sequence[CaptionStyle], folder: Path) -> Iterator["Image"]:
    from PIL import Image

    environment = fonts.font_environment(folder)
    backdrop = folder / "backdrop.png"
    edit = _sample()
    _talking_head(edit.output.size).save(backdrop)
    for style in styles:
        written = write_ass(edit, folder, style=style)
        frame = folder / "frame.png"
        # A still shown at the moment that the sample is at.
        chain = f"setpts=PTS+{_MOMENT / 1000}/TB,format=yuv420p,ass={written.name},scale={_CELL.width}:{_CELL.height}"
        ffmpeg.run(
            ["-y", "-i", f"file:{backdrop}", "-vf", chain, "-frames:v", "1", "-update", "1", f"file:{frame}"],
            folder=folder,
            environment=environment,
        )
        with Image.open(frame) as drawn:
            yield drawn.convert("RGB")


def _sample() -> ClipEdit:
    spoken = [Word(text, at * _EACH, at * _EACH + _EACH - 20) for at, text in enumerate(_TEXT.split())]
    marks = emphasise(spoken, "en")
    words = tuple(
        EditWord(text=word.text, start=word.start, end=word.end, emphasis=mark.emphasis, emoji=mark.emoji)
        for word, mark in zip(spoken, marks, strict=True)
    )
    whole = Span(0, spoken[-1].end + 500)
    camera = CameraKey(at=0, x=0, y=0, width=1080, height=1920)
    return ClipEdit(
        source=SourceFile(path=Path("/sample"), fingerprint="sample", size=Size(1080, 1920), duration=whole.end),
        spans=(whole,),
        words=words,
        layouts=(LayoutSpan(span=whole, layout="follow", panes=(Pane(camera=(camera,)),)),),
        captions=Captions(),
        hook=Hook(text=_HOOK),
        output=Output(quality="draft"),
    )


def _talking_head(size: Size) -> "Image":
    """A blurred person in a room: light and dark in the places where a real picture has them."""
    from PIL import Image, ImageDraw, ImageFilter

    picture = Image.new("RGB", (size.width, size.height))
    draw = ImageDraw.Draw(picture)
    for y in range(size.height):
        share = y / size.height
        draw.line(
            [(0, y), (size.width, y)], fill=(round(92 - 40 * share), round(108 - 46 * share), round(124 - 50 * share))
        )
    w, h = size.width, size.height
    draw.rectangle([0.62 * w, 0.08 * h, 0.96 * w, 0.42 * h], fill=(196, 186, 158))
    draw.rectangle([0.04 * w, 0.2 * h, 0.26 * w, 0.55 * h], fill=(70, 58, 52))
    draw.rounded_rectangle([0.1 * w, 0.56 * h, 0.9 * w, 1.2 * h], radius=0.2 * w, fill=(48, 74, 92))
    draw.rectangle([0.41 * w, 0.46 * h, 0.59 * w, 0.6 * h], fill=(182, 138, 112))
    draw.ellipse([0.3 * w, 0.2 * h, 0.7 * w, 0.53 * h], fill=(206, 160, 132))
    draw.pieslice([0.28 * w, 0.17 * h, 0.72 * w, 0.5 * h], 178, 362, fill=(58, 42, 36))
    return picture.filter(ImageFilter.GaussianBlur(0.022 * w))


def _label(sheet: "Image", name: str, at: tuple[int, int]) -> None:
    from PIL import ImageDraw, ImageFont

    font = ImageFont.truetype(str(fonts.face("Poppins Bold").path), 26)
    ImageDraw.Draw(sheet).text(at, name, font=font, fill="#FFFFFF")
