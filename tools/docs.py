"""Write the reference pages that are made from the code, or check that they are up to date (`--check`)."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from cliply.api.app import create_app
from cliply.cli.exit_codes import MEANING
from cliply.cli.main import app
from cliply.features.identity import permissions as permission_table
from cliply.features.identity import plans as plan_table
from cliply.features.identity.models import Role
from cliply.features.identity.rates import Often, Rates
from cliply.infra.db import Database
from cliply.infra.mail import FolderMailer
from cliply.infra.settings import Settings
from cliply.infra.storage.folder import FolderStorage
from cliply.runtime import Runtime
from tools import make_schemas, operations

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def command_line() -> str:
    """Every command's help, as the terminal shows it."""
    parts = ["# Command line", "", "Made from the program's own help by `make docs`.", ""]
    for names in _commands(app, ()):
        shown = CliRunner().invoke(app, [*names, "--help"], env={"COLUMNS": "100", "TERMINAL_WIDTH": "100"})
        title = " ".join(("cliply", *names))
        parts += [f"## {title}", "", "```text", shown.output.replace("Usage: root", "Usage: cliply").strip(), "```", ""]
    return "\n".join(parts)


def _commands(group: typer.Typer, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield names
    for command in group.registered_commands:
        if command.callback is not None:
            yield (*names, command.name or command.callback.__name__)
    for nested in group.registered_groups:
        if nested.typer_instance is not None and nested.name is not None:
            yield from _commands(nested.typer_instance, (*names, nested.name))


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
            found.append((prefix + name.upper(), _default(name, field), field.description or ""))
    return found


def _default(name: str, field: FieldInfo) -> str:
    if field.default_factory is not None:
        return f"the system's {name} folder"
    return "none" if field.default is None else f"`{field.default}`"


def permissions() -> str:
    """Who may do what in a workspace."""
    rows = ["| what | name | " + " | ".join(Role) + " |", "|---|---|" + "---|" * len(Role)]
    for action, meaning in permission_table.MEANING.items():
        marks = ("yes" if permission_table.may(role, action) else "" for role in Role)
        rows.append(f"| {meaning} | `{action}` | " + " | ".join(marks) + " |")
    text = "A member of a workspace has one role in it, and may have another in the next."
    return "\n".join(["# Permissions", "", text, "", *rows, ""])


def plans() -> str:
    """What each plan that comes along allows."""
    defined = plan_table.BUILT_IN.defined
    rows = ["| what | name | " + " | ".join(defined) + " |", "|---|---|" + "---|" * len(defined)]
    for name, field in plan_table.Terms.model_fields.items():
        if name == "rates":
            continue
        allowed = (_allowed(getattr(terms, name)) for terms in defined.values())
        rows.append(f"| {field.description} | `{name}` | " + " | ".join(allowed) + " |")
    text = (
        "What a workspace may do is its plan's to say. These come along; a file of your own changes them or adds some"
        " ([how to](../how-to/set-plans.md)). New workspaces are `unlimited` unless `CLIPLY_PLAN` names another."
    )
    return "\n".join(["# Plans", "", text, "", *rows, "", *_rates(), ""])


def _rates() -> list[str]:
    """Of each class of routes, for each of those who ask."""
    defined = plan_table.BUILT_IN.defined
    text = (
        "How often the service may be asked is the plan's to say as well; a file names these `rates.read.user` and so "
        "on. `100/minute` is a hundred at once, and then as many as a hundred a minute let in one by one. Where a "
        "request names no workspace, the plan of new workspaces counts "
        "([what programs are told](limits.md))."
    )
    rows = ["| what | name | " + " | ".join(defined) + " |", "|---|---|" + "---|" * len(defined)]
    for which, field in Rates.model_fields.items():
        for who in Often.model_fields:
            allowed = [getattr(getattr(terms.rates, which), who) for terms in defined.values()]
            if any(allowed):
                rates = " | ".join(each or "unlimited" for each in allowed)
                rows.append(f"| {field.description} | `rates.{which}.{who}` | {rates} |")
    return ["## Rates", "", text, "", *rows]


def _allowed(value: int | bool | None) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "unlimited"
        case _:
            return f"{value:,}"


def openapi() -> str:
    """The service's document, as the service itself answers with it."""
    with tempfile.TemporaryDirectory() as folder:
        now = Settings(data=Path(folder))
        database = Database("postgresql://127.0.0.1:1/nothing")
        runtime = Runtime(now, database, FolderStorage(Path(folder)), FolderMailer(Path(folder), now.mail.sender))
        return json.dumps(create_app(runtime).openapi(), indent=2, ensure_ascii=False) + "\n"


def operations_page() -> str:
    """Which command does what over the API."""
    return operations.page(json.loads(openapi()))


PAGES: dict[str, Callable[[], str]] = {
    "command-line.md": command_line,
    "exit-codes.md": exit_codes,
    "openapi.json": openapi,
    "operations.md": operations_page,
    "permissions.md": permissions,
    "plans.md": plans,
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
