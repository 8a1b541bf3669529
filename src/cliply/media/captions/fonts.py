"""The fonts that captions are drawn with: where they lie, which characters they show, how wide text comes out.

libass gets a fontconfig file that names only these fonts. Without it the fonts of the machine leak in, and with
libass's own `fontsdir` alone a character that a font lacks becomes a box instead of coming from another font.
"""

import importlib.util
import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from xml.sax.saxutils import escape

from cliply.errors import Invalid, NotFound
from cliply.media import isolation
from cliply.media.errors import ToolMissing
from cliply.media.isolation import GIB, Limits

FOLDER = Path(__file__).parents[1] / "data" / "fonts"
CJK = "Noto Sans CJK JP"
EMOJI = "Noto Emoji Bold"
BRAND = "Cliply Brand"
"""The family name that a creator's own font gets, so that it never collides with another font."""

# The order decides who shows a character that the style's font lacks; Latin first, since most fonts hold digits.
_SCRIPTS = (
    "Arabic", "Hebrew", "Devanagari", "Thai", "Bengali", "Tamil", "Telugu", "Gujarati", "Gurmukhi", "Kannada",
    "Malayalam", "Sinhala", "Georgian", "Armenian", "Khmer", "Lao", "Myanmar",
)  # fmt: skip
_HEAVY = {"Anton", "Archivo Black", "Luckiest Guy", "Montserrat Black"}
FALLBACKS = ("Noto Sans Bold", *(f"Noto Sans {script} Bold" for script in _SCRIPTS), CJK, EMOJI)
# How far letters reach above and below the line where the capitals of the font do not say it, in ems.
_REACH = {
    CJK: (0.86, 0.1),
    "Noto Sans Arabic Bold": (0.8, 0.34),
    "Noto Sans Hebrew Bold": (0.7, 0.14),
    "Noto Sans Thai Bold": (0.95, 0.26),
    "Noto Sans Lao Bold": (0.95, 0.26),
    "Noto Sans Khmer Bold": (0.95, 0.4),
    "Noto Sans Myanmar Bold": (0.9, 0.4),
}
LATIN_DEPTH = 0.24
_INDIC_REACH = (0.86, 0.3)
_INDIC = {f"Noto Sans {script} Bold" for script in _SCRIPTS[4:11]} | {"Noto Sans Devanagari Bold"}
_BIGGEST_BRAND_FONT = 40_000_000
_FONT_LIMITS = Limits(wall_seconds=60, cpu_seconds=30, memory_bytes=2 * GIB, output_bytes=100_000_000)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One font file. Measures are shares of the em."""

    family: str
    path: Path
    data: bytes | None
    """The font itself where it is not the file as it lies."""
    em: int
    ascent: float
    descent: float
    """With `ascent` the Windows line metrics (OS/2), by which libass scales a font."""
    above: float
    """The height of capitals, or of letters where the script has none."""
    below: float
    """How far small letters reach below the line."""
    characters: frozenset[int]

    @property
    def line(self) -> float:
        """What libass calls the font size, for an em of 1."""
        return self.ascent + self.descent

    def shows(self, cluster: str) -> bool:
        return all(ord(each) in self.characters or _unseen(each) for each in cluster)


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one font."""

    face: Face
    text: str


def families() -> tuple[str, ...]:
    """The fonts that a style may name."""
    return (*sorted(family for family in _shipped() if not family.startswith("Noto ")), "Noto Sans Bold")


@cache
def face(family: str) -> Face:
    """Raises NotFound for a font that is not there, ToolMissing when a package is not installed."""
    if family == CJK:
        return _read(CJK, _cjk_file())
    path = _shipped().get(family)
    if path is None:
        raise NotFound(f"There is no font “{family}”. There are: {', '.join(families())}.")
    return _read(family, path)


@lru_cache(maxsize=8)
def brand_face(path: Path) -> Face:
    """A creator's own font, as one static weight. Raises NotFound or Invalid."""
    if not path.is_file():
        raise NotFound(f"The brand font {path} is not there.")
    if path.stat().st_size > _BIGGEST_BRAND_FONT:
        raise Invalid(f"The brand font {path} is larger than 40 MB. Use a font file with fewer characters.")
    made = isolation.answer("cliply.media.captions.brand_font", path.absolute(), BRAND, limits=_FONT_LIMITS)
    try:
        return _read(BRAND, path, made or b"")
    except Exception as broken:  # A damaged font makes the parser raise anything.
        raise Invalid(f"The brand font {path} cannot be read. Use a TTF or OTF file.") from broken


def suited(text: str, first: Face) -> Face:
    """The font to set `text` in: `first`, unless its main script is beyond it.

    Swapping the whole font keeps a clip of one piece, where word by word it would be a patchwork.
    """
    letters = [cluster for cluster in clusters(text) if cluster[0].isalpha()]
    missing = [cluster for cluster in letters if not first.shows(cluster)]
    scripts = {_script(cluster) for cluster in letters if first.shows(cluster)}
    if not missing or (len(missing) < 0.4 * len(letters) and not scripts & {_script(each) for each in missing}):
        return first
    others = [face(family) for family in (("Montserrat Black",) if first.family in _HEAVY else ()) + FALLBACKS[:-1]]
    return max([first, *others], key=lambda other: sum(other.shows(cluster) for cluster in letters))


def runs(text: str, first: Face) -> tuple[Run, ...]:
    """`text` cut where the font must change; `first` is used wherever it has the whole script of the text."""
    found = list(clusters(text))
    lacking = {_script(cluster) for cluster in found if cluster[0].isalpha() and not first.shows(cluster)}
    made: list[tuple[Face, str]] = []
    for cluster in found:
        before = made[-1][0] if made else first
        chosen = _choose(cluster, first, before, beyond=cluster[0].isalpha() and _script(cluster) in lacking)
        if made and chosen is before:
            made[-1] = (chosen, made[-1][1] + cluster)
        else:
            made.append((chosen, cluster))
    return tuple(Run(*each) for each in made)


def uncovered(text: str, first: Face) -> tuple[str, ...]:
    """The characters of `text` that no font shows, in order, each once."""
    chain = (first, *(face(family) for family in FALLBACKS))
    missing = (cluster for cluster in clusters(text) if not any(each.shows(cluster) for each in chain))
    return tuple(dict.fromkeys(cluster for cluster in missing if not cluster.isspace()))


def advance(text: str, chosen: Face, *, spacing: float = 0.0) -> float:
    """Width of `text` in ems, shaped as libass shapes it. `spacing` is added after each character."""
    ligatures = spacing == 0
    return _shaped(text, chosen, ligatures) + spacing * sum(1 for _ in clusters(text))


def clusters(text: str) -> Iterator[str]:
    """What a reader takes for one character: marks, joined emoji and flags stay together."""
    held = ""
    for each in text:
        if held and (_extends(each) or held[-1] == "\u200d" or (_is_flag(each) and len(held) == 1 and _is_flag(held))):
            held += each
        else:
            if held:
                yield held
            held = each
    if held:
        yield held


def font_environment(folder: Path, extra: Path | None = None) -> dict[str, str]:
    """The environment in which libass sees Cliply's fonts, `extra` (a brand font) and nothing else.

    Writes a fontconfig file and its cache into `folder`. Raises ToolMissing, NotFound or Invalid for a missing font.
    """
    folder.mkdir(parents=True, exist_ok=True)
    places = [FOLDER, face(CJK).path.parent]
    if extra is not None:
        own = folder / "brand-font"
        own.mkdir(exist_ok=True)
        (own / "brand.ttf").write_bytes(brand_face(extra).data or b"")
        places.append(own)
    listed = "".join(f"<dir>{escape(str(place.absolute()))}</dir>" for place in places)
    fallbacks = "".join(f"<string>{family}</string>" for family in FALLBACKS)
    config = folder / "fonts.conf"
    config.write_text(
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>'
        f"{listed}<cachedir>{escape(str((folder / 'fontconfig').absolute()))}</cachedir>"
        f'<match target="pattern"><edit name="family" mode="append_last">{fallbacks}</edit></match>'
        "</fontconfig>\n",
        encoding="utf-8",
    )
    return {"FONTCONFIG_FILE": str(config.absolute())}


def _choose(cluster: str, first: Face, before: Face, *, beyond: bool) -> Face:
    if "\ufe0f" in cluster and face(EMOJI).shows(cluster):
        return face(EMOJI)
    # Spaces and full stops belong to the word they follow, or its shaping would be cut.
    neutral = all(unicodedata.category(each)[0] in "ZPM" or _unseen(each) for each in cluster)
    if neutral and before.shows(cluster):
        return before
    if first.shows(cluster) and not beyond:
        return first
    if before is not first and before.shows(cluster):
        return before
    return next((other for family in FALLBACKS if (other := face(family)).shows(cluster)), first)


def _script(cluster: str) -> str:
    """The first word of a letter's Unicode name: LATIN, GREEK, CJK..."""
    name = unicodedata.name(cluster[0], "?").split()[0]
    return "CJK" if name in {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"} else name


def _unseen(each: str) -> bool:
    """Characters that steer shaping and are never drawn."""
    return each in "\u200c\u200d\u2060\ufe0e\ufe0f" or "\U000e0000" <= each <= "\U000e01ef"


def _extends(each: str) -> bool:
    return (
        unicodedata.category(each) in {"Mn", "Mc", "Me"}
        or _unseen(each)
        or "\U0001f3fb" <= each <= "\U0001f3ff"
        or each in "\u0e33\u0eb3"  # Thai and Lao AM: letters by name, marks by use
    )


def _is_flag(each: str) -> bool:
    return "\U0001f1e6" <= each <= "\U0001f1ff"


@cache
def _shipped() -> dict[str, Path]:
    from fontTools.ttLib import TTFont

    return {TTFont(path, lazy=True)["name"].getDebugName(1): path for path in sorted(FOLDER.glob("*.ttf"))}


def _cjk_file() -> Path:
    found = importlib.util.find_spec("noto_cjk_sans_jp_bold")
    places: Sequence[str] = (found.submodule_search_locations or []) if found else []
    for place in places:
        for file in sorted(Path(place).glob("*.otf")):
            return file
    raise ToolMissing(
        "The font for Chinese, Japanese and Korean is not installed. Install it with: pip install noto-cjk-sans-jp-bold"
    )


def _read(family: str, path: Path, data: bytes | None = None) -> Face:
    from fontTools.ttLib import TTFont

    font = TTFont(path if data is None else io.BytesIO(data), lazy=True)
    em = font["head"].unitsPerEm
    windows = font["OS/2"]
    ascent, descent = windows.usWinAscent, windows.usWinDescent
    if not ascent and not descent:
        ascent, descent = font["hhea"].ascent, -font["hhea"].descent
    capital = (getattr(windows, "sCapHeight", 0) or 0.7 * em) / em
    above, below = _REACH.get(family, _INDIC_REACH if family in _INDIC else (capital, LATIN_DEPTH))
    return Face(family, path, data, em, ascent / em, descent / em, above, below, frozenset(font.getBestCmap()))


@lru_cache(maxsize=8192)
def _shaped(text: str, chosen: Face, ligatures: bool) -> float:
    import uharfbuzz

    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    uharfbuzz.shape(_harfbuzz(chosen), buffer, {"kern": True, "liga": ligatures, "clig": ligatures})
    across: int = sum(position.x_advance for position in buffer.glyph_positions)
    return across / chosen.em


@lru_cache(maxsize=64)
def _harfbuzz(chosen: Face) -> "object":
    import uharfbuzz

    blob = uharfbuzz.Blob(chosen.data) if chosen.data else uharfbuzz.Blob.from_file_path(str(chosen.path))
    return uharfbuzz.Font(uharfbuzz.Face(blob))
