"""What the networks' apps draw over a clip.

Neither network publishes exact figures for ordinary posts, and they vary with the phone and with how much is written
below the clip. YouTube's help for Shorts ads asks to keep 288 px at the top, 672 px at the bottom (with an advertiser's
button), 48 px left and 192 px right free of a 1080x1920 picture; guides to TikTok give 120 to 250 px at the top, 320 to
460 px at the bottom and 120 to 180 px right beside the column of buttons. The zones here are those of an ordinary post
with a line or two of text: 384 px at the bottom. A longer text covers more until it is folded, and an ad does too; but
text that keeps clear of those as well would stand on the mouth of everybody who is shown close.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cliply.media.edit import OUTPUT_SIZES, Aspect, Place


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the picture that an app covers."""

    network: str
    what: str
    place: Place


_SCREEN = (
    Zone("YouTube Shorts", "search and camera buttons", Place(x=0, y=0, width=1, height=0.09)),
    Zone("YouTube Shorts", "like, comment and share buttons", Place(x=0.84, y=0.46, width=0.16, height=0.54)),
    Zone("YouTube Shorts", "channel and title", Place(x=0, y=0.8, width=1, height=0.2)),
    Zone("TikTok", "Following and For You tabs", Place(x=0, y=0, width=1, height=0.11)),
    Zone("TikTok", "like, comment and share buttons", Place(x=0.85, y=0.42, width=0.15, height=0.58)),
    Zone("TikTok", "name, caption and sound", Place(x=0, y=0.8, width=1, height=0.2)),
)
# A landscape video plays in the ordinary player, which covers only its lower edge while it is touched.
_LANDSCAPE = (Zone("YouTube", "player controls", Place(x=0, y=0.9, width=1, height=0.1)),)
_TALL = OUTPUT_SIZES["9:16"].ratio
MARGIN = 0.05
"""Share of the picture's shorter side that text keeps from every edge."""


def zones(aspect: Aspect) -> tuple[Zone, ...]:
    """The covered parts of a picture of this shape, as shares of it."""
    if aspect == "16:9":
        return _LANDSCAPE
    return tuple(_projected(aspect))


def free_band(aspect: Aspect) -> tuple[float, float]:
    """Top and bottom between which no zone covers the whole width."""
    wide = [zone.place for zone in zones(aspect) if zone.place.width > 0.99]
    margin = MARGIN * min(1.0, OUTPUT_SIZES[aspect].ratio)
    top = max([margin, *(place.y + place.height for place in wide if place.y <= 0)])
    bottom = min([1 - margin, *(place.y for place in wide if place.y > 0)])
    return top, bottom


def free_width(aspect: Aspect, top: float, bottom: float) -> float:
    """Widest centred text, as a share of the width, that stays clear between `top` and `bottom`."""
    margin = MARGIN * min(1.0, 1 / OUTPUT_SIZES[aspect].ratio)
    half = 0.5 - margin
    for zone in zones(aspect):
        place = zone.place
        if place.width < 0.99 and place.y < bottom and place.y + place.height > top:
            half = min(half, place.x - 0.5 if place.x > 0.5 else 0.5 - place.x - place.width)
    return 2 * half


def _projected(aspect: Aspect) -> Iterator[Zone]:
    # Shorter pictures play in the middle of the tall screen, over its full width.
    share = _TALL / OUTPUT_SIZES[aspect].ratio
    above = (1 - share) / 2
    for zone in _SCREEN:
        top = max(0.0, (zone.place.y - above) / share)
        bottom = min(1.0, (zone.place.y + zone.place.height - above) / share)
        if bottom > top:
            place = Place(x=zone.place.x, y=top, width=zone.place.width, height=bottom - top)
            yield Zone(zone.network, zone.what, place)
