"""From a source to its clips: each step a job that any worker of any machine can run, or run again.

    YOUTUBE_DOWNLOAD, UPLOAD_CHECK → TRANSCRIBE → HIGHLIGHT_DETECT → CLIP_RENDER × n → THUMBNAIL_GEN

Each reads, works with nothing open, and commits what it made together with its own end and the jobs that follow. What
it stores lies under names made of what it was made from, so a step that runs again writes the same objects.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from cliply.errors import CliplyError
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.clips import charging as clip_charging
from cliply.features.clips import service as clips
from cliply.features.clips.digests import video_digest
from cliply.features.clips.models import Clip, ClipState
from cliply.features.identity.access import plan_of
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import Meter, Plan, PlanLimit, plans_of
from cliply.features.jobs.kinds import Kind, job
from cliply.features.jobs.retries import Retries
from cliply.features.jobs.runner import JobRun
from cliply.features.pipeline import asking, covering, fetching, rendering
from cliply.features.pipeline.learning import desk
from cliply.features.pipeline.storing import put_text
from cliply.features.projects import charging as project_charging
from cliply.features.projects import service as projects
from cliply.features.projects import uploads
from cliply.features.projects.local_copies import local_copies
from cliply.features.projects.models import Project, ProjectState, Upload
from cliply.features.projects.tasks import delete_objects
from cliply.features.usage import ledger, stored
from cliply.infra.logging import current_context
from cliply.infra.storage.keys import ObjectKey
from cliply.integrations import engines
from cliply.media.analysis import choose_once, write_down
from cliply.media.progress import Stage
from cliply.media.speech.transcripts import transcript_json
from cliply.media.wording.copywriting import write_title

MEDIA = "media"
"""The queue of what needs a machine's cores."""


@job("YOUTUBE_DOWNLOAD", queue=MEDIA, timeout=timedelta(hours=6))
def download_source(run: JobRun, project_id: UUID) -> None:
    """Fetch the video that the project's link leads to, look at it as at an upload, and go on with it."""
    with run.session() as session:
        project = projects.find(session, project_id)
        plan = plan_of(session, plans_of(run.runtime.settings))
    fetched = fetching.fetch(run, project, plan)
    with run.finish() as session:
        project = projects.find(session, project_id, locked=True)
        uploads.take(session, plan, project, fetched.source_id, fetched.name, fetched.verified)
        if project.link is not None and project.link.startswith(project.name):
            project.name = fetched.title or fetched.name
        transcribe.options(subject=project_id).start(session, project_id=project_id)


@job("UPLOAD_CHECK", queue=MEDIA, timeout=timedelta(hours=2), retries=Retries(times=8, first=5.0))
def check_upload(run: JobRun, project_id: UUID, sha256: str | None, by: ActorKind, by_id: UUID | None) -> None:
    """Look at an upload that takes long to read, for whoever completed it; then go on with it, or refuse it."""
    with run.session() as session:
        project, upload = uploads.sent(session, project_id)
    actor = Actor(by, by_id, current_context().get("request_id"))
    if upload is None:
        with run.finish():
            return
    try:
        verified = uploads.verify(
            run.runtime, project, upload, sha256=sha256, on_wait=lambda: run.progress(0.5, "checking")
        )
    except CliplyError as failed:
        if not uploads.is_final(failed):
            raise
        with run.finish() as session:
            uploads.refuse(session, actor, project_id, str(failed))
        local_copies(run.runtime.settings).forget(project_id, upload.source_id)
        return
    try:
        with run.finish() as session:
            plan = plan_of(session, plans_of(run.runtime.settings))
            accept_upload(session, actor, plan, project_id, upload, verified)
    except PlanLimit as longer:
        # Nobody waits for the answer who could do something about it.
        with run.finish() as session:
            uploads.refuse(session, actor, project_id, str(longer))


def accept_upload(
    session: Session, by: Actor, plan: Plan, project_id: UUID, upload: Upload, verified: uploads.Verified
) -> Project | None:
    """Go on with an upload that can be used; None where another call has done so. Raises PlanLimit."""
    accepted = uploads.accept(session, by, plan, project_id, upload, verified)
    if accepted is not None:
        transcribe.options(subject=project_id).start(session, project_id=project_id)
    return accepted


@job("TRANSCRIBE", queue=MEDIA, timeout=timedelta(hours=6))
def transcribe(run: JobRun, project_id: UUID) -> None:
    """Listen to the source and write down what is said, word by word with its times."""
    with run.session() as session:
        project = projects.find(session, project_id)
    transcriber = engines.transcriber(run.runtime.settings.speech.model, run.runtime.settings)
    with desk(run, project, {Stage.SOUND: (0.0, 0.1), Stage.SPEECH: (0.1, 1.0)}) as open_desk:
        sound = open_desk.sound()
        transcript = write_down(
            open_desk.source, sound, open_desk.options, transcriber, open_desk.cache, open_desk.watch
        )
    written = transcript_json(transcript)
    transcript_id = uuid5(project_id, f"transcript-{written}")
    put_text(run.runtime.storage, project.key("transcript", transcript_id), written, "application/json")
    with run.finish() as session:
        project = projects.find(session, project_id, locked=True)
        project.transcript_id = transcript_id
        project.language, project.words = transcript.language, len(transcript.words)
        detect_highlights.options(subject=project_id).start(session, project_id=project_id)


@job("HIGHLIGHT_DETECT", queue=MEDIA, timeout=timedelta(hours=2))
def detect_highlights(run: JobRun, project_id: UUID) -> None:
    """Find the moments that are worth a clip, rank them with reasons, and start a render for each of the best."""
    with run.session() as session:
        project = projects.find(session, project_id)
    judge = engines.judge(run.runtime.settings)
    with desk(run, project, {Stage.SOUND: (0.0, 0.2), Stage.HIGHLIGHTS: (0.2, 1.0)}) as open_desk:
        transcript, sound = open_desk.transcript(), open_desk.sound()
        findings = choose_once(
            open_desk.source, sound, transcript, open_desk.options, judge, open_desk.cache, open_desk.watch
        )
    found = [
        (each, each.title or write_title(each.text, whole=transcript, language=transcript.language))
        for each in findings.highlights
    ]
    with run.finish() as session:
        project = projects.find(session, project_id, locked=True)
        plan = plan_of(session, plans_of(run.runtime.settings))
        most = _most_clips(session, plan, project_id)
        wanted = clips.save_found(session, project_id, open_desk.source.duration, found, most=most)
        clip_charging.reserve(session, plan, wanted)
        render = render_clip.options(subject=project_id)
        run.fan_out(
            session,
            [
                render.planned(
                    session, {"project_id": project_id, "clip_id": clip.id, "alone": False, "version": clip.version}
                )
                for clip in wanted
            ],
            then=make_covers.options(subject=project_id).planned(session, {"project_id": project_id}),
        )


def _most_clips(session: Session, plan: Plan, project_id: UUID) -> int | None:
    """How many the project may have by its plan: of itself, and of what is left of the month."""
    of_month = clip_charging.most(session, plan)
    limits = [
        plan.limit(Meter.CLIPS_PER_PROJECT), None if of_month is None else clips.made(session, project_id) + of_month,
    ]  # fmt: skip
    return min((limit for limit in limits if limit is not None), default=None)


def _ask_for_render(session: Session, wanted: Any, render: Kind[Any]) -> int:
    clip = asking.held(session, wanted.clip_id, render.name)
    if clip.project_id != wanted.project_id:
        raise clips.NoSuchClip
    if clip.state is ClipState.CANDIDATE:
        raise clips.ClipNotMade(clip)
    if render.is_for_later:
        return render.start(session, **dict(wanted))
    return asking.ask_for_render(session, clip, render)


@job("CLIP_RENDER", queue=MEDIA, timeout=timedelta(hours=2), on_request=Action.EDIT_CLIPS, ask=_ask_for_render)
def render_clip(
    run: JobRun,
    project_id: UUID,
    clip_id: UUID,
    alone: bool = True,
    version: int | None = None,  # noqa: ARG001 - who asks for a render finds by it whether this one is of the same edit
) -> None:
    """Frame the clip if that is due, render and check it. `alone`: its cover is made next, as nothing else does it."""
    with run.session() as session:
        project, clip = projects.find(session, project_id), clips.find(session, clip_id)
        if rendering.is_due(clip):
            clip_charging.reserve(session, plan_of(session, plans_of(run.runtime.settings)), [clip])
    made = rendering.render(run, project, clip)
    with run.finish() as session:
        now = clips.find(session, clip_id, locked=True)
        if made is not None and not _keep_render(session, now, made, clip.version):
            clip_charging.give_back(session, now, clip.version)
            return
        now.state, now.error = ClipState.READY, None
        session.flush()
        if made is not None:
            _charge(session, now, made, clip.version)
        _go_on_to_covers(session, project_id, clip_id, alone=alone)


def _charge(session: Session, clip: Clip, made: rendering.Rendered, version: int) -> None:
    """All at once: what the clip takes, its project with the first of its clips, and what is stored."""
    project = projects.find(session, clip.project_id)
    ledger.commit_all(
        session,
        [
            *clip_charging.charges(clip, rendered=made.edit.duration, version=version),
            *project_charging.charges(project),
            *stored.amounts(_objects(made.files)),
        ],
    )


def _objects(files: dict[str, clips.StoredFile]) -> list[tuple[ObjectKey, int]]:
    return [(ObjectKey.parse(file["key"]), file["size"]) for file in files.values()]


def _go_on_to_covers(session: Session, project_id: UUID, clip_id: UUID, *, alone: bool) -> None:
    """The covers of a project come after the last of its renders; one that was started again may come after them."""
    covers = make_covers.options(subject=project_id)
    project = projects.find(session, project_id)
    if project.state is ProjectState.FAILED:
        # There was nothing to show when its covers were due, and now there is.
        project.state, project.error = ProjectState.PROCESSING, None
        covers.start(session, project_id=project_id)
    elif alone or project.state is ProjectState.READY:
        covers.start(session, project_id=project_id, clip_id=clip_id)


def _keep_render(session: Session, clip: Clip, made: rendering.Rendered, version: int) -> bool:
    """Let the clip have what was made of its edit at `version`, unless it has something newer by now."""
    if version < (clip.rendered_version or 0):
        _delete(session, clip, clips.unnamed(clip, made.files))
        return False
    if clip.version == version:
        clip.edit = made.edit.model_dump(mode="json")
        clip.framed = made.framed.model_dump(mode="json")
        clip.version = max(1, clip.version)
    clip.rendered_from, clip.rendered_version = video_digest(made.edit), max(1, version)
    clip.findings = [finding.model_dump(mode="json") for finding in made.findings]
    _delete(session, clip, clips.replace_files(clip, made.files))
    return True


@job("THUMBNAIL_GEN", queue=MEDIA, timeout=timedelta(hours=1))
def make_covers(run: JobRun, project_id: UUID, clip_id: UUID | None = None) -> None:
    """Make the covers that are missing or out of date: of one clip, or of all, which ends the project's work."""
    with run.session() as session:
        project = projects.find(session, project_id)
        rendered = clips.rendered(session, project_id) if clip_id is None else [clips.find(session, clip_id)]
        wanted = [clip for clip in rendered if covering.is_due(clip)]
    made = covering.cover(run, project, wanted)
    with run.finish() as session:
        for cover in sorted(made, key=lambda each: each.clip_id):
            _keep_cover(session, clips.find(session, cover.clip_id, locked=True), cover)
        if clip_id is None:
            _end(session, project_id)


def _keep_cover(session: Session, clip: Clip, cover: covering.Cover) -> None:
    if cover.version < (clip.covered_version or 0):
        _delete(session, clip, clips.unnamed(clip, cover.files))
        return
    clip.covered_from, clip.covered_version = cover.digest, cover.version
    if clip.state is ClipState.READY:
        clip.error = None
    _delete(session, clip, clips.replace_files(clip, cover.files))
    session.flush()
    stored.keep(session, _objects(cover.files))


def _delete(session: Session, clip: Clip, keys: list[str]) -> None:
    """Once this is committed. Keys hold the version of the edit, so nothing that comes later is stored under them."""
    if keys:
        project_id = clip.project_id
        delete_objects.options(subject=project_id).start(session, project_id=project_id, keys=tuple(keys))


def _end(session: Session, project_id: UUID) -> None:
    """All renders have ended: the project is ready with what could be made, or has failed where nothing could."""
    project = projects.find(session, project_id, locked=True)
    if project.state is not ProjectState.PROCESSING:
        return
    if clips.has_any_to_show(session, project_id):
        project.state, project.error = ProjectState.READY, None
    else:
        project.state, project.error = ProjectState.FAILED, "None of the clips could be made. Their errors say why."
