"""Read edit files back, with messages for the person who changed them."""

from pathlib import Path

from pydantic import ValidationError

from cliply.errors import Conflict, Invalid, NotFound
from cliply.media.edit import ClipEdit
from cliply.media.fingerprint import fingerprint
from cliply.media.probe import Source

EDIT_SUFFIX = ".edit.json"


def load_edit(path: Path) -> ClipEdit:
    """The edit in a file, its source's path made absolute. Raises NotFound and Invalid."""
    try:
        edit = ClipEdit.model_validate_json(path.read_bytes())
    except FileNotFoundError as absent:
        raise NotFound(f"The edit file {path} does not exist. Check the name and the folder.") from absent
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise Invalid(f"{path} cannot be used: {where}: {first['msg']}.") from wrong
    located = (path.parent / edit.source.path).absolute()
    return edit.model_copy(update={"source": edit.source.model_copy(update={"path": located})})


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
    """Raises Conflict when `source` is not the recording that the edit was made from."""
    if edit.source.fingerprint and fingerprint(source.path) != edit.source.fingerprint:
        raise Conflict(
            f"{source.path.name} is not the recording that this edit was made from. "
            "Put the original back, or change `source` in the edit."
        )
