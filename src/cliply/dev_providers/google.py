"""All of Google's that Cliply asks, under one address: signing in with its consent page, and YouTube."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from cliply.dev_providers import google_oauth
from cliply.dev_providers.world import GoogleWorld


def google_app(world: GoogleWorld, *more: Sequence[BaseRoute]) -> ASGIApp:
    """`more` are routes of further services."""
    routes = [*google_oauth.routes(world), *(route for each in more for route in each)]
    app = Starlette(routes=routes)
    # What differs by a slash is another address.
    app.router.redirect_slashes = False
    return world.faults.wrap(app)
