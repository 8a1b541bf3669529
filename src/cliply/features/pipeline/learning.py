"""What jobs need of a source before they can work: the file, its sound, its words. Whatever this machine lacks is
fetched or made again, so any worker can run any step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from cliply.errors import CliplyError
from cliply.features.jobs.runner import JobRun
from cliply.features.projects import service as projects
from cliply.features.projects.local_copies import local_copies
from cliply.features.projects.models import Project
from cliply.features.projects.options import in_our_names
from cliply.features.projects.sources import opened, source_cache
from cliply.infra.storage.keys import ObjectKey
from cliply.media.analysis import Analysis, listen
from cliply.media.cache import Cache
from cliply.media.fingerprint import fingerprint
from cliply.media.highlights.find import Findings
from cliply.media.options import ClipOptions
from cliply.media.probe import Source, probe
from cliply.media.progress import Stage, Update, Watch
from cliply.media.scratch import scratch_folder
from cliply.media.speech.sound import SoundTrack
from cliply.media.speech.transcripts import load_transcript
from cliply.media.types import Transcript

_NAMES = {
    Stage.SOUND: "listening",
    Stage.SPEECH: "transcribing",
    Stage.HIGHLIGHTS: "choosing moments",
    Stage.FRAMING: "framing",
    Stage.RENDER: "rendering",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """A project's source, opened for one job."""

    run: JobRun
    project: Project
    source: Source
    cache: Cache
    watch: Watch

    @property
    def options(self) -> ClipOptions:
        return projects.options_of(self.project).for_engine(self.source.duration)

    def sound(self) -> SoundTrack:
        """Heard once on each machine, by whichever job comes first."""
        source_id = _known(self.project.source_id)
        with source_cache(self.run.runtime).alone(source_id, on_wait=lambda: self.run.progress(0, "waiting")):
            return listen(self.source, self.cache, self.watch)

    def transcript(self) -> Transcript:
        """The words that TRANSCRIBE has stored."""
        key = self.project.key("transcript", _known(self.project.transcript_id))
        return load_transcript_from(self.run, key)

    def analysis(self) -> Analysis:
        """What framing needs; the moments are the caller's."""
        return Analysis(
            self.source, fingerprint(self.source.path), self.sound(), self.transcript(), Findings((), (), ())
        )


@contextmanager
def desk(
    run: JobRun, project: Project, stages: dict[Stage, tuple[float, float]], *, step: str | None = None
) -> Iterator[Desk]:
    """The project's source, while the block runs. `stages` says what share of the job each stage of the engine is;
    `step` is shown instead of their names."""
    key = project.key("source", _known(project.source_id))
    name = project.file_name or "source"
    with opened(run.runtime, key, name, on_wait=lambda: run.progress(0, "fetching")) as path:
        # A folder for each project, though two may have the same source: what is learned goes when its project does.
        cache = Cache(local_copies(run.runtime.settings).learned(project.id))
        try:
            yield Desk(run, project, probe(path), cache, Watch(_teller(run, stages, step)))
        except CliplyError as failed:
            failed.args = (in_our_names(str(failed)),)
            raise


def load_transcript_from(run: JobRun, key: ObjectKey) -> Transcript:
    with scratch_folder("words") as folder:
        file = folder / "transcript.json"
        run.runtime.storage.download(key, file)
        return load_transcript(file)


def _teller(run: JobRun, stages: dict[Stage, tuple[float, float]], step: str | None) -> Callable[[Update], None]:
    def tell(update: Update) -> None:
        begins, ends = stages.get(update.stage, (0.0, 0.0))
        run.progress(begins + (ends - begins) * update.overall, step or _NAMES[update.stage])

    return tell


def _known(object_id: UUID | None) -> UUID:
    if object_id is None:
        raise ValueError("a step runs after the one that it builds on")
    return object_id
