"""Everything that Cliply can tell a person went wrong.

    CliplyError
    ├── NotFound       it is not there: a file, a style, a font
    ├── NotAllowed     it is there, but may not be read or written
    ├── Invalid        it cannot be used as it is: a broken video, a bad time
    ├── Conflict       it does not fit what is already there
    ├── LimitReached   it is more than the disk, the memory or a limit allows
    └── Unavailable    something needed is missing or does not answer: a program, a model, a service

A message is written for the person who reads it: what is wrong, then what to do.
"""

import re


def code_of(error: type[BaseException]) -> str:
    """`NoSuchWorkspace` is `no_such_workspace`: what programs know an error by, from version to version."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", error.__name__).lower()


class CliplyError(Exception):
    """Base of all; raise one of its kinds."""


class NotFound(CliplyError):
    """It is not there."""


class NotAllowed(CliplyError):
    """It is there, but may not be read or written."""


class Invalid(CliplyError):
    """It cannot be used as it is."""


class Conflict(CliplyError):
    """It does not fit what is already there."""


class LimitReached(CliplyError):
    """It is more than a limit allows."""


class Unavailable(CliplyError):
    """Something that is needed is missing or does not answer."""
