"""A machine that misbehaves: disks that are full or read-only, models that are gone, no network, a sudden end."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from tests.hostile.command import OFFLINE, SETTINGS, Place, can_be_offline
from tests.hostile.expected import INVALID, LIMIT_REACHED, NOT_ALLOWED, NOT_FOUND, UNAVAILABLE, WRONG_USE

# Starts the command for each.
pytestmark = pytest.mark.slow


@cache
def can_mount() -> bool:
    return subprocess.run([*_mounting("/mnt", "size=1m"), "true"], capture_output=True, check=False).returncode == 0


def _mounting(folder: Path | str, options: str) -> list[str]:
    """Run what follows with a small disk of its own at `folder`, which nobody else sees."""
    script = 'folder=$1 options=$2; shift 2; mount -t tmpfs -o "$options" none "$folder" && exec "$@"'
    return ["unshare", "-rm", "sh", "-c", script, "sh", str(folder), options]


needs_mounts = pytest.mark.skipif(not can_mount(), reason="no disk can be mounted here")


def clip_on(place: Place, talk: Path, disk: Sequence[str]) -> tuple[int, str]:
    ran = place.run("clip", *SETTINGS, "--", str(talk), before=disk)
    assert "Traceback" not in ran.said, ran.said
    return ran.code, ran.said


@needs_mounts
def test_a_read_only_folder_is_refused(talk: Path, place: Place) -> None:
    place.out.mkdir()
    code, said = clip_on(place, talk, _mounting(place.out, "ro,size=1m"))
    assert code == NOT_ALLOWED, said
    assert "may not be written" in said
    assert place.left_behind() == []


@needs_mounts
def test_a_disk_that_cannot_hold_the_clips_is_refused_before_the_work(talk: Path, place: Place) -> None:
    place.out.mkdir()
    code, said = clip_on(place, talk, _mounting(place.out, "size=8m"))
    assert code == LIMIT_REACHED, said
    assert "Make room" in said
    assert place.left_behind() == []


@needs_mounts
def test_a_cache_that_cannot_hold_what_is_heard_is_refused_before_the_work(talk: Path, place: Place) -> None:
    code, said = clip_on(place, talk, _mounting(place.cache, "size=100k"))
    assert code == LIMIT_REACHED, said
    assert "CLIPLY_CACHE" in said
    assert place.left_behind() == []


@needs_mounts
def test_a_disk_that_fills_up_during_the_work_is_named(talk: Path, place: Place) -> None:
    ran = place.run("transcribe", "--", str(talk), before=_mounting(place.cache, "size=100k"))
    assert "Traceback" not in ran.said
    assert ran.code == LIMIT_REACHED, ran.said
    assert place.left_behind() == []


def test_a_file_in_place_of_the_folder_is_refused(talk: Path, place: Place) -> None:
    place.out.write_text("mine")
    ran = place.clip(talk)
    assert ran.code == 6, ran.said
    assert place.out.read_text() == "mine"


def test_a_model_that_is_not_there_is_named(talk: Path, place: Place) -> None:
    ran = place.clip(talk, "--model", "models/none")
    assert ran.code in (NOT_FOUND, UNAVAILABLE), ran.said
    assert "models/none" in ran.said


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_model_is_named_not_a_crash(damage: str, talk: Path, place: Place) -> None:
    from cliply.integrations.whisper_models import load_files

    _, files = load_files()
    assert isinstance(files, dict)
    model = place.work / "model"
    model.mkdir()
    for name, content in files.items():
        (model / name).write_bytes(content)
    weights = bytearray(files["model.bin"])
    weights[10] ^= 0xFF
    (model / "model.bin").write_bytes({"cut": bytes(weights[:5000]), "flipped": bytes(weights), "empty": b""}[damage])
    ran = place.clip(talk, "--model", "model")
    assert ran.code == UNAVAILABLE, ran.said
    assert "Traceback" not in ran.said
    assert "model" in ran.said
    assert place.left_behind("model") == []


def test_times_outside_the_source_are_refused(talk: Path, place: Place) -> None:
    for times in (
        ("--from", "1:00:00"),
        ("--from", "8", "--to", "4"),
        ("--from", "-5"),
        ("--min", "20", "--max", "10"),
    ):
        ran = place.run("clip", "--out", "out", *times, "--", str(talk))
        assert ran.code == WRONG_USE, (times, ran.said)
        assert not place.out.exists()


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_no_part_of_a_whole_run_opens_a_network_socket(talk: Path, place: Place, fixtures: Path) -> None:
    """Not only fails to reach anything: does not even try."""
    for source in (talk, fixtures / "hostile" / "hls_ssrf.m3u8"):
        trace = place.work / "trace"
        watched = ["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=socket,connect,sendto,sendmsg"]
        process = place.start(["clip", *SETTINGS, "--", str(source)], watched)
        _, said = process.communicate(timeout=300)
        if "ptrace" in said:
            pytest.skip("processes may not be watched here")
        assert process.returncode == (0 if source == talk else INVALID), said
        calls = [line for line in trace.read_text().splitlines() if "AF_INET" in line or "AF_NETLINK" in line]
        assert calls == []


def clips_of(place: Place) -> dict[str, object]:
    """What a run made, without the names of its folders."""
    edits = {file.name: json.loads(file.read_text()) for file in sorted(place.out.glob("*.edit.json"))}
    sizes = {file.name: file.stat().st_size for file in sorted(place.out.iterdir()) if file.suffix == ".mp4"}
    return {"edits": edits, "sizes": sizes, "names": sorted(file.name for file in place.out.iterdir())}


def interrupted_at(line: str, count: int, talk: Path, place: Place) -> None:
    """Run until `line` was said `count` times, then `kill -9`, without a word of warning."""
    process = place.start(["clip", *SETTINGS, "--", str(talk)])
    assert process.stderr is not None
    for said in process.stderr:
        count -= line in said
        if count == 0:
            break
    process.kill()
    process.communicate()


def check_interruption(line: str, count: int, talk: Path, root: Path, undisturbed: dict[str, object]) -> None:
    root.mkdir()
    place = Place(root)
    interrupted_at(line, count, talk, place)
    ran = place.clip(talk)
    assert ran.code == 0, ran.said
    assert clips_of(place) == undisturbed
    assert place.left_behind() == []


def test_a_kill_while_a_clip_is_made_changes_nothing_in_the_end(talk: Path, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = Place(tmp_path / "whole")
    assert whole.clip(talk).code == 0
    check_interruption("Making clips", 1, talk, tmp_path / "killed", clips_of(whole))


@pytest.mark.soak
def test_a_kill_at_any_moment_changes_nothing_in_the_end(talk: Path, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = Place(tmp_path / "whole")
    assert whole.clip(talk).code == 0
    lines = ("Listening", "Writing", "Choosing", "Framing", "Making clips")
    for number, (line, count) in enumerate([(line, count) for line in lines for count in (1, 2, 3)]):
        check_interruption(line, count, talk, tmp_path / str(number), clips_of(whole))


def test_runs_of_this_suite_have_no_network() -> None:
    """Every run above went through without; where the system forbids that, this says so."""
    if not can_be_offline():
        pytest.skip("network namespaces are not permitted here")
    asked = [*OFFLINE, sys.executable, "-c", "import socket; print([name for _, name in socket.if_nameindex()])"]
    assert "eth" not in subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def test_the_command_is_the_one_that_is_installed() -> None:
    """The suite runs the package that the tests import, not another one that happens to be on the path."""
    import cliply

    where = [sys.executable, "-c", "import cliply; print(cliply.__file__)"]
    told = subprocess.run(where, capture_output=True, text=True, check=True, env={"PATH": os.defpath}).stdout
    assert told.strip() == cliply.__file__
