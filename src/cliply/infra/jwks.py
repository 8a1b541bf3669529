"""The public keys of an issuer of tokens: fetched when they are needed, kept for a while, never asked for too often."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from cliply.errors import Unavailable

_log = logging.getLogger(__name__)

FRESH = 3600.0
"""Seconds after which the keys are asked for again."""
STALE = 24 * 3600.0
"""Seconds for which they are good where the issuer does not answer."""
PAUSE = 30.0
"""Seconds between two questions: tokens with keys that nobody knows must not make us ask each time."""
_LARGEST = 1_000_000
_TIMEOUT = 5.0
_DISCOVERY = "/.well-known/openid-configuration"
_LOCAL = ("localhost", "127.0.0.1", "::1")
_BY_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
"""Whatever a key signs by that is not for one of them alone; the other kinds of keys have one way of signing each."""


class IssuerSilent(Unavailable):
    def __init__(self) -> None:
        super().__init__("The service that people sign in with does not answer with its keys. Try again soon.")


class KeySet:
    """Keys by their id and by how they sign. `url` is where they are; without it, the issuer's discovery document says
    so."""

    def __init__(self, issuer: str, url: str | None = None) -> None:
        self._issuer = issuer
        self._url = url
        self._lock = threading.Lock()
        self._keys: Mapping[tuple[str, str], PyJWK] = {}
        self._fetched = self._asked = float("-inf")

    def find(self, kid: str, algorithm: str) -> PyJWK | None:
        """None where the issuer has no such key that signs so. Raises IssuerSilent where that is not known."""
        wanted, now = (kid, algorithm), time.monotonic()
        if wanted in self._keys and now - self._fetched < FRESH:
            return self._keys[wanted]
        with self._lock:
            self._renew(wanted)
            if time.monotonic() - self._fetched > STALE:
                raise IssuerSilent
            return self._keys.get(wanted)

    def _renew(self, wanted: tuple[str, str]) -> None:
        """Whoever waited for the lock finds what the one before has fetched."""
        now = time.monotonic()
        if (wanted in self._keys and now - self._fetched < FRESH) or now - self._asked < PAUSE:
            return
        self._asked = now
        try:
            with httpx2.Client(timeout=_TIMEOUT, follow_redirects=False) as client:
                self._keys = _usable(_json(client, self._url or _discovered(client, self._issuer)))
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as failed:
            _log.warning("keys_not_fetched", extra={"issuer": self._issuer, "error": type(failed).__name__})
        else:
            self._fetched = time.monotonic()


def _discovered(client: httpx2.Client, issuer: str) -> str:
    document = _json(client, issuer.rstrip("/") + _DISCOVERY)
    if document["issuer"] != issuer:
        raise ValueError("the document is another issuer's")
    return str(document["jwks_uri"])


def _json(client: httpx2.Client, url: str) -> dict[str, Any]:
    """Over TLS, or from this machine: who answers decides whom we let in."""
    address = urlsplit(url)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOCAL):
        raise ValueError("keys are fetched over https only")
    with client.stream("GET", url) as answer:
        answer.raise_for_status()
        if answer.status_code != httpx2.codes.OK:
            raise ValueError("no answer to use")
        body = b""
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > _LARGEST:
                raise ValueError("too large")
    document = httpx2.Response(200, content=body).json()
    if not isinstance(document, dict):
        raise TypeError("no object")
    return document


def _usable(document: Mapping[str, Any]) -> dict[tuple[str, str], PyJWK]:
    """Public keys for signatures; whatever else stands there is passed over."""
    found: dict[tuple[str, str], PyJWK] = {}
    for each in document["keys"]:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig" or each.get("kty") == "oct":
            continue
        kid = each.get("kid")
        if isinstance(kid, str):
            try:
                found |= {(kid, key.algorithm_name): key for key in _ways(each)}
            except (PyJWTError, ValueError):
                continue
    return found


def _ways(told: dict[str, Any]) -> list[PyJWK]:
    """A key names how it signs, or leaves that open (RFC 7517, 4.4)."""
    if told.get("kty") == "RSA" and told.get("alg") is None:
        return [PyJWK(told, algorithm) for algorithm in _BY_RSA]
    return [PyJWK(told)]
