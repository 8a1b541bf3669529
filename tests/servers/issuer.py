"""A service that people sign in with: signs tokens, and answers with its discovery document and its keys."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from tests.servers.loopback import QuietHandler, listening

AUDIENCE = "cliply"
_rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_ec = ec.generate_private_key(ec.SECP256R1())


@dataclass
class Issuer:
    url: str = ""
    asked: list[str] = field(default_factory=list)
    away: bool = False
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public("rsa-1"), public("ec-1")])

    def token(self, kid: str = "rsa-1", **claims: Any) -> str:
        """A good one, but for what `claims` change; None leaves one out."""
        private: Any = _ec if kid.startswith("ec") else _rsa
        return jwt.encode(self.claims(**claims), private, algorithm=algorithm(kid), headers={"kid": kid})

    def forged(self, **claims: Any) -> str:
        return jwt.encode(self.claims(**claims), _foreign, algorithm="RS256", headers={"kid": "rsa-1"})

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        good = {
            "iss": self.url, "aud": AUDIENCE, "sub": "user-1", "iat": now, "exp": now + 300,
            "email": "ada@example.com", "email_verified": True, "name": "Ada Lovelace",
        }  # fmt: skip
        return {name: value for name, value in (good | changed).items() if value is not None}


def algorithm(kid: str) -> str:
    return "ES256" if kid.startswith("ec") else "RS256"


def public(kid: str) -> dict[str, Any]:
    if kid.startswith("ec"):
        told = ECAlgorithm.to_jwk(_ec.public_key(), as_dict=True)
    else:
        told = RSAAlgorithm.to_jwk(_rsa.public_key(), as_dict=True)
    return told | {"kid": kid, "use": "sig", "alg": algorithm(kid)}


@contextmanager
def issuing() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            documents: dict[str, Any] = {
                "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"},
                "/keys": {"keys": issuer.keys},
            }
            found = None if issuer.away else documents.get(self.path)
            body = json.dumps(found).encode()
            self.send_response(503 if found is None else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with listening(Handler) as url:
        issuer.url = url
        yield issuer
