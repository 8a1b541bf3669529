"""Runs alone in a limited process: turns a stranger's font file into one static weight with a known name, on stdout.

Font parsers have had their share of holes and can be made to swell, so nothing of the file is read outside.
"""

import io
import sys
from pathlib import Path

from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont


def static(path: Path, family: str) -> bytes:
    """The font at its bold weight where it has one; captions are read in passing. Raises whatever the parser does."""
    font = TTFont(path, fontNumber=0)
    if "fvar" in font:
        weights = [axis for axis in font["fvar"].axes if axis.axisTag == "wght"]
        axes = {axis.axisTag: axis.defaultValue for axis in font["fvar"].axes}
        axes |= {axis.axisTag: min(axis.maxValue, max(axis.minValue, 700)) for axis in weights}
        font = instantiateVariableFont(font, axes)
    for name_id in (1, 2, 3, 4, 6, 16, 17, 21, 22):
        font["name"].removeNames(nameID=name_id)
    for name_id, text in ((1, family), (2, "Regular"), (4, family), (6, family.replace(" ", ""))):
        font["name"].setName(text, name_id, 3, 1, 0x409)
    font.flavor = None
    # Every table is read and written anew: one that cannot be read ends here.
    for tag in font.keys():  # noqa: SIM118 - a font is no mapping
        font[tag]
    written = io.BytesIO()
    font.save(written)
    return _shaped(written.getvalue())


def _shaped(data: bytes) -> bytes:
    """`data`, after every glyph that a character has was measured once."""
    import uharfbuzz

    font = uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob(data)))
    buffer = uharfbuzz.Buffer()
    buffer.add_str("".join(map(chr, sorted(TTFont(io.BytesIO(data), lazy=True).getBestCmap()))))
    buffer.guess_segment_properties()
    uharfbuzz.shape(font, buffer, {"kern": True, "liga": True})
    return data


if __name__ == "__main__":
    sys.stdout.buffer.write(static(Path(sys.argv[1]), sys.argv[2]))
