"""What only the folder can get wrong: kills, disks and its own files."""

import errno
import io
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from tests.infra.storage.test_contract import AT_ONCE, TEN, content_of, is_there, new_key, put

from cliply.errors import LimitReached, NotAllowed, Unavailable
from cliply.infra.storage.disk import disk_errors
from cliply.infra.storage.failures import DamagedInStorage
from cliply.infra.storage.folder import FolderStorage
from cliply.infra.storage.folder_objects import FolderObjects
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.links import Grant


@pytest.fixture
def folder(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "storage")


def files_of(root: Path, key: ObjectKey) -> list[Path]:
    return sorted((root / "storage" / "objects" / str(key)).parent.glob(f"{key.id}.*"))


def test_an_upload_whose_end_was_killed_before_its_parts_went_is_completed_all_the_same(
    folder: FolderStorage, tmp_path: Path
) -> None:
    key = new_key()
    upload = folder.uploads.begin(key, content_type="video/mp4")
    folder.uploads.put_part(key, upload, 1, b"all of it")
    parts = tmp_path / "storage" / "uploads" / str(key) / upload
    shutil.copytree(parts, tmp_path / "parts")
    done = folder.uploads.complete(key, upload, parts=1)
    shutil.copytree(tmp_path / "parts", parts)
    assert folder.uploads.complete(key, upload, parts=1) == done
    assert not parts.exists()
    assert content_of(folder, key) == b"all of it"


_PUT = """
import os, sys
from pathlib import Path
from cliply.infra.storage.folder import FolderStorage
from cliply.infra.storage.keys import ObjectKey
storage, steps = FolderStorage(Path(sys.argv[1])), 0
def killing(event, arguments):
    global steps
    if event in ("open", "os.rename", "os.mkdir", "os.remove"):
        steps += 1
        if steps == int(sys.argv[4]):
            os.kill(os.getpid(), 9)
sys.addaudithook(killing)
storage.put_file(ObjectKey.parse(sys.argv[3]), Path(sys.argv[2]), content_type="video/mp4")
"""


@pytest.mark.slow
def test_a_kill_at_any_step_of_a_write_shows_the_object_as_it_was_or_as_it_will_be(
    folder: FolderStorage, tmp_path: Path
) -> None:
    (tmp_path / "in").write_bytes(b"new")
    outcomes = set()
    for step in range(1, 60):
        fresh, replaced = new_key(), new_key()
        put(folder, replaced, b"old")
        codes = set()
        for key in (fresh, replaced):
            child = [sys.executable, "-c", _PUT, str(tmp_path / "storage"), str(tmp_path / "in"), str(key), str(step)]
            codes.add(subprocess.run(child, check=False).returncode)
        seen = content_of(folder, fresh) if is_there(folder, fresh) else None
        assert seen in (None, b"new")
        assert content_of(folder, replaced) in (b"old", b"new")
        outcomes.add((seen, content_of(folder, replaced)))
        folder.sweep(AT_ONCE)
        assert [path.suffix for path in files_of(tmp_path, replaced)].count(".json") == 1
        assert len(files_of(tmp_path, replaced)) == 2
        assert len(files_of(tmp_path, fresh)) in (0, 2)
        if codes == {0}:
            break
        assert codes <= {0, -signal.SIGKILL}
    assert {(None, b"old"), (b"new", b"new")} <= outcomes
    assert codes == {0}
    assert list((tmp_path / "storage" / "unfinished").iterdir()) == []


def test_content_that_changed_on_the_disk_is_told(folder: FolderStorage, tmp_path: Path) -> None:
    key = new_key()
    put(folder, key)
    content = next(path for path in files_of(tmp_path, key) if path.suffix != ".json")
    content.write_bytes(TEN[::-1])
    with pytest.raises(DamagedInStorage):
        folder.download(key, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    content.write_bytes(TEN[1:])
    with pytest.raises(DamagedInStorage):
        folder.read(key)
    content.unlink()
    with pytest.raises(DamagedInStorage):
        folder.read(key)


def test_a_reader_keeps_what_it_began_to_read(folder: FolderStorage) -> None:
    key = new_key()
    put(folder, key, b"first")
    with closing(folder.read(key)) as chunks:
        put(folder, key, b"second")
        folder.delete(key)
        assert b"".join(chunks) == b"first"


def test_writers_readers_and_sweeps_at_once_see_whole_objects_only(folder: FolderStorage, tmp_path: Path) -> None:
    key, contents = new_key(), [os.urandom(1000 + number) for number in range(8)]
    put(folder, key, contents[0])

    def act(number: int) -> bytes:
        put(folder, key, contents[number % 8])
        folder.sweep(timedelta(hours=1))
        return content_of(folder, key)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(act, range(64))) <= set(contents)
    assert len(files_of(tmp_path, key)) == 2


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, LimitReached), (errno.EACCES, NotAllowed), (errno.EROFS, NotAllowed), (errno.EIO, Unavailable)],
)
def test_what_the_disk_says_is_told_in_plain_words(number: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="storage folder"), disk_errors():
        raise OSError(number, os.strerror(number))


def test_only_the_storage_is_private_and_not_the_folder_that_others_share_with_it(tmp_path: Path) -> None:
    FolderStorage(tmp_path / "data" / "storage")
    (tmp_path / "other").mkdir()
    assert (tmp_path / "data").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert (tmp_path / "data" / "storage").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_told_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable):
        FolderStorage(tmp_path / "file" / "storage")


def test_every_process_of_an_installation_accepts_the_links_of_the_others(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        storages = list(pool.map(lambda _: FolderStorage(tmp_path), range(8)))
    key = new_key()
    link = storages[0].download_link(key, expires_in=timedelta(minutes=5), file_name="talk.mp4")
    assert {each.links.verify(link, method="GET") for each in storages} == {Grant(key, file_name="talk.mp4")}
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0


def test_a_link_for_a_part_names_its_upload_and_size(folder: FolderStorage) -> None:
    key = new_key()
    upload = folder.uploads.begin(key, content_type="video/mp4")
    link = folder.uploads.part_link(key, upload, 2, size=10, expires_in=timedelta(minutes=5))
    assert folder.links.verify(link, method="PUT", size=10) == Grant(key, upload=upload, part=2, size=10)


def test_nothing_is_left_of_a_source_that_breaks_off(folder: FolderStorage, tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ValueError(str(uuid4()))

    with pytest.raises(ValueError, match="-"):
        folder.put_stream(new_key(), Broken(), content_type="video/mp4")
    assert list(FolderObjects(tmp_path / "storage").unfinished.iterdir()) == []
