"""Links that let their holder read one object, or send one part, for a while: what the folder has in place of S3's."""

import hmac
import time
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from cliply.errors import NotAllowed
from cliply.infra.storage.failures import check_link_age
from cliply.infra.storage.keys import ObjectKey

PATH = "/files/"
"""Where Cliply's server answers such links."""


class LinkRefused(NotAllowed):
    def __init__(self, why: str) -> None:
        super().__init__(f"This link {why}. Ask for a new one.")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a link allows: to read an object, or to send one part of an upload, of exactly that size."""

    key: ObjectKey
    file_name: str | None = None
    upload: str | None = None
    part: int = 0
    size: int = 0

    @property
    def method(self) -> str:
        return "GET" if self.upload is None else "PUT"


class LinkSigner:
    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, grant: Grant, expires_in: timedelta) -> str:
        check_link_age(expires_in)
        fields = {"expires": str(int(time.time() + expires_in.total_seconds()))}
        if grant.file_name is not None:
            fields["name"] = grant.file_name
        if grant.upload is not None:
            fields |= {"upload": grant.upload, "part": str(grant.part), "size": str(grant.size)}
        query = urlencode(fields)
        return f"{PATH}{grant.key}?{query}&signature={self._signature(str(grant.key), query)}"

    def verify(self, link: str, *, method: str, size: int | None = None, now: float | None = None) -> Grant:
        """What the link allows, where it fits the request that carries it; raises LinkRefused where it does not."""
        try:
            address = urlsplit(link)
        except ValueError:
            raise LinkRefused("is not valid") from None
        path, (query, _, signature) = address.path, address.query.rpartition("&signature=")
        key = path.removeprefix(PATH)
        # Nothing in the link is read before it is known to be ours.
        if not hmac.compare_digest(_bytes(signature), _bytes(self._signature(key, query))):
            raise LinkRefused("is not valid")
        fields = dict(parse_qsl(query, strict_parsing=True, keep_blank_values=True))
        if (time.time() if now is None else now) >= int(fields["expires"]):
            raise LinkRefused("has expired")
        grant = Grant(
            ObjectKey.parse(key),
            file_name=fields.get("name"),
            upload=fields.get("upload"),
            part=int(fields.get("part", 0)),
            size=int(fields.get("size", 0)),
        )
        if method != grant.method or (grant.method == "PUT" and size != grant.size):
            raise LinkRefused("was made for another request")
        return grant

    def _signature(self, key: str, query: str) -> str:
        return hmac.digest(self._secret, _bytes(f"{key}?{query}"), "sha256").hex()


def _bytes(text: str) -> bytes:
    # A request may hold characters that UTF-8 has no bytes for.
    return text.encode("utf-8", "surrogatepass")
