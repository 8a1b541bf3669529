"""Accounts, sessions and API keys over HTTP."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Request, Response

from cliply.features.identity import accounts, api_keys, login_sessions
from cliply.features.identity.access import Caller
from cliply.features.identity.dependencies import (
    PUBLIC,
    Running,
    SignedInPrincipal,
    Stranger,
    SystemSession,
    WorkspaceSession,
    allowed,
    cookie_name,
)
from cliply.features.identity.models import ApiKey
from cliply.features.identity.permissions import Action
from cliply.features.identity.rates import RateClass
from cliply.features.identity.schemas import (
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyRead,
    LoginSessionRead,
    MeRead,
    SignIn,
    UserRead,
)
from cliply.infra.routing import RATE, SHOWN_ONCE
from cliply.infra.routing import router as new_router
from cliply.infra.security import token_hash
from cliply.runtime import Runtime

router = new_router("identity")


@router.post("/api/auth/sign-in", dependencies=PUBLIC, openapi_extra={RATE: RateClass.SIGN_IN})
def sign_in(body: SignIn, request: Request, response: Response, runtime: Running, by: Stranger) -> UserRead:
    """Sign a browser in: the answer sets its cookie."""
    replacing = request.cookies.get(cookie_name(runtime))
    password = body.password.get_secret_value()
    signed_in = accounts.sign_in(runtime.database, body.email, password, by=by, replacing=replacing)
    _set_cookie(response, runtime, signed_in.token)
    with runtime.database.system() as session:
        return UserRead.model_validate(accounts.get(session, signed_in.user_id))


@router.post("/api/auth/sign-out", status_code=204, openapi_extra={RATE: RateClass.WRITE})
def sign_out(
    request: Request, response: Response, by: SignedInPrincipal, session: SystemSession, runtime: Running
) -> None:
    """Sign this browser out, at once."""
    by.require_person()
    login_sessions.end(session, request.cookies.get(cookie_name(runtime), ""), by=by.actor)
    forget_cookie(response, runtime)


@router.get("/api/auth/sessions")
def list_sessions(
    request: Request, by: SignedInPrincipal, session: SystemSession, runtime: Running
) -> list[LoginSessionRead]:
    """List the browsers that are signed in to the account, the one that was there last first."""
    by.require_person()
    mine = token_hash(request.cookies.get(cookie_name(runtime), ""))
    return [
        LoginSessionRead(
            created_at=each.created_at, seen_at=each.seen_at, ip=each.ip, current=bytes(each.token_hash) == mine
        )
        for each in login_sessions.list_live(session, by.user_id)
    ]


@router.delete("/api/auth/sessions", status_code=204, openapi_extra={RATE: RateClass.WRITE})
def end_sessions(response: Response, by: SignedInPrincipal, session: SystemSession, runtime: Running) -> None:
    """Sign the account out everywhere, here too."""
    by.require_person()
    login_sessions.end_all(session, by.user_id, by=by.actor)
    forget_cookie(response, runtime)


@router.get("/api/me")
def get_me(by: SignedInPrincipal, session: SystemSession) -> MeRead:
    """Say who is calling."""
    user = UserRead.model_validate(accounts.get(session, by.user_id))
    return MeRead(user=user, key_id=None if by.key is None else by.key.id)


@router.post(
    "/api/workspaces/{workspace_id}/keys", status_code=201, openapi_extra={SHOWN_ONCE: True, RATE: RateClass.WRITE}
)
def create_key(
    body: ApiKeyCreate, caller: Annotated[Caller, allowed(Action.MANAGE_KEYS)], session: WorkspaceSession
) -> ApiKeyCreated:
    """Make an API key that acts for the caller; its secret is shown this once."""
    lasts = None if body.expires_in_days is None else timedelta(days=body.expires_in_days)
    made = api_keys.create(session, caller, body.name, body.scopes, lasts=lasts)
    session.refresh(made.key)
    return ApiKeyCreated(**ApiKeyRead.model_validate(made.key).model_dump(), secret=made.secret)


@router.get("/api/workspaces/{workspace_id}/keys", response_model=list[ApiKeyRead])
def list_keys(caller: Annotated[Caller, allowed(Action.MANAGE_KEYS)], session: WorkspaceSession) -> list[ApiKey]:
    """List the workspace's API keys, newest first; none of them with its secret."""
    return api_keys.list_keys(session, caller)


@router.delete("/api/workspaces/{workspace_id}/keys/{key_id}", status_code=204, openapi_extra={RATE: RateClass.WRITE})
def revoke_key(key_id: UUID, caller: Annotated[Caller, allowed(Action.MANAGE_KEYS)], session: WorkspaceSession) -> None:
    """Revoke an API key: from now on it opens nothing."""
    api_keys.revoke(session, caller, key_id)


def _set_cookie(response: Response, runtime: Runtime, token: str) -> None:
    response.set_cookie(
        cookie_name(runtime),
        token,
        max_age=int(login_sessions.ABSOLUTE.total_seconds()),
        path="/",
        secure=runtime.settings.server.secure,
        httponly=True,
        samesite="lax",
    )


def forget_cookie(response: Response, runtime: Runtime) -> None:
    secure = runtime.settings.server.secure
    response.delete_cookie(cookie_name(runtime), path="/", secure=secure, httponly=True, samesite="lax")
