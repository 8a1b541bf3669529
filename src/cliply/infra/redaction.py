"""Takes secrets out of what is about to be written down, wherever in it they stand.

Three ways, since each misses what another finds: what a secret is called, what it looks like, and what it is (those of
this installation's settings).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, SecretStr

REDACTED = "***"

# Each expression looks at a character a few times at most, however long and odd the text: strangers write it.
_LONG = (
    r"password|passwd|passphrase|passcode|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key"
    r"|authorization|cookie|signature|credential"
)
_SHORT = r"pass|pwd|sig|csrf|nonce|jwt|bearer|dsn|x-amz-[a-z-]{1,30}"
_NAME = re.compile(rf"(?:{_LONG}|(?:^|[_.\s-])(?:{_SHORT}))s?$", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_VALUE_OF_NAME = re.compile(
    rf"(?P<name>(?:{_LONG}|(?<![a-z0-9])(?:{_SHORT}))s?(?:\\?[\"'])?\s{{0,3}}(?::|=>?)\s{{0,3}})"
    r"(?:(?P<open>\\?[\"']).*?(?:(?P=open)|\Z)|[^\s,;&\"'<>)}\]]+)",
    re.IGNORECASE | re.DOTALL,
)
_WHOLE_LINE = re.compile(
    r"(?P<name>\b(?:proxy-)?(?:authorization|set-cookie|cookie)[\"']?\s*[:=]\s*[\"']?)[^\r\n\"'}]+", re.IGNORECASE
)
# A password may hold a slash that should have been written as %2F.
_IN_ADDRESS = re.compile(r"(?<=://)(?:[^\s/?#:@]{0,200}:[^\s@]{0,200}|[^\s/?#@]{0,200})@")
_IN_QUERY = re.compile(
    r"(?P<name>[?&](?:x-amz-[\w-]{1,30}|signature|sig|token|code|key|assertion|id_token|access_token|refresh_token)=)"
    r"[^\s&\"'<>]+",
    re.IGNORECASE,
)
_AFTER_SCHEME = re.compile(r"\b(?P<scheme>bearer|basic|digest|token)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
_LOOKS_LIKE_ONE = (
    re.compile(r"(?<![a-z0-9])clp_[a-z]+_\w+"),
    re.compile(r"(?<![\w-])eyJ[\w-]+\.[\w-]+\.?[\w-]*"),
    re.compile(r"\$argon2\w*\$[^\s\"']+"),
    re.compile(r"-----BEGIN [^-]*PRIVATE KEY-----.*?(?:-----END [^-]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\b(?:sk|pk|rk|whsec|ghp|gho|xox[abp])[-_][\w-]{12,}"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}"),
    # A random token of ours or somebody's, in no known form: digits and letters of both cases in one long word.
    re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{32,}"),
)
# Most of what is logged; none of the above can be in one.
_ID = re.compile(r"[0-9a-f-]{1,36}")
_SHORTEST_KNOWN = 6
"""A shorter one would turn up in innocent words."""


class Redactor:
    """`known` are secrets that are taken out however they look."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        worth = sorted({each for each in known if len(each) >= _SHORTEST_KNOWN}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, worth))) if worth else None

    def text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        if _ID.fullmatch(text):
            return text
        text = _IN_ADDRESS.sub(f"{REDACTED}@", text)
        text = _WHOLE_LINE.sub(rf"\g<name>{REDACTED}", text)
        text = _AFTER_SCHEME.sub(rf"\g<scheme> {REDACTED}", text)
        text = _VALUE_OF_NAME.sub(_keep_name, text)
        text = _IN_QUERY.sub(rf"\g<name>{REDACTED}", text)
        for form in _LOOKS_LIKE_ONE:
            text = form.sub(REDACTED, text)
        return text

    def value(self, value: Any, *, name: str = "") -> Any:
        """The same as JSON can hold it; a value whose name says that it is a secret goes whole."""
        if name and value is not None and is_secret(name):
            return REDACTED
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(each, name=str(key)) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(each) for each in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(value if isinstance(value, str) else str(value))


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether what is called so is not to be shown: `password`, `client_secret`, `apiKey`."""
    return _NAME.search(_CAMEL.sub("_", name)) is not None


def secrets_of(settings: BaseModel) -> Iterator[str]:
    """Every secret in the settings, however deep."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, SecretStr):
                yield each.get_secret_value()
            elif isinstance(each, BaseModel):
                yield from secrets_of(each)


def _keep_name(found: re.Match[str]) -> str:
    opened = found["open"] or ""
    return f"{found['name']}{opened}{REDACTED}{opened}"
