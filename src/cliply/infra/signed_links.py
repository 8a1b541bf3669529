"""Links that let their holder read or write one object for a while: what the folder has in place of S3's own."""

import hmac
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from cliply.errors import Invalid, NotAllowed
from cliply.infra.storage import ObjectKey


@dataclass(frozen=True, slots=True)
class Grant:
    """What a link allows; a link to write names the content's type and length."""

    key: ObjectKey
    method: str
    expires: int
    type: str = ""
    length: int | None = None


def sign(secret: bytes, grant: Grant) -> str:
    """The query of a link."""
    fields = {
        "key": str(grant.key),
        "method": grant.method,
        "expires": str(grant.expires),
        "type": grant.type,
        "length": "" if grant.length is None else str(grant.length),
    }
    return urlencode({**fields, "signature": _signature(secret, urlencode(fields))})


def verify(secret: bytes, query: str, *, method: str, now: float, type: str = "", length: int | None = None) -> Grant:  # noqa: A002
    """The grant in `query`, where it fits the request that carries it; otherwise `NotAllowed`."""
    fields = dict(parse_qsl(query, keep_blank_values=True))
    given = fields.pop("signature", "")
    if not hmac.compare_digest(given.encode(), _signature(secret, urlencode(fields)).encode()):
        raise NotAllowed("This link is not valid. Ask for a new one.")
    grant = Grant(
        ObjectKey.parse(fields["key"]),
        fields["method"],
        int(fields["expires"]),
        fields["type"],
        int(fields["length"]) if fields["length"] else None,
    )
    if now >= grant.expires:
        raise NotAllowed("This link has expired. Ask for a new one.")
    if (method, type, length) != (grant.method, grant.type, grant.length):
        raise NotAllowed("This link was made for another request. Ask for a new one.")
    return grant


def byte_range(header: str | None, size: int) -> range | None:
    """The bytes that a `Range` header asks for; None where all are to be sent, `Invalid` where there are none."""
    # Several ranges, other units and nonsense: a server may ignore them and send everything.
    match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", header or "")
    if not match or not any(match.groups()):
        return None
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= end:
        raise Invalid("The file has no such bytes.")
    return range(start, end)


def _signature(secret: bytes, fields: str) -> str:
    return hmac.digest(secret, fields.encode(), "sha256").hex()
