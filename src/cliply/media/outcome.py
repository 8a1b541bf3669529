"""The result document as it grows, one finished clip after the other."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from cliply import __version__
from cliply.errors import Conflict, NotFound
from cliply.media.analysis import Analysis
from cliply.media.assemble import Assembled
from cliply.media.cache import write_text
from cliply.media.deliver import Delivered
from cliply.media.documents import ClipEntry, ClipsDocument, SourceFacts, candidate
from cliply.media.edit import ClipEdit
from cliply.media.edits import clip_name, edit_digest, load_edit, look_digest
from cliply.media.options import ClipOptions
from cliply.media.page import PAGE_FILE, write_page
from cliply.media.picks import number_moments
from cliply.media.rendering.bumper import played_length
from cliply.media.speech.transcripts import transcript_json
from cliply.media.timeline import ALL_CLIPS, TimelineFormat
from cliply.media.types import Highlight, Span

TRANSCRIPT_FILE = "transcript.json"


@dataclass(frozen=True, slots=True)
class Failure:
    """A clip that could not be made, and why."""

    number: int
    title: str
    message: str


class Outcome:
    """Collects finished clips; the folder's document and page always list exactly what is there and whole."""

    def __init__(self, folder: Path, analysis: Analysis, options: ClipOptions, previous: ClipsDocument | None) -> None:
        self._folder = folder
        self._analysis = analysis
        self._options = options
        self._previous = previous
        self._picks = number_moments(analysis.findings.highlights, previous)
        self._entries: dict[int, ClipEntry] = {}
        self._adds = False
        self.failures: list[Failure] = []

    @classmethod
    def begin(cls, folder: Path, analysis: Analysis, options: ClipOptions) -> "Outcome":
        """A new outcome; clips of an earlier run that come out the same are kept."""
        previous = previous_run(folder)
        write_text(folder / TRANSCRIPT_FILE, transcript_json(analysis.transcript))
        return cls(folder, analysis, options, previous)

    @classmethod
    def go_on(cls, folder: Path, analysis: Analysis, options: ClipOptions, document: ClipsDocument) -> "Outcome":
        """An outcome that adds to the clips of `document`."""
        outcome = cls(folder, analysis, options, document)
        outcome._entries = {entry.number: entry for entry in document.clips}
        outcome._adds = True
        return outcome

    def kept(self, edit: ClipEdit) -> ClipEntry | None:
        """The clip that an earlier run made from the same edit in the same look, if its files are all there."""
        made = edit_digest(edit), look_digest(edit.captions.style, edit.brand)
        for entry in self._previous.clips if self._previous else ():
            names = [name for name in entry.files.model_dump().values() if name]
            if (entry.made_from, entry.made_with) == made and all((self._folder / name).exists() for name in names):
                return entry
        return None

    def picked(self) -> frozenset[Span]:
        """The moments that `cliply more` was asked for in this folder."""
        return (
            frozenset(entry.span for entry in self._previous.clips if entry.picked) if self._previous else frozenset()
        )

    def add(self, number: int, highlight: Highlight, assembled: Assembled, delivered: Delivered) -> None:
        edit = assembled.edit
        self._entries[number] = ClipEntry(
            number=number,
            rank=self._rank(highlight),
            span=highlight.span,
            score=highlight.score,
            reason=highlight.reason,
            dimensions=highlight.dimensions,
            title=edit.post.title,
            text=highlight.text,
            duration=played_length(edit),
            spans=edit.spans,
            cuts=len(edit.spans) - 1,
            cut_out=edit.span.duration - edit.duration,
            description=edit.post.description,
            hashtags=edit.post.hashtags,
            hook=edit.hook.text if edit.hook else "",
            layouts=tuple(dict.fromkeys(layout.layout for layout in edit.layouts)),
            files=delivered.files,
            findings=delivered.findings,
            pick=self._picks[highlight.span],
            picked=self._adds or highlight.span in self.picked(),
            made_from=edit_digest(edit),
            made_with=look_digest(edit.captions.style, edit.brand),
        )
        self.save()

    def fail(self, number: int, highlight: Highlight, message: str) -> None:
        self.failures.append(Failure(number, highlight.title, message))

    def save(self) -> ClipsDocument:
        """Write the document and the page for what is finished so far."""
        document = self._document()
        document.save(self._folder)
        write_page(document, self._folder)
        return document

    def finish(self) -> ClipsDocument:
        """Write the last state and drop files of an earlier run that no clip uses any more."""
        document = self.save()
        used = {name for entry in document.clips for name in entry.files.model_dump().values() if name}
        for entry in self._previous.clips if self._previous else ():
            for name in set(filter(None, entry.files.model_dump().values())) - used:
                (self._folder / name).unlink(missing_ok=True)
        drop_exports(self._folder, self._previous, document)
        return document

    def _rank(self, highlight: Highlight) -> int:
        return self._analysis.findings.highlights.index(highlight) + 1

    def _document(self) -> ClipsDocument:
        source, transcript = self._analysis.source, self._analysis.transcript
        made = {entry.span for entry in self._entries.values()}
        others = [
            (rank, highlight)
            for rank, highlight in enumerate(self._analysis.findings.highlights, 1)
            if highlight.span not in made
        ]
        return ClipsDocument(
            made_by=f"cliply {__version__}",
            source=SourceFacts(
                name=source.path.name,
                path=source.path.absolute(),
                fingerprint=self._analysis.fingerprint,
                duration=source.duration,
                size=source.video.size if source.video else None,
                frame_rate=str(source.video.frame_rate) if source.video else None,
                language=transcript.language,
                words=len(transcript.words),
                transcribed_by=transcript.made_by,
            ),
            options=self._options.model_dump(mode="json"),
            clips=tuple(self._entries[number] for number in sorted(self._entries)),
            warnings=self._previous.warnings if self._adds and self._previous else self._analysis.findings.warnings,
            candidates=tuple(
                candidate(each, rank=rank, pick=self._picks[each.span], whole=transcript) for rank, each in others
            ),
        )


def previous_run(folder: Path) -> ClipsDocument | None:
    """What an earlier run left in `folder`, if it did. Raises Invalid when it is damaged."""
    try:
        return ClipsDocument.load(folder)
    except NotFound:
        return None


def drop_exports(folder: Path, previous: ClipsDocument | None, now: ClipsDocument) -> None:
    """Remove timelines of clips that are gone, and those of all clips together if one is: they show what is no more."""
    left = _stems(now)
    gone = sorted(_stems(previous) - left) if previous is not None else []
    for stem in (*gone, ALL_CLIPS) if gone else ():
        for suffix in get_args(TimelineFormat):
            (folder / f"{stem}.{suffix}").unlink(missing_ok=True)


def _stems(document: ClipsDocument) -> set[str]:
    return {clip_name(Path(entry.files.edit)) for entry in document.clips if entry.files.edit}


def refuse_overwriting(folder: Path, fingerprint: str) -> None:
    """Raises Conflict when a run in `folder` would replace another source's clips, edits changed by hand, or somebody's
    own page."""
    previous = previous_run(folder)
    if previous is None:
        if (folder / PAGE_FILE).exists():
            raise Conflict(
                f"{folder / PAGE_FILE} was not made by Cliply and would be overwritten. "
                "Choose another folder with --out."
            )
        return
    if previous.source.fingerprint != fingerprint:
        raise Conflict(
            f"{folder} holds clips of another video ({previous.source.name}). Choose another folder with --out."
        )
    for entry in previous.clips:
        edit = folder / str(entry.files.edit)
        if edit.exists() and edit_digest(load_edit(edit)) != entry.made_from:
            raise Conflict(
                f"{edit.name} was changed by hand and would be overwritten. "
                f"Make its clip with `cliply render`, or choose another folder with --out."
            )
