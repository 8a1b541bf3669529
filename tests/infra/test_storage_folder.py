import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cliply.errors import Conflict, Invalid, NotFound
from cliply.infra.storage import CHUNK, ObjectKey
from cliply.infra.storage_folder import FolderStorage

WORKSPACE = UUID(int=1)


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "storage")


def new_key(workspace: UUID = WORKSPACE) -> ObjectKey:
    return ObjectKey(workspace, UUID(int=2), "source", uuid4())


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_file_comes_back_as_it_was_stored(storage: FolderStorage, tmp_path: Path) -> None:
    content, key, seen = os.urandom(CHUNK + 5), new_key(), list[tuple[int, int]]()
    digest = storage.upload(written(tmp_path / "in", content), key, on_progress=lambda *at: seen.append(at))
    storage.download(key, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content
    assert digest == hashlib.sha256(content).hexdigest()
    assert seen == [(CHUNK, CHUNK + 5), (CHUNK + 5, CHUNK + 5)]


def test_a_wrong_checksum_stores_nothing(storage: FolderStorage, tmp_path: Path) -> None:
    key = new_key()
    with pytest.raises(Invalid):
        storage.upload(written(tmp_path / "in", b"one"), key, sha256=hashlib.sha256(b"two").hexdigest())
    with pytest.raises(NotFound):
        storage.size(key)
    assert storage.sweep(-60) == 0


def test_a_kill_in_the_middle_of_a_write_leaves_nothing_to_see(storage: FolderStorage, tmp_path: Path) -> None:
    key, source = new_key(), written(tmp_path / "in", bytes(3 * CHUNK))
    script = (
        "import os, sys; from pathlib import Path\n"
        "from cliply.infra.storage import ObjectKey; from cliply.infra.storage_folder import FolderStorage\n"
        "FolderStorage(Path(sys.argv[1])).upload(Path(sys.argv[2]), ObjectKey.parse(sys.argv[3]),"
        " on_progress=lambda *at: os.kill(os.getpid(), 9))"
    )
    child = [sys.executable, "-c", script, str(tmp_path / "storage"), str(source), str(key)]
    assert subprocess.run(child, check=False).returncode == -signal.SIGKILL
    assert list(storage.keys(WORKSPACE)) == []
    assert storage.sweep(3600) == 0
    assert storage.sweep(-60) == 1


def test_parts_in_any_order_become_one_object(storage: FolderStorage) -> None:
    key = new_key()
    upload = storage.begin_parts(key)
    storage.write_part(key, upload, 2, b"two")
    with pytest.raises(Conflict):
        storage.complete_parts(key, upload, "")
    storage.write_part(key, upload, 1, b"lost")
    storage.write_part(key, upload, 1, b"one")
    assert storage.parts(key, upload) == {1: 3, 2: 3}
    with pytest.raises(Invalid):
        storage.complete_parts(key, upload, "wrong")
    storage.complete_parts(key, upload, hashlib.sha256(b"onetwo").hexdigest())
    assert storage.path(key).read_bytes() == b"onetwo"
    with pytest.raises(NotFound):
        storage.parts(key, upload)


def test_an_upload_belongs_to_its_key(storage: FolderStorage) -> None:
    upload = storage.begin_parts(new_key())
    with pytest.raises(NotFound):
        storage.write_part(new_key(), upload, 1, b"x")
    assert storage.sweep(3600) == 0
    assert storage.sweep(-60) == 1


def test_one_workspace_is_removed_without_another(storage: FolderStorage, tmp_path: Path) -> None:
    mine, other = new_key(), new_key(UUID(int=9))
    for key in (mine, other):
        storage.upload(written(tmp_path / "in", b"x"), key)
    storage.delete_all(WORKSPACE)
    assert list(storage.keys(WORKSPACE)) == []
    assert list(storage.keys(other.workspace)) == [other]
    storage.delete(other)
    storage.delete(other)
    with pytest.raises(NotFound):
        storage.download(other, tmp_path / "out")
