"""index.html: a page to look at what was made. One file, offline, nothing fetched, nothing untrusted unescaped."""

import base64
import hashlib
import shlex
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cliply.media.cache import write_text
from cliply.media.documents import ClipEntry, ClipsDocument, Finding
from cliply.media.probe import printable
from cliply.media.types import Millis

PAGE_FILE = "index.html"
_DATA = "data/page"

_DIMENSIONS = {
    "hook": "Opening hook",
    "standalone": "Stands alone",
    "payoff": "Pay-off",
    "substance": "Substance",
    "emotion": "Emotion",
    "delivery": "Delivery",
    "focus": "One topic",
    "match": "Matches your wish",
}
_FILES = (
    ("video", "Video", "MP4"),
    ("srt", "Subtitles", "SRT"),
    ("vtt", "Subtitles", "VTT"),
    ("ass", "Captions", "ASS"),
    ("cover", "Cover", "JPG"),
    ("cover_wide", "Wide cover", "JPG"),
    ("edit", "Edit", "JSON"),
)
_SHAPES = {"9:16": "tall", "4:5": "portrait", "1:1": "square", "16:9": "wide"}


def write_page(document: ClipsDocument, folder: Path) -> Path:
    """Write the page for `document` into `folder`, whole or not at all; its links lead to files beside it."""
    page = folder / PAGE_FILE
    write_text(page, page_text(document, folder))
    return page


def page_text(document: ClipsDocument, folder: Path) -> str:
    style, script = _asset("page.css"), _asset("page.js")
    # A folder's name may hold bytes that are no text.
    here = str(folder.absolute()).encode("utf-8", "replace").decode()
    template = _environment().get_template("index.html.jinja")
    return template.render(
        document=document,
        moments=len(document.clips) + len(document.candidates),
        shape=_SHAPES.get(str(document.options.get("aspect", "9:16")), "tall"),
        more=f"cliply more {shlex.quote(here)}",
        # Without a wish every moment matches it equally, which says nothing.
        wished=bool(document.options.get("prompt") or document.options.get("keywords")),
        files=_FILES,
        dimensions=_DIMENSIONS,
        # Both are files of this package, so nothing in them is escaped; their hashes let only them run.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        policy=_policy(style, script),
    )


def _policy(style: str, script: str) -> str:
    """Only the page's own style and script, only files beside it, no connection anywhere."""
    return "; ".join(
        (
            "default-src 'none'",
            "img-src 'self' file:",
            "media-src 'self' file:",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _asset(name: str) -> str:
    return (files("cliply.media") / _DATA / name).read_text(encoding="utf-8").strip()


FRAMED = {
    "follow": "one person",
    "split": "two people",
    "grid": "several people",
    "stack": "screen and speaker",
    "fit": "whole picture",
}
"""What is to be seen in each layout."""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cliply.media", _DATA),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = clock
    environment.filters["length"] = length
    environment.filters["beside"] = beside
    environment.filters["alike"] = alike
    environment.filters["cut_line"] = cut_line
    environment.filters["printable"] = printable
    environment.filters["framed"] = lambda layout: FRAMED.get(layout, layout)
    return environment


def alike(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one check and level together, in the order of their first: the same thing is said once."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.check, finding.level), []).append(finding)
    return list(groups.values())


def cut_line(clip: ClipEntry) -> str:
    """How many pauses and filler words were cut out, and how long they were: 5 cuts, 2.4 s shorter. Else nothing."""
    if not clip.cuts:
        return ""
    return f"{clip.cuts} {'cut' if clip.cuts == 1 else 'cuts'}, {clip.cut_out / 1000:.1f} s shorter"


def clock(at: Millis) -> str:
    """A moment as a player shows it: 1:02:03, 2:03."""
    minutes, seconds = divmod(at // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def length(duration: Millis) -> str:
    """A duration in words: 34 s, 2 min 5 s, 1 h 4 min."""
    seconds = round(duration / 1000)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def beside(name: str) -> str:
    """The address of a file in the page's folder, whatever its name holds."""
    return "./" + quote(name)
