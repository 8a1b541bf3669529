"""Progress on stderr: bars on a terminal, plain lines elsewhere, with an ETA from measured rates.

The rates of earlier runs (seconds of work per second of source, or of clip) are kept in the cache folder, so that
even the first seconds of a run can say how long all of it will take on this machine.
"""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cliply.media.progress import Stage, Update

LABELS = {
    Stage.SOUND: "Listening",
    Stage.SPEECH: "Writing down the words",
    Stage.HIGHLIGHTS: "Choosing moments",
    Stage.FRAMING: "Framing",
    Stage.RENDER: "Making clips",
}
_PLAIN_EVERY = 5.0
# Seconds of work per second of source on two ordinary cores; only used until this machine has been measured.
_FIRST_GUESS = {
    Stage.SOUND: 0.005,
    Stage.SPEECH: 0.1,
    Stage.HIGHLIGHTS: 0.01,
    Stage.FRAMING: 0.0,  # beside the renders
}
_FIRST_GUESS_CLIP = 25.0
"""Seconds for a clip, framing and waiting included."""


class Rates:
    """Seconds of work per second of source, by stage, as measured on this machine."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, float] = {}
        with suppress(OSError, ValueError):
            loaded = json.loads(file.read_text())
            self._known = {str(name): float(rate) for name, rate in loaded.items()}

    def expected(self, stage: Stage, source_seconds: float) -> float:
        """Seconds that a stage of the whole source will take."""
        if stage is Stage.RENDER and stage.value not in self._known:
            from cliply.media.highlights.selection import wanted_count

            return _FIRST_GUESS_CLIP * wanted_count(round(source_seconds * 1000))
        return self._known.get(stage.value, _FIRST_GUESS.get(stage, 0.0)) * source_seconds

    def learn(self, stage: Stage, seconds: float, source_seconds: float) -> None:
        if source_seconds <= 0:
            return
        new = seconds / source_seconds
        self._known[stage.value] = 0.5 * self._known.get(stage.value, new) + 0.5 * new
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(self._known))
            part.replace(self._file)


class Estimate:
    """Seconds left, from the current stage's own pace and the known rates of the stages to come."""

    def __init__(self, rates: Rates, source_seconds: float) -> None:
        self._rates = rates
        self._source_seconds = source_seconds
        self._began: dict[Stage, float] = {}
        self._done: set[Stage] = set()

    def update(self, update: Update) -> float:
        now = time.monotonic()
        began = self._began.setdefault(update.stage, now)
        share = update.overall
        if share >= 1 and update.stage not in self._done:
            self._done.add(update.stage)
            if not update.kept:
                self._rates.learn(update.stage, now - began, self._source_seconds)
        spent = now - began
        expected = max(self._rates.expected(update.stage, self._source_seconds), 1.1 * spent)
        # The stage's own pace counts the more, the further it is.
        pace = spent / share if share > 0 else expected
        left = (1 - share) * ((1 - share) * expected + share * pace)
        stages = list(Stage)
        later = stages[stages.index(update.stage) + 1 :]
        return left + sum(
            self._rates.expected(stage, self._source_seconds) for stage in later if stage not in self._done
        )


class Reporter(Protocol):
    """Shows updates to a person."""

    def __call__(self, update: Update) -> None: ...

    def close(self) -> None: ...


class Bars:
    """Rich progress bars for a terminal."""

    def __init__(self, console: Console, estimate: Estimate) -> None:
        self._estimate = estimate
        columns = (
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[items]:>7}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[eta]}"),
        )
        self._bars = Progress(*columns, console=console, transient=False)
        self._bars.start()
        self._tasks = {
            stage: self._bars.add_task(label, total=1.0, start=False, items="", eta="")
            for stage, label in LABELS.items()
        }

    def __call__(self, update: Update) -> None:
        left = self._estimate.update(update)
        task = self._tasks[update.stage]
        self._bars.start_task(task)
        items = f"{update.item}/{update.items}" if update.items > 1 else ""
        eta = "already done" if update.kept else ("" if update.overall >= 1 else time_left(left))
        self._bars.update(task, completed=update.overall, items=items, eta=eta)
        if update.overall >= 1:
            self._bars.stop_task(task)

    def close(self) -> None:
        self._bars.stop()


class Lines:
    """One plain line when a stage or item begins or ends, and every few seconds between."""

    def __init__(self, console: Console, estimate: Estimate) -> None:
        self._console = console
        self._estimate = estimate
        self._printed: dict[tuple[Stage, int, bool], float] = {}

    def __call__(self, update: Update) -> None:
        left = self._estimate.update(update)
        now = time.monotonic()
        mark = (update.stage, update.item, update.share >= 1)
        if mark in self._printed and (now - self._printed[mark] < _PLAIN_EVERY or update.share >= 1):
            return
        self._printed[mark] = now
        item = f" {update.item}/{update.items}" if update.items > 1 else ""
        if update.kept:
            end = "already done"
        elif update.share >= 1:
            end = "done"
        else:
            end = ", ".join(filter(None, (f"{update.share:.0%}", time_left(left))))
        self._console.print(f"{LABELS[update.stage]}{item}: {end}", markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        return


def reporter(console: Console, rates: Rates, source_seconds: float, *, plain: bool) -> Reporter:
    estimate = Estimate(rates, source_seconds)
    return Bars(console, estimate) if console.is_terminal and not plain else Lines(console, estimate)


def time_left(seconds: float) -> str:
    """Nothing for less than a second: it is over before it is read, or the work is too short to know its pace."""
    return f"about {duration(seconds)} left in all" if seconds >= 1 else ""


def duration(seconds: float) -> str:
    """A duration as people say it: `8 s`, `2:05 min`, `1:10 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
