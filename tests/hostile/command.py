"""Runs the `cliply` command as a stranger's machine would: apart from our home, cache, folders and network."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CANARY = b"CANARY-shared-7f3a"
SETTINGS = ("--out", "out", "--quality", "draft", "--min", "3", "--max", "30", "--count", "1")
OFFLINE = ("unshare", "-rn")
"""A network namespace without any interface."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    said: str
    """On standard error."""
    told: str
    """On standard output."""
    seconds: float
    peak_mb: float
    """Resident memory of the largest process."""
    cpu_seconds: float
    """Of all its processes; unlike the clock, the same on a busy machine."""


@cache
def can_be_offline() -> bool:
    if shutil.which(OFFLINE[0]) is None:
        return False
    return subprocess.run([*OFFLINE, "true"], capture_output=True, check=False).returncode == 0


class Place:
    """A folder with everything that a run may touch: `work`, `home`, `cache` and `tmp`."""

    def __init__(self, root: Path, *, cache_folder: Path | None = None) -> None:
        self.work, self.home, self.tmp = root / "work", root / "home", root / "tmp"
        self.cache = cache_folder or root / "cache"
        for folder in (self.work, self.home, self.tmp, self.cache):
            folder.mkdir(exist_ok=True)

    @property
    def out(self) -> Path:
        return self.work / "out"

    def clip(self, source: Path | str, *options: str) -> Ran:
        """Short clips in draft quality, so that even four seconds of speech go all the way."""
        return self.run("clip", *SETTINGS, *options, "--", str(source))

    def run(self, *arguments: str, before: Sequence[str] = ()) -> Ran:
        prefix = [*before, *(OFFLINE if can_be_offline() else ())]
        process = self.start(arguments, prefix)
        began = time.monotonic()
        told, said = process.communicate(timeout=300)
        seconds = time.monotonic() - began
        measured = [line for line in said.splitlines() if line.startswith("measured ")]
        peak, cpu = measured[-1].split()[1:] if measured else ("0", "0")
        return Ran(process.returncode, said, told, seconds, int(peak) / 1e6, float(cpu))

    def start(self, arguments: Sequence[str], before: Sequence[str] = ()) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*before, sys.executable, "-c", _MEASURED, *arguments],
            cwd=self.work,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "OPENBLAS_CORETYPE")}
        return {**kept, "HOME": str(self.home), "TMPDIR": str(self.tmp), "CLIPLY_CACHE": str(self.cache)}

    def left_behind(self, *wanted: str) -> list[Path]:
        """Files outside the output folder and the cache, but for the `wanted` ones; half-written ones anywhere."""
        outside = [each for each in self.work.iterdir() if each.name not in ("out", *wanted)]
        parts = [each for each in (*_files(self.out), *_files(self.cache)) if each.name.endswith(".part")]
        return [*outside, *self.home.iterdir(), *self.tmp.iterdir(), *parts]

    def canaries(self) -> list[Path]:
        """Files of the output and the cache that hold the canary's text."""
        return [file for file in (*_files(self.out), *_files(self.cache)) if CANARY in file.read_bytes()]


# The command as `python -m cliply` would run it; at its end it adds what it used to what it says.
_MEASURED = """
import os, resource, runpy, sys
leave = os._exit
def told_and_left(code):
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    peaks = [each.ru_maxrss * (1 if sys.platform == "darwin" else 1024) for each in used]
    if os.path.exists("/proc/self/status"):
        # What the system tells of ourselves begins with the size of the process that started us.
        own = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
        peaks[0] = int(own.split()[1]) * 1024
    peak = max(peaks)
    seconds = sum(each.ru_utime + each.ru_stime for each in used)
    os.write(2, f"\\nmeasured {peak} {seconds:.2f}\\n".encode())
    leave(code)
os._exit = told_and_left
sys.argv[0] = "cliply"
try:
    runpy.run_module("cliply", run_name="__main__", alter_sys=False)
except SystemExit as leaving:
    sys.stdout.flush(); sys.stderr.flush()
    told_and_left(leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1)
except BaseException:
    import traceback
    traceback.print_exc(); sys.stdout.flush()
    told_and_left(1)
told_and_left(0)
"""


def _files(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()] if folder.is_dir() else []
