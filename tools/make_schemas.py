"""Write the JSON Schemas of the documents that Cliply stores to docs/reference; `--check` only compares.

Descriptions are the docstrings under the fields, read from the source: collecting them in the models themselves would
slow every start of the program down.
"""

import ast
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from cliply.media import documents, edit, types
from cliply.media.documents import ClipsDocument
from cliply.media.edit import ClipEdit

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
_MODULES: tuple[ModuleType, ...] = (documents, edit, types)
_TIMES = "All times are whole milliseconds."


def schema_text(model: type[BaseModel], title: str) -> str:
    """The JSON Schema (2020-12) of a document as it is stored."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **{key: value for key, value in model.model_json_schema(mode="validation").items() if key != "title"},
    }
    told = _described()
    _explain(schema, told.get(model.__name__, {}))
    for name, part in schema.get("$defs", {}).items():
        _explain(part, told.get(name, {}))
    if _TIMES not in schema.get("description", ""):
        schema["description"] = f"{schema.get('description', '')} {_TIMES}".strip()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _explain(part: dict[str, Any], told: dict[str, str]) -> None:
    if told.get("") and "description" not in part:
        part["description"] = told[""]
    for name, field in part.get("properties", {}).items():
        field.pop("title", None)
        if name in told:
            field["description"] = told[name]


def _described() -> dict[str, dict[str, str]]:
    """Each class with the docstrings of its fields, inherited ones included; its own under the empty name."""
    told: dict[str, dict[str, str]] = {}
    for node in _classes():
        inherited = [told.get(base.id, {}) for base in node.bases if isinstance(base, ast.Name)]
        told[node.name] = {name: text for fields in inherited for name, text in fields.items()}
        told[node.name] |= {"": " ".join((ast.get_docstring(node) or "").split()), **_fields(node)}
    return told


def _classes() -> Iterator[ast.ClassDef]:
    for module in _MODULES:
        for node in ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                yield node


def _fields(node: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, after in zip(node.body, node.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
    return found


PAGES: dict[str, Callable[[], str]] = {
    "clips.schema.json": lambda: schema_text(ClipsDocument, "clips.json"),
    "edit.schema.json": lambda: schema_text(ClipEdit, "NN-slug.edit.json"),
}


def main() -> None:
    stale = [name for name, make in PAGES.items() if not _same(REFERENCE / name, make())]
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(f"Out of date under docs/reference: {', '.join(stale)}. Run `python -m tools.make_schemas`.")
        return
    for name in stale:
        (REFERENCE / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote docs/reference/{name}")


def _same(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    main()
