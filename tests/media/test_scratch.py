import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cliply.media.scratch import scratch_folder


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_there_for_the_block_and_private(there: Path) -> None:
    with scratch_folder("render") as folder:
        (folder / "file").write_text("x")
        assert folder.parent == there
        assert folder.name.startswith("cliply-work-render-")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(there.iterdir()) == []


def test_a_folder_goes_when_the_block_fails(there: Path) -> None:
    with pytest.raises(KeyboardInterrupt), scratch_folder("render"):
        raise KeyboardInterrupt
    assert list(there.iterdir()) == []


def test_folders_in_use_are_left_alone(there: Path) -> None:
    with scratch_folder("one") as one, scratch_folder("two") as two:
        (one / "file").write_text("x")
        with scratch_folder("three"):
            assert (one / "file").exists()
            assert two.is_dir()


def test_what_a_killed_process_left_is_removed_by_the_next(there: Path) -> None:
    ours = (
        "import os, signal\nfrom cliply.media.scratch import scratch_folder\n"
        "with scratch_folder('render') as folder:\n"
        "    (folder / 'half').write_bytes(bytes(99))\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", ours], check=False, env={**os.environ, "TMPDIR": str(there)})
    assert len(list(there.iterdir())) == 1
    with scratch_folder("render") as folder:
        assert list(there.iterdir()) == [folder]


def test_folders_of_others_are_left_alone(there: Path) -> None:
    (there / "cliply-work-but-without-a-lock").mkdir()
    (there / "mine").mkdir()
    with scratch_folder("render"):
        assert (there / "cliply-work-but-without-a-lock").is_dir()
        assert (there / "mine").is_dir()
