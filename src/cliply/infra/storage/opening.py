"""Which storage this installation uses, by its settings; and whether it can be used."""

import io
import os
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from cliply.errors import Invalid
from cliply.infra import settings
from cliply.infra.storage.failures import StorageDown, StorageRefused
from cliply.infra.storage.folder import FolderStorage
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.protocol import Storage

_NOBODY = UUID(int=0)


def storage_folder(now: settings.Settings) -> Path | None:
    """Where files are kept; None where it is a bucket."""
    return None if now.storage.bucket is not None else now.data / "storage"


def open_storage(now: settings.Settings) -> Storage:
    """Raises Invalid where the settings cannot be meant so; S3 is first asked when it is used."""
    if now.storage.bucket is None:
        return FolderStorage(now.data / "storage")
    _check(now.storage)
    # The library of S3 is slow to load, and a folder needs none.
    from cliply.infra.storage.s3 import S3Storage

    return S3Storage(now.storage.bucket, now.storage)


def check_storage(now: settings.Settings) -> str:
    """Where files are kept, once one was written, read and removed there; a folder that is not there is not made."""
    folder = storage_folder(now)
    if folder is not None and not folder.is_dir():
        nearest = next(each for each in folder.parents if each.exists())
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise StorageRefused(f"{nearest} may not be written. Name another folder in CLIPLY_DATA.")
        return f"a folder; the service will make it: {folder}"
    storage = open_storage(now)
    key, content = ObjectKey(_NOBODY, _NOBODY, "check", uuid4()), os.urandom(16)
    storage.put_stream(key, io.BytesIO(content), content_type="application/octet-stream")
    try:
        with closing(storage.read(key)) as chunks:
            if b"".join(chunks) != content:
                raise StorageDown("what was written came back as something else.")
    finally:
        storage.delete(key)
    where = folder or f"bucket {now.storage.bucket} of {now.storage.endpoint or 'Amazon S3'}"
    return f"{where}, can be written and read"


def _check(storage: settings.Storage) -> None:
    if (storage.key is None) != (storage.secret is None):
        raise Invalid("CLIPLY_STORAGE__KEY and CLIPLY_STORAGE__SECRET belong together. Set both, or neither.")
    if storage.endpoint is None:
        return
    try:
        address = urlsplit(storage.endpoint)
        fits = address.scheme in ("http", "https") and bool(address.hostname) and address.username is None
    except ValueError:
        fits = False
    if not fits or address.path.strip("/") or address.query or address.fragment:
        # Not repeated: a key may have been written into it.
        raise Invalid(
            "CLIPLY_STORAGE__ENDPOINT is not the address of an S3 service. Write it like https://s3.example.com."
        )
