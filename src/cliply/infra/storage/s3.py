"""Objects in a bucket of any S3: see `s3_objects` for how they lie there."""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote
from uuid import UUID

from boto3.s3.transfer import TransferConfig

from cliply.infra.settings import Storage
from cliply.infra.storage.disk import CHUNK, disk_errors, opened_source, read_chunks, save, write
from cliply.infra.storage.failures import (
    DamagedInStorage,
    DamagedOnTheWay,
    check_content_type,
    check_link_age,
    check_range,
    check_sha256,
)
from cliply.infra.storage.keys import ObjectKey, prefix
from cliply.infra.storage.protocol import Chunks, Progress, StoredObject
from cliply.infra.storage.s3_errors import s3_errors
from cliply.infra.storage.s3_objects import COPIED_AT_ONCE, Bucket, RawObject, raw_object
from cliply.infra.storage.s3_uploads import S3Uploads

# In the caller's thread, so that `on_progress` is called and may raise there.
_TRANSFER = TransferConfig(use_threads=False, multipart_threshold=64 << 20, multipart_chunksize=64 << 20)


class S3Storage:
    """Keeps the protocol `Storage`, for any number of processes on any number of machines."""

    def __init__(self, bucket: str, settings: Storage, *, copied_at_once: int = COPIED_AT_ONCE) -> None:
        self._bucket = Bucket(bucket, settings, copied_at_once=copied_at_once)
        self._client = self._bucket.client
        self.uploads = S3Uploads(self._bucket)

    def put_file(
        self,
        key: ObjectKey,
        source: Path,
        *,
        content_type: str,
        sha256: str | None = None,
        on_progress: Progress | None = None,
    ) -> StoredObject:
        with opened_source(source) as file:
            return self._put(key, file, content_type, sha256, on_progress)

    def put_stream(
        self,
        key: ObjectKey,
        source: BinaryIO,
        *,
        content_type: str,
        sha256: str | None = None,
        on_progress: Progress | None = None,
    ) -> StoredObject:
        # The checksum goes with the object, so it has to be known before the first byte is sent.
        with disk_errors("the folder for temporary files"), tempfile.TemporaryFile() as kept:
            write(read_chunks(source), kept)
            kept.seek(0)
            return self._put(key, kept, content_type, sha256, on_progress)

    def head(self, key: ObjectKey) -> StoredObject:
        with s3_errors(self._bucket.name):
            return self._bucket.head(key).stored()

    def read(self, key: ObjectKey, wanted: range | None = None) -> Chunks:
        with s3_errors(self._bucket.name):
            raw = self._bucket.head(key)
        bounds = check_range(wanted, raw.stored().size)
        # Read as it was when its size was asked, and not what may have replaced it.
        options = {"IfMatch": raw.etag} | ({"Range": f"bytes={bounds.start}-{bounds.stop - 1}"} if wanted else {})
        _, body = self._open(key, **options)
        return self._chunks(body, len(bounds))

    def download(self, key: ObjectKey, target: Path, *, on_progress: Progress | None = None) -> StoredObject:
        raw, body = self._open(key)
        stored = raw.stored()
        with closing(self._chunks(body, stored.size)) as chunks:
            save(chunks, target, stored.sha256, on_progress)
        return stored

    def delete(self, key: ObjectKey) -> None:
        with s3_errors(self._bucket.name):
            self._client.delete_object(**self._bucket.at(key))

    def keys(self, workspace: UUID, project: UUID) -> Sequence[ObjectKey]:
        with s3_errors(self._bucket.name):
            return [ObjectKey.parse(name) for name in self._bucket.names(prefix(workspace, project))]

    def delete_all(self, workspace: UUID, project: UUID | None = None) -> None:
        start = prefix(workspace, project)
        with s3_errors(self._bucket.name):
            # Uploads first: one that is completed meanwhile is an object then, and goes with the others.
            self._abort(start, before=None)
            self._bucket.delete_all(start)

    def sizes(self, workspace: UUID) -> Iterator[tuple[ObjectKey, int]]:
        with s3_errors(self._bucket.name):
            yield from self._bucket.sizes(prefix(workspace))

    def download_link(self, key: ObjectKey, *, expires_in: timedelta, file_name: str | None = None) -> str:
        check_link_age(expires_in)
        params = self._bucket.at(key)
        if file_name is not None:
            params["ResponseContentDisposition"] = f"attachment; filename*=UTF-8''{quote(file_name, safe='')}"
        with s3_errors(self._bucket.name):
            seconds = int(expires_in.total_seconds())
            return str(self._client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds))

    def sweep(self, older_than: timedelta) -> int:
        with s3_errors(self._bucket.name):
            return self._abort("", before=datetime.now(UTC) - older_than)

    def _put(
        self, key: ObjectKey, file: BinaryIO, content_type: str, sha256: str | None, on_progress: Progress | None
    ) -> StoredObject:
        check_content_type(content_type)
        check_sha256(sha256)
        digest, size = hashlib.sha256(), 0
        for chunk in read_chunks(file):
            digest.update(chunk)
            size += len(chunk)
        actual = digest.hexdigest()
        if sha256 not in (None, actual):
            raise DamagedOnTheWay
        file.seek(0)
        extra = {"ContentType": content_type, "Metadata": {"sha256": actual}}
        told = _told(on_progress) if on_progress else None
        with s3_errors(self._bucket.name):
            self._client.upload_fileobj(file, **self._bucket.at(key), ExtraArgs=extra, Callback=told, Config=_TRANSFER)
        return StoredObject(size, content_type, actual)

    def _open(self, key: ObjectKey, **wanted: str) -> tuple[RawObject, Any]:
        with s3_errors(self._bucket.name):
            answer = self._client.get_object(**self._bucket.at(key), **wanted)
        return raw_object(answer, answer["ContentLength"]), answer["Body"]

    def _chunks(self, body: Any, size: int) -> Chunks:
        with closing(body), s3_errors(self._bucket.name):
            for chunk in body.iter_chunks(CHUNK):
                size -= len(chunk)
                yield chunk
        if size:
            raise DamagedInStorage

    def _abort(self, start: str, before: datetime | None) -> int:
        old = [each for each in self._bucket.uploads(start) if before is None or each["Initiated"] < before]
        for each in old:
            self._bucket.abort(each["Key"], each["UploadId"])
        return len(old)


def _told(on_progress: Progress) -> Progress:
    """S3's library tells how many bytes are new, ours how many there are."""
    done = 0

    def more(count: int) -> None:
        nonlocal done
        done += count
        on_progress(done)

    return more
