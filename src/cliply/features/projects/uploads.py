"""A source arrives in parts, is looked at, and becomes a project's; or it is refused and nothing of it is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.errors import CliplyError, Invalid, LimitReached, NotFound
from cliply.features.audit import service as audit
from cliply.features.audit.service import Actor
from cliply.features.identity.access import Caller
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import Meter
from cliply.features.identity.plans import Plan as WorkspacePlan
from cliply.features.projects import charging
from cliply.features.projects import service as projects
from cliply.features.projects.models import Project, ProjectState, SourceKind, Upload
from cliply.features.projects.options import ProjectOptions
from cliply.features.projects.sources import VideoTooLong, VideoTooShort, facts, opened, source_cache
from cliply.features.usage import stored
from cliply.infra import quantities
from cliply.infra.storage.failures import DamagedOnTheWay, check_sha256
from cliply.infra.storage.protocol import MOST_PARTS, Part, StoredObject
from cliply.media.errors import NoSpeech, Unreadable
from cliply.media.preflight import check_sound
from cliply.media.probe import Source, probe
from cliply.runtime import Runtime

PART = 16 * 1024 * 1024
_MEBIBYTE = 1024 * 1024
LASTS = timedelta(days=2)
_LATER = timedelta(days=1)
"""When an upload that was not ended in time has been swept for sure."""
LINK_LASTS = timedelta(hours=12)
_LINKS_AT_ONCE = 500
_LONGEST_NAME = 255
_REFUSED = (Unreadable, NoSpeech, DamagedOnTheWay, VideoTooLong, VideoTooShort)
"""What no second try can mend."""


class FileTooLarge(LimitReached):
    def __init__(self, size: int, largest: int) -> None:
        super().__init__(
            f"This file has {size:,} bytes, and at most {largest:,} ({quantities.size(largest)}) are allowed. "
            "Make it smaller, or ask whoever runs this service for more."
        )


class NoSuchUpload(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such upload in this workspace. Begin a new one.")


class SourceRefused(Invalid):
    """The project says why, as often as it is asked."""


class WrongSize(DamagedOnTheWay):
    """Other than it was announced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """What a client announces."""

    file_name: str
    size: int
    name: str | None = None
    """Of the project; the file's, if None."""
    sha256: str | None = None
    content_type: str = "application/octet-stream"
    options: ProjectOptions = field(default_factory=ProjectOptions)
    duration_ms: int | None = None
    """As the client says; whoever looks at the file knows."""


@dataclass(frozen=True, slots=True)
class PartLink:
    """Where the bytes of one part go, with PUT."""

    number: int
    size: int
    link: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What of an upload has arrived, and where the rest goes."""

    upload: Upload
    arrived: Sequence[Part]
    missing: Sequence[PartLink]
    """The next ones; ask again when they are sent."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A source that can be used."""

    stored: StoredObject
    source: Source


def init(runtime: Runtime, session: Session, caller: Caller, wanted: NewUpload) -> Plan:
    """Begin an upload and its project. Raises FileTooLarge or PlanLimit before anything is sent."""
    caller.require(Action.CREATE_PROJECTS)
    most = runtime.settings.uploads.largest
    if wanted.size < 1:
        raise Invalid("An empty file cannot be uploaded. Choose a video or sound file.")
    if wanted.size > most:
        raise FileTooLarge(wanted.size, most)
    caller.plan.admit(Meter.LARGEST_FILE, used=0, wanted=wanted.size)
    check_sha256(wanted.sha256)
    file_name = Path(wanted.file_name.replace("\\", "/").replace("\0", "")).name[-_LONGEST_NAME:]
    project = projects.new_project(
        session,
        caller,
        project_id=uuid4(),
        name=wanted.name or Path(file_name).stem[: projects.LONGEST_NAME],
        options=wanted.options,
        declared_ms=wanted.duration_ms,
        source_kind=SourceKind.FILE,
        state=ProjectState.UPLOADING,
    )
    source_id = uuid4()
    upload = Upload(
        project_id=project.id,
        source_id=source_id,
        # Where the transaction is rolled back, the storage's sweep removes what was begun here.
        storage_id=runtime.storage.uploads.begin(project.key("source", source_id), content_type=wanted.content_type),
        file_name=file_name,
        size=wanted.size,
        part_size=_part_size(wanted.size),
        sha256=wanted.sha256,
        expires_at=datetime.now(UTC) + LASTS,
    )
    session.add(upload)
    session.flush()
    stored.reserve(session, caller.plan, upload.key, upload.size, lease=LASTS + _LATER)
    return plan(runtime, upload)


def largest(runtime: Runtime, plan: WorkspacePlan) -> int:
    """Bytes of a source, as the installation and the workspace's plan allow them."""
    whole, of_plan = runtime.settings.uploads.largest, plan.limit(Meter.LARGEST_FILE)
    return whole if of_plan is None else min(whole, of_plan)


def plan(runtime: Runtime, upload: Upload) -> Plan:
    """How an upload goes on; asks the storage once. Raises UploadGone when it has ended."""
    uploads = runtime.storage.uploads
    parts = uploads.parts(upload.key, upload.storage_id)
    arrived = [part for part in parts if 1 <= part.number <= upload.parts and part.size == upload.size_of(part.number)]
    there = {part.number for part in arrived}
    wanted = [number for number in range(1, upload.parts + 1) if number not in there][:_LINKS_AT_ONCE]

    def link(number: int) -> PartLink:
        size = upload.size_of(number)
        made = uploads.part_link(upload.key, upload.storage_id, number, size=size, expires_in=LINK_LASTS)
        return PartLink(number, size, made)

    return Plan(upload, arrived, [link(number) for number in wanted])


def get(session: Session, caller: Caller, project_id: UUID) -> Upload:
    caller.require(Action.CREATE_PROJECTS)
    upload = session.scalars(select(Upload).where(Upload.project_id == project_id)).one_or_none()
    if upload is None:
        raise NoSuchUpload
    return upload


def pending(session: Session, caller: Caller, project_id: UUID) -> tuple[Project, Upload | None]:
    """The upload that is to be completed, None where it was completed already. Raises SourceRefused."""
    get(session, caller, project_id)
    project, upload = sent(session, project_id)
    if project.state is ProjectState.REFUSED:
        raise SourceRefused(project.error or "This upload was refused. Begin a new one.")
    return project, upload


def sent(session: Session, project_id: UUID) -> tuple[Project, Upload | None]:
    """A project and its upload, None where it has ended."""
    project, upload = projects.find(session, project_id), session.get_one(Upload, project_id)
    return project, upload if project.state is ProjectState.UPLOADING else None


def verify(
    runtime: Runtime,
    project: Project,
    upload: Upload,
    *,
    sha256: str | None,
    on_wait: Callable[[], None] = lambda: None,
) -> Verified:
    """Make one object of the parts and look at it; with no transaction open, and one call at a time on each machine.

    `on_wait` is called a few times a second while it is read, and may raise to stop. Raises PartsMissing while parts
    are missing, NoRoomHere before anything is read, and one of those that `is_final` knows where the source is no use.
    """
    cache = source_cache(runtime)
    with cache.alone(upload.source_id, on_wait=on_wait):
        cache.make_room(upload.size)
        whole = runtime.storage.uploads.complete(
            upload.key,
            upload.storage_id,
            parts=upload.parts,
            sha256=sha256 or upload.sha256,
            on_progress=lambda _bytes: on_wait(),
        )
        if whole.size != upload.size or (upload.sha256 not in (None, whole.sha256)):
            raise WrongSize
        with opened(runtime, upload.key, upload.file_name, on_wait=on_wait) as path:
            source = probe(path)
            check(runtime, projects.options_of(project), source)
            return Verified(whole, source)


def check(runtime: Runtime, options: ProjectOptions, source: Source) -> None:
    """Raise where the source can never become clips as they were asked for."""
    longest = timedelta(hours=runtime.settings.uploads.longest)
    if source.duration > longest.total_seconds() * 1000:
        raise VideoTooLong(longest)
    part = options.for_engine(source.duration).within
    begins, ends = (part.start, part.end) if part is not None else (0, source.duration)
    if ends - begins < options.shortest:
        raise VideoTooShort(ends - begins, options.shortest)
    check_sound(source, part)


def keep_for_check(session: Session, project_id: UUID) -> None:
    """It has arrived, so it is not given up while it waits to be looked at."""
    session.get_one(Upload, project_id).expires_at = datetime.now(UTC) + LASTS


def is_final(failed: CliplyError) -> bool:
    return isinstance(failed, _REFUSED)


def accept(
    session: Session, by: Actor, plan: WorkspacePlan, project_id: UUID, upload: Upload, verified: Verified
) -> Project | None:
    """Give the project its source; None where another call has done so meanwhile.

    Raises PlanLimit where it is longer than the plan has minutes left: the upload can be completed once it has more.
    """
    project = projects.find(session, project_id, locked=True)
    if project.state is not ProjectState.UPLOADING:
        return None
    take(session, plan, project, upload.source_id, upload.file_name, verified)
    audit.record(session, "upload.completed", ("project", project.id), by=by, after=projects.state_of(project))
    return project


def take(
    session: Session, plan: WorkspacePlan, project: Project, source_id: UUID, file_name: str, verified: Verified
) -> None:
    """What is known of the source, once it is there: the project goes on to be processed. Raises PlanLimit."""
    project.source_id, project.file_name = source_id, file_name
    project.size, project.sha256 = verified.stored.size, verified.stored.sha256
    project.duration_ms, project.probe = verified.source.duration, facts(verified.source)
    project.state, project.error = ProjectState.PROCESSING, None
    session.flush()
    charging.reserve(session, plan, project, project.duration_ms)
    key = project.key("source", source_id)
    stored.reserve(session, plan, key, project.size, lease=LASTS)
    stored.keep(session, [(key, project.size)])


def refuse(session: Session, by: Actor, project_id: UUID, why: str) -> None:
    """Note why the source cannot be used, unless another call has ended the upload meanwhile."""
    project = projects.find(session, project_id, locked=True)
    if project.state is ProjectState.UPLOADING:
        projects.refuse(session, project, why)
        audit.record(session, "upload.refused", ("project", project.id), by=by)


def _part_size(size: int) -> int:
    """Parts of 16 MB, or larger ones in whole megabytes where there would be too many."""
    least = -(-size // MOST_PARTS)
    return max(PART, -(-least // _MEBIBYTE) * _MEBIBYTE)
