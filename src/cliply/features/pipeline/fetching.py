"""A project's source from its link."""

import hashlib
import mimetypes
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid5

from cliply.errors import CliplyError, Invalid, Unavailable
from cliply.features.identity.plans import Meter, Plan
from cliply.features.jobs import service as jobs
from cliply.features.jobs.runner import JobRun
from cliply.features.projects import charging, uploads
from cliply.features.projects import service as projects
from cliply.features.projects.local_copies import local_copies
from cliply.features.projects.models import Project
from cliply.features.usage import stored
from cliply.infra.queue.worker import Stopped
from cliply.integrations.downloads import VideoTooLarge, VideoTooLong, download
from cliply.media.probe import probe


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was behind a link, stored and looked at."""

    source_id: UUID
    name: str
    title: str
    verified: uploads.Verified


class NoLink(Invalid):
    def __init__(self) -> None:
        super().__init__("This project has no link. Upload its file instead.")


def fetch(run: JobRun, project: Project, plan: Plan) -> Fetched:
    """Download, check and store the video; a try that was killed on this machine is gone on with."""
    folder = local_copies(run.runtime.settings).download(project.id)
    try:
        fetched = _fetched(run, project, plan, folder)
    except BaseException as failed:
        if _is_last_try(run, failed):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return fetched


def _fetched(run: JobRun, project: Project, plan: Plan, folder: Path) -> Fetched:
    if project.link is None:
        raise NoLink
    runtime = run.runtime
    largest, longest = uploads.largest(runtime, plan), timedelta(hours=runtime.settings.uploads.longest)
    with run.session() as session:
        left = charging.longest(session, plan, projects.options_of(project))
        room = stored.left(session, plan)
    largest = largest if room is None else min(largest, room)
    try:
        got = download(
            project.link,
            folder,
            runtime.settings.downloads,
            largest=largest,
            longest=(longest if left is None else min(longest, left)).total_seconds(),
            on_progress=lambda share: run.progress(0.9 * share, "downloading"),
        )
    except VideoTooLong:
        if left is not None and left < longest:
            with run.session() as session:
                charging.refuse_longer(session, plan)
        raise
    except VideoTooLarge:
        # How much larger is not known: it was given up as soon as it was too much. Silent where it is not the plan's.
        plan.admit(Meter.LARGEST_FILE, used=0, wanted=largest + 1)
        if room is not None and room == largest:
            with run.session() as session:
                stored.refuse_larger(session, plan)
        raise
    source = probe(got.file)
    uploads.check(runtime, projects.options_of(project), source)
    source_id = uuid5(project.id, f"source-{_sha256(got.file)}")
    whole = runtime.storage.put_file(
        project.key("source", source_id),
        got.file,
        content_type=mimetypes.guess_type(got.file.name)[0] or "application/octet-stream",
        on_progress=lambda _bytes: run.progress(0.95, "storing"),
    )
    title = projects.one_line(got.title)[: projects.LONGEST_NAME]
    return Fetched(source_id, got.file.name, title, uploads.Verified(whole, source))


def _is_last_try(run: JobRun, failed: BaseException) -> bool:
    """Of one that may pass, a later try goes on here; if there is none, what it left goes with the next sweep."""
    if isinstance(failed, CliplyError):
        return not isinstance(failed, Unavailable)
    if not isinstance(failed, Stopped):
        return False
    try:
        with run.session() as session:
            return jobs.get(session, run.id).state in ("stopping", "cancelled")
    except jobs.JobNotFound:
        # Removed with its workspace.
        return True


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
