"""Signed links of the folder, followed over HTTP by a client that holds nothing else."""

import hashlib
import io
from datetime import timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.protocol import LEAST_PART
from cliply.runtime import Runtime

HOUR = timedelta(hours=1)
CONTENT = bytes(range(256)) * 8


def put(runtime: Runtime, content: bytes = CONTENT, content_type: str = "video/mp4") -> ObjectKey:
    key = ObjectKey(uuid4(), uuid4(), "clip", uuid4())
    runtime.storage.put_stream(key, io.BytesIO(content), content_type=content_type)
    return key


def link(runtime: Runtime, key: ObjectKey, name: str | None = None) -> str:
    return runtime.storage.download_link(key, expires_in=HOUR, file_name=name)


def test_a_link_gives_the_object_and_what_it_is(client: TestClient, runtime: Runtime) -> None:
    address = link(runtime, put(runtime))
    answer = client.get(address)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    head = client.head(address)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == answer.headers["content-length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("asked", "bounds"),
    [("0-0", (0, 1)), ("5-9", (5, 10)), ("2000-", (2000, 2048)), ("-7", (2041, 2048)), ("-9999", (0, 2048)),
     ("2040-99999", (2040, 2048))],
)  # fmt: skip
def test_a_range_is_that_range(client: TestClient, runtime: Runtime, asked: str, bounds: tuple[int, int]) -> None:
    answer = client.get(link(runtime, put(runtime)), headers={"range": f"bytes={asked}"})
    first, end = bounds
    assert (answer.status_code, answer.content) == (206, CONTENT[first:end])
    assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/2048"


@pytest.mark.parametrize("asked", ["bytes=2048-", "bytes=-0", "bytes=99999-100000"])
def test_a_range_that_is_not_there_is_refused_with_the_size(client: TestClient, runtime: Runtime, asked: str) -> None:
    answer = client.get(link(runtime, put(runtime)), headers={"range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */2048")


@pytest.mark.parametrize("asked", ["bytes=", "bytes=9-5", "bytes=0-1,4-5", "lines=0-1", "bytes=a-b", "bytes=-"])
def test_a_range_that_cannot_be_read_is_the_whole(client: TestClient, runtime: Runtime, asked: str) -> None:
    answer = client.get(link(runtime, put(runtime)), headers={"range": asked})
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_a_range_of_another_version_is_the_whole(client: TestClient, runtime: Runtime) -> None:
    address = link(runtime, put(runtime))
    tag = client.head(address).headers["etag"]
    ranged = {"range": "bytes=0-3"}
    assert client.get(address, headers=ranged | {"if-range": tag}).status_code == 206
    assert client.get(address, headers=ranged | {"if-range": '"another"'}).status_code == 200
    assert client.get(address, headers={"if-none-match": tag}).status_code == 304


def test_a_file_name_is_what_a_browser_saves_under(client: TestClient, runtime: Runtime) -> None:
    name = 'Grüße "1"\r\nx: y.mp4'
    answer = client.get(link(runtime, put(runtime), name))
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    assert "x" not in answer.headers


def test_a_page_that_somebody_uploaded_is_saved_and_not_shown(client: TestClient, runtime: Runtime) -> None:
    answer = client.get(link(runtime, put(runtime, b"<script>alert(1)</script>", "text/html")))
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_link_with_anything_changed_opens_nothing(client: TestClient, runtime: Runtime, data: st.DataObject) -> None:
    address = link(runtime, put(runtime))
    place = data.draw(st.integers(len("/files/"), len(address) - 1))
    other = data.draw(st.sampled_from("0123456789abcdef&=%/").filter(lambda each: each != address[place]))
    changed = address[:place] + other + address[place + 1 :]
    assert client.get(changed).status_code == 403


def test_a_link_opens_no_other_object_and_takes_nothing(client: TestClient, runtime: Runtime) -> None:
    mine, other = put(runtime), put(runtime)
    address = link(runtime, mine)
    assert client.get(address.replace(str(mine), str(other))).status_code == 403
    assert client.put(address, content=b"x").status_code == 403


def test_an_object_that_went_away_is_not_there(client: TestClient, runtime: Runtime) -> None:
    key = put(runtime)
    address = link(runtime, key)
    runtime.storage.delete(key)
    assert client.get(address).status_code == 404


def test_an_upload_in_parts_arrives_whole(client: TestClient, runtime: Runtime) -> None:
    key = ObjectKey(uuid4(), uuid4(), "source", uuid4())
    uploads = runtime.storage.uploads
    upload = uploads.begin(key, content_type="video/mp4")
    parts = [b"a" * LEAST_PART, b"b" * 100]
    for number, content in enumerate(parts, 1):
        address = uploads.part_link(key, upload, number, size=len(content), expires_in=HOUR)
        assert client.put(address, content=content).status_code == 204
    whole = b"".join(parts)
    stored = uploads.complete(key, upload, parts=2, sha256=hashlib.sha256(whole).hexdigest())
    assert stored.size == len(whole)
    assert client.get(link(runtime, key)).content == whole


@pytest.mark.parametrize("size", [0, 9, 11])
def test_a_part_of_another_size_is_not_taken(client: TestClient, runtime: Runtime, size: int) -> None:
    key = ObjectKey(uuid4(), uuid4(), "source", uuid4())
    upload = runtime.storage.uploads.begin(key, content_type="video/mp4")
    address = runtime.storage.uploads.part_link(key, upload, 1, size=10, expires_in=HOUR)
    assert client.put(address, content=b"x" * size).status_code == 403
    assert client.put(address, content=iter([b"x" * size])).status_code == 422, "without its length"
    assert runtime.storage.uploads.parts(key, upload) == []


def test_a_part_that_is_cut_off_has_not_arrived(client: TestClient, runtime: Runtime) -> None:
    key = ObjectKey(uuid4(), uuid4(), "source", uuid4())
    upload = runtime.storage.uploads.begin(key, content_type="video/mp4")
    address = runtime.storage.uploads.part_link(key, upload, 1, size=10, expires_in=HOUR)
    answer = client.put(address, content=iter([b"12345"]), headers={"content-length": "10"})
    assert answer.json()["code"] == "part_cut_off"
    assert runtime.storage.uploads.parts(key, upload) == []
    assert client.put(address, content=b"1234567890").status_code == 204


def test_a_part_for_an_upload_that_has_ended_is_refused(client: TestClient, runtime: Runtime) -> None:
    key = ObjectKey(uuid4(), uuid4(), "source", uuid4())
    upload = runtime.storage.uploads.begin(key, content_type="video/mp4")
    address = runtime.storage.uploads.part_link(key, upload, 1, size=1, expires_in=HOUR)
    runtime.storage.uploads.abort(key, upload)
    assert client.put(address, content=b"x").status_code == 404
