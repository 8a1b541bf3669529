"""The service's app, many times in one process."""

from fastapi import FastAPI
from starlette.routing import BaseRoute

from cliply.api.app import create_app
from cliply.runtime import Runtime

_WORKED_OUT: dict[int, BaseRoute] = {}
"""By the router that it includes."""


def app_of(runtime: Runtime) -> FastAPI:
    """What the framework works out of a router at the first request is the same for each app: the first one does it."""
    app = create_app(runtime)
    routes = app.router.routes
    for place, route in enumerate(routes):
        router = getattr(route, "original_router", None)
        if router is not None:
            routes[place] = _WORKED_OUT.setdefault(id(router), route)
    return app
