"""What only S3 can get wrong: its links, its answers, its key, and what a kill leaves in the bucket."""

import hashlib
import os
import subprocess
import sys
import traceback
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from tests.infra.queue.fleet import until
from tests.infra.storage.seaweed import BUCKET, KEY, SECRET, client
from tests.infra.storage.test_contract import TEN, content_of, is_there, new_key, put

from cliply.errors import CliplyError, NotAllowed, NotFound, Unavailable
from cliply.infra.settings import Settings, Storage
from cliply.infra.storage.failures import DamagedInStorage, DamagedOnTheWay
from cliply.infra.storage.protocol import LEAST_PART
from cliply.infra.storage.s3 import S3Storage

pytestmark = pytest.mark.slow
SOON = timedelta(minutes=5)


@pytest.fixture
def bucket(s3: Storage) -> S3Storage:
    return S3Storage(BUCKET, s3)


def test_a_link_reads_one_object_with_ranges_and_nothing_else(bucket: S3Storage) -> None:
    key, other = new_key(), new_key()
    put(bucket, key)
    put(bucket, other)
    link = bucket.download_link(key, expires_in=SOON, file_name="Größe & more.mp4")
    answer = httpx2.get(link, headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, TEN[2:5])
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%26%20more.mp4"
    assert httpx2.get(link.replace(str(key), str(other))).status_code == 403
    assert httpx2.delete(link).status_code == 403
    assert httpx2.put(link, content=b"x").status_code == 403
    assert content_of(bucket, key) == TEN


def test_a_link_that_was_changed_is_refused(bucket: S3Storage) -> None:
    key, other = new_key(), new_key()
    upload = bucket.uploads.begin(key, content_type="video/mp4")
    part = bucket.uploads.part_link(key, upload, 1, size=len(TEN), expires_in=SOON)
    foreign = bucket.uploads.begin(other, content_type="video/mp4")
    put(bucket, other)
    read = bucket.download_link(other, expires_in=SOON)
    for changed in (
        part.replace(str(key), str(other)),
        part.replace(str(key.workspace), str(other.workspace)),
        part.replace(upload, foreign),
        part.replace("partNumber=1", "partNumber=2"),
        part.replace(f"X-Amz-Expires={int(SOON.total_seconds())}", "X-Amz-Expires=604800"),
        part.replace("content-length%3B", ""),
    ):
        assert changed != part
        assert httpx2.put(changed, content=TEN).status_code == 403, changed
    for changed in (f"{read}&response-content-type=text%2Fhtml", f"{read}&response-content-disposition=inline"):
        assert httpx2.get(changed).status_code == 403, changed
    assert bucket.uploads.parts(key, upload) == []
    assert content_of(bucket, other) == TEN


def test_a_link_expires(bucket: S3Storage) -> None:
    key, begun, second = new_key(), new_key(), timedelta(seconds=1)
    put(bucket, key)
    upload = bucket.uploads.begin(begun, content_type="video/mp4")
    read = bucket.download_link(key, expires_in=second)
    write = bucket.uploads.part_link(begun, upload, 1, size=len(TEN), expires_in=second)
    until(lambda: httpx2.get(read).status_code == 403, within=20)
    until(lambda: httpx2.put(write, content=TEN).status_code == 403, within=20)


def test_a_link_for_a_part_takes_that_part_in_that_size_and_no_other_type(bucket: S3Storage) -> None:
    key = new_key()
    upload = bucket.uploads.begin(key, content_type="video/mp4")
    link = bucket.uploads.part_link(key, upload, 1, size=len(TEN), expires_in=SOON)
    for wrong in (TEN + b"x", TEN[:-1], b""):
        assert httpx2.put(link, content=wrong).status_code == 403
    assert httpx2.put(link, content=TEN, headers={"content-type": "text/html"}).status_code == 200
    stored = bucket.uploads.complete(key, upload, parts=1)
    assert (stored.sha256, stored.content_type) == (hashlib.sha256(TEN).hexdigest(), "video/mp4")
    assert bucket.head(key).content_type == "video/mp4", "its type was said when it was begun"


def test_a_link_is_made_without_asking_the_server(bucket: S3Storage, s3: Storage) -> None:
    key = new_key()
    upload = bucket.uploads.begin(key, content_type="video/mp4")
    nobody = S3Storage(BUCKET, s3.model_copy(update={"endpoint": "http://127.0.0.1:1"}))
    assert nobody.uploads.part_link(key, upload, 1, size=1, expires_in=SOON).startswith("http://127.0.0.1:1/")


def test_what_was_joined_but_not_checked_is_not_there_until_it_is_completed_again(
    bucket: S3Storage, s3: Storage
) -> None:
    key, doomed = new_key(), new_key()
    for each, sha256 in ((key, hashlib.sha256(TEN).hexdigest()), (doomed, "0" * 64)):
        upload = bucket.uploads.begin(each, content_type="video/mp4")
        bucket.uploads.put_part(each, upload, 1, TEN)
        at = {"Bucket": BUCKET, "Key": str(each), "UploadId": upload}
        raw = client(str(s3.endpoint))
        tags = [{"PartNumber": 1, "ETag": raw.list_parts(**at)["Parts"][0]["ETag"]}]
        # As a process does that is killed right afterwards.
        raw.complete_multipart_upload(**at, MultipartUpload={"Parts": tags})
        assert not is_there(bucket, each)
        if each == key:
            assert bucket.uploads.complete(each, upload, parts=1, sha256=sha256).size == len(TEN)
        else:
            with pytest.raises(DamagedOnTheWay):
                bucket.uploads.complete(each, upload, parts=1, sha256=sha256)
    assert content_of(bucket, key) == TEN
    assert not is_there(bucket, doomed)


class Stopped(Exception):
    """What a job's progress raises."""


@pytest.mark.parametrize("stopped", [False, True])
def test_a_large_upload_gets_its_checksum_part_by_part(s3: Storage, stopped: bool) -> None:
    """S3 would not copy it in one request, or not within the time that one is waited for."""
    bucket, key = S3Storage(BUCKET, s3, copied_at_once=LEAST_PART), new_key()
    contents = [os.urandom(LEAST_PART), os.urandom(LEAST_PART), b"end"]
    whole, told = b"".join(contents), list[int]()

    def tell(done: int) -> None:
        told.append(done)
        if stopped and told[-3:] == [len(whole)] * 3:
            raise Stopped

    upload = bucket.uploads.begin(key, content_type="video/mp4")
    for number, content in enumerate(contents, start=1):
        bucket.uploads.put_part(key, upload, number, content)
    with pytest.raises(Stopped) if stopped else nullcontext():
        bucket.uploads.complete(key, upload, parts=3, on_progress=tell)
    assert told == sorted(told)
    assert told.count(len(whole)) == (3 if stopped else 4), "once when it is read, and once for each part copied"
    assert is_there(bucket, key) == (not stopped)
    assert bucket.uploads.complete(key, upload, parts=3).sha256 == hashlib.sha256(whole).hexdigest()
    assert (content_of(bucket, key), bucket.head(key).content_type) == (whole, "video/mp4")
    begun = client(str(s3.endpoint)).list_multipart_uploads(Bucket=BUCKET, Prefix=str(key))
    assert begun.get("Uploads", []) == []


_KILLED = """
import os, sys
from pathlib import Path
from pydantic import SecretStr
from cliply.infra.settings import Storage
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.s3 import S3Storage
_, bucket, endpoint, key, secret, name, source = sys.argv
storage = S3Storage(bucket, Storage(endpoint=endpoint, key=SecretStr(key), secret=SecretStr(secret)))
def kill(done):
    os.kill(os.getpid(), 9)
storage.put_file(ObjectKey.parse(name), Path(source), content_type="video/mp4", on_progress=kill)
"""


def test_a_kill_in_the_middle_of_a_write_leaves_nothing_to_see(bucket: S3Storage, s3: Storage, tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "in").write_bytes(bytes(70 << 20))
    command = [sys.executable, "-c", _KILLED, BUCKET, str(s3.endpoint), KEY, SECRET, str(key), str(tmp_path / "in")]
    assert subprocess.run(command, check=False).returncode == -9
    assert not is_there(bucket, key)
    raw = client(str(s3.endpoint))
    begun = {"Bucket": BUCKET, "Prefix": str(key)}
    assert len(raw.list_multipart_uploads(**begun)["Uploads"]) == 1
    bucket.delete_all(key.workspace)
    assert raw.list_multipart_uploads(**begun).get("Uploads", []) == []


def test_content_that_does_not_fit_its_checksum_is_told(bucket: S3Storage, s3: Storage, tmp_path: Path) -> None:
    key = new_key()
    metadata = {"sha256": hashlib.sha256(b"other").hexdigest()}
    client(str(s3.endpoint)).put_object(Bucket=BUCKET, Key=str(key), Body=TEN, Metadata=metadata)
    with pytest.raises(DamagedInStorage):
        bucket.download(key, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        ({"secret": SecretStr("wrong-secret-not-to-be-shown")}, NotAllowed, "CLIPLY_STORAGE__SECRET"),
        ({"key": SecretStr("wrong-key-not-to-be-shown")}, NotAllowed, "CLIPLY_STORAGE__KEY"),
        ({"bucket": "no-such-bucket"}, NotFound, "no-such-bucket"),
        ({"endpoint": "http://127.0.0.1:9"}, Unavailable, "CLIPLY_STORAGE__ENDPOINT"),
    ],
)
def test_what_s3_refuses_is_told_without_its_key(
    s3: Storage, wrong: dict[str, object], kind: type[CliplyError], said: str
) -> None:
    settings = s3.model_copy(update=wrong)
    assert settings.bucket is not None
    storage = S3Storage(settings.bucket, settings)
    with pytest.raises(kind, match=said) as told:
        storage.delete_all(new_key().workspace)
    shown = (
        "".join(traceback.format_exception(told.value)) + repr(settings) + repr(storage) + repr(Settings(storage=s3))
    )
    for secret in (SECRET, KEY, "not-to-be-shown"):
        assert secret not in shown.replace("CLIPLY_STORAGE__KEY", "")
