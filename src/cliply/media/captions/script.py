"""An ASS script: its header, its events and the one place where text is made harmless."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cliply.media.types import Millis, Size


@dataclass(frozen=True, slots=True)
class Event:
    """One drawn thing. `text` is ASS markup; whatever a person wrote in it went through `escape_text`."""

    layer: int
    start: Millis
    end: Millis
    style: str
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """A style line of the script. Sizes are pixels of the picture."""

    name: str
    font: str
    size: float
    colour: str
    second: str = "#FFFFFF"
    """Of what a karaoke fill has not reached."""
    outline: float = 0
    outline_colour: str = "#000000"
    shadow: float = 0
    shadow_colour: str = "#000000"
    shadow_opacity: float = 1
    spacing: float = 0


def script(size: Size, looks: Iterable[Look], events: Sequence[Event]) -> str:
    """The whole file. Events that last less than a hundredth of a second are left out: ASS cannot say them."""
    rows = [
        f"Dialogue: {event.layer},{clock(event.start)},{clock(event.end)},{event.style},,0,0,0,,{event.text}"
        for event in sorted(events, key=lambda event: (event.start, event.layer))
        if clock(event.end) > clock(event.start)
    ]
    return "\n".join([_header(size), *map(_style, looks), "", "[Events]", _EVENT_FORMAT, *rows, ""])


def escape_text(text: str) -> str:
    """`text` so that libass shows it as it is: no tag, no line break, no drawing."""
    # The word joiner is never drawn; with it behind, a backslash begins no command.
    flat = " ".join(text.split())
    return flat.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


def colour(hexadecimal: str) -> str:
    """#RRGGBB as ASS writes it, blue first."""
    return f"&H{hexadecimal[5:7]}{hexadecimal[3:5]}{hexadecimal[1:3]}&".upper()


def alpha(opacity: float) -> str:
    """ASS counts transparency: 00 is opaque."""
    return f"&H{round((1 - opacity) * 255):02X}&"


def number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def clock(at: Millis) -> str:
    hundredths = (max(0, at) + 5) // 10
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 100:02d}.{rest % 100:02d}"


_EVENT_FORMAT = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"


def _header(size: Size) -> str:
    return f"""[Script Info]
ScriptType: v4.00+
PlayResX: {size.width}
PlayResY: {size.height}
LayoutResX: {size.width}
LayoutResY: {size.height}
WrapStyle: 2
ScaledBorderAndShadow: yes
Kerning: yes
YCbCr Matrix: TV.709

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, \
MarginR, MarginV, Encoding"""


def _style(look: Look) -> str:
    back = f"&H{round((1 - look.shadow_opacity) * 255):02X}{_bgr(look.shadow_colour)}"
    # Encoding -1 makes libass find the direction of writing itself and order words across colour changes; with the
    # usual 1 a right-to-left line with a coloured word comes out in the wrong order.
    return (
        f"Style: {look.name},{look.font},{number(look.size)},&H00{_bgr(look.colour)},&H00{_bgr(look.second)},"
        f"&H00{_bgr(look.outline_colour)},{back},0,0,0,0,100,100,{number(look.spacing)},0,1,{number(look.outline)},"
        f"{number(look.shadow)},2,0,0,0,-1"
    )


def _bgr(hexadecimal: str) -> str:
    return (hexadecimal[5:7] + hexadecimal[3:5] + hexadecimal[1:3]).upper()
