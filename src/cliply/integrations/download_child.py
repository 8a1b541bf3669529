"""Runs yt-dlp, alone in a limited process: one line of JSON in, as its argument, and lines of JSON out.

What it is told by a page or an extractor is never a name, a path or a command: the name is fixed, only a plain
download of one video is allowed, and no other program but ffmpeg runs, on the files that came.
"""

import json
import sys
from pathlib import Path
from typing import Any

STEM = "source"


class Quiet:
    """Messages name addresses and may hold a secret: only the last error is told, by its kind."""

    def __init__(self) -> None:
        self.last = ""

    def debug(self, _message: str) -> None:
        pass

    def info(self, _message: str) -> None:
        pass

    def warning(self, _message: str) -> None:
        pass

    def error(self, message: str) -> None:
        self.last = message


def main(wanted: dict[str, Any]) -> None:
    from yt_dlp import YoutubeDL
    from yt_dlp.utils import DownloadCancelled, YoutubeDLError

    logger = Quiet()

    def suits(info: dict[str, Any], *, incomplete: bool = False) -> str | None:  # noqa: ARG001 - yt-dlp's shape
        if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
            _refuse("live")
        if (duration := info.get("duration")) and duration > wanted["longest"]:
            _refuse("long")
        return None

    def watch(told: dict[str, Any]) -> None:
        came = int(told.get("downloaded_bytes") or 0)
        whole = told.get("total_bytes") or told.get("total_bytes_estimate")
        if came > wanted["largest"] or (whole or 0) > wanted["largest"]:
            raise DownloadCancelled("large")
        _tell(came=came, whole=whole and int(whole))

    options = {
        "allowed_extractors": wanted["extractors"],
        "cachedir": False,
        "continuedl": True,
        "external_downloader": None,
        "ffmpeg_location": wanted["ffmpeg"],
        # Plain files and their parts only: a playlist of another kind would be opened by ffmpeg, past the proxy.
        "format": "bv*[height<=1080][protocol^=http]+ba[protocol^=http]"
        "/b[height<=1080][protocol^=http]/b[protocol^=http]",
        "hls_prefer_native": True,
        "logger": logger,
        "match_filter": suits,
        "merge_output_format": "mp4",
        "noplaylist": True,
        "noprogress": True,
        "outtmpl": {"default": f"{STEM}.%(ext)s"},
        "playlist_items": "1",
        "progress_hooks": [watch],
        "proxy": wanted["proxy"],
        "quiet": True,
        "restrictfilenames": True,
        "retries": 3,
        "socket_timeout": 20,
        "usenetrc": False,
    }
    try:
        with YoutubeDL(options) as loader:
            info = loader.extract_info(wanted["link"], download=True)
    except DownloadCancelled:
        _refuse("large")
    except YoutubeDLError:
        text = logger.last.lower()
        _refuse("foreign" if "no suitable extractor" in text or "unsupported url" in text else "failed")
    if info is None or info.get("_type", "video") != "video":
        _refuse("playlist")
    files = [each for each in Path().iterdir() if each.stem == STEM and each.suffix not in (".part", ".ytdl")]
    if len(files) != 1:
        _refuse("failed")
    _tell(file=files[0].name, title=str(info.get("title") or "")[:500])


def _tell(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def _refuse(why: str) -> None:
    _tell(refused=why)
    sys.stdout.flush()
    raise SystemExit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
