"""Accounts on networks and publications over HTTP."""

import hashlib
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from cliply.errors import CliplyError, Unavailable
from cliply.features.identity.access import Caller, Principal
from cliply.features.identity.dependencies import (
    Running,
    SignedInPrincipal,
    WorkspaceSession,
    allowed,
    allowed_in_steps,
    cookie_name,
)
from cliply.features.identity.permissions import Action
from cliply.features.identity.rates import RateClass
from cliply.features.publishing import channels, connecting, metrics, publications
from cliply.features.publishing.metrics import Period
from cliply.features.publishing.models import Channel, Publication, PublicationState
from cliply.features.publishing.reading import (
    account_details,
    account_read,
    metrics_summary,
    publication_details,
    publication_metrics,
    publication_read,
)
from cliply.features.publishing.schemas import (
    AccountConnect,
    AccountDetails,
    AccountRead,
    AccountReconnect,
    AccountSettings,
    AccountUpdate,
    ConnectFinish,
    ConnectStart,
    ConsentRead,
    MetricsSummary,
    OAuthProvider,
    PublicationDetails,
    PublicationMetrics,
    PublicationRead,
    PublicationSettle,
    PublicationUpdate,
    Publish,
)
from cliply.infra import pages
from cliply.infra.pages import Cursor, Page, PageSize
from cliply.infra.plain_page import HEADERS, plain_page
from cliply.infra.routing import RATE, SHOWN_ONCE
from cliply.infra.routing import router as new_router
from cliply.infra.security import token_hash
from cliply.integrations.publisher import Network
from cliply.runtime import Runtime

router = new_router("publishing")

_LIST = "publications"
_HERE = ("localhost", "127.0.0.1", "::1")


class AddressNotSet(Unavailable):
    def __init__(self) -> None:
        super().__init__(
            "Networks send people back to the service's own address, and it does not know it. Whoever runs it sets "
            "CLIPLY_SERVER__URL, as in https://clips.example.com, and names that address at the network."
        )


@router.get("/api/accounts")
def list_accounts(
    caller: Annotated[Caller, allowed(Action.READ_CHANNELS)], session: WorkspaceSession, runtime: Running
) -> list[AccountRead]:
    """List the accounts that are connected, and whether they can be published on."""
    return [account_read(each, runtime.providers) for each in channels.of_workspace(session, caller)]


# Whoever knows the state in the address may come back in its owner's place: it is kept for no Idempotency-Key.
_SECRET = {SHOWN_ONCE: True, RATE: RateClass.WRITE}


@router.post("/api/accounts", status_code=201, openapi_extra=_SECRET)
def connect_account(
    request: Request,
    body: AccountConnect,
    caller: Annotated[Caller, allowed(Action.MANAGE_CHANNELS)],
    session: WorkspaceSession,
    runtime: Running,
) -> ConsentRead:
    """Begin to connect an account: open `consent_url` in this browser, and allow it there."""
    return _begun(request, runtime, session, caller, body.network, body.loopback_port)


@router.post("/api/oauth/{provider}/start", status_code=201, openapi_extra=_SECRET)
def start_oauth(
    request: Request,
    provider: OAuthProvider,
    body: ConnectStart,
    caller: Annotated[Caller, allowed(Action.MANAGE_CHANNELS)],
    session: WorkspaceSession,
    runtime: Running,
) -> ConsentRead:
    """Begin to connect an account of this provider, or one again that is connected already."""
    return _begun(request, runtime, session, caller, provider.network, body.loopback_port, body.account_id)


@router.get(
    "/api/oauth/{provider}/callback",
    response_class=HTMLResponse,
    responses={400: {"description": "Nothing was connected; the page says why.", "content": {"text/html": {}}}},
)
def finish_oauth(
    request: Request,
    provider: OAuthProvider,
    by: SignedInPrincipal,
    runtime: Running,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str | None, Query(max_length=2000)] = None,
    error: Annotated[str | None, Query(max_length=200)] = None,
    iss: Annotated[str | None, Query(max_length=200)] = None,
) -> HTMLResponse:
    """Where the network sends the browser back to; it shows what came of it."""
    answer = connecting.Answer(state, code, error, iss)
    try:
        channel = _finished(request, runtime, by, provider, answer)
    except connecting.NotBegunHere as nothing:
        # As whoever opens this page once more, whose account is connected since the first time.
        told = f"{nothing} What is connected already stays so."
        return _page("Nothing was connected by this page", told, status=400)
    except CliplyError as failed:
        return _page(f"{provider.network.label} is not connected", str(failed), status=400)
    health = channels.health(channel, runtime.providers)
    missing = "" if health.can_publish else f" It cannot be published on yet: {health.reason}"
    told = f"“{channel.name}” on {channel.network.label} is connected.{missing} You can close this page."
    return _page(f"{channel.network.label} is connected", told)


@router.post("/api/oauth/{provider}/finish", openapi_extra={RATE: RateClass.WRITE})
def complete_oauth(
    request: Request, provider: OAuthProvider, body: ConnectFinish, by: SignedInPrincipal, runtime: Running
) -> AccountRead:
    """For programs: hand in what came back to an address of their own."""
    answer = connecting.Answer(body.state, body.code, body.error, body.iss)
    return account_read(_finished(request, runtime, by, provider, answer), runtime.providers)


@router.get("/api/accounts/{account_id}")
def get_account(
    account_id: UUID,
    caller: Annotated[Caller, allowed(Action.READ_CHANNELS)],
    session: WorkspaceSession,
    runtime: Running,
) -> AccountDetails:
    """See an account: what it allows, until when, and what was published there last."""
    return account_details(session, channels.get(session, caller, account_id), runtime.providers)


@router.patch("/api/accounts/{account_id}", openapi_extra={RATE: RateClass.WRITE})
def change_account(
    account_id: UUID,
    body: AccountUpdate,
    caller: Annotated[Caller, allowed(Action.MANAGE_CHANNELS)],
    session: WorkspaceSession,
    runtime: Running,
) -> AccountRead:
    """Give the account another name here, or make it the one that is meant where none is named."""
    channel = channels.change(session, caller, account_id, name=body.name, is_default=body.is_default)
    return _shown(session, channel, runtime)


@router.post("/api/accounts/{account_id}/reconnect", status_code=201, openapi_extra=_SECRET)
def reconnect_account(
    request: Request,
    account_id: UUID,
    body: AccountReconnect,
    caller: Annotated[Caller, allowed(Action.MANAGE_CHANNELS)],
    session: WorkspaceSession,
    runtime: Running,
) -> ConsentRead:
    """Begin to connect this account again; what waits for it goes on then."""
    network = channels.get(session, caller, account_id).network
    return _begun(request, runtime, session, caller, network, body.loopback_port, account_id)


@router.delete("/api/accounts/{account_id}", openapi_extra={RATE: RateClass.WRITE})
def disconnect_account(
    account_id: UUID,
    by: SignedInPrincipal,
    workspace_id: Annotated[UUID, allowed_in_steps(Action.MANAGE_CHANNELS)],
    runtime: Running,
) -> AccountRead:
    """Take back what its owner allowed, at the network as well, and forget its tokens. What was published stays."""
    return account_read(channels.disconnect(runtime, by, workspace_id, account_id), runtime.providers)


@router.post("/api/accounts/publish", openapi_extra={RATE: RateClass.WRITE})
def set_up_account(
    body: AccountSettings,
    caller: Annotated[Caller, allowed(Action.MANAGE_CHANNELS)],
    session: WorkspaceSession,
    runtime: Running,
) -> AccountRead:
    """Say how things are published on the account unless a publication says otherwise, and when not."""
    return _shown(session, channels.set_up(session, caller, body.account_id, body.settings), runtime)


@router.post("/api/publish/youtube", status_code=202, openapi_extra={RATE: RateClass.PUBLISH})
def publish_on_youtube(
    body: Publish, caller: Annotated[Caller, allowed(Action.PUBLISH)], session: WorkspaceSession, runtime: Running
) -> PublicationRead:
    """Publish a clip on a YouTube channel, now or at a time. What YouTube would refuse is refused here."""
    return _published(session, runtime, caller, Network.YOUTUBE, body)


@router.post("/api/publish/tiktok", status_code=202, openapi_extra={RATE: RateClass.PUBLISH})
def publish_on_tiktok(
    body: Publish, caller: Annotated[Caller, allowed(Action.PUBLISH)], session: WorkspaceSession, runtime: Running
) -> PublicationRead:
    """Publish a clip on a TikTok account, now or at a time. What TikTok would refuse is refused here."""
    return _published(session, runtime, caller, Network.TIKTOK, body)


@router.get("/api/publications")
def list_publications(
    caller: Annotated[Caller, allowed(Action.READ_PUBLICATIONS)],
    session: WorkspaceSession,
    clip_id: Annotated[UUID | None, Query()] = None,
    account_id: Annotated[UUID | None, Query()] = None,
    state: Annotated[PublicationState | None, Query()] = None,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> Page[PublicationRead]:
    """List what is and will be published, newest first; new ones do not move the pages after the first."""
    after = pages.moment(_LIST, cursor)
    found = publications.search(
        session, caller, clip_id=clip_id, channel_id=account_id, state=state, after=after, limit=limit
    )
    return Page(
        items=[publication_read(each) for each in found.publications],
        next=None if found.after is None else pages.cursor(_LIST, found.after[0].isoformat(), str(found.after[1])),
    )


@router.get("/api/publications/{publication_id}")
def get_publication(
    publication_id: UUID, caller: Annotated[Caller, allowed(Action.READ_PUBLICATIONS)], session: WorkspaceSession
) -> PublicationDetails:
    """See a publication and what became of it."""
    publication = publications.get(session, caller, publication_id)
    return publication_details(publication, list(publications.events(session, caller, publication_id)))


@router.get("/api/publications/{publication_id}/metrics")
def get_publication_metrics(
    publication_id: UUID, caller: Annotated[Caller, allowed(Action.READ_PUBLICATIONS)], session: WorkspaceSession
) -> PublicationMetrics:
    """See how a publication does: what its network counted from an hour to four weeks after it went out."""
    return publication_metrics(metrics.of_publication(session, caller, publication_id))


@router.get("/api/metrics/summary")
def summarise_metrics(
    caller: Annotated[Caller, allowed(Action.READ_PUBLICATIONS)],
    session: WorkspaceSession,
    since: Annotated[date | None, Query(description="The first day; left out: 27 days before `until`.")] = None,
    until: Annotated[date | None, Query(description="The last day, included; left out: today.")] = None,
    network: Annotated[Network | None, Query()] = None,
    account_id: Annotated[UUID | None, Query()] = None,
    period: Annotated[Period, Query(description="What `periods` are.")] = Period.WEEK,
    age_hours: Annotated[
        int | None,
        Query(description="Compare posts at the same age: 1, 3, 6, 24, 72, 168 or 672. Left out: the latest figures."),
    ] = None,
) -> MetricsSummary:
    """See how all that was published on these days does: in all, by network, by account and by period.

    Days are the workspace's own. Figures are cumulative, so that of each publication one snapshot counts.
    """
    return metrics_summary(
        metrics.summary(
            session,
            caller,
            since=since,
            until=until,
            network=network,
            channel_id=account_id,
            period=period,
            age_hours=age_hours,
        )
    )


@router.patch("/api/publications/{publication_id}", openapi_extra={RATE: RateClass.WRITE})
def move_publication(
    publication_id: UUID,
    body: PublicationUpdate,
    caller: Annotated[Caller, allowed(Action.PUBLISH)],
    session: WorkspaceSession,
) -> PublicationRead:
    """Have it go at another time, as long as nothing of it was begun at the network."""
    return _read(session, publications.move(session, caller, publication_id, body.run_at))


@router.post("/api/publications/{publication_id}/cancel", openapi_extra={RATE: RateClass.WRITE})
def cancel_publication(
    publication_id: UUID, caller: Annotated[Caller, allowed(Action.PUBLISH)], session: WorkspaceSession
) -> PublicationRead:
    """Call it off, as long as nothing of it was begun at the network."""
    return _read(session, publications.cancel(session, caller, publication_id))


@router.post("/api/publications/{publication_id}/retry", status_code=202, openapi_extra={RATE: RateClass.PUBLISH})
def retry_publication(
    publication_id: UUID, caller: Annotated[Caller, allowed(Action.PUBLISH)], session: WorkspaceSession
) -> PublicationRead:
    """Try again what was refused, waits, or waited for its account."""
    return _read(session, publications.retry(session, caller, publication_id))


@router.post("/api/publications/{publication_id}/settle", status_code=202, openapi_extra={RATE: RateClass.WRITE})
def settle_publication(
    publication_id: UUID,
    body: PublicationSettle,
    caller: Annotated[Caller, allowed(Action.PUBLISH)],
    session: WorkspaceSession,
) -> PublicationRead:
    """Say what is to be seen at the network of a publication that nobody could find out about."""
    settled = publications.reconcile(session, caller, publication_id, body.verdict, url=body.url)
    return _read(session, settled)


def _begun(
    request: Request,
    runtime: Runtime,
    session: Session,
    caller: Caller,
    network: Network,
    port: int | None,
    channel_id: UUID | None = None,
) -> ConsentRead:
    provider = OAuthProvider.of(network)
    here = f"http://127.0.0.1:{port}/oauth" if port else f"{_address(request, runtime)}/api/oauth/{provider}/callback"
    consent = connecting.begin(
        runtime,
        session,
        caller,
        network,
        bound_to=_bound_to(request, runtime, caller.principal),
        redirect_uri=here,
        channel_id=channel_id,
    )
    return ConsentRead(consent_url=consent, expires_in=int(connecting.LASTS.total_seconds()))


def _finished(
    request: Request, runtime: Runtime, by: Principal, provider: OAuthProvider, answer: connecting.Answer
) -> Channel:
    bound_to = _bound_to(request, runtime, by)
    begun = connecting.come_back(runtime, by, provider.network, bound_to=bound_to, state=answer.state)
    return connecting.finish(runtime, by, begun, answer)


def _bound_to(request: Request, runtime: Runtime, by: Principal) -> bytes:
    """What proved who asks: the same browser session or key has to bring the answer."""
    if by.key is not None:
        return hashlib.sha256(b"key\0" + by.key.id.bytes).digest()
    cookie = request.cookies.get(cookie_name(runtime))
    if cookie is not None and request.headers.get("authorization") is None:
        return token_hash(cookie)
    # A token of another service is renewed all the time; its owner is what stays.
    return hashlib.sha256(b"user\0" + by.user_id.bytes).digest()


def _address(request: Request, runtime: Runtime) -> str:
    """The service's own, as browsers know it. What a request says of it is believed on this machine only."""
    if runtime.settings.server.url is not None:
        return runtime.settings.server.url
    if request.url.hostname in _HERE:
        return f"{request.url.scheme}://{request.url.netloc}"
    raise AddressNotSet


def _published(session: Session, runtime: Runtime, caller: Caller, network: Network, body: Publish) -> PublicationRead:
    made = publications.publish(
        runtime,
        session,
        caller,
        network,
        body.clip_id,
        channel_id=body.account_id,
        wanted=body.wanted,
        run_at=body.run_at,
        again=body.again,
    )
    return _read(session, made)


def _read(session: Session, publication: Publication) -> PublicationRead:
    session.refresh(publication)
    return publication_read(publication)


def _shown(session: Session, channel: Channel, runtime: Runtime) -> AccountRead:
    session.refresh(channel)
    return account_read(channel, runtime.providers)


def _page(title: str, told: str, *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(plain_page(title, told), status, headers=HEADERS)
