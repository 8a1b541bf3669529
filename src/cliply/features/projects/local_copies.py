"""What this machine keeps of sources, so that no copy outlives its project: looked through when a process starts, every
hour, and at once where a source is refused or a project deleted.

    CACHE/service/sources/SOURCE_ID       the source itself
    CACHE/service/learned/PROJECT_ID      its sound and its words
    CACHE/service/downloads/PROJECT_ID    what a link has brought so far
"""

import logging
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from cliply.features.projects.models import Project, ProjectState, Upload
from cliply.features.projects.source_cache import SourceCache
from cliply.infra.settings import Settings
from cliply.runtime import Runtime

EVERY = timedelta(hours=1)
UNUSED = timedelta(days=7)
"""What nobody has used for so long goes, whatever it belongs to: it can be fetched or learned again."""
QUIET = timedelta(minutes=10)
"""Another installation may share the cache: what the database does not know and somebody works on is left alone."""
LARGEST_LEARNED = 8 * 1024**3
"""Bytes."""
_AGAIN = 60.0
"""Seconds until the next try where the database could not be asked."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LocalCopies:
    """The folders below `root`."""

    root: Path

    @property
    def sources(self) -> SourceCache:
        return SourceCache(self.root / "sources")

    def learned(self, project_id: UUID) -> Path:
        return self.root / "learned" / str(project_id)

    def download(self, project_id: UUID) -> Path:
        return self.root / "downloads" / str(project_id)

    def forget(self, project_id: UUID, source_id: UUID | None = None) -> None:
        """What is kept of a project whose source is no use, or gone."""
        if source_id is not None:
            self.sources.forget(source_id, for_good=True)
        for folder in (self.learned(project_id), self.download(project_id)):
            shutil.rmtree(folder, ignore_errors=True)


def local_copies(settings: Settings) -> LocalCopies:
    return LocalCopies(settings.cache / "service")


def sweep(runtime: Runtime, *, quiet: timedelta = QUIET, largest_learned: int = LARGEST_LEARNED) -> None:
    """Remove what belongs to no project that there is, and what is old or too much; a source that is read stays."""
    copies = local_copies(runtime.settings)
    # Listed before the database is asked: what appears later belongs to a project that it could not tell yet.
    sources, learned, downloads = (_named(copies.root / name) for name in ("sources", "learned", "downloads"))
    with runtime.database.system() as session:
        wanted_sources = _sources_in_use(session, list(sources))
        states = _states(session, [*learned, *downloads])
    old, still = (time.time() - each.total_seconds() for each in (UNUSED, quiet))
    for source_id, folder in sources.items():
        if source_id not in wanted_sources or _used(folder) < old:
            copies.sources.forget(source_id, for_good=source_id not in wanted_sources)
    for project_id, folder in downloads.items():
        if _used(folder) < (old if states.get(project_id) is ProjectState.DOWNLOADING else still):
            shutil.rmtree(folder, ignore_errors=True)
    kept = 0
    for project_id, folder in sorted(learned.items(), key=lambda each: _used(each[1]), reverse=True):
        is_live = states.get(project_id, ProjectState.REFUSED) is not ProjectState.REFUSED
        size = _size(folder)
        if kept + size > largest_learned or _used(folder) < (old if is_live else still):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            kept += size


@contextmanager
def swept(runtime: Runtime, *, every: timedelta = EVERY) -> Iterator[None]:
    """This machine's copies are looked through now, and again and again while the block runs."""
    ending = threading.Event()

    def keep_sweeping() -> None:
        wait = 0.0
        while not ending.wait(wait):
            wait = every.total_seconds()
            try:
                sweep(runtime)
            except (SQLAlchemyError, OSError) as failed:
                _log.warning("local_copies_not_swept", extra={"error": type(failed).__name__})
                wait = min(wait, _AGAIN)

    thread = threading.Thread(target=keep_sweeping, name="local-copies", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def _sources_in_use(session: Session, ids: list[UUID]) -> set[UUID]:
    arriving = select(Upload.source_id).join(Project, Project.id == Upload.project_id)
    arriving = arriving.where(Upload.source_id.in_(ids), Project.state == ProjectState.UPLOADING)
    there = select(Project.source_id).where(Project.source_id.in_(ids), Project.state != ProjectState.REFUSED)
    return {found for query in (arriving, there) for found in session.scalars(query) if found is not None}


def _states(session: Session, ids: list[UUID]) -> dict[UUID, ProjectState]:
    found = session.execute(select(Project.id, Project.state).where(Project.id.in_(ids))).all()
    return {row.id: row.state for row in found}


def _named(root: Path) -> dict[UUID, Path]:
    """The folders in `root` by the ids that they are named after."""
    found = {}
    with suppress(FileNotFoundError):
        for each in root.iterdir():
            with suppress(ValueError):
                if each.is_dir():
                    found[UUID(each.name)] = each
    return found


def _used(folder: Path) -> float:
    """When anything in it was last written or looked for."""
    times = [0.0]
    with suppress(OSError):
        times += [each.stat().st_mtime for each in (folder, *folder.rglob("*"))]
    return max(times)


def _size(folder: Path) -> int:
    with suppress(OSError):
        return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    return 0
