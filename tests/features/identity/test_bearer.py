import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import jwt
import pytest
from pydantic import ValidationError
from sqlalchemy import func, select
from tests.servers.issuer import AUDIENCE, Issuer, issuing, public

from cliply.features.audit.models import ActorKind, AuditEntry
from cliply.features.audit.service import Actor
from cliply.features.identity import accounts, api_keys, bearer, login_sessions
from cliply.features.identity.access import Principal, resolve
from cliply.features.identity.bearer import (
    AddressNotVerified,
    AddressOfAnother,
    BearerTokens,
    NoAddressInToken,
    TokenOver,
    WrongToken,
    open_tokens,
)
from cliply.features.identity.models import Identity, User
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import BUILT_IN
from cliply.features.workspaces import service as workspaces
from cliply.infra import jwks
from cliply.infra.db import Database
from cliply.infra.jwks import IssuerSilent
from cliply.infra.settings import Oidc

IN_2100 = 4_102_444_800


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as it:
        yield it


@pytest.fixture
def tokens(issuer: Issuer) -> BearerTokens:
    return opened(issuer)


def opened(issuer: Issuer, **settings: Any) -> BearerTokens:
    made = open_tokens(Oidc(issuer=issuer.url, audience=AUDIENCE, **settings))
    assert made is not None
    return made


@pytest.mark.parametrize("kid", ["rsa-1", "ec-1"])
def test_a_token_of_the_issuer_says_who_it_is(tokens: BearerTokens, issuer: Issuer, kid: str) -> None:
    claims = tokens.claims(f"Bearer {issuer.token(kid)}")
    assert claims is not None
    assert (claims.subject, claims.email, claims.name) == ("user-1", "ada@example.com", "Ada Lovelace")


def part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def unsigned(issuer: Issuer, algorithm: str) -> str:
    return f"{part({'alg': algorithm, 'kid': 'rsa-1'})}.{part(issuer.claims())}.AAAA"


def by_public_key(issuer: Issuer) -> str:
    """What opens where the public key is taken for a shared secret."""
    header = part({"alg": "HS256", "kid": "rsa-1"})
    signature = jwt.api_jws.get_algorithm_by_name("HS256")
    secret = json.dumps(public("rsa-1")).encode()
    signed = f"{header}.{part(issuer.claims())}"
    return f"{signed}.{base64.urlsafe_b64encode(signature.sign(signed.encode(), secret)).decode().rstrip('=')}"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example.com"}, {"iss": None}, {"aud": "another"}, {"aud": None}, {"sub": None},
        {"sub": ""}, {"exp": None}, {"iat": None}, {"sub": "x" * 256}, {"sub": "two\nlines"}, {"nbf": IN_2100},
        {"iat": IN_2100},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_for_others_or_without_what_it_needs_is_refused(
    tokens: BearerTokens, issuer: Issuer, changed: dict[str, Any]
) -> None:
    with pytest.raises(WrongToken):
        tokens.claims(f"Bearer {issuer.token(**changed)}")


def test_a_forged_token_is_refused(tokens: BearerTokens, issuer: Issuer) -> None:
    good = issuer.token()
    header, _, signature = good.split(".")
    for forged in (
        issuer.forged(),
        unsigned(issuer, "none"),
        unsigned(issuer, "None"),
        unsigned(issuer, "HS256"),
        by_public_key(issuer),
        ".".join((header, part(issuer.claims(sub="another")), signature)),
        issuer.token("ec-1").replace(issuer.token("ec-1").split(".")[0], part({"alg": "ES256", "kid": "rsa-1"})),
        good[:-6] + "AAAAAA",
    ):
        with pytest.raises(WrongToken):
            tokens.claims(f"Bearer {forged}")
    assert tokens.claims(f"Bearer {good}") is not None


def test_an_algorithm_that_is_not_asked_for_is_refused_before_anybody_is_asked(issuer: Issuer) -> None:
    only_ec = opened(issuer, algorithms="ES256")
    with pytest.raises(WrongToken):
        only_ec.claims(f"Bearer {issuer.token('rsa-1')}")
    assert issuer.asked == []
    for weak in ("HS256", "none", "RS256,HS512"):
        with pytest.raises(ValidationError):
            Oidc(issuer=issuer.url, audience=AUDIENCE, algorithms=weak)


def test_clocks_may_differ_by_a_minute_and_no_more(tokens: BearerTokens, issuer: Issuer) -> None:
    now = int(time.time())
    assert tokens.claims(f"Bearer {issuer.token(iat=now + 30, nbf=now + 30)}") is not None
    assert tokens.claims(f"Bearer {issuer.token(iat=now - 600, exp=now - 30)}") is not None
    with pytest.raises(TokenOver):
        tokens.claims(f"Bearer {issuer.token(iat=now - 600, exp=now - 90)}")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer clp_live_abc", "Basic YTpi", "Bearer a.b"])
def test_what_is_no_such_token_is_left_to_others(tokens: BearerTokens, header: str | None) -> None:
    assert tokens.claims(header) is None


def test_keys_are_fetched_once_and_again_for_a_new_one_but_not_for_every_strange_one(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = opened(issuer)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tokens.claims, [f"Bearer {issuer.token()}"] * 16))
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]
    issuer.keys.append(public("rsa-2"))
    for _ in range(5):
        with pytest.raises(WrongToken):
            tokens.claims(f"Bearer {issuer.token('rsa-2')}")
    assert len(issuer.asked) == 2
    monkeypatch.setattr(jwks, "PAUSE", 0.0)
    assert tokens.claims(f"Bearer {issuer.token('rsa-2')}") is not None
    assert len(issuer.asked) == 4


def test_while_the_issuer_is_away_the_keys_that_are_known_go_on(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown = opened(issuer), opened(issuer)
    assert known.claims(f"Bearer {issuer.token()}") is not None
    issuer.away = True
    monkeypatch.setattr(jwks, "PAUSE", 0.0)
    monkeypatch.setattr(jwks, "FRESH", 0.0)
    assert known.claims(f"Bearer {issuer.token()}") is not None
    with pytest.raises(IssuerSilent):
        unknown.claims(f"Bearer {issuer.token()}")
    monkeypatch.setattr(jwks, "STALE", 0.0)
    with pytest.raises(IssuerSilent):
        known.claims(f"Bearer {issuer.token()}")


def test_keys_are_taken_from_where_the_settings_say_and_secret_ones_never(issuer: Issuer) -> None:
    issuer.keys.append({"kty": "oct", "kid": "shared", "k": "c2VjcmV0"})
    tokens = opened(issuer, keys_url=f"{issuer.url}/keys")
    assert tokens.claims(f"Bearer {issuer.token()}") is not None
    assert issuer.asked == ["/keys"]
    assert tokens._keys.find("shared", "HS256") is None


def test_keys_are_not_fetched_over_an_open_line() -> None:
    silent = open_tokens(Oidc(issuer="http://issuer.example.com", audience=AUDIENCE))
    assert silent is not None
    with issuing() as issuer, pytest.raises(IssuerSilent):
        silent.claims(f"Bearer {issuer.token()}")


def signed_in(database: Database, tokens: BearerTokens, token: str) -> UUID:
    claims = tokens.claims(f"Bearer {token}")
    assert claims is not None
    with database.system() as session:
        return bearer.principal_of(session, claims).user_id


def test_twenty_first_calls_at_once_make_one_user(database: Database, tokens: BearerTokens, issuer: Issuer) -> None:
    token = issuer.token()
    with ThreadPoolExecutor(20) as pool:
        users = set(pool.map(lambda _: signed_in(database, tokens, token), range(20)))
    assert len(users) == 1
    with database.system() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1
        assert session.scalar(select(func.count()).select_from(Identity)) == 1
        assert session.scalars(select(AuditEntry.action)).all() == ["user.created"]
        assert session.scalars(select(User.name)).all() == ["Ada Lovelace"]


def test_the_subject_is_who_it_is_whatever_the_address(
    database: Database, tokens: BearerTokens, issuer: Issuer
) -> None:
    first = signed_in(database, tokens, issuer.token())
    assert signed_in(database, tokens, issuer.token(email="new@example.com")) == first
    assert signed_in(database, tokens, issuer.token(email=None)) == first
    assert signed_in(database, tokens, issuer.token(sub="user-2", email="grace@example.com")) != first


def signed_up(database: Database, *, confirmed: bool = False) -> UUID:
    by, password = Actor(ActorKind.USER), "correct horse battery"
    return accounts.sign_up(
        database, email="Ada@example.com", name="Ada", password=password, by=by, confirmed=confirmed
    )


def test_an_address_that_another_account_has_proved_opens_nothing(
    database: Database, tokens: BearerTokens, issuer: Issuer
) -> None:
    signed_up(database, confirmed=True)
    with pytest.raises(AddressOfAnother):
        signed_in(database, tokens, issuer.token())
    with database.system() as session:
        assert session.scalar(select(func.count()).select_from(Identity)) == 0


def test_who_signed_up_with_somebody_s_address_is_shut_out_when_its_owner_comes(
    database: Database, tokens: BearerTokens, issuer: Issuer
) -> None:
    squatter, by = signed_up(database), Actor(ActorKind.USER)
    browser = accounts.sign_in(database, "ada@example.com", "correct horse battery", by=by)
    with database.system() as session:
        workspace = workspaces.create(session, "Mine", by=Principal(squatter)).id
        way_back = accounts.start_recovery(session, "ada@example.com", by=by)
    assert way_back is not None
    with database.workspace(workspace) as session:
        secret = api_keys.create(
            session, resolve(session, Principal(squatter), BUILT_IN), "Mine", [Action.READ_JOBS]
        ).secret
    assert signed_in(database, tokens, issuer.token(email="Ada@Example.com")) == squatter
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(database, "ada@example.com", "correct horse battery", by=by)
    with pytest.raises(accounts.RecoveryOver):
        accounts.recover(database, way_back.token, "difference engine no. 2", by=by)
    with pytest.raises(login_sessions.SignedOut), database.system() as session:
        login_sessions.user_of(session, browser.token)
    with pytest.raises(api_keys.WrongKey), database.system() as session:
        api_keys.principal_of(session, secret)
    with database.system() as session:
        assert accounts.get(session, squatter).email_confirmed
        taken = session.scalars(
            select(AuditEntry.action).where(AuditEntry.actor_id == squatter).order_by(AuditEntry.id)
        ).all()
    assert taken[-2:] == ["api_key.revoked", "user.taken_over"]


@pytest.mark.parametrize("verified", [None, False, "true", 1])
def test_a_token_whose_address_is_not_verified_makes_and_takes_no_account(
    database: Database, tokens: BearerTokens, issuer: Issuer, verified: object
) -> None:
    for there in (False, True):
        if there:
            signed_up(database)
        with pytest.raises(AddressNotVerified):
            signed_in(database, tokens, issuer.token(email_verified=verified))
        with database.system() as session:
            assert session.scalar(select(func.count()).select_from(Identity)) == 0
            assert session.scalar(select(func.count()).select_from(User)) == there


def test_an_issuer_that_verifies_every_address_need_not_say_so(database: Database, issuer: Issuer) -> None:
    trusting = opened(issuer, addresses_verified=True)
    with pytest.raises(AddressNotVerified):
        signed_in(database, trusting, issuer.token(email_verified=False))
    user = signed_in(database, trusting, issuer.token(email_verified=None))
    with database.system() as session:
        assert accounts.get(session, user).email_confirmed


@pytest.mark.parametrize("email", [None, "", "nobody", 7, "a\r\nb@example.com"])
def test_without_an_address_nobody_is_made(
    database: Database, tokens: BearerTokens, issuer: Issuer, email: object
) -> None:
    with pytest.raises(NoAddressInToken):
        signed_in(database, tokens, issuer.token(email=email))


@pytest.mark.parametrize("name", [None, " ", "two\nlines\x00", "x" * 500, 7])
def test_any_name_gives_a_user(database: Database, tokens: BearerTokens, issuer: Issuer, name: object) -> None:
    signed_in(database, tokens, issuer.token(name=name))
    with database.system() as session:
        (shown,) = session.scalars(select(User.name))
    assert 0 < len(shown) <= 100
    assert shown.isprintable()


def test_without_an_issuer_there_are_no_such_tokens() -> None:
    assert open_tokens(Oidc()) is None
    with pytest.raises(ValidationError, match="belong together"):
        Oidc(issuer="https://issuer.example.com")
