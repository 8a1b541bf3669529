"""Whether what one JSON schema describes is still understood by the other, and if not, where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Schema: TypeAlias = Mapping[str, Any]
_Pair: TypeAlias = tuple[Any, Any]

_TELL = frozenset(
    {"title", "description", "example", "examples", "deprecated", "readOnly", "writeOnly", "$ref", "default"}
)
"""Words that take or give no value; a default is looked at by itself."""
_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_KNOWN = _TELL | {
    *_LEAST, *_MOST, "type", "enum", "const", "anyOf", "oneOf", "properties", "required", "items",
    "additionalProperties",
}  # fmt: skip
_ANY: Schema = {}


@dataclass(frozen=True)
class Fit:
    """What was sent by `sent`'s schema and is read by `read`'s.

    In a request the old document is the sender, since old clients go on; in an answer it is the reader.
    """

    direction: Literal["request", "answer"]
    sent: Mapping[str, Schema]
    read: Mapping[str, Schema]
    under_way: dict[_Pair, bool] = field(default_factory=dict)
    """Pairs of names that are being looked at, and whether they were met again meanwhile."""
    known: dict[_Pair, list[str]] = field(default_factory=dict)

    def problems(self, sent: Schema, read: Schema, where: str) -> Iterator[str]:
        """One sentence for each place where a client of the old document would be surprised."""
        named = (sent.get("$ref"), read.get("$ref"))
        if None in named:
            yield from self._resolved(_resolved(sent, self.sent), _resolved(read, self.read), where)
            return
        if named in self.under_way:
            # A schema that holds itself: what is wrong with it is told where it was met first.
            self.under_way[named] = True
            return
        if named not in self.known:
            self.under_way[named] = False
            found = list(self._resolved(_resolved(sent, self.sent), _resolved(read, self.read), ""))
            del self.under_way[named]
            if not any(self.under_way.values()):
                self.known[named] = found
            yield from (where + told for told in found)
            return
        yield from (where + told for told in self.known[named])

    def _resolved(self, sent: Schema, read: Schema, where: str) -> Iterator[str]:
        given, taken = _alternatives(sent), _alternatives(read)
        if len(given) == len(taken) == 1:
            yield from self._plain(given[0], taken[0], where)
        else:
            for each in given:
                yield from self._nearest(each, taken, where)
        if self.direction == "request" and "default" in sent and sent["default"] != read.get("default"):
            yield f"{where}: what is left out means {read.get('default')!r} instead of {sent.get('default')!r}"

    def _nearest(self, each: Schema, taken: list[Schema], where: str) -> Iterator[str]:
        """Nothing if one of the alternatives fits, or else what is wrong with that which fits best."""
        types = set(_types(_resolved(each, self.sent)))
        alike = [other for other in taken if types & set(_types(_resolved(other, self.read)))]
        yield from min((list(self.problems(each, other, where)) for other in alike or taken), key=len)

    def _plain(self, sent: Schema, read: Schema, where: str) -> Iterator[str]:
        given, taken = _types(sent), _types(read)
        if taken and not (given and all(each in taken or (each == "integer" and "number" in taken) for each in given)):
            yield f"{where}: the type was {self._was(given, taken)}"
            return
        yield from self._values(sent, read, where)
        yield from self._limits(sent, read, where)
        yield from self._properties(sent, read, where)
        yield from self._inner(sent, read, where)
        yield from self._others(sent, read, where)

    def _values(self, sent: Schema, read: Schema, where: str) -> Iterator[str]:
        given, taken = _enum(sent), _enum(read)
        if given is None and taken is None:
            return
        if given is None or taken is None:
            if taken is not None or self.direction == "answer":
                yield f"{where}: a list of values came or went"
            return
        old, new = (given, taken) if self.direction == "request" else (taken, given)
        for gone in sorted(old - new):
            yield f"{where}: the value {gone} is gone"
        # A client that knows all the values an answer may have meets one that it does not know.
        for added in sorted(new - old) if self.direction == "answer" else ():
            yield f"{where}: there is a new value {added}"

    def _limits(self, sent: Schema, read: Schema, where: str) -> Iterator[str]:
        for words, is_tighter in ((_LEAST, _is_more), (_MOST, _is_less)):
            for word in words:
                if word in read and (word not in sent or is_tighter(read[word], sent[word])):
                    yield f"{where}: {word} was {self._was(sent.get(word), read[word])}"

    def _properties(self, sent: Schema, read: Schema, where: str) -> Iterator[str]:
        given, taken = sent.get("properties", {}), read.get("properties", {})
        for name in sorted(set(read.get("required", ())) - set(sent.get("required", ()))):
            told = "has to be sent now" if self.direction == "request" else "may be missing now"
            yield f"{where}.{name} {told}"
        old, new = (given, taken) if self.direction == "request" else (taken, given)
        for name in sorted(set(old) - set(new)):
            yield f"{where}.{name} is gone"
        for name in sorted(set(old) & set(new)):
            yield from self.problems(given[name], taken[name], f"{where}.{name}")

    def _inner(self, sent: Schema, read: Schema, where: str) -> Iterator[str]:
        if "items" in read:
            yield from self.problems(sent.get("items", _ANY), read["items"], f"{where}[]")
        given, taken = sent.get("additionalProperties", True), read.get("additionalProperties", True)
        # Of an answer a client ignores the names that it does not know.
        if taken is False and given is not False and self.direction == "request":
            yield f"{where}: names that are not listed are refused now"
        if isinstance(taken, dict) and given is not False:
            yield from self.problems(given if isinstance(given, dict) else _ANY, taken, f"{where}{{}}")

    def _others(self, sent: Schema, read: Schema, where: str) -> Iterator[str]:
        """Words whose meaning is not weighed here: any change counts, but that a reader asks for less."""
        for word in sorted((set(sent) | set(read)) - _KNOWN):
            if not word.startswith("x-") and sent.get(word) != read.get(word) and word in read:
                yield f"{where}: {word} was {self._was(sent.get(word), read[word])}"

    def _was(self, sent: Any, read: Any) -> str:
        old, new = (sent, read) if self.direction == "request" else (read, sent)
        return f"{_told(old)} and is {_told(new)}"


def _resolved(schema: Schema, named: Mapping[str, Schema]) -> Schema:
    while "$ref" in schema:
        beside = {word: value for word, value in schema.items() if word != "$ref"}
        schema = {**named[schema["$ref"].rpartition("/")[2]], **beside}
    return schema


def _alternatives(schema: Schema) -> list[Schema]:
    """What it may be: each of `anyOf` with all that stands beside it."""
    for word in ("anyOf", "oneOf"):
        if word in schema:
            beside = {name: value for name, value in schema.items() if name not in (word, *_TELL, "discriminator")}
            return [inner for each in schema[word] for inner in _alternatives({**beside, **each})]
    return [schema]


def _types(schema: Schema) -> list[str]:
    told = schema.get("type", [])
    return [told] if isinstance(told, str) else list(told)


def _enum(schema: Schema) -> set[str] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else {repr(each) for each in values}


def _is_more(one: float, other: float) -> bool:
    return one > other


def _is_less(one: float, other: float) -> bool:
    return one < other


def _told(value: Any) -> str:
    if isinstance(value, list):
        return " or ".join(map(str, value)) or "anything"
    return "open" if value is None else str(value)
