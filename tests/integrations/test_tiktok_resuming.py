"""Connections that break anywhere, processes that are killed, and answers that are lost: one post each, every byte."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.integrations.tiktok_bodies import BAD_GATEWAY, told
from tests.integrations.tiktok_stage import POST, SMALL_CHUNKS, SMALL_SIZES, Stage, publisher_for, tiktok_stage

from cliply.dev_providers.faults import Fault, Kind
from cliply.dev_providers.ledger import sha256
from cliply.dev_providers.tiktok_checks import Sizes
from cliply.integrations.publisher import Handle, Phase, Rejected, Sighting, TryLater, Unknown, Video
from cliply.integrations.tiktok_chunks import Chunking

MINUTE = timedelta(minutes=1)
PUT = "^/video/$"
CALLS = ("/creator_info/", "/init/", "/status/", PUT)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One TikTok for all of these, with somebody new each time."""
    with tiktok_stage(tmp_path_factory.mktemp("tiktok")) as made:
        yield made


@pytest.fixture
def stage(shared: Stage) -> Stage:
    return anew(shared)


def anew(shared: Stage) -> Stage:
    shared.faults.clear()
    shared.posting.tells_last_byte = shared.posting.leaves_count_out = False
    # A whole day, so that nobody else's posts count any more.
    shared.clock.advance(timedelta(days=1))
    return replace(shared, person=shared.newcomer(), sent=[])


def published(stage: Stage, video: Video) -> int:
    """How many times a job went about it until it was sent. It keeps the handle before the first byte, and goes on
    after whatever allows that."""
    token, handle = stage.token(), None
    for attempt in range(1, 40):
        stage.clock.advance(MINUTE)
        try:
            if handle is None:
                stage.publisher.fresh_problems(token, POST, video)
                handle = stage.publisher.begin(token, POST, video, mark="")
            phase = stage.publisher.send(token, handle, video, stage.sent.append).phase
        except (TryLater, Unknown):
            continue
        if phase is not Phase.GONE:
            return attempt
        handle = None
    raise AssertionError("it was never sent")


def assert_posted_once(stage: Stage, video: Video) -> None:
    (entry,) = stage.posts()
    assert entry.details["sha256"] == sha256(video.path.read_bytes())
    assert entry.details["size"] == video.size


faults = st.builds(
    Fault,
    st.sampled_from([Kind.ANSWER, Kind.DROP_UNREAD, Kind.DROP_IN_BODY, Kind.DROP_ANSWER]),
    st.sampled_from([*CALLS, PUT, PUT]),
    skip=st.integers(0, 8),
    times=st.integers(1, 4),
    status=st.sampled_from([500, 502, 503, 504, 429]),
    body=st.sampled_from([BAD_GATEWAY, b"", told("internal_error")]),
    after=st.integers(0, 14_000),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 15_000), st.lists(faults, max_size=8), st.booleans(), st.booleans())
def test_whatever_breaks_there_is_one_post_with_every_byte(
    shared: Stage, size: int, planned: list[Fault], tells_last_byte: bool, leaves_count_out: bool
) -> None:
    stage, video = anew(shared), shared.video(max(size, 12))
    stage.posting.tells_last_byte, stage.posting.leaves_count_out = tells_last_byte, leaves_count_out
    stage.faults.plan(*planned)
    published(stage, video)
    assert_posted_once(stage, video)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 7), st.integers(0, 2000))
@example(7, 1500)
@example(0, 0)
@example(3, 1000)
def test_a_connection_that_breaks_at_any_byte_costs_one_chunk(shared: Stage, chunk: int, after: int) -> None:
    stage, video = anew(shared), shared.video(8500)
    stage.faults.plan(Fault(Kind.DROP_IN_BODY, PUT, skip=chunk, after=after))
    assert published(stage, video) == 1
    assert stage.ledger.count("chunk_received", who=stage.person.open_id) == 8, "none came twice"
    assert_posted_once(stage, video)


@pytest.mark.parametrize("chunk", range(8))
@pytest.mark.parametrize("kind", [Kind.DROP_UNREAD, Kind.DROP_ANSWER, Kind.ANSWER])
def test_a_chunk_whose_answer_is_lost_is_asked_about_and_sent_once(stage: Stage, chunk: int, kind: Kind) -> None:
    video = stage.video(8500)
    stage.faults.plan(Fault(kind, PUT, skip=chunk))
    assert published(stage, video) == 1
    assert stage.ledger.count("chunk_received", who=stage.person.open_id) == 8
    assert stage.ledger.count("chunk_refused", who=stage.person.open_id) == 0
    assert_posted_once(stage, video)


def test_a_beginning_whose_answer_is_lost_is_unknown_and_never_becomes_a_post(stage: Stage) -> None:
    video = stage.video()
    stage.faults.plan(Fault(Kind.DROP_ANSWER, "/init/"))
    with pytest.raises(Unknown):
        stage.begun(stage.token(), video)
    assert stage.ledger.count("upload_begun", who=stage.person.open_id) == 1
    published(stage, video)
    assert_posted_once(stage, video)


def test_a_beginning_that_never_left_may_be_tried_again(stage: Stage) -> None:
    nowhere = publisher_for("http://127.0.0.1:1", stage.clock, SMALL_CHUNKS)
    with pytest.raises(TryLater):
        nowhere.begin(stage.token(), POST, stage.video(), mark="")


def test_a_lost_answer_to_the_last_chunk_is_unknown_where_nobody_can_be_asked(stage: Stage) -> None:
    token, video = stage.token(), stage.video(3500)
    handle = stage.begun(token, video)
    stage.faults.plan(Fault(Kind.DROP_ANSWER, PUT), Fault(Kind.ANSWER, "/status/", skip=1, times=4, body=BAD_GATEWAY))
    with pytest.raises(Unknown, match="All of the video has been sent"):
        stage.publisher.send(token, handle, video, stage.sent.append)
    assert stage.seen(token, handle).phase is Phase.PROCESSING
    assert stage.publisher.send(token, handle, video, stage.sent.append).phase is Phase.PROCESSING
    assert_posted_once(stage, video)


def test_a_lost_answer_to_a_chunk_before_the_last_is_a_wait(stage: Stage) -> None:
    token, video = stage.token(), stage.video(8500)
    handle = stage.begun(token, video)
    stage.faults.plan(Fault(Kind.DROP_ANSWER, PUT), Fault(Kind.ANSWER, "/status/", skip=1, times=4, body=BAD_GATEWAY))
    with pytest.raises(TryLater):
        stage.publisher.send(token, handle, video, stage.sent.append)
    assert stage.seen(token, handle).received == 1000


@pytest.mark.parametrize("fault", [Fault(Kind.ANSWER, PUT, times=None), Fault(Kind.DROP_UNREAD, PUT, times=None)])
def test_a_tiktok_that_takes_no_bytes_is_left_for_later(stage: Stage, fault: Fault) -> None:
    token, video = stage.token(), stage.video(8500)
    handle = stage.begun(token, video)
    stage.faults.plan(fault)
    with pytest.raises(TryLater) as raised:
        stage.publisher.send(token, handle, video, stage.sent.append)
    assert raised.value.code == "chunk_not_taken"
    assert not raised.value.anew


@pytest.mark.parametrize("last_byte", [False, True])
def test_progress_is_read_whether_it_names_a_count_or_the_last_byte(stage: Stage, last_byte: bool) -> None:
    """The status lags behind; the refusal of a chunk that is there already tells how far TikTok is."""
    token, video = stage.token(), stage.video(8500)
    handle = stage.begun(token, video)
    stage.posting.tells_last_byte = last_byte
    stop_at(stage, token, handle, video, 3000)
    lagging = told("ok", "", {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 1000})
    stage.faults.plan(Fault(Kind.ANSWER, "/status/", status=200, body=lagging))
    assert stage.publisher.send(token, handle, video, stage.sent.append).phase is Phase.PROCESSING
    assert stage.ledger.count("chunk_refused", who=stage.person.open_id) == 1
    assert_posted_once(stage, video)


class Stopped(Exception):
    pass


def stop_at(stage: Stage, token: str, handle: Handle, video: Video, at: int) -> None:
    """Whoever sends it is stopped once TikTok has that many bytes."""

    def stop(there: int) -> None:
        stage.sent.append(there)
        if there >= at:
            raise Stopped

    with pytest.raises(Stopped):
        stage.publisher.send(token, handle, video, stop)


def test_whoever_listens_can_end_the_sending_within_a_chunk(stage: Stage) -> None:
    token, video = stage.token(), stage.video(6400)
    handle = stage.begun(token, video)
    calls: list[int] = []

    def stop(there: int) -> None:
        calls.append(there)
        if len(calls) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        stage.publisher.send(token, handle, video, stop)
    assert calls == [0, 0], "within the only chunk"
    assert stage.publisher.send(token, handle, video, stage.sent.append).phase is Phase.PROCESSING
    assert_posted_once(stage, video)


def test_one_who_wakes_up_late_disturbs_nobody(stage: Stage) -> None:
    """A sender stands still in the middle of a chunk while another finishes the upload."""
    token, video = stage.token(), stage.video(8500)
    handle = stage.begun(token, video)
    finished: list[Sighting] = []

    def overtaken(there: int) -> None:
        if there == 3000 and not finished:
            other = publisher_for(stage.url, stage.clock, SMALL_CHUNKS)
            finished.append(other.send(token, handle, video, stage.sent.append))

    assert stage.publisher.send(token, handle, video, overtaken).phase is Phase.PROCESSING
    assert [sighting.phase for sighting in finished] == [Phase.PROCESSING]
    assert_posted_once(stage, video)


def test_another_file_is_not_sent_to_an_upload_that_was_begun(stage: Stage) -> None:
    token, video = stage.token(), stage.video(8500)
    handle = stage.begun(token, video)
    with pytest.raises(Rejected, match="not the one whose upload was begun"):
        stage.publisher.send(token, handle, stage.video(8400), stage.sent.append)
    video.path.write_bytes(video.path.read_bytes()[:8000])
    with pytest.raises(Rejected, match="not the one whose upload was begun"):
        stage.publisher.send(token, handle, video, stage.sent.append)


def test_a_file_that_shrinks_meanwhile_is_noticed(stage: Stage) -> None:
    token, video = stage.token(), stage.video(8500, seed=5)
    handle = stage.begun(token, video)

    def shrink(there: int) -> None:
        if there == 3000:
            video.path.write_bytes(b"")

    with pytest.raises(Rejected, match="has become shorter"):
        stage.publisher.send(token, handle, video, shrink)
    assert stage.posts() == []


# Another process

_CHILD = """
import json, os, signal, sys
from datetime import datetime
from pathlib import Path
from cliply.dev_providers.clock import Clock
from cliply.integrations.publisher import Handle, Video
from tests.integrations.tiktok_stage import NOON, publisher_for
from cliply.integrations.tiktok_chunks import Chunking

url, token, told, path, size, kill_at = sys.argv[1:]
fields = json.loads(told)
handle = Handle(**{**fields, "expires_at": datetime.fromisoformat(fields["expires_at"])})
video = Video(Path(path), int(size), "video/mp4", 42.0, 1080, 1920, 30.0)
calls = 0

def die(there):
    global calls
    calls += 1
    if calls == int(kill_at):
        os.kill(os.getpid(), signal.SIGKILL)

publisher_for(url, Clock(NOON), Chunking(500_000, 400_000)).send(token, handle, video, die)
"""
_BIG = 1_700_000
"""Four chunks: of two blocks each, and the last of two as well."""


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", [1, 3, 5, 8, 12])
def test_another_process_goes_on_where_one_was_killed(tmp_path: Path, kill_at: int) -> None:
    chunking = Chunking(whole_up_to=500_000, chunk_size=400_000)
    with tiktok_stage(tmp_path, sizes=Sizes(1000, 500_000, 1_000_000), chunking=chunking) as stage:
        token, video = stage.token(), stage.video(_BIG)
        handle = stage.begun(token, video)
        stored = json.dumps({**asdict(handle), "expires_at": str(handle.expires_at)})
        killed = subprocess.run(
            [sys.executable, "-c", _CHILD, stage.url, token, stored, str(video.path), str(_BIG), str(kill_at)],
            cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONPATH": "."}, check=False, capture_output=True,
            text=True,
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        before = stage.seen(token, handle)
        assert before.phase is Phase.UPLOADING
        fields = json.loads(stored)
        again = Handle(**{**fields, "expires_at": datetime.fromisoformat(fields["expires_at"])})
        assert stage.publisher.send(token, again, video, stage.sent.append).phase is Phase.PROCESSING
        assert stage.sent[0] == before.received, "what was there is not sent again"
        assert stage.ledger.count("chunk_received") == 4
        assert_posted_once(stage, video)


@pytest.mark.slow
@pytest.mark.parametrize("size", [64_000_000, 64_000_001])
def test_a_file_of_a_real_size_goes_through_rules_of_a_real_size(tmp_path: Path, size: int) -> None:
    with tiktok_stage(tmp_path, sizes=Sizes(), chunking=Chunking()) as stage:
        video = stage.video(size)
        stage.faults.plan(Fault(Kind.DROP_IN_BODY, PUT, after=9_876_543))
        assert published(stage, video) == 1
        assert stage.ledger.count("chunk_received") == (1 if size == 64_000_000 else 6)
        assert_posted_once(stage, video)


def test_small_sizes_are_real_ones_ten_thousand_times_smaller() -> None:
    real = Sizes()
    assert SMALL_SIZES.largest_chunk * 10_000 == real.largest_chunk
    assert SMALL_SIZES.largest_last_chunk * 10_000 == real.largest_last_chunk
    assert SMALL_CHUNKS.whole_up_to * 10_000 == Chunking().whole_up_to
    assert SMALL_CHUNKS.chunk_size * 10_000 == Chunking().chunk_size
