import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.media.test_edit import an_edit

from cliply.errors import Invalid, NotAllowed
from cliply.media.brand import load_brand
from cliply.media.captions.styles import load_style
from cliply.media.edit import Brand, Captions
from cliply.media.edits import edit_digest, load_edit, look_digest, moved, save_edit


def test_an_edit_is_recognised_at_another_place_but_not_with_another_word() -> None:
    edit = an_edit()
    assert edit_digest(moved(edit, Path("/elsewhere/name.mp4"))) == edit_digest(edit)
    assert edit_digest(edit.model_copy(update={"language": "de"})) != edit_digest(edit)


def test_what_an_edit_can_say_by_now_changes_the_name_of_those_only_that_say_it() -> None:
    edit = an_edit()
    placeless = edit.model_copy(update={"source": edit.source.model_copy(update={"path": Path("source")})})
    said_before = placeless.model_dump_json().replace(',"lines":null', "")
    known = hashlib.blake2b(said_before.encode(), digest_size=16)
    assert edit_digest(edit) == known.hexdigest()
    assert edit_digest(edit.model_copy(update={"captions": Captions(lines=1)})) != edit_digest(edit)


def test_a_style_file_that_was_changed_gives_another_look(tmp_path: Path) -> None:
    style = tmp_path / "mine.toml"
    style.write_text("size = 80\n")
    before = look_digest(str(style), Brand())
    assert before == look_digest(str(style), Brand())
    style.write_text("size = 120\n")
    assert look_digest(str(style), Brand()) != before


@pytest.mark.parametrize("name", ["logo", "font", "intro", "outro"])
def test_a_brand_file_that_was_changed_gives_another_look(tmp_path: Path, name: str) -> None:
    file = tmp_path / "file"
    brand = Brand.model_validate({name: file})
    file.write_bytes(b"one")
    before = look_digest("bold", brand)
    file.write_bytes(b"two")
    assert len({before, look_digest("bold", brand), look_digest("bold", Brand())}) == 3


def test_what_an_edit_names_is_found_beside_it_from_any_folder(tmp_path: Path) -> None:
    edit = an_edit().model_copy(
        update={"captions": Captions(style="mine.toml"), "brand": Brand(logo=Path("logo.png"), intro=tmp_path / "in")}
    )
    save_edit(edit, tmp_path / "01.edit.json")
    loaded = load_edit(tmp_path / "01.edit.json")
    assert loaded.captions.style == str(tmp_path / "mine.toml")
    assert loaded.brand == Brand(logo=tmp_path / "logo.png", intro=tmp_path / "in")
    save_edit(an_edit(), tmp_path / "02.edit.json")
    assert load_edit(tmp_path / "02.edit.json").captions.style == "bold"


def test_a_folder_in_place_of_an_edit_is_refused_with_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"edit\.json"):
        load_edit(tmp_path)


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Without the rights of root, who may read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize(("load", "name"), [(load_edit, "x.edit.json"), (load_brand, "x.toml"), (load_style, "y.toml")])
def test_a_file_that_may_not_be_read_is_not_allowed(load: Callable[[Path], object], name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / name
        file.write_text("{}")
        file.chmod(0)
        with as_somebody_else(), pytest.raises(NotAllowed, match="may not be read"):
            load(file)
