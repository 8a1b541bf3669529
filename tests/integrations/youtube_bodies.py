"""Answers of YouTube that refuse something, as it has been seen to give them."""

import json
from typing import Any


def body(
    code: int,
    reason: str,
    domain: str = "youtube.video",
    message: str = "",
    *,
    location: str | None = None,
    **more: Any,
) -> bytes:
    """The usual envelope; `more` goes beside the code, as newer servers put `status` and `details` there."""
    message = message or f"The request was refused: {reason}."
    error: dict[str, Any] = {"message": message, "domain": domain, "reason": reason}
    if location is not None:
        error |= {"location": location, "locationType": "other"}
    return json.dumps({"error": {"code": code, "message": message, "errors": [error], **more}}).encode()


def info(reason: str, **metadata: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }


QUOTA_LINK = 'The request cannot be completed because you have exceeded your <a href="/youtube/v3/getting-started#quota">quota</a>.'  # noqa: E501 - as it is sent
UPLOADS_SPENT = (
    "Quota exceeded for quota metric 'Video Uploads' and limit 'Video Uploads per day' of service "
    "'youtube.googleapis.com' for consumer 'project_number:123456'."
)
MINUTE_SPENT = (
    "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service "
    "'youtube.googleapis.com' for consumer 'project_number:123456'."
)
SEARCHES_SPENT = (
    "Quota exceeded for quota metric 'Search List' and limit 'Search List per day' of service "
    "'youtube.googleapis.com' for consumer 'project_number:123456'."
)
BAD_GATEWAY = (
    b"<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)!!1</title>\n"
    b"<p><b>502.</b> <ins>That's an error.</ins>\n<p>Please try again in 30 seconds.\n"
)
FORBIDDEN_PAGE = b"<html><head><title>403 Forbidden</title></head><body><h1>Forbidden</h1><hr>nginx</body></html>"
UNUSUAL_TRAFFIC = (
    b"<html><head><title>Sorry...</title></head><body><h1>We're sorry...</h1><p>... but your computer or network may "
    b"be sending automated queries.</p></body></html>"
)
