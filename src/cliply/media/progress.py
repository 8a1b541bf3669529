"""How the pipeline tells where it is, and how it is told to stop."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cliply.media.errors import Cancelled
from cliply.media.types import OnProgress


class Stage(StrEnum):
    """The steps of a run, in order."""

    SOUND = "sound"
    SPEECH = "speech"
    HIGHLIGHTS = "highlights"
    FRAMING = "framing"
    RENDER = "render"


@dataclass(frozen=True, slots=True)
class Update:
    """Where a stage is: `share` of the current item, which is number `item` of `items`, both from 1."""

    stage: Stage
    share: float
    item: int = 1
    items: int = 1
    kept: bool = False
    """Nothing had to be done: an earlier run's result was used."""

    @property
    def overall(self) -> float:
        """Share of the whole stage."""
        return min(1.0, (self.item - 1 + self.share) / self.items)


OnUpdate: TypeAlias = Callable[[Update], None]


class Watch:
    """Carries updates out and the wish to stop in; shared by all threads of a run."""

    def __init__(self, on_update: OnUpdate = lambda _update: None, stop: threading.Event | None = None) -> None:
        self._on_update = on_update
        self._stop = stop or threading.Event()
        self._lock = threading.Lock()

    def stop(self) -> None:
        self._stop.set()

    def check(self) -> None:
        """Raises Cancelled once somebody wants the run to stop."""
        if self._stop.is_set():
            raise Cancelled

    def tell(self, update: Update) -> None:
        self.check()
        with self._lock:
            self._on_update(update)

    def progress(self, stage: Stage, item: int = 1, items: int = 1) -> OnProgress:
        """A progress callback for one item of a stage."""
        return lambda share: self.tell(Update(stage, share, item, items))
