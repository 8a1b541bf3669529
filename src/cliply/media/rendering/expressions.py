"""ffmpeg expressions that stay shallow: its parser gives up near a hundred nested parts, so long ones are trees."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Piece:
    """`text` is the value from frame `start` on, until the next piece."""

    start: int
    text: str


def number(value: float) -> str:
    """Three decimals: a thousandth of a pixel, and short graphs."""
    return f"{value:.3f}".rstrip("0").rstrip(".") if value else "0"


def balanced_sum(terms: Sequence[str]) -> str:
    """All terms added up, log2(n) deep."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return f"({balanced_sum(terms[:middle])}+{balanced_sum(terms[middle:])})"


def piecewise(pieces: Sequence[Piece]) -> str:
    """Each piece in its time as a function of the frame number `n`, log2(n) deep; the first holds before its start."""
    if len(pieces) == 1:
        return pieces[0].text
    middle = len(pieces) // 2
    return f"if(lt(n,{pieces[middle].start}),{piecewise(pieces[:middle])},{piecewise(pieces[middle:])})"


def merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Without pieces that only repeat the one before."""
    kept: list[Piece] = []
    for piece in pieces:
        if not kept or kept[-1].text != piece.text:
            kept.append(piece)
    return kept


def eased(begin: float, end: float, first: int, last: int) -> str:
    """From `begin` at frame `first` to `end` at frame `last`, slow at both ends (smoothstep, 3t² − 2t³)."""
    if last <= first or abs(begin - end) < 0.0005:
        return number(end)
    share = f"st(0,clip((n-{first})/{last - first},0,1))"
    return f"({number(begin)}+({number(end - begin)})*{share}*ld(0)*(3-2*ld(0)))"


def smoothstep(share: float) -> float:
    """The same easing as `eased`, for those who compute it here."""
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def even_times(rate: Fraction) -> str:
    """The filter that puts frame N at N / rate. ffmpeg cuts fractions off: unrounded, frames would share a time."""
    return f"setpts=round(N/({rate})/TB)"
