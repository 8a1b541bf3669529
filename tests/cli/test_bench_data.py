"""What is wrong with a data file is said in words, not Python's."""

import gzip
from pathlib import Path

import pytest

from cliply.cli.bench_data import episodes
from cliply.errors import Invalid


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.jsonl", b"not json\n", "line 1, is not an episode"),
        ("notes.jsonl", b'\n{"id": "a"}\n', "line 2, is not an episode"),
        ("notes.jsonl", b"[1]\n", "line 1, is not an episode"),
        ("notes.jsonl", b"\xff\xfe", "is not text"),
        ("notes.jsonl.gz", b"plain", "is not gzipped text"),
        ("notes.jsonl.gz", gzip.compress(b"[]", mtime=0)[:-9], "is not gzipped text"),
        ("notes.jsonl.gz", gzip.compress(b"[]" * 400, mtime=0)[:12] + b"\xff" * 60, "is not gzipped text"),
    ],
    ids=["not JSON", "a key missing", "no object", "no text", "not gzipped", "cut short", "damaged inside"],
)
def test_a_wrong_file_is_refused_with_what_to_give(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Invalid, match=said) as refused:
        episodes(tmp_path / name)
    assert "Error" not in str(refused.value)
    assert "codec" not in str(refused.value)
