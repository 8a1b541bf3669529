"""Frames are counted, never added up from rounded lengths."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from tests.media.clips import follow

from cliply.media.edit import Output
from cliply.media.probe import Sound, Source, Video
from cliply.media.rendering.framemap import frame_map
from cliply.media.types import Size, Span


def source(rate: str, *, container: str = "mov,mp4,m4a,3gp,3g2,mj2", start: int = 0, sound_start: int = 0) -> Source:
    size = Size(1920, 1080)
    video = Video(
        "h264", size, size, Fraction(rate), True, 0, Fraction(1), "yuv420p", "", "", "", start, True, 599_960, 600_000
    )
    return Source(Path("talk.mp4"), container, 600_000, 1, video, Sound("aac", 0, 48_000, 2, sound_start))


@pytest.mark.parametrize("rate", ["25", "30", "30000/1001", "24000/1001"])
def test_two_hundred_cuts_do_not_drift(rate: str) -> None:
    spans = [Span(1000 + 1237 * index, 1000 + 1237 * index + 311 + index % 7) for index in range(200)]
    talk = source(rate)
    laid = frame_map(follow(talk, spans), talk)
    kept = 0
    for cut, span in zip(laid.cuts, spans, strict=True):
        assert cut.clip == round(Fraction(kept, 1000) * Fraction(rate))
        shown = laid.runs[0].origin + cut.grid / laid.rate
        assert abs(shown - Fraction(span.start, 1000)) <= 1 / Fraction(rate)
        kept += span.duration
    assert abs(laid.frames / laid.rate - Fraction(kept, 1000)) < 1 / Fraction(rate)


def test_touching_spans_lose_and_repeat_no_frame() -> None:
    spans = [Span(at, at + 333) for at in range(1000, 9000, 333)]
    talk = source("30000/1001")
    cuts = frame_map(follow(talk, spans), talk).cuts
    assert all(one.end == other.grid for one, other in pairwise(cuts))


def test_stretches_far_apart_are_opened_separately() -> None:
    talk = source("30")
    laid = frame_map(follow(talk, [Span(1000, 2000), Span(2500, 3000), Span(300_000, 301_000)]), talk)
    assert [len(run.cuts) for run in laid.runs] == [2, 1]
    assert laid.runs[1].seek < 300 <= laid.runs[1].origin + Fraction(1, 30)


def test_containers_without_an_index_are_opened_earlier() -> None:
    talk = source("30", container="mpegts")
    laid = frame_map(follow(talk, [Span(60_000, 61_000)]), talk)
    assert laid.runs[0].seek < 49
    assert laid.runs[0].origin + laid.cuts[0].grid / laid.rate == 60


def test_the_grid_follows_a_picture_that_starts_late() -> None:
    talk = source("30", start=21, sound_start=0)
    laid = frame_map(follow(talk, [Span(0, 1000)]), talk)
    offset = (laid.runs[0].origin - Fraction(21, 1000)) * 30
    assert offset.denominator == 1


def test_a_moment_that_was_cut_out_is_the_frame_after_the_jump() -> None:
    talk = source("30")
    laid = frame_map(follow(talk, [Span(1000, 2000), Span(3000, 4000)]), talk)
    assert [laid.frame(at) for at in (0, 1000, 1500, 2500, 3000, 3500, 9000)] == [0, 0, 15, 30, 30, 45, 60]


def test_every_second_frame_is_kept_from_a_fast_camera() -> None:
    talk = source("60")
    edit = follow(talk, [Span(1000, 2000)])
    slow = edit.model_copy(update={"output": Output(frame_rate="30")})
    assert frame_map(slow, talk).frames == 30
    assert frame_map(edit, talk).frames == 60
