"""ClipEdit to the timelines of editing programs: OpenTimelineIO, Final Cut Pro XML, EDL."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from cliply.errors import Invalid
from cliply.media.cache import write_text
from cliply.media.edit import ClipEdit
from cliply.media.slug import slug
from cliply.media.timeline.edl import edl_text
from cliply.media.timeline.fcpxml import fcpxml_text
from cliply.media.timeline.media import Facts, MediaFacts, media_facts
from cliply.media.timeline.shots import Cut, lay_out

TimelineFormat = Literal["otio", "fcpxml", "edl"]
ALL_CLIPS = "all-clips"
"""The name of the timeline with every clip one after the other."""


def _otio_text(title: str, cuts: Sequence[Cut], facts: Facts) -> str:
    # Loaded only when it is asked for, so that every other command starts quicker.
    from cliply.media.timeline.otio import otio_text

    return otio_text(title, cuts, facts)


_WRITERS: dict[TimelineFormat, Callable[[str, Sequence[Cut], Facts], str]] = {
    "otio": _otio_text,
    "fcpxml": fcpxml_text,
    "edl": edl_text,
}


def export(edits: Sequence[ClipEdit], to: TimelineFormat, folder: Path, *, names: Sequence[str] = ()) -> list[Path]:
    """Write a timeline for each edit and, for several, one with all of them; the paths of the files.

    `names` are the clips' names without suffix; without them they are `NN-title`. Times are exact in frames of each
    edit's output rate; the timeline of all clips has the first one's rate and size. Raises Invalid without edits.
    """
    if not edits:
        raise Invalid("There is no clip to export.")
    stems = list(names) or [f"{number:02d}-{slug(edit.post.title)}" for number, edit in enumerate(edits, 1)]
    write = _WRITERS[to]

    @cache
    def facts_at(path: Path) -> MediaFacts:
        return media_facts(next(edit.source for edit in edits if edit.source.path == path))

    def facts(cut: Cut) -> MediaFacts:
        return facts_at(cut.source.path)

    files = list[Path]()
    for edit, stem in zip(edits, stems, strict=True):
        files.append(folder / f"{stem}.{to}")
        write_text(files[-1], write(stem, [lay_out(edit, stem)], facts))
    if len(edits) > 1:
        files.append(folder / f"{ALL_CLIPS}.{to}")
        write_text(files[-1], write(ALL_CLIPS, _in_a_row(edits, stems), facts))
    return files


def _in_a_row(edits: Sequence[ClipEdit], stems: Sequence[str]) -> list[Cut]:
    cuts = list[Cut]()
    for edit, stem in zip(edits, stems, strict=True):
        start = cuts[-1].start + cuts[-1].frames if cuts else 0
        cuts.append(lay_out(edit, stem, rate=edits[0].output.rate, start=start))
    return cuts
