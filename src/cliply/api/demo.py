"""The page of consent of demo mode; there is no such page otherwise."""

import html
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from cliply.features.identity.dependencies import COUNTED
from cliply.features.identity.rates import RateClass
from cliply.features.publishing.schemas import OAuthProvider
from cliply.infra.plain_page import HEADERS, small_page
from cliply.infra.routing import RATE
from cliply.integrations.demo import ACCOUNTS, PAGE, code_for
from cliply.integrations.publisher import Network

router = APIRouter(include_in_schema=False)


@router.get(PAGE, response_class=HTMLResponse, dependencies=COUNTED, openapi_extra={RATE: RateClass.PUBLIC})
def ask(
    request: Request,
    network: Network,
    redirect_uri: Annotated[str, Query(max_length=500)],
    state: Annotated[str, Query(max_length=200)],
    challenge: Annotated[str, Query(max_length=200)],
) -> HTMLResponse:
    """Choose a made-up account, or none."""
    if not _leads_back(request, network, redirect_uri):
        return _page("Nothing to connect", "<p>Whoever asked does not lead back to Cliply.</p>", status=400)
    choices = [
        _link(f"Connect DEMO {network.label} {each}", redirect_uri, {"code": code_for(each, challenge), "state": state})
        for each in ACCOUNTS
    ]
    cancel = _link("Cancel", redirect_uri, {"error": "access_denied", "state": state})
    told = (
        f"<p>This is not {network.label}. Whoever runs this Cliply has set it to demo mode: what is published on these "
        "accounts is written to a folder, and reaches nobody.</p>"
    )
    return _page("Connect an account", told + "".join(choices) + cancel)


def _leads_back(request: Request, network: Network, redirect_uri: str) -> bool:
    """To this service itself, or to a program that waits on the browser's machine."""
    try:
        back = urlsplit(redirect_uri)
        port = back.port
    except ValueError:
        return False
    if (back.scheme, back.hostname, back.path) == ("http", "127.0.0.1", "/oauth"):
        return port is not None and back.netloc == f"127.0.0.1:{port}" and not (back.query or back.fragment)
    own = request.app.state.runtime.settings.server.url or f"{request.url.scheme}://{request.url.netloc}"
    return redirect_uri == f"{own}/api/oauth/{OAuthProvider.of(network)}/callback"


def _link(label: str, to: str, query: Mapping[str, str]) -> str:
    return f'<a href="{html.escape(f"{to}?{urlencode(query)}")}">{html.escape(label)}</a>'


def _page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    """`title` and `body` are HTML already."""
    shown = small_page("Demo: connect an account", f"<strong>DEMO</strong> {title}", body)
    return HTMLResponse(shown, status, headers=HEADERS)
