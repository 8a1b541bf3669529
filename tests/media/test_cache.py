import os
import subprocess
import sys
from pathlib import Path

import pytest

from cliply.errors import NotAllowed
from cliply.media.cache import Cache, replacing, work_prefix, write_text


def test_a_source_has_its_own_folder(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "new")
    assert cache.folder("abc").is_dir()
    assert cache.folder("abc") == cache.folder("abc") != cache.folder("abd")


def test_the_sources_used_longest_ago_go_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, largest=2500)
    for age, name in enumerate(("new", "older", "oldest")):
        (cache.folder(name) / "kept").write_bytes(b"x" * 1000)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    cache.prune(keep="new")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["new", "older"]


def test_the_source_at_work_is_never_dropped(tmp_path: Path) -> None:
    cache = Cache(tmp_path, largest=10)
    (cache.folder("mine") / "kept").write_bytes(b"x" * 1000)
    cache.prune(keep="mine")
    assert (tmp_path / "mine" / "kept").exists()


def test_what_a_killed_run_left_half_made_is_swept_and_a_living_runs_work_is_not(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    cache = Cache(tmp_path)
    folder = cache.folder("mine")
    (folder / f".sound.{gone.pid}.abc").mkdir()
    (folder / f".sound.{gone.pid}.abc" / "speech.wav").write_bytes(b"x")
    (folder / f".sound-2.json.{gone.pid}.part").write_text("half")
    working = folder / f"{work_prefix('sound')}xyz"
    working.mkdir()
    (folder / "sound-2.json").write_text("whole")
    cache.sweep()
    assert sorted(each.name for each in folder.iterdir()) == sorted([working.name, "sound-2.json"])


def test_a_cache_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotAllowed, match="CLIPLY_CACHE"):
        Cache(tmp_path / "file").folder("abc")


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_text(file, "old")

    def fail_half_way() -> None:
        with replacing(file) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
