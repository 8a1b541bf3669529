import json
import os
import shutil
from pathlib import Path

import pytest
from tests.hostile.command import Place

FEW = ("-rf.mp4", "new\nline.mp4", "$(touch pwned).mp4", "rtl\u202e4pm.exe.mp4", "concat:a.mp4")


def clip_under(name: str, talk: Path, root: Path, cache: Path) -> None:
    """The whole chain on a video of that name gives what it gives under any other."""
    root.mkdir()
    place = Place(root, cache_folder=cache)
    shutil.copyfile(talk, place.work / name)
    ran = place.clip(name)
    assert ran.code == 0, (name, ran.said)
    assert [each.suffix for each in place.out.glob("*.mp4")] == [".mp4"]
    assert not list(root.rglob("pwned*"))
    assert place.left_behind(name) == []
    # A name may not break lines or turn the reading direction where it is shown.
    assert "\u202e" not in ran.said + ran.told
    page = (place.out / "index.html").read_text()
    assert "\u202e" not in page
    assert json.loads((place.out / "clips.json").read_text())


@pytest.mark.slow
def test_odd_names_go_all_the_way(talk: Path, tmp_path: Path, kept_cache: Path) -> None:
    for number, name in enumerate(FEW):
        clip_under(name, talk, tmp_path / str(number), kept_cache)


@pytest.mark.soak
def test_every_hostile_name_goes_all_the_way(fixtures: Path, talk: Path, tmp_path: Path, kept_cache: Path) -> None:
    names = json.loads((fixtures / "hostile" / "hostile_names.json").read_text())["names"]
    for number, name in enumerate(names):
        clip_under(name, talk, tmp_path / str(number), kept_cache)


def test_a_name_that_is_no_text_is_refused_at_once(talk: Path, tmp_path: Path) -> None:
    place = Place(tmp_path)
    name = os.fsdecode(b"not\xffutf8.mp4")
    shutil.copyfile(talk, place.work / name)

    ran = place.clip(name)

    assert ran.code == 3
    assert "not valid text" in ran.said
    assert "Rename it" in ran.said
    assert place.left_behind(name) == []
