"""Uploads in parts to S3."""

import hashlib
import re
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn

from botocore.exceptions import ClientError

from cliply.infra.storage.failures import (
    DamagedOnTheWay,
    KeyTaken,
    ObjectGone,
    PartsMissing,
    UploadGone,
    check_complete,
    check_content_type,
    check_link_age,
    check_part_number,
    check_sha256,
)
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.protocol import Part, Progress, StoredObject
from cliply.infra.storage.s3_errors import ENDED, code_of, s3_errors
from cliply.infra.storage.s3_objects import Bucket, RawObject

_UPLOAD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~+=-]{0,1023}")


class S3Uploads:
    """Keeps the protocol `Uploads`."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._client = bucket.client

    def begin(self, key: ObjectKey, *, content_type: str) -> str:
        check_content_type(content_type)
        with s3_errors(self._bucket.name):
            if self._raw(key) is not None:
                raise KeyTaken
            return str(
                self._client.create_multipart_upload(**self._bucket.at(key), ContentType=content_type)["UploadId"]
            )

    def part_link(self, key: ObjectKey, upload: str, number: int, *, size: int, expires_in: timedelta) -> str:
        check_part_number(number)
        check_link_age(expires_in)
        with s3_errors(self._bucket.name):
            return str(
                self._client.generate_presigned_url(
                    "upload_part",
                    Params={**self._upload(key, upload), "PartNumber": number, "ContentLength": size},
                    ExpiresIn=int(expires_in.total_seconds()),
                )
            )

    def put_part(self, key: ObjectKey, upload: str, number: int, content: bytes) -> None:
        check_part_number(number)
        with s3_errors(self._bucket.name):
            try:
                self._client.upload_part(**self._upload(key, upload), PartNumber=number, Body=content)
            except ClientError as error:
                _ended(error)

    def parts(self, key: ObjectKey, upload: str) -> list[Part]:
        return [Part(number, size) for number, size, _ in self._arrived(key, upload)]

    def complete(
        self,
        key: ObjectKey,
        upload: str,
        *,
        parts: int,
        sha256: str | None = None,
        on_progress: Progress | None = None,
    ) -> StoredObject:
        check_part_number(parts)
        check_sha256(sha256)
        # Where it was completed before, or is at the same time, the object itself tells what is left to do.
        with suppress(UploadGone):
            self._join(key, upload, parts)
        with s3_errors(self._bucket.name):
            return self._checked(key, upload, sha256, on_progress)

    def abort(self, key: ObjectKey, upload: str) -> None:
        if not _UPLOAD.fullmatch(upload):
            return
        with s3_errors(self._bucket.name):
            self._bucket.abort(str(key), upload)
            # A kill between joining and checking leaves an object that was never seen.
            raw = self._raw(key)
            if raw is not None and raw.sha256 is None:
                self._client.delete_object(**self._bucket.at(key))

    def _join(self, key: ObjectKey, upload: str, count: int) -> None:
        arrived = [part for part in self._arrived(key, upload) if part[0] <= count]
        try:
            check_complete((number for number, _, _ in arrived), count)
        except PartsMissing:
            # Another call is joining them: then they go from the list one by one, once the object is there.
            if self._raw(key) is None:
                raise
            return
        tags = [{"PartNumber": number, "ETag": etag} for number, _, etag in arrived]
        with s3_errors(self._bucket.name):
            raw = self._raw(key)
            if raw is not None and raw.sha256 is not None and raw.upload != _mark(upload):
                raise KeyTaken
            try:
                self._client.complete_multipart_upload(**self._upload(key, upload), MultipartUpload={"Parts": tags})
            except ClientError as error:
                _ended(error)

    def _checked(self, key: ObjectKey, upload: str, sha256: str | None, on_progress: Progress | None) -> StoredObject:
        """The object that the parts became, once its checksum is known and fits."""
        raw = self._raw(key)
        if raw is None or (raw.sha256 is not None and raw.upload != _mark(upload)):
            raise UploadGone
        if raw.sha256 is not None:
            if sha256 not in (None, raw.sha256):
                raise DamagedOnTheWay
            return raw.stored()
        actual = self._bucket.digest(key, raw.etag, on_progress)
        if sha256 not in (None, actual):
            self._client.delete_object(**self._bucket.at(key))
            raise DamagedOnTheWay
        self._bucket.label(key, raw, {"sha256": actual, "upload": _mark(upload)}, on_progress)
        return StoredObject(raw.size, raw.content_type, actual)

    def _arrived(self, key: ObjectKey, upload: str) -> list[tuple[int, int, str]]:
        """Number, size and ETag of each part."""
        with s3_errors(self._bucket.name):
            try:
                pages = self._client.get_paginator("list_parts").paginate(**self._upload(key, upload))
                found = [part for page in pages for part in page.get("Parts", [])]
            except ClientError as error:
                _ended(error)
        # SeaweedFS lists a part that came again twice; within one second, only the checksum of the whole can tell.
        latest = {part["PartNumber"]: part for part in sorted(found, key=lambda part: part["LastModified"])}
        return [(number, part["Size"], part["ETag"]) for number, part in sorted(latest.items())]

    def _raw(self, key: ObjectKey) -> RawObject | None:
        try:
            with s3_errors(self._bucket.name):
                return self._bucket.head(key)
        except ObjectGone:
            return None

    def _upload(self, key: ObjectKey, upload: str) -> dict[str, str]:
        if not _UPLOAD.fullmatch(upload):
            raise UploadGone
        return {**self._bucket.at(key), "UploadId": upload}


def _ended(error: ClientError) -> NoReturn:
    if code_of(error) in ENDED:
        raise UploadGone from None
    raise error


def _mark(upload: str) -> str:
    # Metadata has little room, and ids of uploads have no agreed length.
    return hashlib.sha256(upload.encode()).hexdigest()
