"""Refuse a change of the API that breaks clients of the last release.

The document of the last release lies in `docs/reference/openapi-released.json`; whatever is not in it is nobody's yet.
What breaks is either taken back, listed with its reason in `tools/api_breaks.toml`, or saved for a new major version.
With `--release`, today's document becomes that of the last release, and the list is empty again.
"""

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from tools.docs import REFERENCE, openapi
from tools.schema_fit import Fit, Schema

RELEASED = REFERENCE / "openapi-released.json"
ACCEPTED = Path(__file__).with_name("api_breaks.toml")

_ANY: Schema = {}
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_NO_BREAKS = """\
# Changes that break clients of the last release, and are meant: each with the words of `python -m tools.api_changes`
# and the reason, which the changelog tells too.
#
# [[break]]
# change = "GET /api/things 200.size is gone"
# reason = "…"
"""

Document: TypeAlias = Mapping[str, Any]


def changes(old: Document, new: Document) -> list[str]:
    """What a client of the old document would stumble over."""
    return sorted(set(_changes(old, new)))


def is_free(old: Document, new: Document) -> bool:
    """Whether the version says that anything may have changed."""
    return _major(old) != _major(new)


def accepted() -> dict[str, str]:
    """Changes that are meant, and why."""
    listed = tomllib.loads(ACCEPTED.read_text(encoding="utf-8")).get("break", [])
    return {each["change"]: each["reason"] for each in listed}


def _major(document: Document) -> str:
    return str(document["info"]["version"]).partition(".")[0]


def _changes(old: Document, new: Document) -> Iterator[str]:
    there = dict(_operations(new))
    change = _Change(old, new)
    for name, was in _operations(old):
        if name not in there:
            yield f"{name} is gone"
        else:
            for told in change.of(was, there[name]):
                yield f"{name}{told}"


def _operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


class _Change:
    """What became of an operation; each sentence goes on from the operation's name."""

    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = old["components"], new["components"]
        schemas = self._old["schemas"], self._new["schemas"]
        self._request = Fit("request", sent=schemas[0], read=schemas[1])
        self._answer = Fit("answer", sent=schemas[1], read=schemas[0])

    def of(self, was: Document, now: Document) -> Iterator[str]:
        for word in ("operationId", "x-cliply-action"):
            if now.get(word) != was.get(word) and not (word != "operationId" and now.get(word) is None):
                yield f": {word} was {was.get(word)} and is {now.get(word)}"
        yield from self._proofs(was, now)
        yield from self._parameters(was, now)
        yield from self._body(was.get("requestBody", {}), now.get("requestBody", {}))
        yield from self._answers(was["responses"], now["responses"])

    def _proofs(self, was: Document, now: Document) -> Iterator[str]:
        ways = [{name for each in told.get("security", ()) for name in each} for told in (was, now)]
        if ways[1] and not ways[0]:
            yield ": has to be proved who asks now"
        elif ways[1]:
            for gone in sorted(ways[0] - ways[1]):
                yield f": {gone} proves nothing any more"

    def _parameters(self, was: Document, now: Document) -> Iterator[str]:
        before, after = (
            {(each["in"], each["name"]): each for each in told.get("parameters", ())} for told in (was, now)
        )
        for where, name in sorted(set(before) - set(after)):
            yield f": {where} {name} is gone"
        for key, each in sorted(after.items()):
            told = f": {key[0]} {key[1]}"
            if each.get("required") and not before.get(key, {}).get("required"):
                yield f"{told} has to be sent now"
            if key in before:
                yield from self._request.problems(before[key]["schema"], each["schema"], told)

    def _body(self, was: Document, now: Document) -> Iterator[str]:
        if now.get("required") and not was.get("required"):
            yield ": a body has to be sent now"
        yield from self._media(self._request, was, now, " body")

    def _answers(self, was: Document, now: Document) -> Iterator[str]:
        before, after = ({status for status in told if status < "4"} for told in (was, now))
        for status in sorted(before - after):
            yield f" {status} is gone"
        for status in sorted(after - before):
            yield f" {status} is new"
        for status in sorted(set(was) & set(now)):
            then, here = _found(was[status], self._old), _found(now[status], self._new)
            for header in sorted(set(then.get("headers", ())) - set(here.get("headers", ()))):
                yield f" {status}: the header {header} is gone"
            yield from self._media(self._answer, then, here, f" {status}")

    def _media(self, fit: Fit, was: Document, now: Document, where: str) -> Iterator[str]:
        before, after = was.get("content", {}), now.get("content", {})
        for media in sorted(set(before) - set(after)):
            yield f"{where} {media} is gone"
        for media in sorted(set(before) & set(after)):
            schemas = before[media].get("schema", _ANY), after[media].get("schema", _ANY)
            yield from fit.problems(*(schemas if fit is self._request else schemas[::-1]), where)


def _found(answer: Document, components: Document) -> Document:
    if "$ref" not in answer:
        return answer
    found: Document = components["responses"][answer["$ref"].rpartition("/")[2]]
    return found


def main() -> None:
    new = json.loads(openapi())
    if "--release" in sys.argv[1:]:
        RELEASED.write_text(json.dumps(new, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        ACCEPTED.write_text(_NO_BREAKS, encoding="utf-8")
        print("Today's API is that of the last release now.")
        return
    old = json.loads(RELEASED.read_text(encoding="utf-8"))
    unmeant = [] if is_free(old, new) else [each for each in changes(old, new) if each not in accepted()]
    if unmeant:
        sys.exit("Clients of the last release would break:\n" + "\n".join(f"  {each}" for each in unmeant))
    print("No client of the last release breaks, but for what is listed.")


if __name__ == "__main__":
    main()
