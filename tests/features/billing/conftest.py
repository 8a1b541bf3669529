from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.conftest import World, world
from tests.features.billing.till import Till, till

__all__ = ["world"]


@pytest.fixture
def at(world: World, tmp_path: Path) -> Iterator[Till]:
    with till(world, tmp_path) as made:
        yield made
