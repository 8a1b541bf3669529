import json
import re
from pathlib import Path

import pytest
from tests.hostile.command import Place, Ran


def clip_with(transcript: str, talk: Path, place: Place, fixtures: Path) -> Ran:
    return place.clip(talk, "--transcript", str(fixtures / "hostile" / transcript))


@pytest.mark.slow
def test_nothing_in_a_transcript_takes_effect(talk: Path, place: Place, fixtures: Path) -> None:
    ran = clip_with("transcript_injection.json", talk, place, fixtures)
    assert ran.code in (0, 9), ran.said
    spoken = json.loads((fixtures / "hostile" / "transcript_injection.json").read_text())["words"]
    assert spoken
    (subtitles,) = place.out.glob("*.ass")
    _check_ass(subtitles.read_text(encoding="utf-8"))
    (vtt,) = place.out.glob("*.vtt")
    assert "<script" not in vtt.read_text(encoding="utf-8")
    # An arrow in a cue's text would be read as the next cue's times.
    for line in vtt.read_text(encoding="utf-8").splitlines():
        assert "-->" not in line or re.fullmatch(r"[\d:.]+ --> [\d:.]+( .*)?", line), line
    page = (place.out / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert place.left_behind() == []
    assert not list(place.work.rglob("pwned*"))


def _check_ass(text: str) -> None:
    assert "OWNED" not in re.sub(r"^Dialogue: .*$", "", text, flags=re.MULTILINE)
    assert text.count("[Events]\n") == 1
    for line in text.splitlines():
        if line.startswith("Dialogue:"):
            tags = "".join(re.findall(r"\{[^}]*\}", line))
            # Our own shapes are drawn with \\p1 as well, but never the one that the transcript brings.
            for tag in ("fs400", "fnEvil"):
                assert tag not in tags, line
            assert "\\p1}m 0 0 l 900" not in line


@pytest.mark.slow
def test_words_at_impossible_times_are_dropped_or_mended(talk: Path, place: Place, fixtures: Path) -> None:
    ran = clip_with("transcript_bad_times.json", talk, place, fixtures)
    assert ran.code in (0, 3, 9), ran.said
    assert "Traceback" not in ran.said
    assert place.left_behind() == []
    for edit in place.out.glob("*.edit.json"):
        told = json.loads(edit.read_text())
        assert all(0 <= span["start"] < span["end"] <= 11_100 for span in told["spans"])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"words": 7}', "WEBVTT\n\nnothing", "1\n00:00 --> x\n", "\0" * 99])
def test_a_transcript_that_is_none_is_refused(content: str, talk: Path, place: Place) -> None:
    (place.work / "words.json").write_text(content)
    ran = place.clip(talk, "--transcript", "words.json")
    assert ran.code == 3, ran.said
    assert "words.json" in ran.said
    assert place.left_behind("words.json") == []
