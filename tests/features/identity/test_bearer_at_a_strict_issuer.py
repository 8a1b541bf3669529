"""Tokens of a server that nobody here has written: its own are taken, whatever is done to them is not."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK
from sqlalchemy import func, select
from tests.servers.strict_oidc import AUDIENCE, SECRET, StrictIssuer, allow, client, strict_issuing

from cliply.features.identity import bearer
from cliply.features.identity.bearer import BearerTokens, NoAddressInToken, TokenOver, WrongToken, open_tokens
from cliply.features.identity.models import User
from cliply.infra import jwks
from cliply.infra.db import Database
from cliply.infra.settings import Oidc

pytestmark = pytest.mark.slow
Forge = Callable[[StrictIssuer, str], str]

CLIENTS = (
    client(),
    client("robot", grant_types=["client_credentials"], redirect_uris=[], response_types=[]),
    client("reader", userinfo_signed_response_alg="RS256", introspection_signed_response_alg="RS256",
           authorization_signed_response_alg="RS256"),
    client("symmetric", id_token_signed_response_alg="HS256"),
)  # fmt: skip


@pytest.fixture(scope="module")
def strict() -> Iterator[StrictIssuer]:
    with strict_issuing(CLIENTS) as issuer:
        yield issuer


@pytest.fixture
def tokens(strict: StrictIssuer) -> BearerTokens:
    return opened(strict)


def opened(issuer: StrictIssuer, **settings: Any) -> BearerTokens:
    made = open_tokens(Oidc.model_validate({"issuer": issuer.url, "audience": AUDIENCE, **settings}))
    assert made is not None
    return made


def refuse(tokens: BearerTokens, token: str) -> None:
    """What has the shape of a token is refused in the same words; what has not is left to those who know other keys."""
    try:
        taken = tokens.claims(f"Bearer {token}")
    except WrongToken:
        return
    assert taken is None


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "RS512", "ES256", "EdDSA"])
def test_its_tokens_are_taken_however_it_signs(strict: StrictIssuer, algorithm: str) -> None:
    """Its keys do not say what they sign by: an RSA key signs in six ways."""
    token = strict.sign_in(algorithm=algorithm)["access_token"]
    claims = opened(strict, algorithms=algorithm).claims(f"Bearer {token}")
    assert claims is not None
    assert (claims.issuer, claims.subject, claims.email) == (strict.url, "ada", "ada@example.com")
    assert (claims.name, claims.email_verified) == ("Ada Lovelace", True)
    refuse(opened(strict, algorithms="ES384"), token)


def test_who_signs_in_there_gets_an_account_here_and_the_same_one_next_time(
    strict: StrictIssuer, tokens: BearerTokens, database: Database
) -> None:
    users = set()
    for _ in range(2):
        claims = tokens.claims(f"Bearer {strict.sign_in()['access_token']}")
        assert claims is not None
        with database.system() as session:
            users.add(bearer.principal_of(session, claims).user_id)
    assert len(users) == 1


def test_neither_a_machine_nor_whoever_only_claims_an_address_becomes_somebody(
    strict: StrictIssuer, tokens: BearerTokens, database: Database
) -> None:
    form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET}
    machine = strict.post("/token", {**form, "resource": f"urn:api:{AUDIENCE}:RS256"})
    mallory = strict.sign_in("mallory")
    for told, error in ((machine, NoAddressInToken), (mallory, bearer.AddressNotVerified)):
        claims = tokens.claims(f"Bearer {told['access_token']}")
        assert claims is not None
        with pytest.raises(error), database.system() as session:
            bearer.principal_of(session, claims)
    with database.system() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 0


# What the server itself has made, for others or for something else


def for_another_api(issuer: StrictIssuer, _: str) -> str:
    return str(issuer.sign_in(audience="another")["access_token"])


def for_an_api_whose_name_begins_so(issuer: StrictIssuer, _: str) -> str:
    return str(issuer.sign_in(audience=f"{AUDIENCE}-staging")["access_token"])


def for_the_client_itself(issuer: StrictIssuer, _: str) -> str:
    """An ID token: it tells a client who has signed in, and opens no API."""
    return str(issuer.sign_in()["id_token"])


def by_a_shared_secret(issuer: StrictIssuer, _: str) -> str:
    return str(issuer.sign_in(client="symmetric")["id_token"])


def to_renew_with(issuer: StrictIssuer, _: str) -> str:
    return str(issuer.sign_in()["refresh_token"])


def bound_to_a_key(issuer: StrictIssuer, _: str) -> str:
    """By DPoP, so that a thief has no use for it: brought as a bearer token, it may be stolen."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    claims = {"jti": secrets.token_hex(8), "htm": "POST", "htu": f"{issuer.url}/token", "iat": int(time.time())}
    proof = jwt.encode(claims, key, "ES256", headers={"typ": "dpop+jwt", "jwk": public})
    told = issuer.sign_in(DPoP=proof)
    assert told["token_type"] == "DPoP"
    return str(told["access_token"])


OF_THE_SERVER: tuple[Forge, ...] = (
    for_another_api, for_an_api_whose_name_begins_so, for_the_client_itself, by_a_shared_secret, to_renew_with,
    bound_to_a_key,
)  # fmt: skip


@pytest.mark.parametrize("made", OF_THE_SERVER, ids=lambda made: made.__name__)
def test_what_the_server_made_for_others_opens_nothing(strict: StrictIssuer, tokens: BearerTokens, made: Forge) -> None:
    refuse(tokens, made(strict, ""))


def test_where_the_audience_is_a_client_only_its_tokens_count_and_nothing_else_that_is_signed_for_it(
    strict: StrictIssuer,
) -> None:
    """As with Google: the API takes ID tokens. The same key signs answers to the client, and answers about tokens."""
    tokens = opened(strict, audience="reader")
    verifier = secrets.token_urlsafe(48)
    url = strict.consent_url(verifier, client_id="reader", scope="openid email", response_mode="jwt")
    answer = allow(url)["response"]
    code = jwt.decode(answer, options={"verify_signature": False})["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://127.0.0.1:8765/oauth"}
    named = {"client_id": "reader", "client_secret": SECRET}
    told = strict.post("/token", form | named | {"code_verifier": verifier})
    assert tokens.claims(f"Bearer {told['id_token']}") is not None
    accept = {"accept": "application/token-introspection+jwt"}
    asked = {"token": told["access_token"], **named}
    about_it = httpx2.post(f"{strict.url}/token/introspection", data=asked, headers=accept).text
    for other in (answer, about_it):
        assert jwt.decode(other, options={"verify_signature": False})["aud"] == "reader"
        refuse(tokens, other)


@pytest.mark.parametrize("kind", ["logout+jwt", "secevent+jwt", "dpop+jwt", "oauth-authz-req+jwt", "jose+json", "JWE"])
def test_what_a_key_of_the_issuer_signed_as_something_else_is_no_token(
    strict: StrictIssuer, tokens: BearerTokens, kind: str
) -> None:
    good = strict.sign_in()["access_token"]
    refuse(tokens, signed(strict, claims_of(good), header={"typ": kind}))
    for usual in ("JWT", "at+jwt", "application/at+JWT"):
        assert tokens.claims(f"Bearer {signed(strict, claims_of(good), header={'typ': usual})}") is not None


def test_news_about_somebody_are_not_from_them_whatever_they_call_themselves(
    strict: StrictIssuer, tokens: BearerTokens
) -> None:
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    refuse(tokens, signed(strict, claims_of(strict.sign_in()["access_token"]) | {"events": events}))


# Tampered with, by somebody who has a good token and knows everything that is public


def part(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def claims_of(token: str) -> dict[str, Any]:
    told: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return told


def key_of(issuer: StrictIssuer, kind: str = "RSA") -> dict[str, Any]:
    """The newest."""
    return next(each for each in issuer.keys if each["kty"] == kind)


def signed(
    issuer: StrictIssuer, claims: dict[str, Any], algorithm: str = "RS256", header: dict[str, Any] | None = None
) -> str:
    """By the issuer's own private key."""
    told = key_of(issuer, {"R": "RSA", "P": "RSA", "E": "EC"}[algorithm[0]])
    key = PyJWK(told, algorithm)
    # Claims of any shape, which a library that makes tokens would refuse to sign.
    written = json.dumps(claims).encode()
    return jwt.api_jws.encode(written, key.key, algorithm, headers={"kid": told["kid"], **(header or {})})


def by_another(claims: dict[str, Any], header: dict[str, Any]) -> str:
    return jwt.encode(claims, rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256", headers=header)


def unsigned(name: str) -> Forge:
    return lambda it, good: f"{part({'alg': name, 'kid': key_of(it)['kid']})}.{part(claims_of(good))}."


def with_signature(name: str) -> Forge:
    return lambda _, good: f"{part(jwt.get_unverified_header(good) | {'alg': name})}.{good.split('.', 1)[1]}"


def by_public_key(shape: Callable[[rsa.RSAPublicKey], bytes]) -> Forge:
    """The public key, taken for a shared secret."""

    def forge(issuer: StrictIssuer, good: str) -> str:
        public = PyJWK(key_of(issuer), "RS256").key.public_key()
        body = f"{part({'alg': 'HS256', 'kid': key_of(issuer)['kid']})}.{part(claims_of(good))}"
        signature = jwt.api_jws.get_algorithm_by_name("HS256").sign(body.encode(), shape(public))
        return f"{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    return forge


def changed(**claims: Any) -> Forge:
    """Other claims under the good signature."""
    return lambda _, good: ".".join((good.split(".")[0], part(claims_of(good) | claims), good.split(".")[2]))


def foreign(header: Callable[[StrictIssuer], dict[str, Any]]) -> Forge:
    """Signed by a key of the attacker's, of which the header says something."""
    return lambda it, good: by_another(claims_of(good), header(it))


def own_key(_: StrictIssuer) -> dict[str, Any]:
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)


def really(**claims: Any) -> Forge:
    """Signed by the issuer's key indeed, as it signs for its other tenants."""

    def forge(issuer: StrictIssuer, good: str) -> str:
        told = {name: value for name, value in (claims_of(good) | claims).items() if value is not None}
        return signed(issuer, told)

    return forge


PEM = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
FORGED: dict[str, Forge] = {
    **{f"unsigned, by {name!r}": unsigned(name) for name in ("none", "None", "NONE", "nOnE", "", "RS256", "HS256")},
    **{f"a signature that is said to be {name}": with_signature(name)
       for name in ("none", "HS256", "HS512", "ES256", "PS256", "RS512", "EdDSA", "RS1")},
    "the public key as a secret, in PEM": by_public_key(lambda key: key.public_bytes(*PEM)),
    "the public key as a secret, in PEM without its last line": by_public_key(lambda key: key.public_bytes(*PEM)[:-1]),
    "the public key as a secret, in DER": by_public_key(
        lambda key: key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    "the public key as a secret, its number": by_public_key(lambda key: str(key.public_numbers().n).encode()),
    "an empty secret": by_public_key(lambda _: b""),
    "another subject": changed(sub="bob"),
    "a later end": changed(exp=4_102_444_800),
    "another address": changed(email="bob@example.com"),
    "no signature": lambda _, good: good.rpartition(".")[0] + ".",
    "a signature cut short": lambda _, good: good[:-10],
    "a signature of zeros": lambda _, good: good.rpartition(".")[0] + "." + "A" * 342,
    "a header with blanks": lambda _, good: f" {good}",
    "four parts": lambda _, good: f"{good}.AAAA",
    "five parts": lambda _, good: f"{good}.AAAA.AAAA",
    "two tokens": lambda _, good: f"{good},{good}",
    "its parts the other way round": lambda _, good: ".".join(reversed(good.split("."))),
    "a foreign key under a good number": foreign(lambda it: {"kid": key_of(it)["kid"]}),
    "a foreign key that comes along": foreign(lambda it: {"kid": key_of(it)["kid"], "jwk": own_key(it)}),
    "a foreign key at an address": foreign(lambda it: {"kid": key_of(it)["kid"], "jku": "https://evil.example/keys"}),
    "a foreign certificate": foreign(lambda it: {"kid": key_of(it)["kid"], "x5u": "https://evil.example/x5u"}),
    "a key that nobody has": foreign(lambda _: {"kid": "rsa-999"}),
    "a key in a file": foreign(lambda _: {"kid": "../../../../dev/null"}),
    "a key by a query": foreign(lambda _: {"kid": "' OR '1'='1"}),
    "a key without a number": foreign(lambda _: {}),
    "the number of a key of another kind": foreign(lambda it: {"kid": key_of(it, "EC")["kid"]}),
    "what has to be understood and is not": lambda it, good: signed(
        it, claims_of(good), header={"crit": ["b64", "exp"], "b64": False, "exp": 1}),
    "by a way of signing that is not allowed": lambda it, good: signed(it, claims_of(good), "PS256"),
    **{f"by the issuer's key, for the audience {audience!r}": really(aud=audience)
       for audience in ("another", "", "CLIPLY", "cliply ", ["another"], [], {"aud": AUDIENCE}, 0, None)},
    **{f"by the issuer's key, as {issuer!r}": really(iss=issuer)
       for issuer in ("https://evil.example", "", None, "http://127.0.0.1", ["x"], 0)},
    "by the issuer's key, with a blank after its name": lambda it, good: really(iss=f"{it.url}/")(it, good),
    **{f"by the issuer's key, without {name}": really(**{name: None}) for name in ("exp", "iat", "sub")},
    **{f"by the issuer's key, with the subject {sub!r}": really(sub=sub)
       for sub in ("", " \n", 7, ["ada"], {"sub": "ada"}, "x" * 256)},
    **{f"by the issuer's key, ending at {exp!r}": really(exp=exp) for exp in ("soon", [4_102_444_800], "")},
    "by the issuer's key, not good before 2100": really(nbf=4_102_444_800),
    "by the issuer's key, made in 2100": really(iat=4_102_444_800),
    "by the issuer's key, bound to a certificate": really(cnf={"x5t#S256": "A" * 43}),
}  # fmt: skip


@pytest.fixture(scope="module")
def good(strict: StrictIssuer) -> str:
    return str(strict.sign_in()["access_token"])


@pytest.mark.parametrize("forged", FORGED)
def test_what_was_done_to_a_token_makes_it_worth_nothing(
    strict: StrictIssuer, tokens: BearerTokens, good: str, forged: str
) -> None:
    refuse(tokens, FORGED[forged](strict, good))
    assert tokens.claims(f"Bearer {good}") is not None


def test_sixty_at_least_are_tried() -> None:
    assert len(FORGED) + len(OF_THE_SERVER) >= 60


# Issuers, keys and time


def test_another_issuer_with_keys_of_the_same_numbers_is_not_this_one(strict: StrictIssuer) -> None:
    with strict_issuing(CLIENTS) as evil:
        assert {each["kid"] for each in evil.keys} & {each["kid"] for each in strict.keys}
        theirs = evil.sign_in()["access_token"]
        refuse(opened(strict), theirs)
        refuse(opened(strict), signed(evil, claims_of(strict.sign_in()["access_token"])))
        # Its keys would verify: who it says it is does not.
        refuse(opened(strict, keys_url=f"{evil.url}/jwks"), theirs)
        assert opened(evil).claims(f"Bearer {theirs}") is not None


def test_a_token_is_over_when_its_time_is_and_not_good_before_it(strict: StrictIssuer, tokens: BearerTokens) -> None:
    made = {}
    for seconds in (-3600 - 90, 90):
        told = strict.sign_in()
        strict.move_clock(seconds)
        try:
            made[seconds] = strict.renew(told)["access_token"]
        finally:
            strict.move_clock(0)
    past, future = made.values()
    with pytest.raises(TokenOver):
        tokens.claims(f"Bearer {past}")
    refuse(tokens, future)


def test_keys_change_and_those_that_are_withdrawn_are_worth_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jwks, "PAUSE", 0.0)
    with strict_issuing() as issuer:
        tokens = opened(issuer)
        first = issuer.sign_in()["access_token"]
        assert tokens.claims(f"Bearer {first}") is not None
        issuer.renew_keys(keep=True)
        second = issuer.sign_in()["access_token"]
        assert {jwt.get_unverified_header(each)["kid"] for each in (first, second)} == {"rsa-1", "rsa-2"}
        for token in (second, first):
            assert tokens.claims(f"Bearer {token}") is not None
        issuer.renew_keys(keep=False)
        third = issuer.sign_in()["access_token"]
        assert tokens.claims(f"Bearer {third}") is not None
        for withdrawn in (first, second):
            refuse(tokens, withdrawn)


def test_of_an_old_key_of_the_same_kind_nothing_is_kept(tokens: BearerTokens, good: str) -> None:
    """A key that was never the issuer's, in each of the kinds that there are."""
    for key, algorithm in (
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ):
        for kid in ("ec-1", "ed25519-1", "rsa-1"):
            refuse(tokens, jwt.encode(claims_of(good), key, algorithm, headers={"kid": kid}))
