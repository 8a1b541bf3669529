"""The English word lists of `data/english.toml`."""

import re
import tomllib
from functools import cache
from importlib.resources import files


@cache
def _lists() -> dict[str, list[str]]:
    return tomllib.loads((files("cliply.media") / "data" / "english.toml").read_text(encoding="utf-8"))


@cache
def words(name: str) -> frozenset[str]:
    return frozenset(_lists()[name])


@cache
def pattern(name: str, before: str = r"\b(?:", after: str = r")\b") -> re.Pattern[str]:
    """The list's entries as alternatives, case ignored."""
    return re.compile(before + "|".join(_lists()[name]) + after, re.IGNORECASE)
