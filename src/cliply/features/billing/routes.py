"""Billing over HTTP."""

from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse

from cliply.errors import Unavailable
from cliply.features.billing import changing, customers, inbox, subscribing
from cliply.features.billing.reading import billing_read, change_read, cost_read, preview_read
from cliply.features.billing.returned_page import Outcome, returned_page
from cliply.features.billing.schemas import (
    BillingRead,
    ChangeRead,
    CheckoutStart,
    InvoiceRead,
    PageRead,
    PlanChange,
    PlanChangeConfirm,
    PreviewRead,
    Received,
)
from cliply.features.billing.subscribing import NeverSubscribed
from cliply.features.billing.syncing import payments_of
from cliply.features.billing.tasks import apply_event
from cliply.features.identity.access import Caller
from cliply.features.identity.dependencies import PUBLIC, Running, WorkspaceSession, allowed
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import plans_of
from cliply.features.identity.rates import RateClass
from cliply.infra import pages
from cliply.infra.pages import Cursor, Page, PageSize
from cliply.infra.plain_page import HEADERS
from cliply.infra.routing import RATE, SHOWN_ONCE
from cliply.infra.routing import router as new_router
from cliply.runtime import Runtime

router = new_router("billing")

_LIST = "invoices"
_HERE = ("localhost", "127.0.0.1", "::1")
_RETURNED = "/api/billing/returned"
# Whoever has the address of the portal looks after the subscription: it is kept for no Idempotency-Key.
_SECRET = {SHOWN_ONCE: True, RATE: RateClass.WRITE}
_WRITE = {RATE: RateClass.WRITE}
_PUBLIC = {RATE: RateClass.PUBLIC}
# Reading has nothing to be in conflict with, but for billing that is off.
_OFF = {"responses": {"409": {"$ref": "#/components/responses/Conflict"}}}


class ServiceAddressNotSet(Unavailable):
    def __init__(self) -> None:
        super().__init__(
            "Stripe sends people back to the service's own address, and it does not know it. Whoever runs it sets "
            "CLIPLY_SERVER__URL, as in https://clips.example.com."
        )


Owner = Annotated[Caller, allowed(Action.MANAGE_BILLING)]


@router.get("/api/billing/status")
def get_billing(caller: Owner, session: WorkspaceSession, runtime: Running) -> BillingRead:
    """See the plan, what is paid for it, until when, and which plans there are to buy."""
    return billing_read(session, runtime.settings, runtime.payments, caller)


@router.post("/api/billing/checkout", status_code=201, openapi_extra=_WRITE)
def start_checkout(
    request: Request, body: CheckoutStart, caller: Owner, session: WorkspaceSession, runtime: Running
) -> PageRead:
    """Subscribe: open `url` in a browser and pay there. Whoever asks twice gets the same page."""
    payments = payments_of(runtime)
    page = subscribing.begin(runtime, session, caller, body.plan, body.price, back_to=_back_to(request, runtime))
    return PageRead(url=page.url, expires_at=page.expires_at, cost=cost_read(payments, page.price_id))


@router.post("/api/billing/portal", status_code=201, openapi_extra=_SECRET)
def open_portal(request: Request, caller: Owner, session: WorkspaceSession, runtime: Running) -> PageRead:
    """Open the page where the card is changed, invoices are paid and the subscription is cancelled."""
    payments_of(runtime)
    url = subscribing.portal(runtime, session, caller, back_to=_back_to(request, runtime))
    return PageRead(url=url, expires_at=None)


@router.post("/api/billing/change/preview", openapi_extra=_WRITE)
def preview_change(body: PlanChange, caller: Owner, session: WorkspaceSession, runtime: Running) -> PreviewRead:
    """See what another plan would cost, and what there is more of than it allows. Nothing is done."""
    return preview_read(changing.preview(runtime, session, caller, body.plan, body.price))


@router.post("/api/billing/change", status_code=202, openapi_extra=_WRITE)
def change_plan(body: PlanChangeConfirm, caller: Owner, session: WorkspaceSession, runtime: Running) -> ChangeRead:
    """Change the plan. What is due is charged at once; the limits follow within moments."""
    changed = changing.change(runtime, session, caller, body.plan, body.price, previewed_at=body.previewed_at)
    return change_read(changed)


@router.get("/api/billing/invoices", openapi_extra=_OFF)
def list_invoices(
    caller: Owner, session: WorkspaceSession, runtime: Running, cursor: Cursor = None, limit: PageSize = 20
) -> Page[InvoiceRead]:
    """List what was and is to be paid, newest first."""
    payments = payments_of(runtime)
    row = customers.known(session, caller.workspace_id)
    if row is None or row.customer_id is None:
        raise NeverSubscribed
    after = None if cursor is None else str(pages.position(_LIST, cursor)[0])
    found = payments.invoices(row.customer_id, after=after, limit=limit)
    return Page(
        items=[
            InvoiceRead(
                id=each.id, number=each.number, status=each.status, total=each.total, due=each.due,
                currency=each.currency, created_at=each.created_at, url=each.url,
            )
            for each in found
        ],
        next=pages.cursor(_LIST, found[-1].id) if len(found) == limit else None,
    )  # fmt: skip


@router.get(f"{_RETURNED}/{{outcome}}", dependencies=PUBLIC, response_class=HTMLResponse, openapi_extra=_PUBLIC)
def show_returned(
    outcome: Outcome,
    runtime: Running,
    plan: Annotated[str | None, Query(description="That was bought, to be named.", max_length=40)] = None,
) -> HTMLResponse:
    """Where Stripe sends browsers back to. It shows the same to everybody."""
    is_sold = plan in plans_of(runtime.settings).sold_as.values()
    return HTMLResponse(returned_page(outcome, plan if is_sold else None), headers=HEADERS)


async def _raw(request: Request) -> bytes:
    return await request.body()


@router.post("/api/webhooks/stripe", dependencies=PUBLIC, openapi_extra=_PUBLIC)
def receive_event(request: Request, runtime: Running, body: Annotated[bytes, Depends(_raw)]) -> Received:
    """For Stripe: take an event that it has signed. It is kept and answered at once, and carried out afterwards."""
    event = payments_of(runtime).event(body, request.headers.get("stripe-signature"))
    with runtime.database.system() as session:
        if inbox.receive(session, event):
            apply_event.options(subject=event.id).start(session, event_id=event.id)
    return Received()


def _back_to(request: Request, runtime: Runtime) -> str:
    """What a request says of the service's address is believed on this machine only."""
    if runtime.settings.server.url is not None:
        return runtime.settings.server.url + _RETURNED
    if request.url.hostname in _HERE:
        return f"{request.url.scheme}://{request.url.netloc}{_RETURNED}"
    raise ServiceAddressNotSet
