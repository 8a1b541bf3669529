"""What a publication says: as it was asked for, and otherwise as the clip and the channel have it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cliply.errors import Conflict, Invalid
from cliply.features.clips.models import Clip, ClipState
from cliply.features.publishing.channel_settings import ChannelSettings
from cliply.integrations.publisher import Network, Post, Problem, Publisher, Video

_LONGEST = 10_000
_DEFAULT_PRIVACY = {Network.YOUTUBE: "public", Network.TIKTOK: None}
"""TikTok wants whoever posts to choose it each time; a channel's settings are such a choice."""


_NOT_MADE = {
    ClipState.CANDIDATE: "This clip is not made yet. Render it, then publish it.",
    ClipState.RENDERING: "This clip is being rendered, and can be published once that is done.",
    ClipState.READY: "The last change of this clip is not rendered yet. Render it, then publish it.",
    ClipState.FAILED: "This clip could not be rendered. Render it again, then publish it.",
}


class ClipNotRendered(Conflict):
    def __init__(self, clip: Clip) -> None:
        super().__init__(_NOT_MADE[clip.state])


class ClipFailedCheck(Conflict):
    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__(f"This clip did not pass the check of finished clips: {' '.join(findings)} Mend it first.")


class RuleBroken(Invalid):
    """What the network would refuse; `problems` are all of it, by field."""

    def __init__(self, network: Network, problems: Sequence[Problem]) -> None:
        self.problems = [{"field": each.field, "code": each.code, "message": each.message} for each in problems]
        super().__init__(" ".join(each.message for each in problems) or f"{network.label} would refuse this.")


class Wanted(BaseModel):
    """What somebody says of a publication; what is left out is as the clip and the channel have it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str | None = Field(None, max_length=_LONGEST)
    description: str | None = Field(None, max_length=_LONGEST)
    hashtags: tuple[str, ...] | None = Field(None, max_length=100)
    privacy: str | None = Field(None, max_length=40, description="In the network's own word.")
    made_for_kids: bool | None = None
    synthetic: bool | None = Field(None, description="Whether it is labelled as made or altered by AI.")
    cover: bool = Field(True, description="Whether the clip's cover is used, as far as the network takes one.")
    publish_at: datetime | None = Field(
        None, description="When the network makes it public by itself, where it can; it is sent before."
    )
    options: dict[str, Any] = Field(default={}, description="What only this network knows.")


class Said(BaseModel):
    """What a publication says, as its row keeps it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    description: str
    hashtags: tuple[str, ...]
    privacy: str
    made_for_kids: bool
    synthetic: bool
    cover: bool
    cover_at_ms: int | None
    publish_at: datetime | None
    options: dict[str, Any]
    video_sha256: str = Field(description="Of the clip's video as it was asked for; another one is not sent for it.")

    def post(self, cover: Path | None) -> Post:
        return Post(
            title=self.title,
            description=self.description,
            hashtags=self.hashtags,
            privacy=self.privacy,
            made_for_kids=self.made_for_kids,
            synthetic=self.synthetic,
            cover=cover if self.cover else None,
            cover_at=None if self.cover_at_ms is None or not self.cover else timedelta(milliseconds=self.cover_at_ms),
            publish_at=self.publish_at,
            options=self.options,
        )


def check_made(clip: Clip) -> None:
    """Raises ClipNotRendered or ClipFailedCheck."""
    if clip.state is not ClipState.READY or "video" not in clip.files or clip.rendered_version != clip.version:
        raise ClipNotRendered(clip)
    failed = [each["message"] for each in clip.findings if each["level"] == "failed"]
    if failed:
        raise ClipFailedCheck(failed)


def said(clip: Clip, network: Network, settings: ChannelSettings, wanted: Wanted) -> Said:
    """Raises PrivacyNotChosen."""
    edit = clip.clip_edit
    text = edit.post if edit is not None else None
    privacy = wanted.privacy or settings.privacy or _DEFAULT_PRIVACY[network]
    if privacy is None:
        raise PrivacyNotChosen(network)
    options = dict(wanted.options)
    if network is Network.YOUTUBE and settings.category is not None:
        options.setdefault("category_id", settings.category)
    return Said(
        title=wanted.title if wanted.title is not None else (text.title if text else "") or clip.moment["title"],
        description=wanted.description if wanted.description is not None else (text.description if text else ""),
        hashtags=_plain(wanted.hashtags if wanted.hashtags is not None else (text.hashtags if text else ())),
        privacy=privacy,
        made_for_kids=settings.made_for_kids if wanted.made_for_kids is None else wanted.made_for_kids,
        synthetic=settings.synthetic if wanted.synthetic is None else wanted.synthetic,
        cover=wanted.cover,
        cover_at_ms=_cover_at(clip),
        publish_at=wanted.publish_at,
        options=options,
        video_sha256=clip.files["video"]["sha256"],
    )


def check_rules(publisher: Publisher, network: Network, post: Post, video: Video) -> None:
    """What can be known without asking anybody. Raises RuleBroken."""
    if broken := publisher.problems(post, video):
        raise RuleBroken(network, broken)


def expected_video(clip: Clip) -> Video:
    """The clip's file by what is known of it before it is fetched."""
    edit, file = clip.clip_edit, clip.files["video"]
    if edit is None:
        raise ClipNotRendered(clip)
    seconds = sum(span.end - span.start for span in edit.spans) / 1000
    size = edit.output.size
    return Video(
        path=Path(),
        size=file["size"],
        media_type=file["content_type"],
        seconds=seconds,
        width=size.width,
        height=size.height,
        frame_rate=float(edit.output.rate),
    )


class PrivacyNotChosen(Invalid):
    def __init__(self, network: Network) -> None:
        super().__init__(
            f"{network.label} wants whoever publishes to choose who may see it. Name `privacy`, or set it once for the "
            "account."
        )


def _plain(hashtags: Sequence[str]) -> tuple[str, ...]:
    """Without their `#`, each once."""
    return tuple(dict.fromkeys(each.strip().lstrip("#") for each in hashtags if each.strip().lstrip("#")))


def _cover_at(clip: Clip) -> int | None:
    """The moment of the cover's frame in the clip's own time, where it lies in what is kept."""
    edit = clip.clip_edit
    if edit is None or edit.cover.at is None:
        return None
    before = 0
    for span in edit.spans:
        if span.start <= edit.cover.at < span.end:
            return before + edit.cover.at - span.start
        before += span.end - span.start
    return None
