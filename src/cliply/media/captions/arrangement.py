"""Where the hook line and the captions stand together: never one on the other, on as few faces as can be."""

from collections.abc import Iterator, Sequence

from cliply.media.captions.placement import (
    caption_boxes_until,
    choose_hook_position,
    harm,
    hook_length,
    place_captions,
)
from cliply.media.edit import ClipEdit
from cliply.media.types import Box, FaceAt


def place_text(edit: ClipEdit, faces: Sequence[FaceAt], *, taken: Sequence[Box] = ()) -> ClipEdit:
    """`edit` with hook line and captions clear of each other, of faces, of the apps and of what is `taken`.

    The hook line chooses first; where that drives the captions onto a face, it goes where they leave room.
    """
    if edit.hook is None or not edit.hook.text.strip():
        return place_captions(edit, faces, taken=taken)
    edit = _with_hook(edit, milliseconds=hook_length(edit))
    ways = _ways(edit, faces, taken)
    first = next(ways)
    return min([first, *ways], key=lambda way: harm(way, faces)) if harm(first, faces) > 0 else first


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
