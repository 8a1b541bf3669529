"""Benchmarks by name. Each gets a folder to work in and returns rows for the table."""

import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `bar` is empty for figures that are only for information."""

    what: str
    figure: str
    bar: str = ""
    met: bool | None = None


Benchmark = Callable[[Path], Sequence[Row]]
BENCHMARKS: dict[str, Benchmark] = {}


def benchmark(name: str) -> Callable[[Benchmark], Benchmark]:
    """Register a function under `name`, by which `python -m benchmarks NAME` runs it alone."""

    def register(measure: Benchmark) -> Benchmark:
        BENCHMARKS[name] = measure
        return measure

    return register


def at_most(what: str, value: float, bar: float, *, unit: str = "", digits: int = 2) -> Row:
    return Row(what, f"{value:.{digits}f}{unit}", f"≤ {bar:.3g}{unit}", value <= bar)


def at_least(what: str, value: float, bar: float, *, unit: str = "", digits: int = 2) -> Row:
    return Row(what, f"{value:.{digits}f}{unit}", f"≥ {bar:.{digits}f}{unit}", value >= bar)


@dataclass(slots=True)
class Spent:
    """Processor seconds, user and system, of this process and the children that ended meanwhile."""

    seconds: float = field(default=0.0)


@contextmanager
def processor_time() -> Iterator[Spent]:
    """Measure a block; run nothing else in this process meanwhile."""
    spent = Spent()
    before = _used()
    yield spent
    spent.seconds = _used() - before


def _used() -> float:
    told = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in told)
