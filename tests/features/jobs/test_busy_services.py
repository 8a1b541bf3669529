"""A hosted service that sends everybody away for a while: its jobs come back when it said, not before."""

import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from tests.features.jobs.working import working
from tests.infra.queue.fleet import until
from tests.servers import speech
from tests.servers.speech import KEY

from cliply.features.jobs import service
from cliply.features.jobs.kinds import Registry
from cliply.features.jobs.models import Job
from cliply.features.jobs.runner import JobRun
from cliply.infra.db import Database
from cliply.integrations.openai import OpenAITranscriber

kinds = Registry()


@kinds.job("HEAR", queue="work", timeout=timedelta(minutes=1))
def hear(run: JobRun, sound: str, url: str) -> None:
    """Have the service listen."""
    OpenAITranscriber(KEY, url=url).transcribe(Path(sound), on_progress=run.progress)


def test_a_job_waits_for_as_long_as_the_service_asks(
    database: Database, migrated: str, workspaces: list[UUID], tmp_path: Path
) -> None:
    sound = tmp_path / "speech.wav"
    with wave.open(str(sound), "wb") as track:
        track.setparams((1, 2, 16_000, 0, "NONE", ""))
        track.writeframes(bytes(32_000))

    def job() -> Job:
        with database.system() as session:
            return service.get(session, job_id)

    with speech.openai() as hosted, working(migrated, database, kinds):
        hosted.troubles = [(429, {"Retry-After": "7200"})]
        before = datetime.now(UTC)
        with database.workspace(workspaces[0]) as session:
            job_id = hear.start(session, sound=str(sound), url=hosted.url)
        until(lambda: job().failures == 1)
        waiting = job()
        assert waiting.state == "queued"
        assert waiting.error is not None
        assert "asks to wait 120 min" in waiting.error
        assert waiting.scheduled_at is not None
        assert before + timedelta(hours=2) <= waiting.scheduled_at < before + timedelta(hours=2, minutes=5)
