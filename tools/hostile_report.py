"""Write docs/reference/hostile-input.md: what `cliply clip` makes of every hostile file, and at what cost.

python -m tools.hostile_report HOSTILE_FOLDER
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.hostile.command import OFFLINE, Place, Ran, can_be_offline

from cliply.cli.exit_codes import ExitCode
from cliply.media.probe import printable

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "hostile-input.md"
_HEAD = """# Hostile and odd input

What `cliply clip FILE --quality draft --min 3 --max 30 --count 1` makes of each file of the hostile set, {network}.
Made by `python -m tools.hostile_report HOSTILE_FOLDER`; the same is asserted by `tests/hostile`, which also covers odd
file names, transcripts that try to inject, full and read-only disks, damaged models and a kill at any moment.

Exit codes are those of [exit-codes.md](exit-codes.md): 0 a clip was made, 3 the input cannot be used. “left” counts
files outside the output folder and the cache, half-written files, and files with the canary's text: it has to be 0.
Seconds are processor time of all processes, and of the clock on the machine that wrote this page, which may have been
busy; memory is that of the largest process.

| file | outcome | code | CPU s | clock s | peak MB | left |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.hostile_report HOSTILE_FOLDER")
    folder = Path(sys.argv[1])
    network = f"in a network namespace without interfaces (`{' '.join(OFFLINE)}`)" if can_be_offline() else "offline"
    rows = [_row(folder, file) for file in sorted(folder.iterdir())]
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(_HEAD.format(network=network) + "\n".join(rows) + "\n", encoding="utf-8")
    print(PAGE)


def _row(folder: Path, file: Path) -> str:
    with TemporaryDirectory() as root:
        place = Place(Path(root))
        neighbours = [each.name for each in folder.iterdir()]
        for name in neighbours:
            shutil.copyfile(folder / name, place.work / name)
        ran = place.clip(file.name)
        left = len(place.left_behind(*neighbours)) + len(place.canaries())
        clips = len(list(place.out.glob("*.mp4")))
    print(file.name, ran.code, f"{ran.cpu_seconds:.1f} s", file=sys.stderr)
    figures = f"{ran.code} | {ran.cpu_seconds:.1f} | {ran.seconds:.1f} | {ran.peak_mb:.0f} | {left}"
    return f"| `{file.name}` | {_outcome(ran, clips)} | {figures} |"


def _outcome(ran: Ran, clips: int) -> str:
    if ran.code == ExitCode.DONE:
        return f"{clips} clip" if clips == 1 else f"{clips} clips"
    lines = [line for line in ran.said.splitlines() if line.strip() and not line.startswith("measured ")]
    return printable(lines[-1]).replace("|", "\\|") if lines else ""


if __name__ == "__main__":
    main()
