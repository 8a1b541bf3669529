"""clips.json: what one run made of one source, for people, pages and programs.

The JSON Schema is generated from these models by `tools/make_schemas.py`.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints, ValidationError, field_validator

from cliply.errors import Invalid, NotFound
from cliply.media.cache import write_text
from cliply.media.document import Document, first_fault
from cliply.media.types import Dimension, Highlight, Millis, Size, Span, Transcript
from cliply.media.wording.copywriting import write_title

CLIPS_FILE = "clips.json"


class SourceFacts(Document):
    """What the clips were cut from."""

    name: str
    """The file's name."""
    path: Path | None = None
    """Where it was when the clips were made."""
    fingerprint: str = ""
    duration: Millis = Field(ge=0)
    size: Size | None = None
    """Null when the source has no picture."""
    frame_rate: str | None = Field(None, pattern=r"^\d+(/\d+)?$")
    language: str = ""
    """ISO 639-1 code of what is spoken."""
    words: int = Field(0, ge=0)
    """How many were heard."""
    transcribed_by: str = ""
    """The transcriber and its model."""

    @field_validator("name", "path", mode="before")
    @classmethod
    def _in_unicode(cls, told: object) -> object:
        # Systems with bytes for names allow what JSON cannot hold; such a byte is shown as a question mark.
        return str(told).encode("utf-8", "replace").decode() if isinstance(told, str | Path) else told


class Finding(Document):
    """What the quality gate saw in a finished clip."""

    check: str
    """The name of the check, such as `loudness` or `speaker-visible`."""
    level: Literal["warning", "failed"]
    message: str
    """What is wrong, for the creator."""
    at: Span | None = None
    """Where in the video file, with its intro; null when it concerns the whole clip."""


FileName = Annotated[str, StringConstraints(pattern=r"^[^/]*[^/.][^/]*$")]
"""Of a file beside the document, never a path: an earlier run's files are replaced and removed by these names."""


class ClipFiles(Document):
    """Files in the folder of this document; null where a file was not made."""

    video: FileName | None = None
    cover: FileName | None = None
    """1080 by 1920."""
    cover_wide: FileName | None = None
    """1280 by 720."""
    srt: FileName | None = None
    vtt: FileName | None = None
    ass: FileName | None = None
    edit: FileName | None = None


class Moment(Document):
    """A stretch of the source that is worth a clip, with the reason."""

    rank: int = Field(ge=1)
    """1 is the best of all candidates."""
    span: Span
    """From the first moment to the last, in source time."""
    score: float = Field(ge=0, le=100)
    """Percentile within this source; not a prediction of views."""
    reason: str = ""
    dimensions: tuple[Dimension, ...] = ()
    title: str = ""
    text: str = ""
    """What is said."""


class ClipEntry(Moment):
    """A clip that was made."""

    number: int = Field(ge=1)
    """The number that its files begin with."""
    duration: Millis = Field(ge=0)
    """Of the video file: with intro and outro, and without the pauses that were cut out."""
    spans: tuple[Span, ...] = ()
    """The stretches of the source that were kept."""
    cuts: int = Field(0, ge=0)
    """How many pauses and filler words were cut out."""
    cut_out: Millis = Field(0, ge=0)
    """How much shorter that makes it."""
    description: str = ""
    hashtags: tuple[str, ...] = ()
    hook: str = ""
    """The line that is burned in at the beginning."""
    layouts: tuple[str, ...] = ()
    """The layouts it uses, in order of appearance."""
    files: ClipFiles = ClipFiles()
    findings: tuple[Finding, ...] = ()
    pick: int | None = Field(None, ge=1)
    """Its number among the candidates, which no other moment of this folder gets; null in a document of an earlier
    version."""
    picked: bool = False
    """Made by `cliply more`; a later `cliply clip` makes it again instead of dropping it."""
    made_from: str = ""
    """Names the edit that was rendered, so that the next run recognises a clip that is already made."""
    made_with: str = ""
    """Names the rest that shapes the files: the program's version and the content of style, logo, font and the like."""


class CandidateEntry(Moment):
    """A moment that was not rendered; `cliply more FOLDER --pick NUMBER` makes a clip of it."""

    pick: int = Field(ge=1)
    """The number to pick it by; it stays the same for as long as the folder is used."""
    keywords: tuple[str, ...] = ()


class ClipsDocument(Document):
    """Everything one run made. Times are whole milliseconds, of the source unless a field says otherwise."""

    schema_version: Literal[1] = 1
    made_by: str = "cliply"
    """The program and its version."""
    source: SourceFacts
    options: dict[str, JsonValue] = Field(default_factory=dict)
    """What was asked for, by the names of the command line."""
    clips: tuple[ClipEntry, ...] = ()
    """Best first."""
    candidates: tuple[CandidateEntry, ...] = ()
    """Best first."""
    warnings: tuple[str, ...] = ()
    """What may be wrong with all of it, or could not be done as asked, for the creator."""

    @classmethod
    def load(cls, folder: Path) -> "ClipsDocument":
        """Read the document in `folder`. Raises NotFound, or Invalid when it is damaged or of a later version."""
        file = folder / CLIPS_FILE
        try:
            return cls.model_validate_json(file.read_bytes())
        except OSError as absent:
            raise NotFound(
                f"There is no {CLIPS_FILE} in “{folder}”. Name a folder that `cliply clip` has written."
            ) from absent
        except ValidationError as broken:
            raise Invalid(
                f"{file} cannot be used: {first_fault(broken)}. "
                "Delete it and run `cliply clip` again, or choose another folder with --out."
            ) from broken

    def save(self, folder: Path) -> Path:
        """Write it into `folder`, whole or not at all."""
        file = folder / CLIPS_FILE
        write_text(file, self.model_dump_json(indent=2) + "\n")
        return file


def candidate(highlight: Highlight, *, rank: int, pick: int, whole: Transcript | None = None) -> CandidateEntry:
    """A highlight that was not rendered, as the document lists it; with the `whole` transcript it gets a title."""
    title = highlight.title
    if not title and whole is not None:
        title = write_title(highlight.text, whole=whole, language=whole.language)
    return CandidateEntry(
        rank=rank,
        pick=pick,
        span=highlight.span,
        score=highlight.score,
        reason=highlight.reason,
        dimensions=highlight.dimensions,
        title=title,
        text=highlight.text,
        keywords=highlight.keywords,
    )
