"""What S3 says, in plain words."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.exceptions import ConnectionError as NotConnected

from cliply.errors import CliplyError
from cliply.infra.storage.failures import (
    NoSuchBytes,
    ObjectGone,
    PartTooSmall,
    StorageDown,
    StorageFull,
    StorageNotThere,
    StorageRefused,
    UploadGone,
)

_KEYS = "Check CLIPLY_STORAGE__KEY and CLIPLY_STORAGE__SECRET, and what that key may do in the bucket."
ENDED = ("NoSuchUpload", "NoSuchKey", "404", "NotFound")
"""Some servers say of an upload that is gone what they say of an object."""
_GONE = ("NoSuchKey", "404", "NotFound")
_REFUSED = (
    "AccessDenied",
    "403",
    "Forbidden",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "RequestTimeTooSkewed",
)
_FULL = ("QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "507")


_SILENT = "the connection to S3 broke off."


@contextmanager
def s3_errors(bucket: str) -> Iterator[None]:
    """Never chained to their cause: that one may repeat headers of the request, and with them what signs it."""
    try:
        yield
    except ClientError as error:
        raise _from_code(error, bucket) from None
    except NoCredentialsError:
        raise StorageRefused("no key for S3 is set. Set CLIPLY_STORAGE__KEY and CLIPLY_STORAGE__SECRET.") from None
    except NotConnected:
        raise StorageDown("S3 does not answer at CLIPLY_STORAGE__ENDPOINT.") from None
    except BotoCoreError:
        raise StorageDown(_SILENT) from None


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _from_code(error: ClientError, bucket: str) -> CliplyError:
    code = code_of(error)
    if code in _REFUSED:
        return StorageRefused(f"S3 answered “{code}”. {_KEYS}")
    if code in _FULL:
        return StorageFull("the S3 storage")
    match code:
        case "NoSuchBucket":
            return StorageNotThere(bucket)
        case "NoSuchUpload":
            return UploadGone()
        case "InvalidRange" | "416":
            return NoSuchBytes()
        case "EntityTooSmall":
            return PartTooSmall()
        case _ if code in _GONE:
            return ObjectGone()
    # The code is a word of the protocol; messages of a server may hold anything.
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "no status")
    return StorageDown(f"S3 answered {status}{f' “{code}”' if code.isalnum() else ''}.")
