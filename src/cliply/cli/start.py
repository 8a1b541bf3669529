"""The program's first lines: Ctrl-C is answered while everything else is still being loaded."""

import json
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from cliply.cli.exit_codes import ExitCode

STOPPED = "Stopped. Run the same command again to go on from here."


def main() -> None:
    """What the command `cliply` calls."""
    # A shell that starts a program in the background lets it ignore Ctrl-C, and so it stays.
    stoppable = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if stoppable:
        signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    from cliply.cli.main import main as run

    try:
        if stoppable:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        leave(ExitCode.STOPPED, "Stopped", STOPPED)


def leave(code: ExitCode, name: str, message: str) -> NoReturn:
    """End with `message` on stderr, and as JSON on stdout where that was asked for."""
    if wants_json():
        error = {"error": {"code": name, "message": message, "exit_code": int(code)}}
        sys.stdout.write(json.dumps(error, ensure_ascii=False) + "\n")
    sys.stderr.write(f"{message}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    # A model's native threads cannot be asked to stop; nothing half-made is left by now, so leave at once.
    os._exit(code)


def wants_json() -> bool:
    """Whether the command was asked for JSON; known even when its options could not be read."""
    return "--json" in sys.argv[1:]


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # An exception here could be swallowed by whatever is being imported.
    leave(ExitCode.STOPPED, "Stopped", STOPPED)
