"""The whole command on a real talk, as a creator runs it."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cliply.media.probe import probe
from cliply.media.rendering.loudness import measure
from cliply.media.types import Size

pytestmark = pytest.mark.slow

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "clips.schema.json"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def cliply(cache: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cliply", *map(str, arguments)],
        env={**os.environ, "CLIPLY_CACHE": str(cache)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def clips(cache: Path, *arguments: object) -> dict[str, Any]:
    ran = cliply(cache, "clip", *arguments, "--json")
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    assert isinstance(document, dict)
    return document


@pytest.fixture(scope="session")
def made(talk: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clips of the talk, two of them, draft quality."""
    folder = tmp_path_factory.mktemp("made") / "clips"
    clips(cache, talk, "--out", folder, "--count", 2, "--max", 35, "--quality", "draft")
    return folder


def document_of(folder: Path) -> dict[str, Any]:
    told = json.loads((folder / "clips.json").read_text())
    assert isinstance(told, dict)
    return told


def files_in(folder: Path) -> dict[str, tuple[int, int]]:
    return {each.name: (each.stat().st_mtime_ns, each.stat().st_size) for each in folder.iterdir()}


def test_every_clip_comes_with_all_its_files_and_nothing_else(made: Path) -> None:
    document = document_of(made)
    listed = {name for clip in document["clips"] for name in clip["files"].values()}
    assert len(document["clips"]) == 2
    assert len(listed) == 14
    assert {each.name for each in made.iterdir()} == listed | {"clips.json", "index.html", "transcript.json"}


def test_the_document_follows_its_published_schema(made: Path) -> None:
    jsonschema.validate(document_of(made), json.loads(SCHEMA.read_text()))


def test_a_clip_is_an_upright_video_of_its_edit_with_the_right_loudness(made: Path) -> None:
    for clip in document_of(made)["clips"]:
        video = made / clip["files"]["video"]
        found = probe(video)
        assert found.video is not None
        assert found.sound is not None
        assert found.video.size == Size(720, 1280)
        assert found.video.pixel_aspect == 1
        assert abs(found.duration - clip["duration"]) <= 50
        level = measure(video)
        assert abs(level.loudness - -14) <= 1
        assert level.true_peak <= -1.5 + 0.1


def test_clips_begin_and_end_between_words(made: Path) -> None:
    words = json.loads((made / "transcript.json").read_text())["words"]
    for clip in document_of(made)["clips"]:
        for edge in (clip["span"]["start"], clip["span"]["end"]):
            assert not [word for word in words if word["start"] < edge < word["end"]]


def test_clips_do_not_overlap_and_keep_their_length(made: Path) -> None:
    spans = sorted((clip["span"]["start"], clip["span"]["end"]) for clip in document_of(made)["clips"])
    assert spans[0][1] <= spans[1][0]
    assert all(15_000 <= end - start <= 35_000 for start, end in spans)


def test_a_second_run_does_nothing_twice(talk: Path, cache: Path, made: Path, tmp_path: Path) -> None:
    before = files_in(made)
    renamed = tmp_path / "another name.mp4"
    renamed.symlink_to(talk)
    clips(cache, renamed, "--out", made, "--count", 2, "--max", 35, "--quality", "draft")
    after = files_in(made)
    rewritten = {"clips.json", "index.html", "transcript.json"}
    assert {name: facts for name, facts in before.items() if name not in rewritten} == {
        name: facts for name, facts in after.items() if name not in rewritten
    }


def test_an_edited_edit_renders_to_that_edit(cache: Path, made: Path, tmp_path: Path) -> None:
    told = json.loads((made / document_of(made)["clips"][0]["files"]["edit"]).read_text())
    start = told["spans"][0]["start"]
    told["spans"] = [{"start": start, "end": start + 4000}]
    told["hook"] = None
    edit = tmp_path / "short.edit.json"
    edit.write_text(json.dumps(told))
    ran = cliply(cache, "render", edit)
    assert (tmp_path / "short.mp4").exists(), ran.stderr
    assert abs(probe(tmp_path / "short.mp4").duration - 4000) <= 50


def test_clips_of_another_video_are_not_overwritten(cache: Path, made: Path, fixtures: Path) -> None:
    before = files_in(made)
    ran = cliply(cache, "clip", fixtures / "video" / "voice_timecode_silences.mp4", "--out", made)
    assert ran.returncode == 6
    assert "--out" in ran.stderr
    assert files_in(made) == before


def test_exports_are_written_beside_the_clips(cache: Path, made: Path, tmp_path: Path) -> None:
    for to in ("otio", "fcpxml", "edl", "srt", "vtt", "ass"):
        ran = cliply(cache, "export", made, "--to", to, "--out", tmp_path / to)
        assert ran.returncode == 0, ran.stderr
        written = ran.stdout.split("\n")[:-1]
        assert written
        assert all(Path(each).stat().st_size > 0 for each in written)


def test_ctrl_c_leaves_nothing_half_made_and_the_next_run_goes_on(talk: Path, cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    asked = ["clip", str(talk), "--out", str(folder), "--count", "1", "--quality", "draft"]
    running = subprocess.Popen(
        [sys.executable, "-m", "cliply", *asked],
        env={**os.environ, "CLIPLY_CACHE": str(cache)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("Making clips"):
            break
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=20)
    assert time.monotonic() - began < 2
    assert running.returncode == 130
    left = [each.name for each in folder.iterdir()] if folder.exists() else []
    assert not [name for name in left if name != "transcript.json"]


def test_a_moved_video_and_a_changed_style_file_are_noticed(talk: Path, cache: Path, tmp_path: Path) -> None:
    video, style, folder = tmp_path / "one.mp4", tmp_path / "mine.toml", tmp_path / "clips"
    shutil.copyfile(talk, video)
    style.write_text("size = 60\n")
    asked = ["--out", folder, "--count", 1, "--max", 20, "--quality", "draft", "--style", style]
    clips(cache, video, *asked)
    files = document_of(folder)["clips"][0]["files"]
    first = files_in(folder)[files["video"]]

    moved = video.rename(tmp_path / "another.mp4")
    refused = cliply(cache, "more", folder)
    assert refused.returncode == 4
    assert "cliply clip" in refused.stderr
    clips(cache, moved, *asked)
    assert files_in(folder)[files["video"]] == first
    assert json.loads((folder / files["edit"]).read_text())["source"]["path"] == str(moved)

    style.write_text("size = 120\n")
    clips(cache, moved, *asked)
    assert files_in(folder)[files["video"]] != first


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


REFUSED: Sequence[tuple[Sequence[str], int, str]] = (
    (["nothing.mp4"], 4, "does not exist"),
    (["{talk}", "--style", "no-such-style"], 4, "style"),
    (["{talk}", "--from", "2:00:00"], 2, "behind the end"),
    (["{talk}", "--from", "30", "--to", "10"], 2, "later"),
    (["{talk}", "--min", "40", "--max", "20"], 2, "--min"),
    (["{talk}", "--model", "/no/such/model"], 8, "model"),
    (["{talk}", "--transcript", "/no/such/file.srt"], 4, "transcript"),
    (["{talk}", "--brand", "/no/such/brand.toml"], 4, "brand"),
    (["https://example.com/video"], 2, "Download"),
)


@pytest.mark.parametrize(("arguments", "code", "said"), REFUSED)
def test_what_cannot_end_well_is_refused_at_once(
    talk: Path, cache: Path, tmp_path: Path, arguments: Sequence[str], code: int, said: str
) -> None:
    before = children_seconds()
    filled = [each.format(talk=talk) for each in arguments]
    ran = cliply(cache, "clip", *filled, "--out", tmp_path / "out")
    assert ran.returncode == code, ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "out").exists()
    # Of the processor, since other tests run meanwhile.
    assert children_seconds() - before < 2


def test_clips_that_were_asked_for_by_more_survive_the_next_run(talk: Path, cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    asked = (talk, "--out", folder, "--count", 1, "--max", 25, "--quality", "draft")
    first = clips(cache, *asked)
    ran = cliply(cache, "more", folder, "--count", 1)
    assert ran.returncode == 0, ran.stderr
    added = document_of(folder)["clips"][1]
    again = clips(cache, *asked)
    assert [clip["span"] for clip in again["clips"]] == [first["clips"][0]["span"], added["span"]]
    assert (folder / added["files"]["video"]).exists()


def test_a_number_asked_for_twice_is_made_once_and_the_others_keep_theirs(
    talk: Path, cache: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "clips"
    first = clips(cache, talk, "--out", folder, "--count", 1, "--min", 4, "--max", 9, "--quality", "draft")
    spans = {each["pick"]: each["span"] for each in first["candidates"]}
    one = cliply(cache, "more", folder, "--pick", 2)
    assert one.returncode == 0, one.stderr
    [new, page] = one.stdout.splitlines()
    assert (Path(new).name, page) == (document_of(folder)["clips"][1]["files"]["video"], str(folder / "index.html"))
    again = cliply(cache, "more", folder, "--pick", 1, "--pick", 2)
    assert again.returncode == 0, again.stderr
    assert "Candidate 2 is a clip already" in again.stderr
    made = document_of(folder)
    assert [(each["number"], each["pick"], each["span"]) for each in made["clips"][1:]] == [
        (2, 2, spans[2]),
        (3, 1, spans[1]),
    ]
    assert {each["pick"]: each["span"] for each in made["candidates"]} == {
        pick: span for pick, span in spans.items() if pick not in (1, 2)
    }
    before = files_in(folder)
    nothing = cliply(cache, "more", folder, "--pick", 1)
    assert (nothing.returncode, files_in(folder)) == (0, before)
