"""What a folder's signed links lead to: one object to read, whole or a range of it, or one part to send.

The link is all the proof there is: no cookie is read here, and no key.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.concurrency import contextmanager_in_threadpool, iterate_in_threadpool, run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from cliply.errors import Invalid
from cliply.features.identity.dependencies import COUNTED, Running
from cliply.features.identity.rates import RateClass
from cliply.infra.routing import RATE
from cliply.infra.routing import router as new_router
from cliply.infra.storage.failures import NoSuchBytes, check_range
from cliply.infra.storage.folder import FolderStorage
from cliply.infra.storage.links import PATH, Grant
from cliply.infra.storage.protocol import Chunks, StoredObject

router = new_router("files")

_COUNTED: Any = {"dependencies": COUNTED, "openapi_extra": {RATE: RateClass.FILES}}

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_SHOWN = ("video/", "audio/", "image/")
"""What a browser may show as it is; anything else it saves, since it may be a page that somebody uploaded."""
_POLICY = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"


class LengthMissing(Invalid):
    def __init__(self) -> None:
        super().__init__("Send the part with its Content-Length; this link takes exactly that many bytes.")


class PartCutOff(Invalid):
    def __init__(self) -> None:
        super().__init__("The part did not arrive whole. Send it again.")


@router.get(PATH + "{key:path}", include_in_schema=False, **_COUNTED)
@router.head(PATH + "{key:path}", include_in_schema=False, **_COUNTED)
async def get_file(request: Request, runtime: Running) -> Response:
    """Read the object that the link is for."""
    storage = cast("FolderStorage", runtime.storage)
    grant = storage.links.verify(_link(request), method="GET")
    stored = await run_in_threadpool(storage.head, grant.key)
    headers = _headers(stored, grant)
    if f'"{stored.sha256}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"etag": headers["etag"]})
    try:
        wanted = _range(request, stored)
    except NoSuchBytes:
        return Response(status_code=416, headers={"content-range": f"bytes */{stored.size}"})
    bounds = check_range(wanted, stored.size)
    headers["content-length"] = str(len(bounds))
    if wanted is not None:
        headers["content-range"] = f"bytes {bounds.start}-{bounds.stop - 1}/{stored.size}"
    status = 200 if wanted is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    chunks = await run_in_threadpool(storage.read, grant.key, wanted)
    return StreamingResponse(_sent(chunks), status, headers)


@router.put(PATH + "{key:path}", include_in_schema=False, **_COUNTED)
async def put_part(request: Request, runtime: Running) -> Response:
    """Send the part that the link is for, of exactly its size."""
    storage = cast("FolderStorage", runtime.storage)
    told = request.headers.get("content-length", "")
    if not told.isdecimal():
        raise LengthMissing
    size = int(told)
    grant = storage.links.verify(_link(request), method="PUT", size=size)
    arrived = 0
    async with _receiving(storage, grant) as file:
        try:
            async for chunk in request.stream():
                await run_in_threadpool(file.write, chunk)
                arrived += len(chunk)
        except ClientDisconnect:
            raise PartCutOff from None
        if arrived != size:
            raise PartCutOff
    return Response(status_code=204)


@asynccontextmanager
async def _receiving(storage: FolderStorage, grant: Grant) -> AsyncIterator[Any]:
    upload = cast("str", grant.upload)
    # Its fsync takes as long as the disk wants.
    receiving = storage.uploads.receive_part(grant.key, upload, grant.part)
    async with contextmanager_in_threadpool(receiving) as file:
        yield file


def _link(request: Request) -> str:
    """As it was sent: what is decoded is not what was signed."""
    path = request.scope.get("raw_path") or request.url.path.encode()
    return f"{path.decode('latin-1')}?{request.scope['query_string'].decode('latin-1')}"


def _headers(stored: StoredObject, grant: Grant) -> dict[str, str]:
    shown = stored.content_type.startswith(_SHOWN) and grant.file_name is None
    name = "" if grant.file_name is None else f"; filename*=UTF-8''{quote(grant.file_name, safe='')}"
    return {
        "content-type": stored.content_type,
        "content-disposition": ("inline" if shown else "attachment") + name,
        "content-security-policy": _POLICY,
        "accept-ranges": "bytes",
        "etag": f'"{stored.sha256}"',
    }


def _range(request: Request, stored: StoredObject) -> range | None:
    """What is asked for of the object; everything where that cannot be read, as RFC 9110 has it."""
    asked = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if asked is None or not any(asked.groups()) or not _still(request.headers, stored):
        return None
    first, last = asked[1], asked[2]
    if not first:
        if not int(last) or not stored.size:
            raise NoSuchBytes
        return range(max(0, stored.size - int(last)), stored.size)
    if last and int(last) < int(first):
        return None
    if int(first) >= stored.size:
        raise NoSuchBytes
    return range(int(first), min(int(last) + 1, stored.size) if last else stored.size)


def _still(headers: Mapping[str, str], stored: StoredObject) -> bool:
    """A range of another version of the file would not fit to what the client has."""
    return headers.get("if-range") in (None, f'"{stored.sha256}"')


async def _sent(chunks: Chunks) -> AsyncIterator[bytes]:
    try:
        async for chunk in iterate_in_threadpool(chunks):
            yield chunk
    finally:
        chunks.close()
