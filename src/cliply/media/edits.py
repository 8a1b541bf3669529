"""Edit files: written, read back with messages for the person who changed them, and recognised."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from cliply import __version__
from cliply.errors import Conflict, Invalid, NotAllowed, NotFound
from cliply.media.cache import write_text
from cliply.media.captions.styles import style_names
from cliply.media.document import first_fault
from cliply.media.edit import Brand, CameraKey, ClipEdit
from cliply.media.fingerprint import fingerprint
from cliply.media.probe import Source

EDIT_SUFFIX = ".edit.json"
_ROUNDING = 2
"""Pixels by which our own windows may reach over an edge."""
BRAND_FILES = ("logo", "font", "intro", "outro")


def edit_digest(edit: ClipEdit) -> str:
    """Names what an edit says, wherever its source lies, so that a change by hand is seen."""
    told = edit.model_copy(update={"source": edit.source.model_copy(update={"path": Path("source")})})
    # What came later counts only where it says something: clips of an earlier version are recognised.
    silent = {"captions": {"lines"}} if edit.captions.lines is None else None
    return hashlib.blake2b(told.model_dump_json(exclude=silent).encode(), digest_size=16).hexdigest()


def look_digest(style: str, brand: Brand) -> str:
    """Names what shapes a clip besides its edit: our version, and the content of the files that a look refers to.

    A style file or a logo that was changed under the same name gives another digest.
    """
    digest = hashlib.blake2b(__version__.encode(), digest_size=16)
    named = [None if style in style_names() else Path(style), *(getattr(brand, name) for name in BRAND_FILES)]
    for path in named:
        # A file that is gone is refused where it is used.
        content = hashlib.blake2b(path.read_bytes()).digest() if path is not None and path.is_file() else b""
        digest.update(len(content).to_bytes(1, "big") + content)
    return digest.hexdigest()


def save_edit(edit: ClipEdit, path: Path) -> None:
    """Write the edit file, whole or not at all."""
    write_text(path, edit.model_dump_json(indent=1) + "\n")


def moved(edit: ClipEdit, source: Path) -> ClipEdit:
    """`edit` for the same recording at another place."""
    return edit.model_copy(update={"source": edit.source.model_copy(update={"path": source.absolute()})})


def load_edit(path: Path) -> ClipEdit:
    """The edit in a file; paths that are relative to it are made absolute. Raises NotFound, NotAllowed and Invalid."""
    try:
        edit = ClipEdit.model_validate_json(path.read_bytes())
    except FileNotFoundError as absent:
        raise NotFound(f"The edit file {path} does not exist. Check the name and the folder.") from absent
    except PermissionError as refused:
        raise NotAllowed(f"{path} may not be read. Check its permissions.") from refused
    except OSError as refused:
        raise Invalid(f"{path} cannot be read ({refused.strerror}). Name an edit file, NN-name.edit.json.") from refused
    except ValidationError as wrong:
        raise Invalid(
            f"{path} cannot be used: {first_fault(wrong)}. Name an edit file, NN-name.edit.json, or mend what is named."
        ) from wrong
    if nonsense := next(impossible(edit), None):
        raise Invalid(f"{path} cannot be used: {nonsense}")
    folder = path.parent.absolute()
    brand = {name: folder / file for name in BRAND_FILES if (file := getattr(edit.brand, name)) is not None}
    style = edit.captions.style
    look = {"style": str(folder / style)} if _is_style_file(style, folder) else {}
    return moved(edit, folder / edit.source.path).model_copy(
        update={"brand": edit.brand.model_copy(update=brand), "captions": edit.captions.model_copy(update=look)}
    )


def _is_style_file(style: str, folder: Path) -> bool:
    """Not a name, nor one that was mistyped: that stays as it was written."""
    return style not in style_names() and (bool(Path(style).suffix) or (folder / style).is_file())


def impossible(edit: ClipEdit) -> Iterator[str]:
    """What an edit asks for that no clip can show, each with its entry and what to do."""
    for number, word in enumerate(edit.words, 1):
        if word.end < word.start:
            yield (
                f"“words”, entry {number}: “{word.text}” ends at {word.end}, before it starts at {word.start}. "
                "Let it end later."
            )
    width, height = edit.source.size.width, edit.source.size.height
    for where, key in _windows(edit):
        sides = (("x", key.x, "width", key.width, width), ("y", key.y, "height", key.height, height))
        yield from (f"{where}: {wrong}" for side in sides if (wrong := _beyond(*side)))


def _windows(edit: ClipEdit) -> Iterator[tuple[str, CameraKey]]:
    for first, layout in enumerate(edit.layouts, 1):
        for second, pane in enumerate(layout.panes, 1):
            for third, key in enumerate(pane.camera, 1):
                yield f"“layouts”, entry {first}, “panes”, entry {second}, “camera”, entry {third}", key


def _beyond(start: str, at: float, length: str, long: float, limit: int) -> str:
    """What is wrong with one side of a camera's window, in a picture of `limit` pixels."""
    if not 0 < long <= limit + _ROUNDING:
        return f"“{length}” is {long:g}. Choose one from 1 to {limit}, as the picture has it."
    if at < -_ROUNDING or at + long > limit + _ROUNDING:
        return (
            f"“{start}” {at:g} and “{length}” {long:g} lie beyond the picture, which ends at {limit}. "
            f"Choose “{start}” from 0 to {max(0, limit - long):g}."
        )
    return ""


def load_edits(place: Path) -> dict[str, ClipEdit]:
    """The edits of a folder, or the one in a file, by the name of their clip. Raises NotFound when there are none."""
    files = [place] if place.is_file() else sorted(place.glob(f"*{EDIT_SUFFIX}"))
    if not files:
        raise NotFound(f"There are no edits in {place}. Name a folder that `cliply clip` has written.")
    return {clip_name(file): load_edit(file) for file in files}


def clip_name(edit_file: Path) -> str:
    """`01-title.edit.json` belongs to the clip `01-title`."""
    return edit_file.name.removesuffix(".json").removesuffix(".edit")


def refuse_other_source(edit: ClipEdit, source: Source) -> None:
    """Raises Conflict when `source` is not the recording that the edit was made from, Invalid when it is too short."""
    if edit.source.fingerprint and fingerprint(source.path) != edit.source.fingerprint:
        raise Conflict(
            f"{source.path.name} is not the recording that this edit was made from. "
            "Put the original back, or change `source` in the edit."
        )
    if edit.spans[-1].start >= source.duration:
        raise Invalid(
            f"The edit's last span begins at {edit.spans[-1].start} milliseconds, but {source.path.name} ends at "
            f"{source.duration}."
        )
