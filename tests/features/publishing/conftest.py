from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.features.publishing.stage import Stage
from tests.features.publishing.stage import stage as staged
from tests.features.workspaces.conftest import Office, office

__all__ = ["office"]


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture
def stage(office: Office, tmp_path: Path, media: Path) -> Iterator[Stage]:
    with staged(office, tmp_path, media) as made:
        yield made
