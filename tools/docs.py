"""Write the reference pages that are made from the code, or check that they are up to date (`--check`)."""

import sys
from collections.abc import Callable
from pathlib import Path

import click
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cliply.cli.exit_codes import MEANING
from cliply.cli.main import app
from cliply.infra.settings import Settings
from tools import make_schemas

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def command_line() -> str:
    """Every command's help, as the terminal shows it."""
    root = typer.main.get_command(app)
    parts = ["# Command line", "", "Made from the program's own help by `make docs`.", ""]
    for names, command in _commands(root, ("cliply",)):
        context = click.Context(command, info_name=" ".join(names), terminal_width=100, max_content_width=100)
        parts += [f"## {' '.join(names)}", "", "```text", command.get_help(context).rstrip(), "```", ""]
    return "\n".join(parts)


def _commands(command: click.Command, names: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
    found = [(names, command)]
    if isinstance(command, click.Group):
        for name in command.commands:
            found += _commands(command.commands[name], (*names, name))
    return found


def exit_codes() -> str:
    rows = [f"| {int(code)} | {meaning} |" for code, meaning in MEANING.items()]
    return "\n".join(
        ["# Exit codes", "", "Stable; scripts may rely on them.", "", "| code | meaning |", "|---|---|", *rows, ""]
    )


def settings() -> str:
    """Every variable that the program reads."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    rows += [f"| `{name}` | {default} | {meaning} |" for name, default, meaning in _variables(Settings, "CLIPLY_")]
    return "\n".join(["# Settings", "", "Environment variables; none is needed to make clips.", "", *rows, ""])


def _variables(model: type[BaseModel], prefix: str) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += _variables(kind, f"{prefix}{name.upper()}__")
        else:
            found.append((prefix + name.upper(), _default(field), field.description or ""))
    return found


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the system's cache folder"
    return "none" if field.default is None else f"`{field.default}`"


PAGES: dict[str, Callable[[], str]] = {
    "command-line.md": command_line,
    "exit-codes.md": exit_codes,
    "settings.md": settings,
    **make_schemas.PAGES,
}


def main() -> None:
    stale = [name for name, make in PAGES.items() if _differs(REFERENCE / name, make())]
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(f"Out of date under docs/reference: {', '.join(stale)}. Run `make docs`.")
        print(f"{len(PAGES)} reference pages are up to date.")
        return
    for name in stale:
        (REFERENCE / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote docs/reference/{name}")


def _differs(file: Path, text: str) -> bool:
    return not file.exists() or file.read_text(encoding="utf-8") != text


if __name__ == "__main__":
    main()
