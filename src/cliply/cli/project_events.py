"""What becomes of a project, as the service tells it while it happens: a call for minutes, not one for each look."""

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from cliply.integrations.service import LineCut, Service

_CUTS = 10
"""How often in a row a line may be cut before it is given up."""
_WAIT = 2.0
"""Seconds before a line that was cut is taken up again."""


def steps_line(work: Sequence[Any]) -> str:
    """`transcribing 40%, rendering 10%`; empty where nothing is being done."""
    return ", ".join(f"{job['step'] or job['kind'].lower()} {job['progress']:.0%}" for job in work)


def events(found: Service, project_id: UUID | str) -> Iterator[tuple[str, Any]]:
    """Each event's name and data, over as many lines as it takes. Raises LineCut once too many are cut in a row."""
    path = f"/api/projects/{project_id}/events"
    after: str | None = None
    cuts = 0
    while True:
        try:
            with found.events(path, after=after) as lines:
                is_over = True
                for event in _parsed(lines):
                    is_over, cuts = False, 0
                    after = event.get("id", after)
                    if "data" in event:
                        yield event.get("event", "message"), json.loads(event["data"])
        except LineCut:
            is_over, cuts = False, cuts + 1
            if cuts >= _CUTS:
                raise
            threading.Event().wait(_WAIT)
        if is_over:
            return


def _parsed(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """The fields of each event; an event ends with an empty line."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            yield fields
            fields = {}
