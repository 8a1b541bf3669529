"""Signing in."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from cliply.dev_providers.world import TikTokWorld


def routes(world: TikTokWorld) -> Sequence[BaseRoute]:
    del world
    return []
