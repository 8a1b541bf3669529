from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlparse

import opentimelineio as otio
import pytest

from cliply.media.edit import ClipEdit
from cliply.media.timeline import export

RATE = float(Fraction(30000, 1001))


@pytest.fixture
def timeline(edit: ClipEdit, tmp_path: Path) -> otio.schema.Timeline:
    return otio.adapters.read_from_file(str(export([edit], "otio", tmp_path)[0]))


def test_the_library_reads_back_what_was_written(timeline: otio.schema.Timeline, edit: ClipEdit) -> None:
    again = otio.adapters.read_from_string(otio.adapters.write_to_string(timeline, "otio_json"), "otio_json")
    assert again.is_equivalent_to(timeline)
    assert [track.kind for track in timeline.tracks] == ["Video", "Video", "Audio"]
    length = round(Fraction(edit.duration, 1000) * Fraction(30000, 1001))
    for track in timeline.tracks:
        assert track.duration() == otio.opentime.RationalTime(length, RATE)


def test_each_pane_is_a_track_and_gaps_fill_the_rest(timeline: otio.schema.Timeline) -> None:
    lower, upper = timeline.tracks[0], timeline.tracks[1]
    assert all(isinstance(each, otio.schema.Clip) for each in lower)
    assert [type(each).__name__ for each in upper] == ["Gap", "Gap", "Clip", "Clip", "Clip"]
    assert upper[2].metadata["cliply"]["camera"][0]["x"] == 840


def test_clips_show_the_source_frames_of_the_edit(timeline: otio.schema.Timeline) -> None:
    first = timeline.tracks[0][0].source_range
    assert (first.start_time.value, first.duration.value, first.start_time.rate) == (30, 120, RATE)


def test_the_crop_is_there_in_words_and_as_resolve_effects(timeline: otio.schema.Timeline) -> None:
    follow = timeline.tracks[0][0]
    assert [(key["frame"], key["x"], key["eased"]) for key in follow.metadata["cliply"]["camera"]] == [
        (0, 100, False), (29, 100, False), (30, 800, False), (60, 800, False), (90, 1000, True),
    ]  # fmt: skip
    (effect,) = follow.effects
    parameters = {each["Parameter ID"]: each for each in effect.metadata["Resolve_OTIO"]["Parameters"]}
    assert parameters["transformationZoomX"]["Parameter Value"] == pytest.approx(1920 / 608, abs=0.01)
    assert set(parameters["transformationPan"]["Key Frames"]) == {"0", "29", "30", "60", "90"}
    assert parameters["transformationZoomX"]["Key Frames"] == {}
    names = [effect.metadata["Resolve_OTIO"]["Effect Name"] for effect in timeline.tracks[1][2].effects]
    assert names == ["Transform", "Cropping"]


def test_the_media_reference_leads_to_the_file(timeline: otio.schema.Timeline, edit: ClipEdit) -> None:
    for track in timeline.tracks:
        for clip in track.find_clips():
            url = urlparse(clip.media_reference.target_url)
            assert url.scheme == "file"
            assert unquote(url.path) == str(edit.source.path)
            available = clip.media_reference.available_range
            assert available.contains(clip.source_range)


def test_muted_words_are_told_on_the_sound(timeline: otio.schema.Timeline) -> None:
    assert timeline.tracks[2][0].metadata["cliply"]["muted"][0] == {"frame": 15, "frames": 9}


def test_the_words_go_along(timeline: otio.schema.Timeline) -> None:
    (about,) = timeline.metadata["cliply"]["clips"]
    assert about["title"] == "A & B <c>"
    assert about["captions"][0]["text"].startswith("Hello there")
