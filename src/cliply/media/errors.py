"""What can go wrong with media; each is also one of the six kinds in `cliply.errors`."""

from cliply.errors import Invalid, LimitReached, Unavailable


class Unreadable(Invalid):
    """The file is not a video or sound that can be read, or it is damaged."""


class NoSpeech(Invalid):
    """Nobody speaks, so there is nothing to clip."""


class RenderFailed(Unavailable):
    """The encoder ended without a usable file."""


class ToolMissing(Unavailable):
    """A program or a model that is needed is not installed, or is damaged."""


class TooMuch(LimitReached):
    """A child process was stopped at its limit of time, memory or output."""


class Cancelled(Exception):
    """Somebody asked to stop. Not an error: raised by a progress callback, never caught by a stage."""
