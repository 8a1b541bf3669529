"""Run all benchmarks, or those named, and write the table: python -m benchmarks [NAME ...]

A run of some replaces their sections of docs/reference/benchmarks.md and leaves the others.
"""

import importlib
import os
import pkgutil
import platform
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import benchmarks
from benchmarks.registry import BENCHMARKS, Row

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md"

_HEAD = """# Benchmarks

Processor seconds (user and system, children included) and ratios, each ratio taken in one interleaved run, so that
figures can be compared between machines. Where a bar is in seconds, the row after it holds the figure against a stock
ffmpeg pass of the same run: that pass is the yardstick that the bar was set beside, and the machine's pace cancels out.
What the service does in a second is set beside the queue engine by itself and beside bare routes, round by round.
`make bench` writes this page; `python -m benchmarks NAME` measures one section again. Measured on {machine}.
"""


def main(names: Sequence[str]) -> int:
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name != "__main__":
            importlib.import_module(f"benchmarks.{module.name}")
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    measured = {}
    missed = 0
    for name in names or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix="cliply-bench-") as folder:
            rows = BENCHMARKS[name](Path(folder))
        measured[name] = _table(name, rows)
        print(measured[name])
        missed += sum(row.met is False for row in rows)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    sections = _kept() | measured
    ordered = [sections[name] for name in BENCHMARKS if name in sections]
    PAGE.write_text("\n".join([_HEAD.format(machine=machine()), *ordered]), encoding="utf-8")
    return 1 if missed else 0


def _kept() -> dict[str, str]:
    """The sections of the page as it is."""
    if not PAGE.exists():
        return {}
    parts = re.split(r"(?m)^(?=## )", PAGE.read_text(encoding="utf-8"))[1:]
    return {part.split("\n", 1)[0].removeprefix("## ").strip(): part.rstrip("\n") + "\n" for part in parts}


def _table(name: str, rows: Sequence[Row]) -> str:
    lines = [f"## {name}", "", f"`python -m benchmarks {name}`", "", "| what | figure | bar | |", "|---|---|---|---|"]
    marks = {True: "met", False: "**missed**", None: ""}
    lines += [f"| {row.what} | {row.figure} | {row.bar} | {marks[row.met]} |" for row in rows]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """The processor and what runs on it, for the page."""
    model = platform.machine()
    if (told := Path("/proc/cpuinfo")).exists():
        found = re.search(r"model name\s*:\s*(.+)", told.read_text(encoding="utf-8"))
        model = found.group(1).strip() if found else model
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
