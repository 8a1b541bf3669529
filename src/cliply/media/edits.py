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


def load_edits(folder: Path) -> list[ClipEdit]:
    """All edits of a folder in order of their names. Raises NotFound when there are none."""
    files = sorted(folder.glob(f"*{EDIT_SUFFIX}"))
    if not files:
        raise NotFound(f"There are no edits in {folder}. Name a folder that `cliply clip` has written.")
    return [load_edit(file) for file in files]


def refuse_other_source(edit: ClipEdit, source: Source) -> None:
    """Raises Conflict when `source` is not the recording that the edit was made from."""
    if edit.source.fingerprint and fingerprint(source.path) != edit.source.fingerprint:
        raise Conflict(
            f"{source.path.name} is not the recording that this edit was made from. "
            "Put the original back, or change `source` in the edit."
        )
