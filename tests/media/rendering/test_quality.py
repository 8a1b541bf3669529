"""The gate finds what is wrong with a clip, and nothing where nothing is."""

from pathlib import Path

import pytest
from tests.media.clips import follow, key, make

from cliply.media.edit import Audio, Brand, Captions, ClipEdit, EditWord, LayoutSpan, Pane
from cliply.media.probe import Source
from cliply.media.rendering.quality import check, speaker_share
from cliply.media.rendering.render import render
from cliply.media.repair import repaired
from cliply.media.types import Box, FaceAt, Span

# Renders what it looks at.
pytestmark = pytest.mark.slow

_VOICE = "aevalsrc='0.2*sin(2*PI*(150+80*sin(3*t))*t)*(0.55+0.45*sin(11*t))*{gate}':s=48000:d=8"
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")
_WORDS = (EditWord(text="hello", start=600, end=900),)


def talk(folder: Path, picture: str, gate: str = "1") -> Source:
    return make(folder / "talk.mp4", picture, _VOICE.format(gate=gate), *_X264)


def findings(source: Source, folder: Path, span: Span, **more: object) -> dict[str, str]:
    edit = follow(source, [span], **({"words": _WORDS} | more))
    made = render(edit, source, folder / "clip.mp4")
    return {finding.check: finding.level for finding in check(edit, made.path, source)}


def test_a_good_clip_has_no_findings(tmp_path: Path) -> None:
    source = talk(tmp_path, "testsrc2=s=320x180:r=25:d=8")
    assert findings(source, tmp_path, Span(500, 7000)) == {}


def test_black_frozen_and_silent_stretches_are_found(tmp_path: Path) -> None:
    moving = "testsrc2=s=320x180:r=25:d=8"
    dark = "if(between(T,1,2),{black},p(X,Y))"
    planes = ":".join(f"{name}='{dark.format(black=black)}'" for name, black in (("lum", 16), ("cb", 128), ("cr", 128)))
    black = f"{moving},geq={planes}"
    source = talk(tmp_path, f"{black},loop=loop=100:size=1:start=80", gate="(lt(t,1)+gt(t,4.5))")
    assert findings(source, tmp_path, Span(0, 8000)) == {"black": "warning", "frozen": "warning", "silence": "warning"}


_SPOKEN = tuple(EditWord(text="hello", start=at, end=at + 250) for at in range(400, 7600, 300))


def test_a_picture_that_stands_still_behind_moving_captions_is_found(tmp_path: Path) -> None:
    source = talk(tmp_path, "testsrc2=s=320x180:r=25:d=8,loop=loop=100:size=1:start=80")
    assert findings(source, tmp_path, Span(0, 8000), words=_SPOKEN, captions=Captions(show=True)) == {
        "frozen": "warning"
    }


def test_a_slide_that_is_talked_about_may_stand_still(tmp_path: Path) -> None:
    source = talk(tmp_path, "testsrc2=s=320x180:r=25:d=8,loop=loop=100:size=1:start=80")
    whole = Pane(backdrop="blur", camera=(key(0, Box(0, 0, 320, 180)),))
    layouts = (LayoutSpan(span=Span(0, 9000), layout="fit", panes=(whole,)),)
    shown = {"words": _SPOKEN, "captions": Captions(show=True), "layouts": layouts}
    assert findings(source, tmp_path, Span(0, 8000), **shown) == {}


def test_a_black_clip_and_one_without_a_sound_fail(tmp_path: Path) -> None:
    source = talk(tmp_path, "color=c=black:s=320x180:r=25:d=8", gate="0")
    assert findings(source, tmp_path, Span(0, 4000)) == {"black": "failed", "silence": "failed"}


def test_sound_that_is_not_as_loud_as_wanted_is_named(tmp_path: Path) -> None:
    source = talk(tmp_path, "testsrc2=s=320x180:r=25:d=8")
    edit = follow(source, [Span(500, 4000)], words=_WORDS, audio=Audio(loudness=-9, true_peak=-1))
    made = render(edit, source, tmp_path / "clip.mp4")
    wanted = edit.model_copy(update={"audio": Audio(loudness=-20, true_peak=-9)})
    found = {finding.check: finding.message for finding in check(wanted, made.path, source)}
    assert "louder than wanted" in found["loudness"]
    assert "-9.0 was wanted" in found["true-peak"]


def edit_of(spans: list[Span], *words: tuple[int, int]) -> ClipEdit:
    from tests.media.rendering.test_framemap import source

    told = tuple(EditWord(text="word", start=start, end=end) for start, end in words)
    return follow(source("30"), spans, key(0, Box(0, 0, 1080, 1080)), words=told)


@pytest.mark.parametrize(
    ("word", "cut"),
    [((900, 1200), True), ((2900, 3300), True), ((1000, 1300), False), ((970, 1300), False), ((3500, 3900), False)],
)
def test_words_that_a_border_cuts_are_found(word: tuple[int, int], cut: bool, tmp_path: Path) -> None:
    from cliply.media.rendering.quality import cut_words

    assert bool(list(cut_words(edit_of([Span(1000, 3000)], word)))) is cut


def test_the_share_of_time_that_shows_the_speaker() -> None:
    from tests.media.rendering.test_framemap import source

    edit = edit_of([Span(1000, 3000)])
    faces = [
        FaceAt(at=at, box=Box(x, 200, 200, 200), person=1, speaking=0.9)
        for at, x in ((1000, 100), (1500, 300), (2000, 1500), (2500, 1000))
    ]
    silent = FaceAt(at=1200, box=Box(1700, 0, 100, 100), person=2)
    assert speaker_share(edit, source("30"), [*faces, silent]) == 0.5
    assert speaker_share(edit, source("30"), [silent]) is None


def test_times_are_those_of_the_file_with_its_intro_which_is_not_checked_itself(tmp_path: Path) -> None:
    make(tmp_path / "intro.mp4", "color=c=black:s=320x320:r=25:d=3", None, *_X264)
    source = talk(tmp_path, "testsrc2=s=320x180:r=25:d=8", gate="(lt(t,2)+gt(t,5))")
    edit = follow(
        source, [Span(0, 7000)], words=(EditWord(text="hello", start=6800, end=7400),),
        brand=Brand(intro=tmp_path / "intro.mp4"),
    )  # fmt: skip
    made = render(edit, source, tmp_path / "clip.mp4")
    found = {finding.check: finding for finding in check(edit, made.path, source)}
    assert set(found) == {"silence", "word-cut"}
    silence, word = found["silence"].at, found["word-cut"].at
    assert silence is not None
    assert word is not None
    assert silence.start == pytest.approx(5000, abs=150)
    assert silence.end == pytest.approx(8000, abs=150)
    assert word.end == pytest.approx(10_000, abs=50)
    assert "0:10.0 into the video" in found["word-cut"].message
    assert sum(span.duration for span in repaired(edit, list(found.values())).spans) < 6000
