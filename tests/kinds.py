"""Which tests are of one unit alone: told from what they use, so that nobody has to remember it."""

import sys
from functools import cache
from types import ModuleType
from typing import Any

import pytest

_DATABASE = "server"
"""The fixture that all others of the database are made from."""
_STARTERS = (
    "aiosmtpd.controller", "cliply.cli.loopback", "cliply.dev_providers.serve", "cliply.infra.embedded", "http.server",
    "playwright", "socketserver",
)  # fmt: skip
"""Modules of what starts a server, or a browser."""


def mark(items: list[pytest.Item]) -> None:
    for item in items:
        module = getattr(item, "module", None)
        names = getattr(item, "fixturenames", ())
        if _DATABASE in names or (module is not None and _reaches_a_starter(module)):
            item.add_marker(pytest.mark.integration)


@cache
def _reaches_a_starter(module: ModuleType) -> bool:
    """Whether it, or a module of tests from which it has something, imports one."""
    met, left = {module.__name__}, [module]
    while left:
        for home in {_home(value) for value in vars(left.pop()).values()} - met:
            if home.startswith(_STARTERS):
                return True
            met.add(home)
            if home.startswith("tests.") and home in sys.modules:
                left.append(sys.modules[home])
    return False


def _home(value: Any) -> str:
    return str(value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", ""))
