"""Subtitles in the time of the finished file, which begins with the brand's intro."""

from typing import Literal

from cliply.media.captions.ass import ass_text
from cliply.media.captions.subtitles import write_srt, write_vtt
from cliply.media.edit import ClipEdit
from cliply.media.rendering.bumper import opening

SubtitleFormat = Literal["srt", "vtt", "ass"]


def subtitle_text(edit: ClipEdit, to: SubtitleFormat) -> str:
    """What a subtitle file beside the video of `edit` says. Raises as rendering does for what cannot be used."""
    after = opening(edit)
    match to:
        case "srt":
            return write_srt(edit, after=after)
        case "vtt":
            return write_vtt(edit, after=after)
        case "ass":
            return ass_text(edit, after=after)
