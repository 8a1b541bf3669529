import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from cliply.features.projects.source_cache import SourceCache, safe_name
from cliply.infra.settings import Settings
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.opening import open_storage
from cliply.infra.storage.protocol import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(Settings(data=tmp_path / "data"))


def stored(storage: Storage, content: bytes) -> ObjectKey:
    key = ObjectKey(uuid4(), uuid4(), "source", uuid4())
    storage.put_stream(key, io.BytesIO(content), content_type="video/mp4")
    return key


def test_many_who_need_a_source_at_once_fetch_it_once(storage: Storage, tmp_path: Path) -> None:
    cache, key = SourceCache(tmp_path / "cache"), stored(storage, b"a" * 100_000)

    def use(_number: int) -> tuple[bytes, int]:
        with cache.opened(storage, key, "talk.mp4") as file:
            return file.read_bytes(), file.stat().st_ino

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(use, range(8)))
    assert {content for content, _ in found} == {b"a" * 100_000}
    assert len({inode for _, inode in found}) == 1


def test_what_was_used_longest_ago_makes_room_but_nothing_that_is_in_use(storage: Storage, tmp_path: Path) -> None:
    cache = SourceCache(tmp_path / "cache", largest=250)
    first, second, third, fourth = (stored(storage, bytes(100)) for _ in range(4))
    with cache.opened(storage, first, "a.mp4") as held:
        for key in (second, third, fourth):
            with cache.opened(storage, key, "a.mp4"):
                pass
        assert held.exists()
        assert not (cache.root / str(second.id)).exists()
        assert (cache.root / str(fourth.id)).exists()


def test_whoever_waits_may_stop_waiting(storage: Storage, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop() -> None:
        raise Enough

    cache, key = SourceCache(tmp_path / "cache"), stored(storage, b"a")
    with cache.alone(key.id), pytest.raises(Enough):
        cache.alone(key.id, on_wait=stop).__enter__()
    with cache.alone(key.id):
        pass


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("My Talk.MP4", "my-talk.mp4"), ("../../etc/passwd", "passwd"), ("a.b/c.mov", "c.mov"), ("...", "clip"),
        ("x.sh; rm -rf", "x"), ("-i.mp4", "i.mp4"), ("日本.mkv", "日本.mkv"),
    ],
)  # fmt: skip
def test_a_name_is_kept_as_far_as_it_is_harmless(name: str, safe: str) -> None:
    assert safe_name(name) == safe
