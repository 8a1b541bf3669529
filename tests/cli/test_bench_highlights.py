import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tests.media.highlights.talks import interview

from cliply.cli import bench_chapters, bench_highlights
from cliply.cli.bench_data import episodes
from cliply.errors import Invalid, NotFound


def row(name: str, minutes: int, **more: Any) -> dict[str, Any]:
    """An episode in the scorer's format, one sentence a line of the interview."""
    sents: list[list[Any]] = []
    run: list[Any] = []
    talk = interview(minutes)
    for word in talk.words:
        run.append(word)
        if word.text.endswith((".", "?")):
            text = " ".join(each.text for each in run)
            sents.append([run[0].start / 1000, run[-1].end / 1000, 0 if run[0].speaker == "host" else 1, text])
            run = []
    return {"id": name, "duration": talk.words[-1].end / 1000 + 1, "sents": sents, **more}


def written(path: Path, *rows: dict[str, Any]) -> Path:
    text = "".join(json.dumps(each) + "\n" for each in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.slow
def test_ranks_at_least_ten_windows_that_the_scorer_accepts(tmp_path: Path) -> None:
    data = written(tmp_path / "data.jsonl.gz", row("one", 13))
    shares: list[float] = []
    bench_highlights.run(data, tmp_path / "pred.json", on_progress=shares.append)
    found = json.loads((tmp_path / "pred.json").read_text())
    assert list(found) == ["one"]
    for windows in found.values():
        assert len(windows) >= 10
        best = windows[:10]
        assert all(15 <= end - start <= 61 for start, end in best)
        assert all(a[1] <= b[0] or b[1] <= a[0] for n, a in enumerate(best) for b in best[:n])
    assert shares[-1] == pytest.approx(1)


@pytest.mark.slow
def test_the_answers_are_not_looked_at(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain.jsonl", row("one", 4))
    gold = {"kind": "spans", "spans": [[100.0, 140.0]]}
    told = written(tmp_path / "told.jsonl", row("one", 4, gold=gold, avoid=[[0, 60]], boundaries=[3]))
    for run in (bench_highlights.run, bench_chapters.run):
        run(plain, tmp_path / "a.json")
        run(told, tmp_path / "b.json")
        assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()


def test_words_are_spread_over_their_sentence(tmp_path: Path) -> None:
    data = written(tmp_path / "d.jsonl", {"id": "x", "duration": 10, "sents": [[1.0, 3.0, 0, "Hello big\u2028world."]]})
    (episode,) = episodes(data)
    assert [(word.text, word.start, word.end) for word in episode.transcript.words] == [
        ("Hello", 1000, 1706), ("big", 1706, 2176), ("world.", 2176, 3000)]  # fmt: skip
    assert episode.transcript.words[0].speaker == "0"


def test_a_bad_file_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        episodes(tmp_path / "absent.jsonl")
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps(row("one", 1)) + '\n{"id": 3}\n')
    with pytest.raises(Invalid, match="line 2"):
        episodes(bad)
    (tmp_path / "bad.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(Invalid, match="gzipped"):
        episodes(tmp_path / "bad.jsonl.gz")
