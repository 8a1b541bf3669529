"""What a call to Stripe may say: forms with brackets, taken apart and held to the parameters that the call has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qsl

from cliply.dev_providers.stripe_errors import Refused, wrong

Said: TypeAlias = str | dict[str, Any]
_MOST_PAIRS = 2000
_MOST_METADATA = 50


class Kind(Protocol):
    def read(self, path: str, said: Said) -> Any:
        """The value, as the call goes on with it. Raises Refused."""


def _text(path: str, said: Said) -> str:
    if not isinstance(said, str):
        raise wrong(f"Invalid string: {said}", path)
    return said


@dataclass(frozen=True, slots=True)
class Text:
    most: int = 5000
    clears: bool = False
    """Whether an empty one means that there is to be none."""

    def read(self, path: str, said: Said) -> str | None:
        text = _text(path, said)
        if not text:
            if self.clears:
                return None
            raise wrong(
                f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; "
                f"however '{path}' cannot be unset.",
                path,
                code="parameter_invalid_empty",
            )
        if len(text) > self.most:
            raise wrong(f"Invalid string: must be at most {self.most} characters", path)
        return text


@dataclass(frozen=True, slots=True)
class Address:
    """Of a page in the web."""

    def read(self, path: str, said: Said) -> str:
        text = _text(path, said)
        if not text.startswith(("https://", "http://")) or len(text.split("/")[2]) == 0:
            raise wrong("Not a valid URL", path, code="url_invalid")
        return text


@dataclass(frozen=True, slots=True)
class Whole:
    least: int = 0
    most: int = 99_999_999_999
    words: tuple[str, ...] = ()
    """Which may stand instead of a number."""

    def read(self, path: str, said: Said) -> int | str:
        text = _text(path, said)
        if text in self.words:
            return text
        try:
            number = int(text)
        except ValueError:
            raise wrong(f"Invalid integer: {text}", path, code="parameter_invalid_integer") from None
        if not self.least <= number <= self.most:
            raise wrong(f"This value must be from {self.least} to {self.most}.", path, code="parameter_invalid_integer")
        return number


@dataclass(frozen=True, slots=True)
class Truth:
    def read(self, path: str, said: Said) -> bool:
        if said not in ("true", "false"):
            raise wrong(f"Invalid boolean: {said}", path)
        return said == "true"


@dataclass(frozen=True, slots=True)
class OneOf:
    values: tuple[str, ...]

    def read(self, path: str, said: Said) -> str:
        if said not in self.values or not isinstance(said, str):
            raise wrong(f"Invalid {path}: must be one of {', '.join(self.values)}", path)
        return said


def one_of(*values: str) -> OneOf:
    return OneOf(values)


@dataclass(frozen=True, slots=True)
class Many:
    of: Kind
    most: int = 100

    def read(self, path: str, said: Said) -> list[Any]:
        if not isinstance(said, dict) or not all(name.isdigit() for name in said):
            raise wrong("Invalid array", path)
        if len(said) > self.most:
            raise wrong(f"Array exceeded maximum {self.most} allowed elements.", path)
        return [self.of.read(f"{path}[{name}]", said[name]) for name in sorted(said, key=int)]


@dataclass(frozen=True, slots=True)
class Fields:
    known: Mapping[str, Kind] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    clears: bool = False

    def read(self, path: str, said: Said) -> dict[str, Any] | None:
        if said == "" and self.clears:
            return None
        if not isinstance(said, dict):
            raise wrong("Invalid object", path)
        read = {}
        for name, value in said.items():
            inside = f"{path}[{name}]" if path else name
            if name not in self.known:
                raise wrong(f"Received unknown parameter: {inside}", inside, code="parameter_unknown")
            read[name] = self.known[name].read(inside, value)
        for name in self.required:
            if name not in read:
                inside = f"{path}[{name}]" if path else name
                raise wrong(f"Missing required param: {inside}.", inside, code="parameter_missing")
        return read


@dataclass(frozen=True, slots=True)
class Metadata:
    """Whatever an application likes to note; an empty value takes a name away."""

    def read(self, path: str, said: Said) -> dict[str, str]:
        if said == "":
            return {}
        if not isinstance(said, dict) or len(said) > _MOST_METADATA:
            raise wrong(f"Invalid object: at most {_MOST_METADATA} keys", path)
        for name, value in said.items():
            if len(name) > 40 or not isinstance(value, str) or len(value) > 500:
                raise wrong("Metadata has keys of at most 40, and values of at most 500 characters", f"{path}[{name}]")
        return said


EXPAND = Many(Text(), most=20)
_LISTED: Mapping[str, Kind] = {"limit": Whole(1, 100), "starting_after": Text(), "ending_before": Text()}


def fields(*required: str, **known: Kind) -> Fields:
    return Fields(known, required)


def call(*required: str, **known: Kind) -> Fields:
    """Of one thing."""
    return Fields({**known, "expand": EXPAND}, required)


def listing(**known: Kind) -> Fields:
    return Fields({**known, **_LISTED, "expand": EXPAND})


def taken_apart(form: str) -> dict[str, Any]:
    """`a[b][0]=c` as `{"a": {"b": {"0": "c"}}}`. Raises Refused."""
    try:
        pairs = parse_qsl(form, keep_blank_values=True, strict_parsing=bool(form), max_num_fields=_MOST_PAIRS)
    except ValueError:
        raise Refused(400, "The body is not a form.") from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        _put(found, _steps(name), value)
    return found


def _steps(name: str) -> Sequence[str]:
    first, *rest = name.split("[")
    if not first or any(not each.endswith("]") for each in rest):
        raise wrong(f"Invalid parameter name: {name}", name)
    return [first, *(each[:-1] for each in rest)]


def _put(found: dict[str, Any], steps: Sequence[str], value: str) -> None:
    at = found
    for step in steps[:-1]:
        at = at.setdefault(step or str(len(at)), {})
        if not isinstance(at, dict):
            raise wrong(f"Invalid parameter: {steps[0]} is said in two ways", steps[0])
    last = steps[-1] or str(len(at))
    if last in at:
        raise wrong(f"Invalid parameter: {last} is said twice", steps[0])
    at[last] = value
