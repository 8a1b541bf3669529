import json
import random
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integrations.youtube_bodies import BAD_GATEWAY, MINUTE_SPENT, UPLOADS_SPENT, body
from tests.integrations.youtube_studio import MARK, POST, UPLOAD, Studio, clip, digest, studio

from cliply.dev_providers.faults import Fault, Kind
from cliply.dev_providers.youtube_resumable import GRANULE
from cliply.integrations.publisher import (
    Concerns,
    Handle,
    Phase,
    Rejected,
    Sighting,
    TokenExpired,
    TryLater,
    Unknown,
    Video,
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Studio]:
    with studio() as found:
        found.channel.daily_uploads = 10**6
        found.youtube.quotas.limits = dict.fromkeys(found.youtube.quotas.limits, 10**6)
        yield found


@pytest.fixture
def at() -> Iterator[Studio]:
    with studio() as found:
        yield found


@pytest.fixture
def video(tmp_path: Path) -> Video:
    return clip(tmp_path)


def unheard(received: int) -> None:
    pass


def begun(at: Studio, video: Video, mark: str = MARK) -> Handle:
    return at.publisher().begin(at.token(), POST, video, mark=mark)


def is_question(headers: Mapping[str, str]) -> bool:
    return headers.get("content-range", "").startswith("bytes */")


def is_part(headers: Mapping[str, str]) -> bool:
    return not is_question(headers)


def is_last(headers: Mapping[str, str]) -> bool:
    told = headers.get("content-range", "").removeprefix("bytes ")
    span, _, total = told.partition("/")
    return total.isdigit() and span.rpartition("-")[2] == str(int(total) - 1)


# Any connection may break at any byte

FAULTS = st.one_of(
    st.builds(
        Fault, st.just(Kind.DROP_IN_BODY), path=st.just(UPLOAD), method=st.just("PUT"), where=st.just(is_part),
        skip=st.integers(0, 4), times=st.integers(1, 3), after=st.integers(0, 2 * GRANULE),
    ),
    st.builds(
        Fault, st.sampled_from([Kind.DROP_UNREAD, Kind.DROP_ANSWER]), path=st.just(UPLOAD), method=st.just("PUT"),
        where=st.sampled_from([is_part, is_question, is_last]), skip=st.integers(0, 4), times=st.integers(1, 6),
    ),
    st.builds(
        Fault, st.just(Kind.ANSWER), path=st.just(UPLOAD), method=st.just("PUT"), skip=st.integers(0, 6),
        times=st.integers(1, 6), status=st.sampled_from([408, 429, 500, 502, 503, 504]), body=st.just(BAD_GATEWAY),
    ),
)  # fmt: skip


def carried_through(at: Studio, handle: Handle, video: Video) -> Sighting:
    """As a worker does it: each try by a new client, with the handle as it was stored, until there is an end."""
    for _ in range(60):
        try:
            return at.publisher().send(at.token(), Handle(**asdict(handle)), video, unheard)
        except (TryLater, Unknown):
            continue
    raise AssertionError("no end of it")


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(1, 4 * GRANULE) | st.sampled_from([GRANULE, 2 * GRANULE, 3 * GRANULE]),
    parts=st.integers(1, 2),
    faults=st.lists(FAULTS, max_size=4),
)
def test_whatever_breaks_there_is_one_video_with_every_byte(
    shared: Studio, tmp_path: Path, size: int, parts: int, faults: list[Fault]
) -> None:
    video, before = clip(tmp_path, size), len(shared.published())
    mark = f"{before}.mp4"
    handle = shared.publisher(part_size=parts * GRANULE).begin(shared.token(), POST, video, mark=mark)
    shared.world.faults.plan(*faults)
    try:
        found = carried_through(shared, handle, video)
    finally:
        shared.world.faults.clear()
    assert shared.published()[before:] == [(mark, digest(video))]
    entry = shared.world.ledger.entries("video_published")[-1]
    assert (found.phase, found.external_id) == (Phase.PROCESSING, entry.details["id"])
    assert shared.world.ledger.count("part_refused") == 0


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(after=st.integers(0, 3 * GRANULE))
def test_a_connection_that_breaks_at_any_byte_costs_that_part_only(shared: Studio, tmp_path: Path, after: int) -> None:
    video, before = clip(tmp_path, 3 * GRANULE), len(shared.published())
    handle = shared.publisher(part_size=3 * GRANULE).begin(shared.token(), POST, video, mark="part.mp4")
    shared.plan(Kind.DROP_IN_BODY, where=is_part, after=after)
    received: list[int] = []
    shared.publisher().send(shared.token(), handle, video, received.append)
    # What had come is not sent again, in whole granules.
    expected = [0, after - after % GRANULE, 3 * GRANULE]
    assert [each for each in received if each] == list(dict.fromkeys(each for each in expected if each))
    assert shared.published()[before:] == [("part.mp4", digest(video))]


ANYWHERE = [
    Fault(Kind.DROP_UNREAD),
    Fault(Kind.DROP_ANSWER),
    Fault(Kind.DROP_IN_BODY, method="PUT", where=is_part, after=GRANULE // 2),
    Fault(Kind.ANSWER, status=503, body=BAD_GATEWAY),
    Fault(Kind.ANSWER, status=429, body=body(429, "rateLimitExceeded", "global", MINUTE_SPENT)),
]


SPITEFUL = [
    *ANYWHERE,
    # The video is there, nobody says so, and its session is gone.
    *[Fault(Kind.DROP_ANSWER, path=UPLOAD, method="PUT", where=is_last)] * 8,
    *[Fault(Kind.ANSWER, path=UPLOAD, method="PUT", where=is_question, status=404)] * 8,
]
LOOKS = 3
"""In a row that find nothing, after which an upload is taken as never having come to its end."""


def published_by_the_rules(at: Studio, video: Video, mark: str, seed: int) -> Sighting:
    """A publication from its beginning to its end, whatever happens. A session that was gone once is not sent to any
    more: what came of it is looked for, and another is begun only where nothing did."""
    drawn, since, handle, absent = random.Random(seed), at.world.clock.now(), None, LOOKS
    for _ in range(300):
        if drawn.random() < 0.05:
            at.world.clock.advance(at.youtube.library.session_lasts)
        publisher, token = at.publisher(), at.token()
        try:
            if absent >= LOOKS:
                handle, absent = publisher.begin(token, POST, video, mark=mark), 0
            elif handle is not None:
                sent = publisher.send(token, handle, video, unheard)
                if sent.phase is not Phase.GONE:
                    return sent
                handle = None
            else:
                at.world.clock.advance(timedelta(seconds=20))
                found = publisher.find(token, mark=mark, post=POST, since=since)
                if found is not None:
                    return found
                absent += 1
        except (TryLater, Unknown):
            continue
    raise AssertionError("no end of it")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 3])
def test_with_a_third_of_all_requests_failing_each_publication_is_one_video(
    at: Studio, tmp_path: Path, seed: int
) -> None:
    at.channel.daily_uploads = 10**6
    at.youtube.quotas.limits = dict.fromkeys(at.youtube.quotas.limits, 10**6)
    at.youtube.library.listed_after = timedelta(seconds=30)
    at.youtube.library.file_known_after = timedelta(seconds=45)
    wanted = {}
    with at.world.faults.drawing(0.3, SPITEFUL, seed=seed):
        for number in range(25):
            video = clip(tmp_path, 2 * GRANULE + number, seed=number)
            found = published_by_the_rules(at, video, f"{number}.mp4", 100 * seed + number)
            wanted[f"{number}.mp4"] = (digest(video), found.external_id)
    entries = at.world.ledger.entries("video_published")
    told = [(entry.details["file_name"], (entry.details["sha256"], entry.details["id"])) for entry in entries]
    assert len(told) == len(wanted)
    assert dict(told) == wanted


# A process may end at any time


def test_an_upload_goes_on_where_another_left_it(at: Studio, video: Video) -> None:
    handle = begun(at, video)

    def stop(received: int) -> None:
        if received >= 2 * GRANULE:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        at.publisher().send(at.token(), handle, video, stop)
    assert at.published() == []
    received: list[int] = []
    at.publisher().send(at.token(), Handle(**json.loads(json.dumps(asdict(handle)))), video, received.append)
    assert received == [2 * GRANULE, 3 * GRANULE, video.size]
    assert at.published() == [(MARK, digest(video))]


KILLED = """
import json, sys
from cliply.infra.breakers import ProcessBreakers
from cliply.infra.outbound import Outbound
from cliply.integrations.publisher import Handle, Video
from cliply.integrations.youtube import HOSTS, YouTubeAddresses, YouTubePublisher
from pathlib import Path

told = json.loads(sys.stdin.readline())
client = Outbound(ProcessBreakers()).client("YouTube", hosts=HOSTS, url=told["address"])
publisher = YouTubePublisher(client, YouTubeAddresses.below(told["address"]))
video = Video(Path(told["path"]), told["size"], "video/mp4", 42.0, 1080, 1920, 30.0)

def heard(received):
    print(received, flush=True)
    sys.stdin.readline()

publisher.send(told["token"], Handle(**told["handle"]), video, heard)
"""


@pytest.mark.slow
def test_an_upload_survives_the_end_of_its_process_at_every_part(at: Studio, tmp_path: Path) -> None:
    video = clip(tmp_path, 3 * GRANULE + 17)
    handle = begun(at, video)
    told = {"address": at.address, "path": str(video.path), "size": video.size, "token": at.token()}
    for expected in (0, GRANULE, 2 * GRANULE, 3 * GRANULE, video.size):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({**told, "handle": asdict(handle)}) + "\n")
        process.stdin.flush()
        assert int(process.stdout.readline()) == max(0, expected - GRANULE) or expected > 3 * GRANULE
        if expected:
            # One part further, then it is over.
            process.stdin.write("\n")
            process.stdin.flush()
            assert int(process.stdout.readline()) == expected
        process.send_signal(signal.SIGKILL)
        process.communicate()
    seen = at.publisher().look(at.token(), handle, None)
    assert seen.phase is Phase.PROCESSING
    assert at.published() == [(MARK, digest(video))]


def test_two_who_send_the_same_upload_make_one_video(at: Studio, tmp_path: Path) -> None:
    """A worker that was frozen wakes up beside the one that took its place."""
    video = clip(tmp_path, 12 * GRANULE)
    handle, outcomes = begun(at, video), list[Sighting | Exception]()
    together = threading.Barrier(2)

    def send() -> None:
        together.wait()
        try:
            outcomes.append(at.publisher().send(at.token(), handle, video, unheard))
        except TryLater as later:
            outcomes.append(later)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    carried_through(at, handle, video)
    assert at.published() == [(MARK, digest(video))]
    assert len(outcomes) == 2


# Lost answers


def test_an_answer_to_the_last_part_that_is_lost_is_asked_for(at: Studio, video: Video) -> None:
    handle = begun(at, video)
    at.plan(Kind.DROP_ANSWER, where=is_last)
    found = at.publisher().send(at.token(), handle, video, unheard)
    assert found.phase is Phase.PROCESSING
    assert at.published() == [(MARK, digest(video))]


def test_where_nobody_says_what_became_of_the_last_part_it_is_unknown(at: Studio, video: Video) -> None:
    handle, since = begun(at, video), at.world.clock.now()
    at.plan(Kind.DROP_ANSWER, where=is_last)
    # The question at the beginning is answered, those after the last part are not.
    at.plan(Kind.DROP_UNREAD, where=is_question, skip=1, times=None)
    with pytest.raises(Unknown):
        at.publisher().send(at.token(), handle, video, unheard)
    at.world.faults.clear()
    (entry,) = at.world.ledger.entries("video_published")
    asked = at.publisher().look(at.token(), handle, None)
    searched = at.publisher().find(at.token(), mark=MARK, post=POST, since=since)
    assert asked == searched
    assert asked.external_id == entry.details["id"]
    # The session may be over by then: its file's name is what is left.
    at.world.clock.advance(at.youtube.library.session_lasts)
    assert at.publisher().look(at.token(), handle, None).phase is Phase.GONE
    searched = at.publisher().find(at.token(), mark=MARK, post=POST, since=since)
    assert searched is not None
    assert searched.external_id == entry.details["id"]


def test_a_last_part_that_never_arrived_is_known_to_be_missing(at: Studio, video: Video) -> None:
    handle = begun(at, video)
    at.plan(Kind.DROP_UNREAD, where=is_last, times=3)
    with pytest.raises(TryLater):
        at.publisher().send(at.token(), handle, video, unheard)
    assert at.published() == []
    assert at.publisher().look(at.token(), handle, None) == Sighting(Phase.UPLOADING, received=3 * GRANULE)


def test_an_answer_without_a_video_is_unknown(at: Studio, video: Video) -> None:
    handle = begun(at, video)
    at.plan(Kind.ANSWER, where=is_last, status=200, body=b"{}")
    with pytest.raises(Unknown):
        at.publisher().send(at.token(), handle, video, unheard)


# What a session may answer


def answer_308(at: Studio, received: str, **headers: str) -> None:
    named = {"range": received} if received else {}
    at.plan(Kind.ANSWER, where=is_part, status=308, headers=named | headers)


@pytest.mark.parametrize("told", ["", "bytes=0-9999999999", "bytes=5-10", "nonsense", "bytes=0-", "0-262143"])
def test_a_range_that_cannot_be_moves_nothing_on(at: Studio, video: Video, told: str) -> None:
    handle = begun(at, video)
    answer_308(at, told)
    received: list[int] = []
    at.publisher().send(at.token(), handle, video, received.append)
    assert received[:2] == [0, GRANULE if told == "0-262143" else 0]
    assert at.published() == [(MARK, digest(video))]


def test_a_session_that_takes_nothing_any_more_is_left_for_later(at: Studio, video: Video) -> None:
    handle = begun(at, video)
    at.plan(Kind.ANSWER, where=is_part, times=None, status=503, body=BAD_GATEWAY)
    with pytest.raises(TryLater) as told:
        at.publisher().send(at.token(), handle, video, unheard)
    assert told.value.concerns is Concerns.REQUEST
    at.world.faults.clear()
    at.publisher().send(at.token(), handle, video, unheard)
    assert at.published() == [(MARK, digest(video))]


def test_a_session_that_has_all_and_is_not_done_is_asked_later(at: Studio, video: Video) -> None:
    handle = begun(at, video)
    at.plan(Kind.ANSWER, where=is_last, status=308, headers={"range": f"bytes=0-{video.size - 1}"})
    with pytest.raises(TryLater, match="not done"):
        at.publisher().send(at.token(), handle, video, unheard)


def test_a_session_that_moves_is_followed(at: Studio, video: Video) -> None:
    handle = begun(at, video)
    moved = handle.address.replace("/upload/youtube", "/resumable/upload/youtube")
    answer_308(at, "", location=moved)
    at.plan(Kind.ANSWER, path="^/resumable/upload", method="PUT", status=404)
    assert at.publisher().send(at.token(), handle, video, unheard).phase is Phase.GONE


def test_a_session_does_not_move_to_a_stranger(at: Studio, video: Video) -> None:
    handle = begun(at, video)
    answer_308(at, "", location="https://evil.example/upload/youtube/v3/videos?upload_id=1")
    at.publisher().send(at.token(), handle, video, unheard)
    assert at.published() == [(MARK, digest(video))]


@pytest.mark.parametrize("status", [404, 410, 499])
@pytest.mark.parametrize("where", [is_part, is_question])
def test_a_session_that_is_over_is_gone(
    at: Studio, video: Video, status: int, where: Callable[[Mapping[str, str]], bool]
) -> None:
    handle = begun(at, video)
    at.plan(Kind.ANSWER, where=where, status=status, body=b"Not Found")
    assert at.publisher().send(at.token(), handle, video, unheard).phase is Phase.GONE


def test_a_session_that_expired_is_gone_and_another_one_works(at: Studio, video: Video) -> None:
    handle = begun(at, video)
    at.world.clock.advance(at.youtube.library.session_lasts)
    assert at.publisher().send(at.token(), handle, video, unheard).phase is Phase.GONE
    at.publisher().send(at.token(), begun(at, video), video, unheard)
    assert at.published() == [(MARK, digest(video))]


def test_a_token_that_ends_on_the_way_is_replaced(at: Studio, video: Video) -> None:
    handle, short = begun(at, video), at.token(lasts=timedelta(hours=1))

    def late(received: int) -> None:
        if received == 2 * GRANULE:
            at.world.clock.advance(timedelta(hours=1))

    with pytest.raises(TokenExpired):
        at.publisher().send(short, handle, video, late)
    received: list[int] = []
    at.publisher().send(at.token(), handle, video, received.append)
    assert received[0] == 2 * GRANULE
    assert at.published() == [(MARK, digest(video))]


@pytest.mark.parametrize("last", [True, False])
def test_a_refusal_on_the_way_is_what_it_says(at: Studio, video: Video, *, last: bool) -> None:
    where = is_last if last else is_part
    handle = begun(at, video)
    at.plan(Kind.ANSWER, where=where, status=429, body=body(429, "rateLimitExceeded", "global", UPLOADS_SPENT))
    with pytest.raises(TryLater) as told:
        at.publisher().send(at.token(), handle, video, unheard)
    assert told.value.concerns is Concerns.APP
    at.plan(Kind.ANSWER, where=where, status=400, body=body(400, "uploadLimitExceeded"))
    with pytest.raises(TryLater) as told:
        at.publisher().send(at.token(), handle, video, unheard)
    assert told.value.concerns is Concerns.ACCOUNT
    at.plan(Kind.ANSWER, where=where, status=400, body=body(400, "invalidTitle"))
    with pytest.raises(Rejected) as refused:
        at.publisher().send(at.token(), handle, video, unheard)
    assert refused.value.field == "title"


def test_a_wait_that_is_asked_for_is_passed_on(at: Studio, video: Video) -> None:
    handle = begun(at, video)
    at.plan(Kind.ANSWER, times=None, status=503, headers={"retry-after": "3600"})
    with pytest.raises(TryLater) as told:
        at.publisher().send(at.token(), handle, video, unheard)
    assert told.value.at == at.world.clock.now() + timedelta(hours=1)


def test_nothing_secret_is_told_when_something_fails(
    at: Studio, video: Video, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    # As the service does: these would write down every header.
    for name in ("httpcore2", "httpx2"):
        caplog.set_level("WARNING", logger=name)
    handle, token = begun(at, video), at.token()
    secret = (token, handle.address.partition("upload_id=")[2])
    for fault in ANYWHERE:
        at.world.faults.plan(*(Fault(fault.kind, status=fault.status, body=fault.body) for _ in range(10)))
        for ask in (
            lambda: at.publisher().begin(token, POST, video, mark=MARK),
            lambda: at.publisher().send(token, handle, video, unheard),
            lambda: at.publisher().look(token, handle, "abc"),
            lambda: at.publisher().figures(token, ["abc"]),
        ):
            try:
                ask()
            except (TryLater, Unknown, Rejected) as failed:
                told = "".join(traceback.format_exception(failed)) + repr(failed) + repr(failed.__context__)
                assert not [each for each in secret if each in told]
        at.world.faults.clear()
    written = caplog.text + "".join(capsys.readouterr())
    assert not [each for each in secret if each in written]
