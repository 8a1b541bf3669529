"""For what an edit's cameras were made: asked for something else, the clip is framed anew before it is rendered."""

from typing import Self
from uuid import UUID

from cliply.media.document import Document
from cliply.media.edit import Aspect
from cliply.media.options import LayoutChoice
from cliply.media.types import Span


class Framed(Document):
    """What was looked at and how it was arranged, and what is wanted by now."""

    span: Span
    layout: LayoutChoice
    aspect: Aspect
    faces: UUID
    """Where the faces that were seen are stored."""
    wanted_span: Span
    wanted_layout: LayoutChoice
    own_position: bool = False
    """Somebody has put the captions where they are."""

    @property
    def stale(self) -> bool:
        inside = self.span.start <= self.wanted_span.start and self.wanted_span.end <= self.span.end
        return not inside or self.layout != self.wanted_layout

    def wanting(self, span: Span, layout: LayoutChoice | None) -> Self:
        return self.model_copy(update={"wanted_span": span, "wanted_layout": layout or self.wanted_layout})
