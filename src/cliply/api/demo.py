"""The page of consent of demo mode; there is no such page otherwise."""

import base64
import hashlib
import html
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from cliply.features.publishing.schemas import OAuthProvider
from cliply.integrations.demo import ACCOUNTS, PAGE, code_for
from cliply.integrations.publisher import Network

router = APIRouter(include_in_schema=False)

_STYLE = (
    "body{margin:0;font:1.1rem/1.5 system-ui,sans-serif;color:#1b1b1f;background:#fbfbfd}"
    "main{max-width:36rem;margin:0 auto;padding:2rem 1.25rem;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem;line-height:1.25}"
    "strong{background:#ffd54a;color:#1b1b1f;padding:.1rem .5rem;border-radius:.25rem}"
    "a{display:block;margin:.75rem 0;padding:.75rem 1rem;border:1px solid #8888;border-radius:.5rem;color:inherit}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#17171a}}"
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Demo: connect an account</title><style>{style}</style></head><body><main>
<h1><strong>DEMO</strong> {title}</h1>{body}</main></body></html>
"""
_ONLY_THIS_STYLE = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_ONLY_THIS_STYLE}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
}


@router.get(PAGE, response_class=HTMLResponse)
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
    """`body` is HTML already."""
    return HTMLResponse(_PAGE.format(title=title, body=body, style=_STYLE), status, headers=_HEADERS)
