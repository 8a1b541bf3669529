"""How captions look: named styles, each a small TOML file that a creator can copy and change."""

import tomllib
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator

from cliply.errors import Invalid, NotAllowed, NotFound
from cliply.media.captions import fonts
from cliply.media.document import Document, fault, place
from cliply.media.edit import Brand

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FOLDER = Path(__file__).parents[1] / "data" / "styles"
_LARGEST_FILE = 64_000
_FROM_PLAIN_TO_BOLD = (
    "minimal", "plain", "boxed", "podcast", "elegant", "paper", "bold", "karaoke", "marker", "lime", "pop", "reveal",
    "neon", "comic", "punch",
)  # fmt: skip

Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
Pixels = Annotated[float, Field(ge=0, le=60)]
Share = Annotated[float, Field(ge=0, le=1)]
Animation = Literal["none", "colour", "fill", "box", "pop", "reveal"]


class Outline(Document):
    """A line around each letter."""

    width: Pixels = 0
    colour: Colour = "#000000"
    blur: Pixels = 0
    """Above 0 the line glows."""


class Shadow(Document):
    """Below and to the right of each letter."""

    distance: Pixels = 0
    colour: Colour = "#000000"
    opacity: Share = 0.6


class Panel(Document):
    """A coloured rectangle behind the text."""

    around: Literal["none", "line", "block"] = "none"
    colour: Colour = "#000000"
    opacity: Share = 0.7
    padding: Pixels = 20
    radius: Pixels = 16


class HookLook(Document):
    """The line at the beginning of the clip."""

    size: float = Field(62, ge=24, le=160)
    colour: Colour = "#0B0B0F"
    panel: bool = True
    """On a box; else outlined as the captions are."""
    background: Colour = "#FFFFFF"
    radius: Pixels = 18


class CaptionStyle(Document):
    """Sizes are pixels of a picture whose shorter side is 1080; they are scaled to the real one."""

    name: str = ""
    description: str = ""
    font: str = "Montserrat Black"
    size: float = Field(90, ge=24, le=240)
    """Of the em, as in a word processor or CSS."""
    spacing: float = Field(0, ge=-10, le=30)
    """Added between letters."""
    word_gap: float = Field(0, ge=0, le=60)
    """Added to each space; boxes and jumping words need the room."""
    line_gap: float = Field(1.12, ge=0.8, le=2)
    """From one line to the next, as a multiple of `size`."""
    colour: Colour = "#FFFFFF"
    highlight: Colour = "#FFE600"
    """The word that is spoken, or the box behind it."""
    on_highlight: Colour = "#000000"
    """Letters on the box of the spoken word."""
    unspoken: Share = 1.0
    """How visible words are before they are spoken."""
    emphasis: Colour | None = None
    """Key words; null: like the others."""
    uppercase: bool = False
    punctuation: Literal["all", "light", "none"] = "light"
    """`light`: no full stop or comma at the end of a line; `none`: only question and exclamation marks."""
    words: int = Field(4, ge=1, le=16)
    """In a line, at most."""
    characters: int = Field(22, ge=6, le=60)
    """In a line, at most; letters of Chinese, Japanese and Korean count twice."""
    lines: int = Field(2, ge=1, le=3)
    """On screen at once."""
    animation: Animation = "colour"
    emoji: bool = False
    position: Share = 0.67
    """Where the middle of the text sits when no place is chosen, 0 top to 1 bottom."""
    outline: Outline = Outline()
    shadow: Shadow = Shadow()
    panel: Panel = Panel()
    hook: HookLook = HookLook()

    @field_validator("font")
    @classmethod
    def _known(cls, font: str) -> str:
        if font not in (known := fonts.families()) and font != fonts.BRAND:
            raise ValueError(f"there is no font “{font}”; there are: {', '.join(known)}")
        return font


@lru_cache(maxsize=1)
def style_names() -> tuple[str, ...]:
    """The named styles, from plain to bold."""
    return tuple(sorted((file.stem for file in FOLDER.glob("*.toml")), key=_order))


def load_style(name: str | Path) -> CaptionStyle:
    """A named style, or the style in the TOML file at a path. Raises NotFound or Invalid, saying what to change."""
    named = FOLDER / f"{name}.toml"
    if str(name) in style_names():
        return _read(named)
    path = Path(name)
    if path.is_file():
        return _read(path)
    near = get_close_matches(str(name), style_names(), 1)
    meant = f"Did you mean “{near[0]}”? " if near else ""
    raise NotFound(
        f"There is no caption style “{name}”. {meant}"
        f"Use one of {', '.join(style_names())}, or the path of a style file."
    )


def dressed(style: CaptionStyle, brand: Brand) -> CaptionStyle:
    """`style` in the colour and font of `brand`."""
    changes: dict[str, object] = {}
    if brand.colour is not None:
        changes["highlight"] = brand.colour
        changes["on_highlight"] = readable_on(brand.colour)
        changes["hook"] = style.hook.model_copy(
            update={"background": brand.colour, "colour": readable_on(brand.colour)} if style.hook.panel else {}
        )
    if brand.font is not None:
        changes["font"] = fonts.BRAND
    return style.model_copy(update=changes)


def readable_on(colour: str) -> str:
    """Black or white, whichever has more contrast (WCAG relative luminance)."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#FFFFFF"


def _read(path: Path) -> CaptionStyle:
    if path.stat().st_size > _LARGEST_FILE:
        raise Invalid(f"{path} is too large for a caption style.")
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as refused:
        raise NotAllowed(f"The caption style {path} may not be read. Check its permissions.") from refused
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise Invalid(f"The caption style {path} is not valid TOML: {broken}.") from broken
    try:
        return CaptionStyle.model_validate({"name": path.stem} | values)
    except ValidationError as wrong:
        faults = "; ".join(_fault(error) for error in wrong.errors())
        raise Invalid(f"The caption style {path} cannot be used: {faults}.") from wrong


def _fault(error: "ErrorDetails") -> str:
    if error["type"] != "extra_forbidden":
        return fault(error)
    known = _keys(error["loc"][:-1])
    return f"there is no setting {place(error['loc'])}; there are: {', '.join(known)}"


def _keys(parents: tuple[int | str, ...]) -> list[str]:
    fields = CaptionStyle.model_fields
    for parent in parents:
        kind = fields[str(parent)].annotation
        fields = kind.model_fields if isinstance(kind, type) and issubclass(kind, Document) else {}
    return [name for name in fields if name != "name"]


def _order(name: str) -> int:
    return _FROM_PLAIN_TO_BOLD.index(name) if name in _FROM_PLAIN_TO_BOLD else len(_FROM_PLAIN_TO_BOLD)
