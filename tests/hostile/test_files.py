import shutil
from pathlib import Path

import pytest
from tests.conftest import FIXTURES
from tests.hostile.command import Place, Ran
from tests.hostile.expected import READABLE, codes

HOSTILE = FIXTURES / "hostile"
NAMES = sorted(each.name for each in HOSTILE.iterdir()) if HOSTILE.is_dir() else []
REFUSED = [name for name in NAMES if name not in READABLE]
# Limits of what one file may cost. Wall clock would measure the other programs of a busy machine too.
CPU_SECONDS = 30
REFUSAL_MB, SPEECH_MB = 1000, 2000


def run(place: Place, name: str) -> Ran:
    """The file among its neighbours, which some of them reach for."""
    for neighbour in HOSTILE.iterdir():
        shutil.copyfile(neighbour, place.work / neighbour.name)
    return place.clip(name)


def check(place: Place, name: str, ran: Ran) -> None:
    assert ran.code in codes(name), ran.said
    assert "Traceback" not in ran.said
    assert ran.cpu_seconds < CPU_SECONDS
    assert place.left_behind(*NAMES) == []
    assert place.canaries() == []
    assert "CANARY" not in ran.said + ran.told


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_clipped_is_refused_and_leaves_nothing(name: str, place: Place) -> None:
    ran = run(place, name)
    check(place, name, ran)
    assert ran.peak_mb < REFUSAL_MB
    assert not place.out.exists()
    # One sentence for the creator, with what to do.
    assert ran.said.strip().split("\n")[0].rstrip().endswith((".", "?"))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(READABLE) & set(NAMES)))
def test_what_can_be_read_in_spite_of_all_is_clipped(name: str, place: Place) -> None:
    ran = run(place, name)
    check(place, name, ran)
    assert ran.peak_mb < SPEECH_MB
    if ran.code == 0:
        clips = list(place.out.glob("*.mp4"))
        assert len(clips) == 1
        assert str(clips[0].relative_to(place.work)) in ran.told


@pytest.mark.slow
def test_tags_of_the_source_reach_no_page_and_no_clip(place: Place) -> None:
    if not NAMES:
        pytest.skip("the hostile files are not here")
    run(place, "metadata_injection.mp4")
    written = b"".join(file.read_bytes() for file in place.out.rglob("*") if file.suffix in (".html", ".json", ".ass"))
    assert written
    for tag in (b"<script>alert", b"onerror=", b"{\\an8}"):
        assert tag not in written
    assert not list(Path(place.work).rglob("pwned*"))
