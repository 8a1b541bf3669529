"""What every storage owes its callers; run on each of them."""

import hashlib
import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cliply.errors import Invalid, NotFound
from cliply.infra.storage.failures import (
    DamagedOnTheWay,
    KeyTaken,
    NoSuchBytes,
    ObjectGone,
    PartsMissing,
    UploadGone,
)
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.protocol import LEAST_PART, Part, Storage, StoredObject

TEN = b"0123456789"
AT_ONCE = timedelta(seconds=-60)
"""Older than nothing: a sweep that takes all that is unfinished."""
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def new_key(workspace: UUID | None = None, project: UUID | None = None) -> ObjectKey:
    return ObjectKey(workspace or uuid4(), project or uuid4(), "source", uuid4())


def put(storage: Storage, key: ObjectKey, content: bytes = TEN, sha256: str | None = None) -> StoredObject:
    return storage.put_stream(key, io.BytesIO(content), content_type="video/mp4", sha256=sha256)


def content_of(storage: Storage, key: ObjectKey, wanted: range | None = None) -> bytes:
    with closing(storage.read(key, wanted)) as chunks:
        return b"".join(chunks)


def is_there(storage: Storage, key: ObjectKey) -> bool:
    try:
        storage.head(key)
    except ObjectGone:
        return False
    return True


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", [0, 1, (3 << 20) + 5])
def test_a_file_comes_back_as_it_was_stored(storage: Storage, tmp_path: Path, size: int) -> None:
    content, key, sent, got = os.urandom(size), new_key(), list[int](), list[int]()
    (tmp_path / "in").write_bytes(content)
    stored = storage.put_file(key, tmp_path / "in", content_type="video/mp4", on_progress=sent.append)
    assert stored == StoredObject(size, "video/mp4", digest(content)) == storage.head(key)
    assert storage.download(key, tmp_path / "out", on_progress=got.append) == stored
    assert (tmp_path / "out").read_bytes() == content == content_of(storage, key)
    assert sent == sorted(sent)
    assert [*sent, 0][-2 if sent else 0] == size
    assert max(got, default=0) == size


def test_a_second_object_replaces_the_first(storage: Storage) -> None:
    key = new_key()
    put(storage, key, b"first")
    put(storage, key, b"second, and longer")
    assert content_of(storage, key) == b"second, and longer"
    assert storage.head(key).sha256 == digest(b"second, and longer")


def test_a_wrong_checksum_stores_nothing_and_keeps_what_was_there(storage: Storage) -> None:
    key, kept = new_key(), new_key()
    put(storage, kept, b"kept")
    for each in (key, kept):
        with pytest.raises(DamagedOnTheWay):
            put(storage, each, TEN, sha256=digest(b"other"))
    assert not is_there(storage, key)
    assert content_of(storage, kept) == b"kept"


def test_a_transfer_that_is_stopped_stores_nothing(storage: Storage, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int) -> None:
        raise Stopped

    key, there = new_key(), new_key()
    with pytest.raises(Stopped):
        storage.put_stream(key, io.BytesIO(bytes(4 << 20)), content_type="video/mp4", on_progress=stop)
    assert not is_there(storage, key)
    put(storage, there)
    with pytest.raises(Stopped):
        storage.download(there, tmp_path / "out", on_progress=stop)
    assert list(tmp_path.glob("*out*")) == []


def test_what_is_not_there_is_told_before_anything_is_read(storage: Storage, tmp_path: Path) -> None:
    key = new_key()
    with pytest.raises(ObjectGone):
        storage.head(key)
    with pytest.raises(ObjectGone):
        storage.read(key)
    with pytest.raises(ObjectGone):
        storage.download(key, tmp_path / "out")
    with pytest.raises(NotFound):
        storage.put_file(key, tmp_path / "absent", content_type="video/mp4")
    storage.delete(key)


@pytest.mark.parametrize("content_type", ["", "video", "text/html\r\nx: y", "text/html; charset=utf-8", "é/é"])
def test_a_content_type_that_is_none_is_refused(storage: Storage, content_type: str) -> None:
    with pytest.raises(Invalid):
        storage.put_stream(new_key(), io.BytesIO(TEN), content_type=content_type)
    with pytest.raises(Invalid):
        storage.uploads.begin(new_key(), content_type=content_type)


@few
@given(start=st.integers(-3, 14), stop=st.integers(-3, 14), step=st.sampled_from([1, 1, 1, 2, -1]))
def test_a_range_reads_what_the_object_has_of_it(storage: Storage, start: int, stop: int, step: int) -> None:
    key, wanted = ObjectKey(UUID(int=7), UUID(int=7), "source", UUID(int=7)), range(start, stop, step)
    if not is_there(storage, key):
        put(storage, key)
    if step == 1 and 0 <= start < min(stop, len(TEN)):
        assert content_of(storage, key, wanted) == TEN[start:stop]
    else:
        with pytest.raises(NoSuchBytes):
            storage.read(key, wanted)


def test_a_deleted_object_is_gone(storage: Storage) -> None:
    key = new_key()
    put(storage, key)
    storage.delete(key)
    assert not is_there(storage, key)
    storage.delete(key)


def test_a_project_s_keys_are_those_of_its_objects_and_nobody_else_s(storage: Storage) -> None:
    workspace, project = uuid4(), uuid4()
    assert list(storage.keys(workspace, project)) == []
    made = [ObjectKey(workspace, project, kind, uuid4()) for kind in ("video", "video", "cover")]
    for key in (*made, new_key(workspace), new_key(uuid4(), project)):
        put(storage, key)
    storage.uploads.begin(ObjectKey(workspace, project, "video", uuid4()), content_type="video/mp4")
    assert sorted(storage.keys(workspace, project), key=str) == sorted(made, key=str)
    storage.delete(made[0])
    assert sorted(storage.keys(workspace, project), key=str) == sorted(made[1:], key=str)


def test_deleting_a_workspace_or_project_takes_its_uploads_and_nothing_of_others(storage: Storage) -> None:
    workspace, project = uuid4(), uuid4()
    doomed, sibling, other = new_key(workspace, project), new_key(workspace), new_key()
    uploads = {}
    for key in (doomed, sibling, other):
        put(storage, key)
        begun = ObjectKey(key.workspace, key.project, key.kind, uuid4())
        uploads[begun] = storage.uploads.begin(begun, content_type="video/mp4")
        storage.uploads.put_part(begun, uploads[begun], 1, TEN)
    for arguments, left in (((workspace, project), [sibling, other]), ((workspace,), [other])):
        storage.delete_all(*arguments)
        assert [key for key in (doomed, sibling, other) if is_there(storage, key)] == left
        for begun, upload in uploads.items():
            if begun.workspace in {key.workspace for key in left} and begun.project in {key.project for key in left}:
                assert storage.uploads.parts(begun, upload) == [Part(1, len(TEN))]
            else:
                with pytest.raises(UploadGone):
                    storage.uploads.put_part(begun, upload, 2, TEN)
    storage.delete_all(workspace)


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 1, 2], [2, 3, 1, 3, 2]])
def test_parts_in_any_order_become_one_object(storage: Storage, order: list[int]) -> None:
    key, contents = new_key(), {1: os.urandom(LEAST_PART), 2: os.urandom(LEAST_PART), 3: b"end"}
    upload = storage.uploads.begin(key, content_type="video/mp4")
    for number in order:
        storage.uploads.put_part(key, upload, number, contents[number])
    assert list(storage.uploads.parts(key, upload)) == [Part(n, len(content)) for n, content in contents.items()]
    assert not is_there(storage, key)
    whole = b"".join(contents.values())
    stored = storage.uploads.complete(key, upload, parts=3, sha256=digest(whole))
    assert stored == StoredObject(len(whole), "video/mp4", digest(whole)) == storage.head(key)
    assert content_of(storage, key) == whole
    with pytest.raises(UploadGone):
        storage.uploads.parts(key, upload)


def test_a_part_that_comes_again_replaces_the_first(storage: Storage) -> None:
    key = new_key()
    upload = storage.uploads.begin(key, content_type="video/mp4")
    storage.uploads.put_part(key, upload, 1, b"damaged")
    # SeaweedFS keeps both, and tells which is the later one by whole seconds only.
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        storage.uploads.put_part(key, upload, 1, b"whole")
    assert storage.uploads.complete(key, upload, parts=1).sha256 == digest(b"whole")


@pytest.mark.parametrize(("arrived", "said"), [([1, 2], "Part 3 has"), ([1, 3], "Part 2 has"), ([], "Parts 1, 2, 3 h")])
def test_missing_parts_are_named_and_the_upload_goes_on(storage: Storage, arrived: list[int], said: str) -> None:
    key, part = new_key(), bytes(LEAST_PART)
    upload = storage.uploads.begin(key, content_type="video/mp4")
    for number in arrived:
        storage.uploads.put_part(key, upload, number, part)
    with pytest.raises(PartsMissing, match=said):
        storage.uploads.complete(key, upload, parts=3, sha256=digest(3 * part))
    for number in {1, 2, 3}.difference(arrived):
        storage.uploads.put_part(key, upload, number, part)
    assert storage.uploads.complete(key, upload, parts=3, sha256=digest(3 * part)).size == 3 * LEAST_PART


def test_completing_again_gives_the_same_answer(storage: Storage) -> None:
    key = new_key()
    upload = storage.uploads.begin(key, content_type="video/mp4")
    storage.uploads.put_part(key, upload, 1, TEN)
    first = storage.uploads.complete(key, upload, parts=1, sha256=digest(TEN))
    assert storage.uploads.complete(key, upload, parts=1, sha256=digest(TEN)) == first
    storage.uploads.abort(key, upload)
    assert storage.uploads.complete(key, upload, parts=1) == first
    with pytest.raises(DamagedOnTheWay):
        storage.uploads.complete(key, upload, parts=1, sha256=digest(b"other"))
    with pytest.raises(UploadGone):
        storage.uploads.complete(key, str(uuid4()), parts=1)
    assert content_of(storage, key) == TEN


def test_many_completions_at_once_make_one_object(storage: Storage) -> None:
    key = new_key()
    upload = storage.uploads.begin(key, content_type="video/mp4")
    storage.uploads.put_part(key, upload, 1, TEN)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: storage.uploads.complete(key, upload, parts=1, sha256=digest(TEN)), range(8)))
    assert set(answers) == {StoredObject(len(TEN), "video/mp4", digest(TEN))}
    assert content_of(storage, key) == TEN


def test_a_wrong_checksum_ends_an_upload_and_stores_nothing(storage: Storage) -> None:
    key = new_key()
    upload = storage.uploads.begin(key, content_type="video/mp4")
    storage.uploads.put_part(key, upload, 1, TEN)
    with pytest.raises(DamagedOnTheWay):
        storage.uploads.complete(key, upload, parts=1, sha256=digest(b"other"))
    assert not is_there(storage, key)
    with pytest.raises(UploadGone):
        storage.uploads.complete(key, upload, parts=1, sha256=digest(TEN))
    storage.uploads.begin(key, content_type="video/mp4")


def test_a_part_after_the_end_is_refused_and_brings_nothing_back(storage: Storage) -> None:
    key = new_key()
    upload = storage.uploads.begin(key, content_type="video/mp4")
    storage.uploads.put_part(key, upload, 1, TEN)
    storage.uploads.abort(key, upload)
    storage.uploads.abort(key, upload)
    with pytest.raises(UploadGone):
        storage.uploads.put_part(key, upload, 1, TEN)
    with pytest.raises(UploadGone):
        storage.uploads.parts(key, upload)
    with pytest.raises(UploadGone):
        storage.uploads.complete(key, upload, parts=1)
    assert not is_there(storage, key)


def test_an_upload_belongs_to_its_key(storage: Storage) -> None:
    key, foreign = new_key(), new_key()
    upload = storage.uploads.begin(key, content_type="video/mp4")
    with pytest.raises(UploadGone):
        storage.uploads.put_part(foreign, upload, 1, TEN)
    storage.uploads.abort(foreign, upload)
    storage.uploads.put_part(key, upload, 1, TEN)
    assert storage.uploads.complete(key, upload, parts=1).size == len(TEN)


def test_an_upload_replaces_nothing(storage: Storage) -> None:
    key = new_key()
    upload = storage.uploads.begin(key, content_type="video/mp4")
    storage.uploads.put_part(key, upload, 1, b"late")
    put(storage, key)
    with pytest.raises(KeyTaken):
        storage.uploads.begin(key, content_type="video/mp4")
    with pytest.raises(KeyTaken):
        storage.uploads.complete(key, upload, parts=1)
    assert content_of(storage, key) == TEN


@few
@given(st.text(min_size=0, max_size=40) | st.sampled_from(["..", "../..", "/etc", "a/b", "\0", ".", "x" * 2000]))
def test_an_id_that_is_none_reaches_nothing(storage: Storage, upload: str) -> None:
    key = ObjectKey(UUID(int=8), UUID(int=8), "source", UUID(int=8))
    with pytest.raises(UploadGone):
        storage.uploads.put_part(key, upload, 1, TEN)
    with pytest.raises(UploadGone):
        storage.uploads.complete(key, upload, parts=1)
    storage.uploads.abort(key, upload)


@pytest.mark.parametrize("number", [0, -1, 10_001])
def test_a_part_s_number_has_bounds(storage: Storage, number: int) -> None:
    key = new_key()
    upload = storage.uploads.begin(key, content_type="video/mp4")
    with pytest.raises(Invalid):
        storage.uploads.put_part(key, upload, number, TEN)
    with pytest.raises(Invalid):
        storage.uploads.part_link(key, upload, number, size=1, expires_in=timedelta(hours=1))


def test_what_a_workspace_stores_is_told_with_its_bytes_and_nothing_of_others(storage: Storage) -> None:
    workspace = uuid4()
    mine = {new_key(workspace): size for size in (0, 1, 3_000)}
    for key, size in mine.items():
        put(storage, key, b"x" * size)
    put(storage, new_key())
    gone = new_key(workspace)
    put(storage, gone)
    storage.delete(gone)
    assert dict(storage.sizes(workspace)) == mine
    assert list(storage.sizes(uuid4())) == []


def test_a_sweep_takes_what_is_old_and_nothing_that_is_whole_or_young(storage: Storage) -> None:
    key, whole = new_key(), new_key()
    put(storage, whole)
    upload = storage.uploads.begin(key, content_type="video/mp4")
    storage.uploads.put_part(key, upload, 1, TEN)
    assert storage.sweep(timedelta(hours=1)) == 0
    assert storage.uploads.parts(key, upload) == [Part(1, len(TEN))]
    assert storage.sweep(AT_ONCE) >= 1
    with pytest.raises(UploadGone):
        storage.uploads.parts(key, upload)
    assert content_of(storage, whole) == TEN
    assert storage.sweep(AT_ONCE) == 0
