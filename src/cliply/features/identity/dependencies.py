"""What routes ask for: who is calling, what they may do, and the transaction in which they do it.

A route names its access by one of these; a test refuses a route that names none. Services never import this.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from cliply.errors import Invalid, NotAllowed
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity.access import (
    Caller,
    NoSuchWorkspace,
    Principal,
    Unauthenticated,
    require_admin,
    resolve,
)
from cliply.features.identity.bearer import BearerTokens
from cliply.features.identity.counting import count, count_stranger
from cliply.features.identity.credentials import principal_of
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import plans_of
from cliply.features.identity.rates import RateClass
from cliply.infra.idempotency import Asked
from cliply.infra.routing import RATE, asked, begin
from cliply.runtime import Runtime

WORKSPACE_HEADER = "X-Workspace-Id"
SAFE = ("GET", "HEAD", "OPTIONS")
NEVER_COUNTED = ("/api/usage",)
"""What a key may ask whatever is used: that there is nothing left."""


class Calls(Protocol):
    """Counts calls by API keys; known here by what it does only, since it stands above."""

    def count(self, session: Session, caller: Caller) -> None:
        """Raises PlanLimit."""
        ...


class CrossSite(NotAllowed):
    def __init__(self) -> None:
        super().__init__(
            "This was asked for by a page of another site, and is refused. Open Cliply itself, then do it."
        )


class WorkspaceNotNamed(Invalid):
    def __init__(self) -> None:
        super().__init__(f"Name the workspace by its id in the header {WORKSPACE_HEADER}.")


# Those that wait for nothing are `async`: any other is handed to a thread and back, which costs more than they do.


async def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


Running = Annotated[Runtime, Depends(_runtime)]


async def in_turn(request: Request) -> AsyncIterator[None]:
    """Only as many requests at once as there are connections.

    The steps of a request run on threads of one pool. Without this, those who wait for a connection could take every
    thread, and those who have one could not go on.
    """
    turns: asyncio.Semaphore = request.app.state.turns
    async with turns:
        yield


Turn = Depends(in_turn, scope="function")


def cookie_name(runtime: Runtime) -> str:
    """With the prefix a browser takes it from this very host by HTTPS only; on plain HTTP it would not take it."""
    return "__Host-cliply" if runtime.settings.server.secure else "cliply"


def same_site(request: Request, runtime: Running) -> None:
    """Refuse what a page of another site has a browser send. Programs send neither header.

    Raises CrossSite.
    """
    if request.method in SAFE:
        return
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        if fetched not in ("same-origin", "none"):
            raise CrossSite
        return
    origin = request.headers.get("origin")
    if origin is not None and origin != runtime.settings.server.url:
        try:
            host = urlsplit(origin).netloc
        except ValueError:
            raise CrossSite from None
        if host != request.headers.get("host"):
            raise CrossSite


def counted(request: Request, runtime: Running) -> None:
    """Count the request by where it comes from. Raises TooOften."""
    plans = plans_of(runtime.settings)
    request.state.rate = count_stranger(runtime.database, plans, rate_class(request), ip=_ip(request))


async def _counted_in_turn(request: Request, runtime: Running) -> None:
    turns: asyncio.Semaphore = request.app.state.turns
    async with turns:
        await run_in_threadpool(counted, request, runtime)


COUNTED = [Depends(_counted_in_turn)]
"""Of routes that anybody may call and that need no connection for their work, which may be long."""

PUBLIC = [Turn, Depends(same_site), Depends(counted)]
"""Of routes that anybody may call."""


async def stranger(request: Request) -> Actor:
    """Who asks without proving who they are: a request and a place."""
    return Actor(ActorKind.USER, None, _request_id(request), _ip(request))


Stranger = Annotated[Actor, Depends(stranger)]


def principal(request: Request, runtime: Running, _turn: Annotated[None, Turn]) -> Principal:
    """Whoever the request's header or cookie proves to send it. Raises Unauthenticated or CrossSite."""
    if request.headers.get("authorization") is None and cookie_name(runtime) in request.cookies:
        same_site(request, runtime)
    plans = plans_of(runtime.settings)
    try:
        proved = _proved(request, runtime)
    except Unauthenticated:
        request.state.rate = count_stranger(runtime.database, plans, RateClass.UNPROVED, ip=_ip(request))
        raise
    request.state.user_id = proved.user_id
    place = _place(request) if proved.key is None else proved.key.workspace_id
    request.state.rate = count(runtime.database, plans, rate_class(request), by=proved, workspace_id=place)
    return proved


def rate_class(request: Request) -> RateClass:
    """Of the request's route; one that names none is counted by its method."""
    said = (request.scope["route"].openapi_extra or {}).get(RATE)
    if said is not None:
        return RateClass(said)
    return RateClass.READ if request.method in SAFE else RateClass.WRITE


def _proved(request: Request, runtime: Runtime) -> Principal:
    authorization = request.headers.get("authorization")
    cookie = request.cookies.get(cookie_name(runtime))
    tokens: BearerTokens | None = request.app.state.tokens
    claims = None if tokens is None else tokens.claims(authorization)
    with runtime.database.system() as session:
        return principal_of(
            session,
            authorization,
            cookie,
            claims=claims,
            place=_place(request),
            request_id=_request_id(request),
            ip=_ip(request),
        )


SignedInPrincipal = Annotated[Principal, Depends(principal)]


def proof(request: Request, runtime: Running) -> Callable[[], Principal]:
    """Asks again whether what the request brought still proves anything, for answers that go on for long.

    Calling it raises Unauthenticated once the key is revoked, the browser signed out or the token over.
    """
    return partial(_proved, request, runtime)


Proof = Annotated[Callable[[], Principal], Depends(proof)]


async def workspace_named(request: Request, by: SignedInPrincipal) -> UUID:
    """The workspace that the request names, before any transaction; who uses it, resolves the caller in it."""
    return _workspace(request, by)


NamedWorkspace = Annotated[UUID, Depends(workspace_named)]


@dataclass(frozen=True, slots=True)
class Entered:
    """A transaction in the workspace, and the caller as a member of it."""

    session: Session
    caller: Caller


def member_of(
    request: Request, runtime: Running, by: SignedInPrincipal, wanted: Annotated[Asked | None, Depends(asked)]
) -> Iterator[Entered]:
    """A transaction in the workspace that the request names. Raises NoSuchWorkspace."""
    workspace_id = _workspace(request, by)
    with runtime.database.workspace(workspace_id) as session:
        caller = resolve(session, by, plans_of(runtime.settings))
        request.state.workspace_id = workspace_id
        if by.key is not None and request.url.path not in NEVER_COUNTED:
            calls: Calls = request.app.state.calls
            calls.count(session, caller)
        begin(request, session, wanted, by=(str(workspace_id), *_who(by)))
        yield Entered(session, caller)


# Ends before the answer is sent: what could not be committed is never answered as done.
_Entered = Annotated[Entered, Depends(member_of, scope="function")]


async def _session(entered: _Entered) -> Session:
    return entered.session


WorkspaceSession = Annotated[Session, Depends(_session)]


@dataclass(frozen=True)
class Allowed:
    """Who calls has to be allowed to do `action`."""

    action: Action


@dataclass(frozen=True)
class _Within(Allowed):
    async def __call__(self, entered: _Entered) -> Caller:
        entered.caller.require(self.action)
        return entered.caller


def allowed(action: Action) -> Any:
    """Access of a route: a member of the workspace that the request names, who may do this, as in
    `caller: Annotated[Caller, allowed(Action.READ_MEMBERS)]`."""
    return Depends(_Within(action))


@dataclass(frozen=True)
class _InSteps(Allowed):
    async def __call__(self, workspace_id: NamedWorkspace) -> UUID:
        return workspace_id


def allowed_in_steps(action: Action) -> Any:
    """Access of a route that waits for others between two transactions: the workspace that the request names. Its
    service opens them and requires the action."""
    return Depends(_InSteps(action))


async def member(entered: _Entered) -> Caller:
    """Access of a route where every member may do something; the service decides what."""
    return entered.caller


Member = Annotated[Caller, Depends(member)]


def _system(
    request: Request, runtime: Running, by: SignedInPrincipal, wanted: Annotated[Asked | None, Depends(asked)]
) -> Iterator[Session]:
    with runtime.database.system() as session:
        begin(request, session, wanted, by=_who(by))
        yield session


SystemSession = Annotated[Session, Depends(_system, scope="function")]
"""For what belongs to the principal and to no workspace; sees all of them, so the route's service narrows it."""


def admin(
    request: Request, runtime: Running, by: SignedInPrincipal, wanted: Annotated[Asked | None, Depends(asked)]
) -> Iterator[Session]:
    """Access of a route for whoever runs the installation. Raises NotForKeys or NotAdmin."""
    with runtime.database.system() as session:
        require_admin(session, by)
        begin(request, session, wanted, by=_who(by))
        yield session


AdminSession = Annotated[Session, Depends(admin, scope="function")]
"""Sees all workspaces, for an operator."""


def _workspace(request: Request, by: Principal) -> UUID:
    """By path, header or key. Raises NoSuchWorkspace where they disagree: one of them is foreign then."""
    told = _told(request)
    if by.key is not None:
        told.add(by.key.workspace_id)
    if not told:
        raise WorkspaceNotNamed
    if len(told) > 1:
        raise NoSuchWorkspace
    return told.pop()


def _told(request: Request) -> set[UUID]:
    named = request.path_params.get("workspace_id"), request.headers.get(WORKSPACE_HEADER)
    return {_id(value) for value in named if value is not None}


def _place(request: Request) -> UUID | None:
    """The workspace that the request names, if it names one; whoever enters it finds out what is wrong with that."""
    try:
        told = _told(request)
    except NoSuchWorkspace:
        return None
    return told.pop() if len(told) == 1 else None


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise NoSuchWorkspace from None


def _who(by: Principal) -> tuple[str, str]:
    return str(by.user_id), "" if by.key is None else str(by.key.id)


def _request_id(request: Request) -> str:
    request_id: str = request.scope["state"]["request_id"]
    return request_id


def _ip(request: Request) -> str | None:
    """Where the connection comes from, or what a proxy that is trusted says; nothing for what is no address."""
    try:
        return None if request.client is None else str(ip_address(request.client.host))
    except ValueError:
        return None
