"""Signing in."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from cliply.dev_providers.world import GoogleWorld


def routes(world: GoogleWorld) -> Sequence[BaseRoute]:
    del world
    return []
