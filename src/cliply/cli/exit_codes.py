"""What the exit code of every command means; documented in docs/reference/exit-codes.md."""

from enum import IntEnum

from cliply import errors


class ExitCode(IntEnum):
    """Stable: scripts may rely on them."""

    DONE = 0
    FAULT = 1
    WRONG_USE = 2
    INVALID = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    CONFLICT = 6
    LIMIT_REACHED = 7
    UNAVAILABLE = 8
    CHECK_FAILED = 9
    DECLINED = 10
    STOPPED = 130


MEANING: dict[ExitCode, str] = {
    ExitCode.DONE: "Everything asked for was made.",
    ExitCode.FAULT: "A fault in Cliply itself. Please report it with what was printed.",
    ExitCode.WRONG_USE: "The command is not written as expected, or its options disagree; see `cliply COMMAND --help`.",
    ExitCode.INVALID: "The input cannot be used: damaged, without speech, too short, a wrong setting or style.",
    ExitCode.NOT_FOUND: "Something named is not there: a file, a style, a font.",
    ExitCode.NOT_ALLOWED: "Something may not be read or written.",
    ExitCode.CONFLICT: "It does not fit what is already there, or another run is at work in the same folder.",
    ExitCode.LIMIT_REACHED: "The disk is full, or a limit of time or memory was reached.",
    ExitCode.UNAVAILABLE: "Something needed is missing or does not answer: a program, a model, a service.",
    ExitCode.CHECK_FAILED: "Finished, but at least one clip did not pass its check; it says which and why.",
    ExitCode.DECLINED: "Somebody was asked first and said no, so nothing was done.",
    ExitCode.STOPPED: "Stopped by Ctrl-C; nothing half-made is left, and the same command goes on from here.",
}

_BY_KIND: tuple[tuple[type[errors.CliplyError], ExitCode], ...] = (
    (errors.NotFound, ExitCode.NOT_FOUND),
    (errors.NotAllowed, ExitCode.NOT_ALLOWED),
    (errors.Invalid, ExitCode.INVALID),
    (errors.Conflict, ExitCode.CONFLICT),
    (errors.LimitReached, ExitCode.LIMIT_REACHED),
    (errors.Unavailable, ExitCode.UNAVAILABLE),
)


def exit_code(error: errors.CliplyError) -> ExitCode:
    return next((code for kind, code in _BY_KIND if isinstance(error, kind)), ExitCode.FAULT)
