"""The address that TikTok takes the bytes of a video at: whole chunks, in order, for an hour."""

import re
import secrets

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from cliply.dev_providers.tiktok_posting import Posting, Upload

_RANGE = re.compile(r"bytes (\d{1,12})-(\d{1,12})/(\d{1,12})")
_MEDIA_TYPES = ("video/mp4", "video/quicktime", "video/webm")


async def put_chunk(posting: Posting, request: Request) -> Response:
    """One chunk. What is cut off is forgotten; what has come in whole is kept, in order."""
    upload = posting.find_address(request.query_params.get("upload_id", ""))
    if upload is None:
        return Response(status_code=404)
    if not secrets.compare_digest(request.query_params.get("upload_token", "").encode(), upload.token.encode()):
        return Response(status_code=403)
    if posting.expired(upload):
        return _refused(posting, upload, 403, "the upload address has expired")
    first, length, wrong = _announced(request, upload)
    if wrong is not None:
        return _refused(posting, upload, *wrong)
    hashed, head, came = upload.hash.copy(), b"", 0
    try:
        async for block in request.stream():
            head = head or block
            hashed.update(block)
            came += len(block)
    except ClientDisconnect:
        return Response(status_code=400)
    if came != length:
        return _refused(posting, upload, 400, "there are more or fewer bytes than Content-Length says")
    if not posting.keep(upload, first, hashed, head, length):
        return _refused(posting, upload, 416, "this chunk is there already")
    return Response(
        status_code=201 if upload.received == upload.source.size else 206, headers=_progress(posting, upload)
    )


def _announced(request: Request, upload: Upload) -> tuple[int, int, tuple[int, str] | None]:
    """First byte and length of a chunk, by its headers; or the status and the reason of its refusal."""
    told = _RANGE.fullmatch(request.headers.get("content-range", ""))
    length = request.headers.get("content-length", "")
    if "authorization" in request.headers:
        return 0, 0, (400, "an access token was sent to the upload address")
    if request.headers.get("content-type") not in _MEDIA_TYPES:
        return 0, 0, (400, "Content-Type is none of a video's")
    if told is None or not length.isdigit():
        return 0, 0, (400, "Content-Range or Content-Length is missing")
    first, last, total = (int(each) for each in told.groups())
    if total != upload.source.size or last - first + 1 != int(length):
        return 0, 0, (400, "Content-Range does not fit the file or Content-Length")
    if first != upload.received or upload.received == upload.source.size:
        return 0, 0, (416, "the chunk is not the next one")
    if (first, last) != upload.source.expected(upload.received):
        return 0, 0, (400, "the chunk is not of the size that was agreed on")
    return first, int(length), None


def _refused(posting: Posting, upload: Upload, status: int, why: str) -> Response:
    posting.world.ledger.add(
        "tiktok", "chunk_refused", who=upload.person.open_id, publish_id=upload.publish_id, status=status, why=why
    )
    return Response(status_code=status, headers=_progress(posting, upload) if status == 416 else None)


def _progress(posting: Posting, upload: Upload) -> dict[str, str]:
    told = max(0, upload.received - 1) if posting.tells_last_byte else upload.received
    return {"content-range": f"bytes 0-{told}/{upload.source.size}"}
