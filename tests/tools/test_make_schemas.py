"""The published schemas are those of the code, and what Cliply writes follows them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cliply.media.documents import CandidateEntry, ClipEntry, ClipFiles, ClipsDocument, Finding, SourceFacts
from cliply.media.edit import CameraKey, ClipEdit, EditWord, LayoutSpan, Pane, SourceFile
from cliply.media.types import Dimension, Size, Span
from tools import make_schemas


def published(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((make_schemas.REFERENCE / name).read_text(encoding="utf-8"))
    return schema


@pytest.mark.parametrize("name", make_schemas.PAGES)
def test_the_published_schema_is_up_to_date(name: str) -> None:
    assert (make_schemas.REFERENCE / name).read_text(encoding="utf-8") == make_schemas.PAGES[name]()


@pytest.mark.parametrize("name", make_schemas.PAGES)
def test_the_schema_is_a_valid_one_and_says_what_times_are(name: str) -> None:
    schema = published(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "milliseconds" in schema["description"]


def test_inherited_fields_are_described_too() -> None:
    clip = published("clips.schema.json")["$defs"]["ClipEntry"]["properties"]
    assert "not a prediction" in clip["score"]["description"]
    assert clip["hook"]["description"]


def test_a_clips_document_follows_its_schema() -> None:
    document = ClipsDocument(
        source=SourceFacts(name="talk.mp4", duration=60_000, size=Size(1920, 1080), frame_rate="30000/1001"),
        options={"count": 1, "keywords": ["go"], "prompt": None},
        clips=(
            ClipEntry(
                number=1,
                rank=1,
                span=Span(0, 30_000),
                score=97.5,
                duration=28_000,
                spans=(Span(0, 10_000), Span(12_000, 30_000)),
                dimensions=(Dimension("hook", 90, "Opens with a question."),),
                files=ClipFiles(video="01-a.mp4"),
                findings=(Finding(check="loudness", level="warning", message="Too loud.", at=Span(0, 10)),),
            ),
        ),
        candidates=(CandidateEntry(rank=2, pick=1, span=Span(30_000, 50_000), score=60),),
    )
    stored = json.loads(document.model_dump_json())
    jsonschema.validate(stored, published("clips.schema.json"))
    stored["clips"][0]["unknown"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(stored, published("clips.schema.json"))


def test_an_edit_follows_its_schema() -> None:
    key = CameraKey(at=0, x=0, y=0, width=608, height=1080)
    edit = ClipEdit(
        source=SourceFile(path=Path("talk.mp4"), fingerprint="", size=Size(1920, 1080), duration=60_000),
        spans=(Span(0, 1000),),
        words=(EditWord(text="Hello", start=0, end=400),),
        layouts=(LayoutSpan(span=Span(0, 1000), layout="follow", panes=(Pane(camera=(key,)),)),),
    )
    jsonschema.validate(json.loads(edit.model_dump_json()), published("edit.schema.json"))
