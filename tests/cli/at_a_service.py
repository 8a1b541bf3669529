"""Somebody's terminal at a service on a real port, in the test's own process, and what their commands reach there."""

import json
import re
import termios
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from tools.docs import _commands
from typer.testing import CliRunner, Result

from cliply.cli import console
from cliply.cli.main import app as cliply
from cliply.dev_providers.serve import serving
from tools import operations as table

COMMANDS = {" ".join(words) for words in _commands(cliply, ())} - {""}


@dataclass
class Served:
    """The app on a port, which notes the ids of the operations that are asked for."""

    app: FastAPI
    url: str = ""
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "http":
            self.asked += self._operation(scope["method"].lower(), scope["path"])
        await self.app(scope, receive, send)

    def _operation(self, method: str, path: str) -> list[str]:
        """A path without a place for an id goes before one that has one."""
        for known, methods in sorted(self.app.openapi()["paths"].items(), key=lambda each: each[0].count("{")):
            if method in methods and re.fullmatch(re.sub(r"{\w+}", "[^/]+", known), path):
                return [methods[method]["operationId"]]
        return []


@contextmanager
def served(app: FastAPI) -> Iterator[Served]:
    noting = Served(app)
    with serving(noting) as noting.url:
        yield noting


_APART = {"publishing": "publishing", "schedules": "publishing", "billing": "billing"}
"""Tags of what needs others to be there, and the story that is told of it."""


def missed(app: FastAPI, reached: Mapping[str, set[str]], *, of: str | None = None) -> dict[str, str]:
    """Operations that the command of the table did not ask for: of one story, or all that need nobody else."""
    tags = {each["operationId"]: each["tags"] for _, _, each in table.operations(app.openapi())}
    apart = {name: next((_APART[tag] for tag in tags[name] if tag in _APART), None) for name in table.COMMANDS}
    wanted = {name: command for name, command in table.COMMANDS.items() if apart[name] == of}
    return {name: command for name, command in wanted.items() if name not in reached[command]}


@dataclass
class Terminal:
    """With a home of its own; what is typed is the lines of its standard input."""

    home: Path
    at: Served
    reached: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Operations by the command that asked for them."""
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *command: object, typed: str = "") -> str:
        """What is printed on stdout."""
        done = self.invoke(*command, typed=typed)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    def told(self, *command: object, typed: str = "") -> Any:
        """What is printed as JSON."""
        return json.loads(self.run(*command, "--json", typed=typed))

    def refused(self, *command: object, typed: str = "") -> str:
        """Why it was not done."""
        done = self.invoke(*command, typed=typed)
        assert done.exit_code != 0, done.output
        return str(done.exception)

    def invoke(self, *command: object, typed: str = "") -> Result:
        words = [str(each) for each in command]
        name = max((each for each in COMMANDS if [*words][: len(each.split())] == each.split()), key=len)
        home = {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config")}
        home |= {"CLIPLY_CACHE": str(self.home / "cache"), **self.environment}
        console.settings.cache_clear()
        self.at.asked.clear()
        try:
            return CliRunner().invoke(cliply, words, input=typed, env=home)
        finally:
            self.reached[name].update(self.at.asked)
            console.settings.cache_clear()


def hides_what_is_typed(terminal: int) -> bool:
    """Whether whoever asks at this pseudo-terminal is ready: what was typed before that is thrown away."""
    return not termios.tcgetattr(terminal)[3] & termios.ECHO


@pytest.fixture
def service(app: FastAPI) -> Iterator[Served]:
    with served(app) as it:
        yield it


@pytest.fixture
def terminal(service: Served, tmp_path: Path) -> Callable[[str], Terminal]:
    """Somebody's, by their name; all of them note into one book."""
    reached: dict[str, set[str]] = defaultdict(set)
    return lambda name: Terminal(tmp_path / "homes" / name, service, reached)
