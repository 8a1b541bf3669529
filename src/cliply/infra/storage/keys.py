"""Names of stored objects."""

import re
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from cliply.errors import Invalid

_KIND = re.compile(r"[a-z]{1,20}")
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(f"({_UUID})/({_UUID})/({_KIND.pattern})/({_UUID})")


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """`workspace/project/kind/uuid`: made of ids and one word of ours, never of a person's text."""

    workspace: UUID
    project: UUID
    kind: str
    id: UUID

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise Invalid("The kind of a stored file is one word of small letters, at most 20.")

    def __str__(self) -> str:
        return f"{self.workspace}/{self.project}/{self.kind}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        match = _KEY.fullmatch(text)
        if not match:
            raise Invalid("This does not name a stored file.")
        workspace, project, kind, name = match.groups()
        return cls(UUID(workspace), UUID(project), kind, UUID(name))


def prefix(workspace: UUID, project: UUID | None = None) -> str:
    """What the keys of a workspace, or of one of its projects, begin with; the closing slash keeps it to whole ids."""
    return f"{workspace}/" if project is None else f"{workspace}/{project}/"
