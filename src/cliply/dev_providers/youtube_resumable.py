"""Uploads of videos: a session is begun, bytes come in parts, and the last of them makes the video."""

import hashlib
import json
import re
import secrets
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cliply.dev_providers import youtube_contract as contract
from cliply.dev_providers.ledger import PUBLISHED
from cliply.dev_providers.world import Channel
from cliply.dev_providers.youtube_calls import Call, Calls
from cliply.dev_providers.youtube_metadata import check_metadata
from cliply.dev_providers.youtube_quotas import Quota
from cliply.dev_providers.youtube_refusals import Refusal, bad_credentials, unfit
from cliply.dev_providers.youtube_videos import Library, Upload, Video

GRANULE = 262_144
"""Bytes: whole multiples of it are kept of a part that broke off, and parts have to be such multiples."""
_WRITABLE = {"snippet", "status", "localizations", "recordingDetails", "paidProductPlacementDetails"}
_READABLE = {*_WRITABLE, "id", "contentDetails", "fileDetails", "player", "processingDetails", "statistics"}
_LARGEST_JSON = 1_000_000


class Resumable:
    def __init__(self, calls: Calls, library: Library) -> None:
        self._calls = calls
        self._library = library

    async def begin(self, request: Request) -> Response:
        call = self._calls.admit(request, "videos.insert", Quota.UPLOADS)
        parts = call.parts(_READABLE)
        channel = call.channel
        if call.one("uploadType") != "resumable":
            raise Refusal(400, "badRequest", message="Only resumable uploads are stood in for: uploadType=resumable.")
        media_type, size = self._announced(request, call)
        resource = await self._resource(request, parts)
        self._check_room(channel)
        upload = Upload(
            secrets.token_urlsafe(30),
            call.bearer.app,
            call.bearer.account,
            channel,
            resource,
            parts,
            request.headers.get("slug", "unknown"),
            media_type,
            size,
            self._calls.world.clock.now() + self._library.session_lasts,
        )
        self._library.uploads[upload.id] = upload
        self._note("upload_begun", upload, file_name=upload.file_name, size=size, title=resource["snippet"]["title"])
        address = request.url.include_query_params(upload_id=upload.id)
        return Response(status_code=200, headers={"Location": str(address), "X-GUploader-UploadID": upload.id})

    async def part(self, request: Request) -> Response:
        upload = self._library.uploads.get(request.query_params.get("upload_id", ""))
        if upload is None or self._calls.world.clock.now() >= upload.expires_at:
            return await self._discarded(request, PlainTextResponse("Not Found", 404))
        bearer = self._calls.bearer(request)
        if (bearer.app, bearer.account) != (upload.app, upload.account):
            raise bad_credentials()
        if (video := upload.video) is not None:
            # Whoever has not heard the end of it may hear it again.
            return await self._discarded(request, self._finished(upload, video))
        begin, end = self._range(request, upload)
        if begin is None:
            return await self._discarded(request, _waiting(upload))
        if begin != upload.received:
            self._note("part_misplaced", upload, begin=begin, received=upload.received)
            return await self._discarded(request, _waiting(upload))
        await self._store(request, upload, end)
        return _waiting(upload) if upload.video is None else self._finished(upload, upload.video)

    # Beginning

    def _announced(self, request: Request, call: Call) -> tuple[str, int]:
        media_type = request.headers.get("x-upload-content-type", "")
        if not any(_is_of(media_type, kind) for kind in call.method.accept):
            raise Refusal(400, "badContent", message=f"Media type '{media_type}' is not supported.")
        size = request.headers.get("x-upload-content-length", "")
        if not re.fullmatch(r"\d{1,15}", size, re.ASCII) or not 0 < int(size) <= call.method.largest:
            raise Refusal(400, "mediaBodyRequired", "youtube.video", "The request does not include the video content.")
        return media_type, int(size)

    async def _resource(self, request: Request, parts: tuple[str, ...]) -> dict[str, Any]:
        if not request.headers.get("content-type", "").lower().startswith("application/json"):
            raise Refusal(400, "badContent", message="The metadata of an upload is application/json.")
        body = await request.body()
        try:
            resource = json.loads(body) if len(body) < _LARGEST_JSON else None
        except ValueError:
            resource = None
        if not isinstance(resource, dict):
            raise Refusal(400, "parseError", message="Invalid JSON payload received.")
        try:
            contract.check("Video", resource)
        except contract.Misfit as misfit:
            raise unfit(misfit.path, misfit.why) from None
        for name in resource:
            if name not in parts or name not in _WRITABLE:
                raise Refusal(400, "unexpectedPart", "youtube.part", f"'{name}'", location="part")
        check_metadata(resource)
        return resource

    def _check_room(self, channel: Channel) -> None:
        since = self._calls.world.clock.now() - timedelta(hours=24)
        recent = sum(video.uploaded_at > since for video in self._library.of(channel))
        if recent >= channel.daily_uploads:
            message = "The user has exceeded the number of videos they may upload."
            raise Refusal(400, "uploadLimitExceeded", "youtube.video", message)

    # Bytes

    def _range(self, request: Request, upload: Upload) -> tuple[int | None, int]:
        """Where the part begins and ends (exclusive); without a beginning, it is a question. Raises Refusal."""
        length = request.headers.get("content-length")
        told = request.headers.get("content-range", f"bytes 0-{upload.size - 1}/{upload.size}")
        if re.fullmatch(rf"bytes \*/({upload.size}|\*)", told) and length == "0":
            return None, 0
        found = re.fullmatch(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", told, re.ASCII)
        if found is None or int(found[3]) != upload.size or length is None:
            raise self._bad_part(upload, "Failed to parse Content-Range header.")
        begin, end = int(found[1]), int(found[2]) + 1
        if not begin < end <= upload.size or end - begin != int(length):
            raise self._bad_part(upload, "Failed to parse Content-Range header.")
        if end < upload.size:
            upload.part_size = upload.part_size or end - begin
            if (end - begin) % GRANULE or end - begin != upload.part_size:
                raise self._bad_part(
                    upload,
                    f"All parts but the last have to be of one size, and that a multiple of {GRANULE} bytes.",
                )
        return begin, end

    def _bad_part(self, upload: Upload, why: str) -> Refusal:
        self._note("part_refused", upload, why=why)
        return Refusal(400, "badRequest", message=why)

    async def _store(self, request: Request, upload: Upload, end: int) -> None:
        """Keeps what has come, whole granules of it where it breaks off."""
        writer = upload.writer = object()
        at = begin = upload.received
        try:
            async for content in request.stream():
                if upload.writer is not writer:
                    continue
                upload.file.seek(at)
                upload.file.write(content)
                at += len(content)
        finally:
            if upload.writer is writer:
                upload.received = at if at == end else max(begin, at - at % GRANULE)
                self._note("part_stored", upload, begin=begin, end=upload.received)
                if upload.received == upload.size:
                    self._finish(upload)

    def _finish(self, upload: Upload) -> None:
        upload.file.seek(0)
        digest = hashlib.file_digest(upload.file, "sha256").hexdigest()  # type: ignore[arg-type] # reads like a file
        upload.file.close()
        video = self._library.take_in(upload, digest, self._calls.world.clock.now())
        self._note(
            PUBLISHED,
            upload,
            id=video.id,
            title=upload.resource["snippet"]["title"],
            privacy=upload.resource.get("status", {}).get("privacyStatus", "public"),
            file_name=upload.file_name,
            size=upload.size,
            sha256=digest,
        )

    def _finished(self, upload: Upload, video: Video) -> Response:
        body = video.told(upload.parts, self._calls.world.clock.now())
        return self._calls.answer("videos.insert", body, 201)

    async def _discarded(self, request: Request, response: Response) -> Response:
        async for _ in request.stream():
            pass
        return response

    def _note(self, what: str, upload: Upload, **details: object) -> None:
        self._calls.world.ledger.add(
            "google", what, who=upload.channel.id, upload=upload.id[:8], app=upload.app.id, **details
        )


def _waiting(upload: Upload) -> Response:
    # Nothing has come: then there is no range to name.
    headers = {"Range": f"bytes=0-{upload.received - 1}"} if upload.received else {}
    return Response(status_code=308, headers=headers)


def _is_of(media_type: str, kind: str) -> bool:
    return media_type == kind or (kind.endswith("/*") and media_type.startswith(kind[:-1]) and media_type != kind[:-1])
