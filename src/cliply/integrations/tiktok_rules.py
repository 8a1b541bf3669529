"""What TikTok takes: rules that are known without asking, and those that follow from what it says of a creator.

The choices and the consent in `TikTokOptions` are those that its audit of an app wants from a person for each post;
nothing of them may be filled in for them, so privacy has no default and everything else is off.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from cliply.integrations.publisher import Post, Problem, Video
from cliply.media.wording.limits import TIKTOK_CAPTION, is_hashtag, utf16_units

LARGEST_FILE = 4_000_000_000
"""4 GB, the smaller of the two ways to read it."""
LONGEST = 600.0
"""Seconds that can be sent; what may be posted is told for each creator."""
FRAME_RATES = (23.0, 60.0)
SIDES = (360, 4096)
MEDIA_TYPES = ("video/mp4", "video/quicktime", "video/webm")
_CODECS = ("avc1", "avc3", "hvc1", "hev1", "vp8", "vp08", "vp9", "vp09")
_PUBLIC = "PUBLIC_TO_EVERYONE"
_PRIVATE = "SELF_ONLY"
PRIVACY = (_PUBLIC, "FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", _PRIVATE)


class Destination(StrEnum):
    """Where a video goes."""

    PROFILE = "profile"
    INBOX = "inbox"
    """To the owner's notifications: they finish it in the app, and choose caption, privacy and labels there."""


class Agreement(StrEnum):
    """What a person declares by posting."""

    MUSIC_USAGE = "music_usage"
    BRANDED_CONTENT = "branded_content"

    @property
    def document(self) -> str:
        return _AGREEMENTS[self][0]

    @property
    def url(self) -> str:
        return _AGREEMENTS[self][1]


_AGREEMENTS = {
    Agreement.MUSIC_USAGE: ("Music Usage Confirmation", "https://www.tiktok.com/legal/page/global/music-usage-confirmation/en"),
    Agreement.BRANDED_CONTENT: ("Branded Content Policy", "https://www.tiktok.com/legal/page/global/bc-policy/en"),
}  # fmt: skip


class TikTokOptions(BaseModel):
    """`Post.options` of TikTok: what somebody has chosen for this post, and what they have agreed to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    destination: Destination = Destination.PROFILE
    allow_comments: bool = False
    allow_duet: bool = False
    allow_stitch: bool = False
    discloses_content: bool = Field(False, description="The video promotes a brand, a product or a service.")
    own_brand: bool = Field(False, description="It promotes the poster or their own business.")
    branded_content: bool = Field(False, description="It promotes somebody else's brand, as a paid partnership.")
    consented_at: AwareDatetime | None = Field(None, description="When somebody said that this post is to be sent.")
    agreed_to: tuple[Agreement, ...] = Field((), description="What they were shown, and have declared to keep to.")


def options_of(post: Post) -> TikTokOptions:
    """Raises ValidationError (a ValueError)."""
    return TikTokOptions.model_validate(dict(post.options))


def agreements(options: TikTokOptions) -> tuple[Agreement, ...]:
    """What has to be declared for a post."""
    if options.destination is Destination.INBOX:
        return ()  # TikTok's own app asks for it
    return (Agreement.BRANDED_CONTENT, Agreement.MUSIC_USAGE) if options.branded_content else (Agreement.MUSIC_USAGE,)


def declaration(options: TikTokOptions) -> str:
    """The sentence that is to stand before the button; empty for the inbox."""
    titles = [agreement.document for agreement in agreements(options)]
    return f"By posting, you agree to TikTok's {' and '.join(titles)}." if titles else ""


def label_notice(options: TikTokOptions) -> str:
    """What the disclosure does to the video, in the words that people are to be shown; empty where there is none."""
    if not options.discloses_content or not (options.own_brand or options.branded_content):
        return ""
    label = "Paid partnership" if options.branded_content else "Promotional content"
    return f"Your video will be labelled “{label}”. This cannot be changed once it is posted."


def caption(post: Post) -> str:
    """Title, description and hashtags as one text; what is said in it already is not said twice."""
    title, description = post.title.strip(), post.description.strip()
    if description.casefold().startswith(title.casefold()):
        title = ""
    text = "\n\n".join(part for part in (title, description) if part)
    there = {word.casefold() for word in text.split()}
    tags = [f"#{tag}" for tag in dict.fromkeys(post.hashtags) if f"#{tag}".casefold() not in there]
    return "\n\n".join(part for part in (text, " ".join(tags)) if part)


def known_problems(post: Post, video: Video) -> list[Problem]:
    """What can be said without asking TikTok."""
    try:
        options = options_of(post)
    except ValidationError as wrong:
        return [*_unreadable(wrong), *_of_the_video(video)]
    found = [*_of_the_consent(options), *_of_the_time(post, video), *_of_the_video(video)]
    if options.destination is Destination.PROFILE:
        found += [*_of_the_caption(post), *_of_the_privacy(post, options), *_of_the_disclosure(options)]
    return found


def _unreadable(wrong: ValidationError) -> Iterator[Problem]:
    for error in wrong.errors(include_url=False, include_input=False):
        name = ".".join(["options", *(str(part) for part in error["loc"])])
        yield Problem(name, "options_invalid", f"TikTok's option {name} cannot be used: {error['msg']}. Correct it.")


def _of_the_caption(post: Post) -> Iterator[Problem]:
    length = utf16_units(caption(post))
    if length > TIKTOK_CAPTION:
        yield Problem(
            "description",
            "caption_too_long",
            f"TikTok takes a caption of at most {TIKTOK_CAPTION} characters, an emoji counting as two; title, "
            f"description and hashtags together have {length}. Shorten them by {length - TIKTOK_CAPTION}.",
        )
    for tag in post.hashtags:
        if tag.startswith("#") or not is_hashtag(tag):
            yield Problem(
                "hashtags",
                "hashtag_invalid",
                f"TikTok makes a hashtag of letters, digits and “_”, with one letter at least, so “{tag}” would "
                "not be one. Write it as one word, without “#”.",
            )


def _of_the_privacy(post: Post, options: TikTokOptions) -> Iterator[Problem]:
    if not post.privacy:
        yield Problem(
            "privacy", "privacy_missing", "TikTok wants who can see a post chosen by hand each time. Choose one."
        )
    elif post.privacy not in PRIVACY:
        yield Problem(
            "privacy",
            "privacy_unknown",
            f"TikTok knows no privacy “{post.privacy}”. It is one of {', '.join(PRIVACY)}.",
        )
    elif post.privacy == _PRIVATE and options.branded_content:
        yield Problem(
            "privacy",
            "branded_content_private",
            "TikTok does not let branded content be seen by its creator only. Choose who else can see it, or say that "
            "it is no branded content.",
        )


def _of_the_disclosure(options: TikTokOptions) -> Iterator[Problem]:
    chosen = options.own_brand or options.branded_content
    if options.discloses_content and not chosen:
        yield Problem(
            "options.discloses_content",
            "disclosure_empty",
            "TikTok wants to know what a video promotes that discloses content: your own brand, branded content or "
            "both. Choose at least one, or turn the disclosure off.",
        )
    if chosen and not options.discloses_content:
        yield Problem(
            "options.discloses_content",
            "disclosure_off",
            "TikTok labels a video as promotion only where content is disclosed. Turn the disclosure on, or choose "
            "neither your own brand nor branded content.",
        )


def _of_the_consent(options: TikTokOptions) -> Iterator[Problem]:
    if options.consented_at is None:
        yield Problem(
            "options.consented_at",
            "consent_missing",
            "TikTok wants somebody to say yes to each post before it is sent. Ask for it and send the time.",
        )
    for agreement in agreements(options):
        if agreement not in options.agreed_to:
            yield Problem(
                "options.agreed_to",
                "agreement_missing",
                f"TikTok wants whoever posts this to agree to its {agreement.document} ({agreement.url}). Show it, and "
                f"add “{agreement}” to what they agreed to.",
            )


def _of_the_time(post: Post, video: Video) -> Iterator[Problem]:
    if post.publish_at is not None:
        yield Problem(
            "publish_at",
            "no_schedule",
            "TikTok keeps no videos for later. Leave the time out, and schedule the publication here.",
        )
    if post.cover_at is not None and not timedelta(0) <= post.cover_at < timedelta(seconds=video.seconds):
        yield Problem(
            "cover_at",
            "cover_outside",
            f"TikTok's cover is a moment of the video, which has {video.seconds:g} seconds. Choose one within it.",
        )


def _of_the_video(video: Video) -> Iterator[Problem]:
    kind, _, codec = (part.strip().strip('"') for part in video.media_type.lower().partition("; codecs="))
    if kind not in MEDIA_TYPES:
        yield _media("media_type", f"TikTok takes MP4, MOV and WebM, not {kind}. Render the clip as MP4.")
    if codec and not codec.startswith(_CODECS):
        yield _media("codec", f"TikTok takes H.264, H.265, VP8 and VP9, not {codec}. Render the clip in H.264.")
    if video.size < 1:
        yield _media("empty", "The file is empty. Render the clip again.")
    if video.size > LARGEST_FILE:
        yield _media(
            "too_large",
            f"TikTok takes files of at most 4 GB; this one has {video.size / 1e9:.1f} GB. Render it smaller or "
            "shorten it.",
        )
    if video.seconds > LONGEST:
        yield _media(
            "too_long",
            f"TikTok takes videos of at most {LONGEST / 60:g} minutes; this one has {video.seconds / 60:.1f}. "
            "Shorten it.",
        )
    lowest, highest = FRAME_RATES
    if not lowest <= video.frame_rate <= highest:
        yield _media(
            "frame_rate",
            f"TikTok takes {lowest:g} to {highest:g} frames a second; this video has {video.frame_rate:g}. "
            "Render it within that, at 30 for instance.",
        )
    smallest, largest = SIDES
    if not smallest <= min(video.width, video.height) or max(video.width, video.height) > largest:
        yield _media(
            "picture_size",
            f"TikTok takes pictures of {smallest} to {largest} pixels on each side; this one has "
            f"{video.width} × {video.height}. Render it at 1080 × 1920 for instance.",
        )


def _media(code: str, message: str) -> Problem:
    return Problem("video", code, message)


class Creator(BaseModel):
    """What TikTok says of an account before each post. People are to be shown it fresh; its picture expires in 2 h."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    nickname: str = Field("", validation_alias="creator_nickname")
    username: str = Field("", validation_alias="creator_username")
    picture: str | None = Field(None, validation_alias="creator_avatar_url")
    privacy: tuple[str, ...] = Field(validation_alias="privacy_level_options")
    comments_off: bool = Field(False, validation_alias="comment_disabled")
    duet_off: bool = Field(False, validation_alias="duet_disabled")
    stitch_off: bool = Field(False, validation_alias="stitch_disabled")
    longest: int | None = Field(None, validation_alias="max_video_post_duration_sec")
    """Seconds."""


def creator_problems(creator: Creator, post: Post, video: Video) -> list[Problem]:
    """What does not fit this creator today. `post` has no problems of its own."""
    found = [*_of_the_choices(creator, options_of(post))]
    if post.privacy not in creator.privacy:
        found.append(
            Problem(
                "privacy",
                "privacy_not_offered",
                f"TikTok does not offer {post.privacy} to {creator.nickname} now, but {', '.join(creator.privacy)}. "
                "Choose one of them.",
            )
        )
    if creator.longest is not None and video.seconds > creator.longest:
        found.append(
            _media(
                "too_long_for_creator",
                f"TikTok lets {creator.nickname} post videos of at most {creator.longest} seconds; this one has "
                f"{video.seconds:.0f}. Shorten it.",
            )
        )
    return found


def _of_the_choices(creator: Creator, options: TikTokOptions) -> Iterator[Problem]:
    for name, wanted, off in (
        ("comments", options.allow_comments, creator.comments_off),
        ("duet", options.allow_duet, creator.duet_off),
        ("stitch", options.allow_stitch, creator.stitch_off),
    ):
        if wanted and off:
            yield Problem(
                f"options.allow_{name}",
                f"{name}_off",
                f"{creator.nickname} has {name} turned off in TikTok's settings. Do not allow it for this post, or "
                "turn it on there first.",
            )


def post_info(post: Post) -> Mapping[str, object]:
    """The post as TikTok's direct post wants it. `post` has no problems."""
    options = options_of(post)
    text = caption(post)
    info: dict[str, object] = {
        "privacy_level": post.privacy,
        "disable_comment": not options.allow_comments,
        "disable_duet": not options.allow_duet,
        "disable_stitch": not options.allow_stitch,
        "brand_content_toggle": options.branded_content,
        "brand_organic_toggle": options.own_brand,
        "is_aigc": post.synthetic,
    }
    if text:
        info["title"] = text
    if post.cover_at is not None:
        info["video_cover_timestamp_ms"] = post.cover_at // timedelta(milliseconds=1)
    return info


def is_public(post: Post) -> bool:
    """Whether everybody is to see it, so that TikTok reviews it first."""
    return post.privacy == _PUBLIC and options_of(post).destination is Destination.PROFILE
