"""How far a video is, by what YouTube tells of it; and why it has refused one, in words for people. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cliply.integrations.publisher import Phase, Rejected, Sighting, Standing

_FAILED: Mapping[str, str] = {
    "conversion": "YouTube could not convert the video. Render the clip again.",
    "invalidFile": "YouTube cannot read the file. Render the clip again.",
    "emptyFile": "YouTube says that the file is empty. Render the clip again.",
    "tooSmall": "YouTube says that the file is too small. Render the clip again.",
    "codec": "YouTube does not know how the video is coded. Render the clip again.",
    "uploadAborted": "YouTube says that the upload was broken off. Publish the clip again.",
    "uploadFailed": "YouTube says that the upload failed. Publish the clip again.",
    "transcodeFailed": "YouTube could not convert the video. Render the clip again.",
    "streamingFailed": "YouTube could not prepare the video for being watched. Publish the clip again.",
}
_REJECTED: Mapping[str, str] = {
    "copyright": "YouTube has blocked the video: somebody else owns a part of it. YouTube Studio says who.",
    "claim": "YouTube has blocked the video: its owner has claimed a part of it. YouTube Studio says who.",
    "inappropriate": "YouTube has removed the video: it breaks its community guidelines. YouTube Studio says which.",
    "duplicate": "YouTube has refused the video: this channel has it already.",
    "termsOfUse": "YouTube has removed the video: it breaks its terms of service.",
    "trademark": "YouTube has removed the video: it uses somebody else's trademark.",
    "legal": "YouTube has removed the video for a legal reason. YouTube Studio says more.",
    "length": "YouTube has removed the video: it is too long for this channel. Confirm the channel's telephone number, "
    "or publish a shorter clip.",
    "uploaderAccountSuspended": "YouTube has suspended this account, and the video with it.",
    "uploaderAccountClosed": "This YouTube account has been closed, and the video with it.",
}


class Unreadable(Exception):
    """It is no video as YouTube describes one."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Where people see videos; `url` is without a slash at its end."""

    url: str = "https://www.youtube.com"

    def of(self, video_id: str) -> str:
        return f"{self.url}/watch?v={video_id}"


def video_id(video: Any) -> str:
    """Raises Unreadable."""
    found = video.get("id") if isinstance(video, dict) else None
    if not isinstance(found, str) or not re.fullmatch(r"[\w-]{1,64}", found, re.ASCII):
        raise Unreadable
    return found


def sighting(video: Any, pages: Pages) -> Sighting:
    """Of a video resource with the parts `status` and, to its owner, `processingDetails`.

    Raises Rejected where YouTube has refused it for good, and Unreadable.
    """
    found = video_id(video)
    status, processing = mapping(video.get("status")), mapping(video.get("processingDetails"))
    match status.get("uploadStatus"):
        case "failed":
            _refuse(_FAILED, status.get("failureReason"), "YouTube could not take the video in.")
        case "rejected":
            _refuse(_REJECTED, status.get("rejectionReason"), "YouTube has removed the video. YouTube Studio says why.")
        case "deleted":
            return Sighting(Phase.GONE, external_id=found, note="The video has been deleted.")
        case "processed":
            return Sighting(Phase.PUBLISHED, external_id=found, url=pages.of(found), note=_seen_by(status))
    match processing.get("processingStatus"):
        case "succeeded":
            return Sighting(Phase.PUBLISHED, external_id=found, url=pages.of(found), note=_seen_by(status))
        case "failed" | "terminated":
            reason = processing.get("processingFailureReason")
            _refuse(_FAILED, reason, "YouTube could not process the video. Publish the clip again.")
    return Sighting(Phase.PROCESSING, external_id=found, url=pages.of(found))


def standing(video: Mapping[str, Any] | None) -> Standing:
    """Of a video as its owner is told of it, with the part `status`; None is what is not there."""
    if video is None:
        return Standing.GONE
    status = mapping(video.get("status"))
    match status.get("uploadStatus"):
        case "deleted":
            return Standing.GONE
        case "rejected" | "failed":
            # YouTube shows it to nobody, and keeps it for its owner to see why.
            return Standing.HIDDEN
    return Standing.PRIVATE if status.get("privacyStatus") == "private" else Standing.SHOWN


def _refuse(words: Mapping[str, str], reason: Any, otherwise: str) -> None:
    code = reason if isinstance(reason, str) and re.fullmatch(r"\w{1,80}", reason, re.ASCII) else "other"
    raise Rejected(words.get(code, otherwise), code)


def _seen_by(status: Mapping[str, Any]) -> str:
    """What is not public has that said: a channel's own settings can hold a video back."""
    at = status.get("publishAt")
    match status.get("privacyStatus"):
        case "private" if isinstance(at, str) and (moment := _moment(at)) is not None:
            return f"YouTube makes it public on {moment:%Y-%m-%d at %H:%M} UTC."
        case "private":
            return "It is private: only its owner sees it."
        case "unlisted":
            return "It is unlisted: only who has the link sees it."
    return ""


def _moment(told: str) -> datetime | None:
    try:
        return datetime.fromisoformat(told).astimezone(UTC)
    except ValueError:
        return None


def mapping(value: Any) -> Mapping[str, Any]:
    """An object out of somebody else's JSON, or an empty one."""
    return value if isinstance(value, dict) else {}
