from pathlib import Path

import pytest

from cliply.media.fingerprint import fingerprint

MEBI = 1 << 20


def named(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return fingerprint(path)


def test_the_name_of_a_file_does_not_matter(tmp_path: Path) -> None:
    content = b"the same picture" * 100_000
    assert named(tmp_path / "a.mp4", content) == named(tmp_path / "b.mov", content)


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 5 * MEBI])
def test_the_first_and_the_last_byte_matter_at_any_size(tmp_path: Path, size: int) -> None:
    file, content = tmp_path / "file", bytes(size)
    whole = named(file, content)
    assert named(file, b"x" + content[1:]) != whole
    assert named(file, content[:-1] + b"x") != whole
    assert named(file, content + b"\0") != whole


def test_every_byte_matters_in_a_small_file(tmp_path: Path) -> None:
    content = bytearray(3 * MEBI)
    whole = named(tmp_path / "file", bytes(content))
    for at in range(0, len(content), 99_991):
        content[at] = 1
        assert named(tmp_path / "file", bytes(content)) != whole, at
        content[at] = 0


def test_a_huge_file_is_named_by_reading_a_little(tmp_path: Path) -> None:
    if not Path("/proc/self/io").exists():
        pytest.skip("this system does not say how much was read")
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(50 << 30)
    before = int(Path("/proc/self/io").read_text().split()[1])
    name = fingerprint(huge)
    read = int(Path("/proc/self/io").read_text().split()[1]) - before
    assert len(name) == 32
    assert read < 5 * MEBI


def test_an_empty_file_has_a_name_too(tmp_path: Path) -> None:
    assert len(named(tmp_path / "empty", b"")) == 32
