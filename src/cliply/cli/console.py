"""Results on stdout, everything else on stderr."""

import json
from functools import cache
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from cliply.errors import Invalid
from cliply.infra.settings import Settings, unknown_names
from cliply.media.cache import Cache
from cliply.media.probe import printable

JsonFlag = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


@cache
def stderr() -> Console:
    return Console(stderr=True)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def note(message: str) -> None:
    """Something worth knowing, on stderr."""
    stderr().print(message, markup=False, highlight=False, soft_wrap=True)


@cache
def settings() -> Settings:
    """The environment's settings. Raises Invalid with every wrong value at once; names that mean nothing are noted."""
    for unknown in unknown_names():
        note(printable(unknown))
    try:
        return Settings()
    except ValidationError as wrong:
        problems = "; ".join(
            f"CLIPLY_{'__'.join(str(part) for part in each['loc']).upper()}: {each['msg']}" for each in wrong.errors()
        )
        raise Invalid(f"A setting in the environment cannot be used: {problems}.") from wrong


def analysis_cache() -> Cache:
    return Cache(settings().cache / "sources")
