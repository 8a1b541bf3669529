"""Apple's document type cannot be shipped, so the rules that these files rely on are written down here."""

import re
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree as ET

import pytest

from cliply.media.edit import Captions, ClipEdit, Hook
from cliply.media.timeline import export

# The order of children in FCPXML 1.10's document type; Final Cut refuses a file that breaks it.
ORDER: dict[str, list[str]] = {
    "fcpxml": ["resources", "library"],
    "resources": ["format", "asset", "effect"],
    "library": ["event"],
    "event": ["project"],
    "project": ["sequence"],
    "sequence": ["spine"],
    "spine": ["asset-clip"],
    "asset": ["media-rep"],
    "asset-clip": ["adjust-crop", "adjust-conform", "adjust-transform", "asset-clip", "title", "audio-channel-source",
                   "filter-video"],
    "title": ["text", "text-style-def", "adjust-transform"],
    "text": ["text-style"],
    "text-style-def": ["text-style"],
    "adjust-crop": ["trim-rect"],
    "trim-rect": ["param"],
    "adjust-transform": ["param"],
    "param": ["keyframeAnimation", "param"],
    "keyframeAnimation": ["keyframe"],
    "audio-channel-source": ["mute"],
    "filter-video": ["param"],
}  # fmt: skip
ANY_ORDER = {"resources"}
NEEDED: dict[str, set[str]] = {
    "fcpxml": {"version"}, "format": {"id"}, "asset": {"id"}, "effect": {"id", "uid"}, "media-rep": {"src"},
    "sequence": {"format"}, "asset-clip": {"ref"}, "title": {"ref", "duration"}, "keyframe": {"time", "value"},
    "adjust-crop": {"mode"}, "audio-channel-source": {"srcCh"}, "filter-video": {"ref"}, "text-style-def": {"id"},
    "param": {"name"},
}  # fmt: skip
TIMES = ("offset", "start", "duration", "time", "tcStart", "frameDuration")


def seconds(text: str) -> Fraction:
    match = re.fullmatch(r"(\d+)(?:/(\d+))?s", text)
    assert match, text
    return Fraction(int(match[1]), int(match[2] or 1))


@pytest.fixture
def root(edit: ClipEdit, tmp_path: Path) -> ET.Element:
    text = export([edit], "fcpxml", tmp_path)[0].read_text(encoding="utf-8")
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n')
    return ET.fromstring(text)  # noqa: S314 - written by the code under test


def test_elements_stand_in_the_order_of_the_document_type(root: ET.Element) -> None:
    for element in root.iter():
        allowed = ORDER.get(element.tag, [])
        places = [allowed.index(child.tag) for child in element]
        assert element.tag in ANY_ORDER or places == sorted(places), element.tag
        assert element.attrib.keys() >= NEEDED.get(element.tag, set())


def test_identities_are_unique_and_every_reference_resolves(root: ET.Element) -> None:
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    for element in root.iter():
        for name in ("ref", "format"):
            if name in element.attrib:
                assert element.attrib[name] in ids


def test_every_time_is_on_the_frame_grid(root: ET.Element) -> None:
    frame = Fraction(1001, 30000)
    for element in root.iter():
        for name in TIMES:
            if name in element.attrib and not (element.tag == "title" and name == "start"):
                assert (seconds(element.attrib[name]) / frame).denominator == 1, (element.tag, name)


def test_the_storyline_has_no_gap_and_the_length_of_the_clip(root: ET.Element) -> None:
    sequence = root.find("library/event/project/sequence")
    assert sequence is not None
    at = Fraction(0)
    for clip in sequence.findall("spine/asset-clip"):
        assert seconds(clip.attrib["offset"]) == at
        at += seconds(clip.attrib["duration"])
    assert seconds(sequence.attrib["duration"]) == at
    assert sequence.attrib["tcFormat"] == "DF"


def test_connected_clips_and_titles_begin_inside_what_they_hang_on(root: ET.Element) -> None:
    for clip in root.iterfind("library/event/project/sequence/spine/asset-clip"):
        start, length = seconds(clip.attrib["start"]), seconds(clip.attrib["duration"])
        for child in (*clip.findall("asset-clip"), *clip.findall("title")):
            assert start <= seconds(child.attrib["offset"]) < start + length
            assert int(child.attrib["lane"]) > 0
        for child in clip.findall("asset-clip"):
            assert child.attrib["srcEnable"] == "video", "the sound is heard once"
            assert (child.attrib["start"], child.attrib["duration"]) == (clip.attrib["start"], clip.attrib["duration"])


def test_the_camera_is_there_as_keyframes_inside_the_clip(root: ET.Element) -> None:
    clip = root.findall(".//spine/asset-clip")[0]
    start, end = seconds(clip.attrib["start"]), seconds(clip.attrib["start"]) + seconds(clip.attrib["duration"])
    x = clip.find("adjust-transform/param[@name='position']/param[@name='X']/keyframeAnimation")
    assert x is not None
    keys = [(seconds(key.attrib["time"]), float(key.attrib["value"]), key.attrib["interp"]) for key in x]
    assert all(start <= time <= end for time, _, _ in keys)
    assert len({value for _, value, _ in keys}) == 3
    assert [interp for _, _, interp in keys] == ["linear"] * 4 + ["ease"]


def test_stacked_panes_have_their_own_crops(root: ET.Element) -> None:
    split = root.findall(".//spine/asset-clip")[2]
    upper, lower = split.find("adjust-crop/trim-rect"), split.find("asset-clip/adjust-crop/trim-rect")
    assert upper is not None
    assert lower is not None
    # In percent of the source's height: 840 of 1080 pixels.
    assert float(upper.attrib["right"]) == pytest.approx(100 * 840 / 1080, abs=0.001)
    assert float(lower.attrib["left"]) == pytest.approx(100 * 840 / 1080, abs=0.001)


def test_a_backdrop_is_blurred_below_the_whole_picture(root: ET.Element) -> None:
    fit = root.findall(".//spine/asset-clip")[4]
    assert fit.find("filter-video") is not None
    above = fit.find("asset-clip/adjust-transform")
    assert above is not None
    assert above.attrib["scale"] == "1 1"


def test_the_file_is_found_whatever_its_name(root: ET.Element, edit: ClipEdit) -> None:
    media = root.find("resources/asset/media-rep")
    assert media is not None
    url = urlparse(media.attrib["src"])
    assert url.scheme == "file"
    assert not set(media.attrib["src"]) & set(' <>"\n&')
    assert unquote(url.path) == str(edit.source.path)


def test_words_are_titles_and_cannot_become_markup(root: ET.Element) -> None:
    shown = [text.text or "" for text in root.iterfind(".//title/text/text-style")]
    assert " ".join(" ".join(shown).split()) == "Hello there <world> & “friends” this is a test of"
    assert all(len(line) <= 24 for text in shown for line in text.split("\n"))


def test_the_hook_is_a_title_of_its_own_above_the_captions(edit: ClipEdit, tmp_path: Path) -> None:
    hooked = edit.model_copy(update={"hook": Hook(text="Look <here>", milliseconds=2000)})
    root = ET.fromstring(export([hooked], "fcpxml", tmp_path)[0].read_text(encoding="utf-8"))  # noqa: S314 - written by the code under test
    titles = root.findall(".//title")
    line = next(title for title in titles if title.attrib["name"] == "Look <here>")
    assert seconds(line.attrib["duration"]) == 60 * Fraction(1001, 30000)
    assert {title.attrib["lane"] for title in titles if title is not line} == {"1"}
    assert line.attrib["lane"] == "2"


def test_hidden_captions_make_no_titles(edit: ClipEdit, tmp_path: Path) -> None:
    hidden = edit.model_copy(update={"captions": Captions(show=False)})
    assert "<title" not in export([hidden], "fcpxml", tmp_path)[0].read_text(encoding="utf-8")


def test_muted_words_are_muted(root: ET.Element) -> None:
    mute = root.find(".//audio-channel-source/mute")
    assert mute is not None
    assert seconds(mute.attrib["start"]) == Fraction(45 * 1001, 30000)
