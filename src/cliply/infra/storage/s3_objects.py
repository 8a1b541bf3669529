"""How objects lie in an S3 bucket.

S3 knows no SHA-256 of a whole object that came in parts, and an ETag is no checksum. So ours goes with the object as
metadata: one that has none has not been checked yet, and is not there for anybody.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from cliply.infra.settings import Storage
from cliply.infra.storage.failures import ObjectGone
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.protocol import Progress, StoredObject
from cliply.infra.storage.s3_errors import ENDED, code_of

COPIED_AT_ONCE = 256 << 20
"""Bytes that S3 copies in one request: it may take as long as it does to write them, and is waited for a minute."""
_BATCH = 1000
"""Objects that S3 deletes in one request."""


@dataclass(frozen=True, slots=True)
class RawObject:
    """What S3 tells of an object; `sha256` is there once it was checked, `upload` where one made it."""

    size: int
    content_type: str
    etag: str
    sha256: str | None
    upload: str | None

    def stored(self) -> StoredObject:
        if self.sha256 is None:
            raise ObjectGone
        return StoredObject(self.size, self.content_type, self.sha256)


def raw_object(answer: dict[str, Any], size: int) -> RawObject:
    metadata = answer.get("Metadata", {})
    return RawObject(size, answer["ContentType"], answer["ETag"], metadata.get("sha256"), metadata.get("upload"))


class Bucket:
    """Raises botocore's errors: who uses it translates them."""

    def __init__(self, name: str, settings: Storage, *, copied_at_once: int = COPIED_AT_ONCE) -> None:
        self.name = name
        # In the caller's thread, one part after another: side by side they would share the minute of one.
        self._copy = TransferConfig(
            use_threads=False, multipart_threshold=copied_at_once, multipart_chunksize=copied_at_once
        )
        self.client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=settings.endpoint,
            region_name=settings.region,
            aws_access_key_id=settings.key.get_secret_value() if settings.key else None,
            aws_secret_access_key=settings.secret.get_secret_value() if settings.secret else None,
            config=Config(
                signature_version="s3v4",
                # Few servers but Amazon's answer to a host name for each bucket.
                s3={"addressing_style": "path" if settings.endpoint else "auto"},
                connect_timeout=5,
                read_timeout=60,
                retries={"mode": "standard", "total_max_attempts": 4},
            ),
        )

    def at(self, key: ObjectKey) -> dict[str, str]:
        return {"Bucket": self.name, "Key": str(key)}

    def head(self, key: ObjectKey) -> RawObject:
        answer = self.client.head_object(**self.at(key))
        return raw_object(answer, answer["ContentLength"])

    def digest(self, key: ObjectKey, etag: str, on_progress: Progress | None = None) -> str:
        """The SHA-256 of the content, read for it, if it is still the one with that ETag."""
        body = self.client.get_object(**self.at(key), IfMatch=etag)["Body"]
        digest, done = hashlib.sha256(), 0
        with body:
            for chunk in body.iter_chunks(1 << 20):
                digest.update(chunk)
                done += len(chunk)
                if on_progress:
                    on_progress(done)
        return digest.hexdigest()

    def label(
        self, key: ObjectKey, raw: RawObject, metadata: dict[str, str], on_progress: Progress | None = None
    ) -> None:
        """Give the object its metadata, in one step: S3 copies it onto itself."""
        self.client.copy(
            CopySource=self.at(key),
            **self.at(key),
            ExtraArgs={
                "MetadataDirective": "REPLACE",
                "Metadata": metadata,
                "ContentType": raw.content_type,
                "CopySourceIfMatch": raw.etag,
            },
            # All of it is read by then; it may still raise.
            Callback=None if on_progress is None else lambda _bytes: on_progress(raw.size),
            Config=self._copy,
        )

    def names(self, prefix: str) -> Sequence[str]:
        return [found["Key"] for found in self._pages("list_objects_v2", "Contents", prefix)]

    def delete_all(self, prefix: str) -> None:
        names = [{"Key": name} for name in self.names(prefix)]
        for start in range(0, len(names), _BATCH):
            batch = {"Objects": names[start : start + _BATCH], "Quiet": True}
            for refused in self.client.delete_objects(Bucket=self.name, Delete=batch).get("Errors", []):
                # S3 answers 200 all the same.
                raise ClientError({"Error": {"Code": refused["Code"], "Message": ""}}, "DeleteObjects")

    def sizes(self, prefix: str) -> Iterator[tuple[ObjectKey, int]]:
        return (
            (ObjectKey.parse(found["Key"]), int(found["Size"]))
            for found in self._pages("list_objects_v2", "Contents", prefix)
        )

    def uploads(self, prefix: str = "") -> Iterator[dict[str, Any]]:
        """Those that were begun and not ended: `Key`, `UploadId` and the time `Initiated`."""
        return self._pages("list_multipart_uploads", "Uploads", prefix)

    def abort(self, key: str, upload: str) -> None:
        """Forget an upload, unless it has ended meanwhile."""
        try:
            self.client.abort_multipart_upload(Bucket=self.name, Key=key, UploadId=upload)
        except ClientError as error:
            if code_of(error) not in ENDED:
                raise

    def _pages(self, operation: str, items: str, prefix: str) -> Iterator[dict[str, Any]]:
        for page in self.client.get_paginator(operation).paginate(Bucket=self.name, Prefix=prefix):
            yield from page.get(items, [])
