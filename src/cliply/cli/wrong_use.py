"""What to say of options that cannot be read, without the words of the library that reads them."""

import re
from collections.abc import Sequence

_PLAIN = (
    (re.compile(r"Value error, "), ""),
    (re.compile(r"Input should be a valid number, unable to parse string as a number"), "a number is needed"),
    (re.compile(r"Input should be a valid integer, [^.]*"), "a whole number is needed"),
    (re.compile(r"Input should be a valid UUID, [^.]*"), "an id is needed, as the lists show it"),
    (re.compile(r"Input should be "), "it should be "),
)


def in_plain_words(said: str, arguments: Sequence[str]) -> str:
    """The library's message for a creator, as a sentence, with where to look; a whole help text stays as it is."""
    if said.startswith("Usage"):
        return said
    for technical, plain in _PLAIN:
        said = technical.sub(plain, said)
    end = "" if said.rstrip().endswith((".", "?", ")")) else "."
    command = next((each for each in arguments if not each.startswith("-")), "")
    named = f"{command} " if command and not said.startswith("No such command") else ""
    return f"{said.rstrip()}{end} See: cliply {named}--help"
