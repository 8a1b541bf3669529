"""Where the hook line and the captions stand together: never one on the other, on as few faces as can be."""

from collections.abc import Iterator, Sequence

from cliply.media.captions.placement import (
    READ,
    caption_boxes_until,
    choose_hook_position,
    harm,
    hook_length,
    place_captions,
)
from cliply.media.edit import ClipEdit
from cliply.media.types import Box, FaceAt

_SHORTENED, _LEFT_OUT = 0.05, 0.25
"""How bad it is to take a hook line away early, and not to show it at all; on a face it is worse than either."""


def place_text(
    edit: ClipEdit, faces: Sequence[FaceAt], *, taken: Sequence[Box] = (), may_leave_out: bool = False
) -> ClipEdit:
    """`edit` with hook line and captions clear of each other, of faces, of the apps and of what is `taken`.

    The hook line chooses first; where that drives the captions onto a face, it goes where they leave room. Where there
    is no room, as on a face that fills the picture, it is shown for a shorter time, or not at all if it
    `may_leave_out`.
    """
    if edit.hook is None or not edit.hook.text.strip():
        return place_captions(edit, faces, taken=taken)
    edit = _with_hook(edit, milliseconds=hook_length(edit))
    ways = _ways(edit, faces, taken)
    first = next(ways)
    if harm(first, faces) <= 0:
        return first
    rated = [(harm(way, faces), way) for way in (first, *ways)]
    if edit.hook is not None and edit.hook.milliseconds > READ:
        short = next(_ways(_with_hook(edit, milliseconds=READ), faces, taken))
        rated.append((harm(short, faces) + _SHORTENED, short))
    if may_leave_out:
        bare = place_captions(edit.model_copy(update={"hook": None}), faces, taken=taken)
        rated.append((harm(bare, faces) + _LEFT_OUT, bare))
    return min(rated, key=lambda each: each[0])[1]


def _ways(edit: ClipEdit, faces: Sequence[FaceAt], taken: Sequence[Box]) -> Iterator[ClipEdit]:
    first = _with_hook(edit, position=choose_hook_position(edit, faces, taken=taken))
    yield place_captions(first, faces, taken=taken)
    lower = _with_hook(edit, position=choose_hook_position(edit, faces, taken=taken, anywhere=True))
    yield place_captions(lower, faces, taken=taken)
    free = place_captions(edit.model_copy(update={"hook": None}), faces, taken=taken).model_copy(
        update={"hook": edit.hook}
    )
    under = [*taken, *caption_boxes_until(free, edit.hook.milliseconds if edit.hook else 0)]
    yield _with_hook(free, position=choose_hook_position(free, faces, taken=under, anywhere=True))


def _with_hook(edit: ClipEdit, **changes: object) -> ClipEdit:
    return edit if edit.hook is None else edit.model_copy(update={"hook": edit.hook.model_copy(update=changes)})
