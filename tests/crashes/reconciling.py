"""What an installation holds in the end, compared with what was asked of it: all of it, once, and nothing else."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session
from tests.crashes.customers import Story
from tests.crashes.installation import Installation

from cliply.features.usage import ledger, stored
from cliply.infra.storage.folder import FolderStorage
from cliply.infra.storage.keys import ObjectKey

_STEPS = ("TRANSCRIBE", "HIGHLIGHT_DETECT", "CLIP_RENDER", "THUMBNAIL_GEN")
_LOST = "The worker that ran this stopped without a word"


def rows(session: Session, query: str, **values: Any) -> list[Any]:
    return list(session.execute(text(query), values).all())


def tables_agree(session: Session, stories: Sequence[Story]) -> None:
    kept = [story for story in stories if not story.deleted]
    projects = {str(row.id): row for row in rows(session, "select * from projects")}
    assert set(projects) == {story.project for story in kept}, "a request that was sent again made another project"
    for story in kept:
        project = projects[story.project]
        assert (project.state, project.error) == ("ready", None)
        assert project.name == f"Story {story.number}" or not story.renamed
        _steps_agree(session, story)
        _clips_agree(session, story)
    ended_well(session)


def ended_well(session: Session) -> None:
    assert rows(session, "select from stages where pending <> 0 or next_job_id is null") == []
    # Ticks of the installation's own jobs may wait for somebody who works on their queue.
    left = "select kind, state from jobs where state not in ('succeeded', 'cancelled') and workspace_id is not null"
    assert rows(session, left) == []


def _steps_agree(session: Session, story: Story) -> None:
    # An upload that takes long to look at on a busy machine is left to a job of its own.
    steps = "select kind, state from jobs where subject = :project and kind <> 'UPLOAD_CHECK'"
    jobs = rows(session, steps, project=story.project)
    expected = Counter(_STEPS)
    if story.changed:
        expected += Counter(["THUMBNAIL_GEN", "OBJECTS_DELETE"])
    made = Counter(job.kind for job in jobs)
    if story.parked and made["THUMBNAIL_GEN"] > expected["THUMBNAIL_GEN"]:
        # Its only clip was started again after its covers were due.
        expected["THUMBNAIL_GEN"] += 1
    assert made == expected
    assert {job.state for job in jobs} == {"succeeded"}
    steps = "select clip_id is not null as of_clip, state from project_events where project_id = :project order by id"
    told = Counter((row.of_clip, row.state) for row in rows(session, steps, project=story.project))
    if not story.parked:
        assert told == Counter(
            [(False, "uploading"), (False, "processing"), (False, "ready"), (True, "rendering"), (True, "ready")]
        )


def _clips_agree(session: Session, story: Story) -> None:
    clips = rows(session, "select * from clips where project_id = :project", project=story.project)
    assert len({(clip.start_ms, clip.end_ms) for clip in clips}) == len(clips)
    made = [clip for clip in clips if clip.state != "candidate"]
    assert [(clip.state, clip.error) for clip in made] == [("ready", None)]
    assert set(made[0].files) == {"video", "srt", "vtt", "ass", "cover", "coverwide"}


def history_agrees(session: Session) -> None:
    """Of every job each attempt is told, from its beginning to its end, and one end at most is a success."""
    told: dict[int, list[Any]] = {}
    for row in rows(session, "select * from job_events order by job_id, id"):
        told.setdefault(row.job_id, []).append(row)
    jobs = {row.id: row for row in rows(session, "select * from jobs")}
    assert set(told) == set(jobs)
    for job_id, events in told.items():
        assert (events[0].was, events[0].became) == (None, "queued")
        assert [event.was for event in events[1:]] == [event.became for event in events[:-1]]
        begun = [event.attempt for event in events if event.became == "running" and event.was == "queued"]
        assert len(set(begun)) == len(begun)
        assert events[-1].became == jobs[job_id].state
        assert [event.became for event in events].count("succeeded") == (jobs[job_id].state == "succeeded")
        lost = [event for event in events if event.was in ("running", "stopping") and _LOST in (event.note or "")]
        # One that was told to stop has done so, in whatever way.
        lost += [event for event in events if (event.was, event.became) == ("stopping", "cancelled")]
        # An operator's retry begins a new count.
        assert len(lost) >= jobs[job_id].deaths


def usage_is_what_came_of_it(session: Session) -> None:
    """Counters are what the ledger says, what is there counts, and of what is over nothing is still set aside."""
    assert list(ledger.disagreements(session)) == []
    entries = rows(session, "select metric, source, amount, state from usage_entries")
    assert [row for row in entries if row.state == "reserved"] == []
    metrics = ("projects", "source_minutes", "clips", "storage_bytes")
    counted: dict[str, set[str]] = {metric: set() for metric in metrics}
    for row in entries:
        if row.metric in metrics and row.state == "committed":
            counted[row.metric].add(row.source)
    projects = {str(row.id) for row in rows(session, "select id from projects where state = 'ready'")}
    assert projects <= counted["projects"]
    assert counted["projects"] == counted["source_minutes"]
    assert {str(row.id) for row in rows(session, "select id from clips where state = 'ready'")} <= counted["clips"]
    named_now = {key for key in named(session) if ObjectKey.parse(key).kind in stored.KINDS}
    assert counted["storage_bytes"] == named_now


def audit_agrees(session: Session, stories: Sequence[Story]) -> None:
    found = Counter((row.action, row.target_id) for row in rows(session, "select action, target_id from audit_entries"))
    assert {entry: count for entry, count in found.items() if count > 1 and entry[0] != "job.retried"} == {}
    expected: Counter[str] = Counter()
    for story in stories:
        expected += Counter(["project.created", "upload.completed"])
        wanted = {
            "project.renamed": story.renamed,
            "invitation.created": story.invited,
            "clip.changed": story.changed,
            "clip.rendered": story.changed,
            "project.deleted": story.deleted,
        }
        expected += Counter({action: 1 for action, done in wanted.items() if done})
    actions = Counter(action for action, _ in found.elements())
    assert {action: actions[action] for action in expected} == dict(expected)


def letters_agree(session: Session, stories: Sequence[Story], sent: Iterable[Any]) -> int:
    """Returns how many letters came twice, as a crash between the server's yes and our note of it allows."""
    arrived = [(letter["To"], letter["Message-ID"]) for letter in sent]
    assert sorted(to for to, _ in set(arrived)) == sorted(story.guest for story in stories if story.invited)
    assert rows(session, "select from mails where sent_at is null") == []
    return len(arrived) - len(set(arrived))


@dataclass(frozen=True)
class Leftovers:
    """What a crash may leave in storage until it is swept."""

    contents: int
    """Without a record: not seen by anybody."""
    unfinished: int
    uploads: int


def storage_agrees(session: Session, root: Path) -> Leftovers:
    """Every object has a row and every row its objects, each whole; returns what the sweep then removed."""
    expected = named(session)
    records = {path.relative_to(root / "objects").with_suffix("").as_posix(): path for path in _records(root)}
    assert set(records) == expected
    for path in records.values():
        stored = json.loads(path.read_bytes())["stored"]
        content = path.with_suffix(f".{stored['sha256']}").read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (stored["size"], stored["sha256"])
    left = Leftovers(
        contents=len(_files(root / "objects")) - 2 * len(records),
        unfinished=len(list((root / "unfinished").iterdir())),
        uploads=len(list((root / "uploads").glob("*/*/*/*/*"))),
    )
    FolderStorage(root).sweep(timedelta(0))
    assert len(_files(root / "objects")) == 2 * len(records)
    assert [path for part in ("unfinished", "uploads") for path in _files(root / part)] == []
    return left


def named(session: Session) -> set[str]:
    """The keys of all objects that rows refer to."""
    return set(_keys(session))


def _keys(session: Session) -> Iterable[str]:
    for row in rows(session, "select workspace_id, id, source_id, transcript_id from projects"):
        yield f"{row.workspace_id}/{row.id}/source/{row.source_id}"
        yield f"{row.workspace_id}/{row.id}/transcript/{row.transcript_id}"
    for row in rows(session, "select workspace_id, project_id, framed, files from clips where state <> 'candidate'"):
        yield f"{row.workspace_id}/{row.project_id}/faces/{row.framed['faces']}"
        yield from (file["key"] for file in row.files.values())


def _records(root: Path) -> Iterable[Path]:
    return (root / "objects").rglob("*.json")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def nothing_runs(there: Installation) -> None:
    """No process is left behind that works on the installation's files, but the database that this test holds."""
    left = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(there.root) in command and "postgres" not in command:
            left.append(command)
    assert left == []
