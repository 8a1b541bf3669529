"""The whole chain for one source: look through it once, then make clip after clip, the best one first.

While one clip is rendered the next one is framed in what time it leaves, and no further one: all cores are busy and
the first clip is ready early.
After each clip the result document and the page are written anew: whatever stops the run, what is listed is whole.
"""

import fcntl
import hashlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from pydantic import ValidationError

from cliply.errors import Conflict, Invalid, NotAllowed
from cliply.media.analysis import Analysis, analyse, listen
from cliply.media.assemble import Assembled, assemble, captioned
from cliply.media.cache import Cache, write_text
from cliply.media.deliver import Delivered, deliver, file_names, sweep
from cliply.media.documents import CLIPS_FILE, CandidateEntry, ClipsDocument
from cliply.media.edit import ClipEdit
from cliply.media.edits import load_edit, look_digest, moved, refuse_other_source, save_edit
from cliply.media.errors import RenderFailed, TooMuch, Unreadable
from cliply.media.fingerprint import fingerprint
from cliply.media.framing.reframe import find_faces
from cliply.media.highlights.find import Findings
from cliply.media.highlights.judge import Judge
from cliply.media.options import ClipOptions
from cliply.media.outcome import TRANSCRIPT_FILE, Failure, Outcome
from cliply.media.picks import picked_candidates
from cliply.media.preflight import check_look, check_more
from cliply.media.probe import Source
from cliply.media.progress import Stage, Update, Watch
from cliply.media.rendering.likeness import Look
from cliply.media.slug import slug
from cliply.media.speech.transcriber import Transcriber
from cliply.media.speech.transcripts import load_transcript
from cliply.media.types import FaceAt, Highlight, Millis, Span

# Raised when framing, wording or the way edits are put together changes.
_VERSION = "18"
_ARRANGED = 0.85
"""The share of framing after which the cover is chosen."""
_WHILE_RENDERING = 10
"""Niceness."""
_ONE_STRETCH: Millis = 5000
"""What was cut out between two kept parts is looked through up to this length rather than skipped."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one run is asked to do."""

    source: Source
    options: ClipOptions
    folder: Path


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run made, and the clips that could not be made."""

    document: ClipsDocument
    failures: tuple[Failure, ...]
    made: tuple[int, ...]
    """The numbers of the clips that were asked for, where they could be made."""
    warnings: tuple[str, ...] = ()
    """What could not be done as asked, for the creator."""


def make_clips(
    request: Request, *, transcriber: Transcriber, judge: Judge | None, cache: Cache, watch: Watch
) -> Finished:
    """Look through the source and make its best clips in the folder.

    Raises Conflict when another run is at work there, and whatever the stages raise; finished clips stay.
    """
    with _alone(request.folder):
        analysis = analyse(
            request.source, request.options, transcriber=transcriber, judge=judge, cache=cache, watch=watch
        )
        outcome = Outcome.begin(request.folder, analysis, request.options)
        picked = outcome.picked()
        found = analysis.findings.highlights
        chosen = [each for each in found if each.chosen] + [
            each for each in found if not each.chosen and each.span in picked
        ]
        _make(_Work(analysis, request.options, request.folder, outcome, cache, watch), list(enumerate(chosen, 1)))
        cache.prune(keep=analysis.fingerprint)
        document = outcome.finish()
        made = tuple(entry.number for entry in document.clips)
        return Finished(document, tuple(outcome.failures), made, analysis.findings.warnings)


def make_more(
    folder: Path, document: ClipsDocument, source: Source, *, picks: Sequence[int], cache: Cache, watch: Watch
) -> Finished:
    """Make clips of further candidates of an earlier run, by their numbers; nothing is transcribed again.

    One that is a clip already is not made again but named in the warnings. Raises NotFound for a number that is not
    there, Conflict when the source has changed.
    """
    if document.source.fingerprint != fingerprint(source.path):
        raise Conflict(f"{source.path.name} has changed since the clips were made. Run `cliply clip` on it again.")
    options = _options(document, folder)
    candidates, notes = picked_candidates(document, picks)
    if not candidates:
        return Finished(document, (), (), notes)
    check_more(options, folder, [candidate.span for candidate in candidates])
    with _alone(folder):
        analysis = Analysis(
            source,
            document.source.fingerprint,
            listen(source, cache, watch),
            load_transcript(folder / TRANSCRIPT_FILE),
            Findings(highlights=tuple(_ranked(document)), sentences=(), chapters=()),
        )
        by_span = {highlight.span: highlight for highlight in analysis.findings.highlights}
        wanted = [
            (number, by_span[candidate.span])
            for number, candidate in zip(_free_numbers(document), candidates, strict=False)
        ]
        outcome = Outcome.go_on(folder, analysis, options, document)
        work = _Work(analysis, options, folder, outcome, cache, watch)
        work.looks.extend(_covers_so_far(work, [by_span.get(entry.span) for entry in document.clips]))
        _make(work, wanted)
        document = outcome.save()
        numbers = {number for number, _ in wanted}
        made = tuple(entry.number for entry in document.clips if entry.number in numbers)
        return Finished(document, tuple(outcome.failures), made, notes)


def _covers_so_far(work: "_Work", made: Sequence[Highlight | None]) -> list[Look]:
    """The looks of the covers of earlier clips, as far as the cache still knows them."""
    looks: list[Look] = []
    for highlight in filter(None, made):
        with suppress(OSError, ValidationError):
            kept = _kept_edit(replace(work, looks=looks), highlight)
            cover = Assembled.model_validate_json(kept.read_bytes()).cover
            looks += [cover.look] if cover is not None and cover.look is not None else []
    return looks


def _free_numbers(document: ClipsDocument) -> Iterator[int]:
    """For further clips; a run that was stopped may have made the second of two, and left the first one's number."""
    taken = {entry.number for entry in document.clips}
    first = max((entry.number for entry in document.clips if not entry.picked), default=0) + 1
    return (number for number in count(first) if number not in taken)


def render_edit(edit: ClipEdit, source: Source, target: Path, watch: Watch) -> Delivered:
    """Make the files of one edit beside `target`, its video. Raises Conflict when the source is another one."""
    check_look(edit.captions.style, edit.brand)
    refuse_other_source(edit, source)
    faces = _faces_in(edit, source.shown(edit.span), watch)
    if edit.captions.position is None:
        edit = captioned(edit, faces)
    progress, names = watch.progress(Stage.RENDER), file_names(target.stem)
    with _alone(target.parent, sweeping=False):
        # A person's own edit is made as it is; what is wrong with it is told.
        return deliver(
            edit, source, target.parent, names, faces=faces, threads=None, on_progress=progress, repairing=False
        )


def _faces_in(edit: ClipEdit, source: Source, watch: Watch) -> tuple[FaceAt, ...]:
    """Where faces are in what an edit keeps: a clip may be put together from parts that lie hours apart."""
    stretches: list[Span] = []
    for span in edit.spans:
        near = bool(stretches) and span.start - stretches[-1].end < _ONE_STRETCH
        stretches.append(Span(stretches.pop().start, span.end) if near else span)
    items = len(stretches)
    return tuple(
        face
        for item, stretch in enumerate(stretches, 1)
        for face in find_faces(source, stretch, on_progress=watch.progress(Stage.FRAMING, item, items))
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What all clips of a run share."""

    analysis: Analysis
    options: ClipOptions
    folder: Path
    outcome: Outcome
    cache: Cache
    watch: Watch
    looks: list[Look] = field(default_factory=list)
    """Of the covers so far, in the order of framing: each clip gets one that is told apart from them."""


@dataclass(frozen=True, slots=True)
class _Framed:
    """The edit of a highlight, and the file under which it is kept."""

    assembled: Assembled
    kept: Path


def _make(work: _Work, wanted: Sequence[tuple[int, Highlight]]) -> None:
    cores = os.cpu_count() or 1
    renders = max(1, cores // 2)
    items = len(wanted)
    framing = ThreadPoolExecutor(1, thread_name_prefix="framing")
    rendering = ThreadPoolExecutor(renders, thread_name_prefix="render")
    ahead = threading.Semaphore(renders + 1)
    try:
        framed = [framing.submit(_frame, work, each[1], item, items, ahead) for item, each in enumerate(wanted, 1)]
        made = {
            rendering.submit(_deliver, work, edit, number, item, items, cores // renders): (
                number,
                highlight,
            )
            for item, (edit, (number, highlight)) in enumerate(zip(framed, wanted, strict=True), 1)
        }
        for future in as_completed(made):
            ahead.release()
            number, highlight = made[future]
            try:
                assembled, delivered = future.result()
            except (RenderFailed, TooMuch, Unreadable) as failed:
                # A damaged stretch spoils its own clip only.
                work.outcome.fail(number, highlight, str(failed))
            else:
                work.outcome.add(number, highlight, assembled, delivered)
    except BaseException:
        work.watch.stop()
        raise
    finally:
        # Who still waits for its turn is let go, to find that the work was stopped.
        ahead.release(items)
        framing.shutdown(cancel_futures=True)
        rendering.shutdown(cancel_futures=True)


def _frame(work: _Work, highlight: Highlight, item: int, items: int, ahead: threading.Semaphore) -> _Framed:
    """The edit of a highlight, kept under what it depends on; begun when `ahead` has room for one more."""
    ahead.acquire()
    kept = _kept_edit(work, highlight)
    try:
        known = Assembled.model_validate_json(kept.read_bytes())
        # The recording may have been moved since.
        assembled = known.model_copy(update={"edit": moved(known.edit, work.analysis.source.path)})
        work.watch.tell(Update(Stage.FRAMING, 1.0, item, items, kept=True))
    except (OSError, ValidationError):
        on_progress = work.watch.progress(Stage.FRAMING, item, items)
        assembled = assemble(
            work.analysis, highlight, work.options, lambda share: on_progress(_ARRANGED * share)
        ).covered(
            work.analysis.source,
            others=work.looks,
            on_progress=lambda share: on_progress(_ARRANGED + (1 - _ARRANGED) * share),
        )
        write_text(kept, assembled.model_dump_json())
        work.watch.tell(Update(Stage.FRAMING, 1.0, item, items))
    if assembled.cover is not None and assembled.cover.look is not None:
        work.looks.append(assembled.cover.look)
    _give_way()
    return _Framed(assembled, kept)


def _give_way() -> None:
    """From the second clip on, framing has time: let this thread, and what it starts, run when the render waits."""
    if sys.platform == "linux":  # elsewhere the whole process would give way
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _WHILE_RENDERING)


def _kept_edit(work: _Work, highlight: Highlight) -> Path:
    words = work.analysis.transcript.within(highlight.span)
    look = look_digest(work.options.style, work.options.brand)
    told = "\0".join((_VERSION, look, str(highlight), work.options.model_dump_json(), str(words), str(work.looks)))
    key = hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
    return work.cache.folder(work.analysis.fingerprint) / f"edit-{key}.json"


def _deliver(
    work: _Work,
    framed: Future[_Framed],
    number: int,
    item: int,
    items: int,
    threads: int,
) -> tuple[Assembled, Delivered]:
    assembled, kept = framed.result().assembled, framed.result().kept
    if (entry := work.outcome.kept(assembled.edit)) is not None and entry.number == number:
        _follow_source(assembled.edit, work.folder / str(entry.files.edit))
        work.watch.tell(Update(Stage.RENDER, 1.0, item, items, kept=True))
        return assembled, Delivered(assembled.edit, entry.files, entry.findings)
    delivered = deliver(
        assembled.edit,
        work.analysis.source,
        work.folder,
        file_names(f"{number:02d}-{slug(assembled.edit.post.title)}"),
        faces=assembled.faces,
        threads=threads,
        on_progress=work.watch.progress(Stage.RENDER, item, items),
        cover_at=assembled.cover.at if assembled.cover else None,
    )
    if delivered.edit != assembled.edit:
        assembled = assembled.model_copy(update={"edit": delivered.edit})
        # The next run goes on with the clip as it was repaired.
        write_text(kept, assembled.model_dump_json())
    return assembled, delivered


def _follow_source(edit: ClipEdit, file: Path) -> None:
    """Let the edit file of a kept clip name the place where its recording lies now."""
    if not load_edit(file).source.path.exists():
        save_edit(edit, file)


def _options(document: ClipsDocument, folder: Path) -> ClipOptions:
    try:
        return ClipOptions.model_validate(document.options)
    except ValidationError as wrong:
        raise Invalid(
            f"The options in {folder / CLIPS_FILE} cannot be used; they were changed, or come from another version of "
            f"Cliply. Run `cliply clip` on {document.source.name} again."
        ) from wrong


def _ranked(document: ClipsDocument) -> list[Highlight]:
    moments = sorted([*document.clips, *document.candidates], key=lambda moment: moment.rank)
    return [
        Highlight(
            span=moment.span,
            score=moment.score,
            text=moment.text,
            reason=moment.reason,
            dimensions=moment.dimensions,
            title=moment.title,
            keywords=moment.keywords if isinstance(moment, CandidateEntry) else (),
        )
        for moment in moments
    ]


@contextmanager
def _alone(folder: Path, *, sweeping: bool = True) -> Iterator[None]:
    """Work in `folder` with no other run in it; what a killed run left is swept away first.

    Who does not sweep may share the folder with others of that kind. Folders that are made here and stay empty are
    removed again.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The folder itself is locked: no lock file to leave behind, and the lock dies with its process.
        opened = os.open(folder, os.O_RDONLY)
    except OSError as refused:
        raise NotAllowed(
            f"{folder} cannot be written ({refused.strerror}). Choose another folder with --out."
        ) from refused
    try:
        _lock(opened, folder, fcntl.LOCK_EX if sweeping else fcntl.LOCK_SH)
        if sweeping:
            sweep(folder)
        yield
    finally:
        os.close(opened)
        with suppress(OSError):
            for each in made:
                each.rmdir()


def _lock(opened: int, folder: Path, kind: int) -> None:
    try:
        fcntl.flock(opened, kind | fcntl.LOCK_NB)
    except BlockingIOError as busy:
        raise Conflict(
            f"Another run is at work in {folder}. Wait for it, or choose another folder with --out."
        ) from busy
