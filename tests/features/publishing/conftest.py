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


@pytest.fixture
def parted(office: Office, tmp_path: Path, media: Path) -> Iterator[Stage]:
    """The same, with clips that are sent in several parts."""
    with staged(office, tmp_path, media, parts=True) as made:
        yield made


@pytest.fixture
def busy(office: Office, tmp_path: Path, media: Path) -> Iterator[Stage]:
    """The same, for more of them than networks take in a day."""
    with staged(office, tmp_path, media, parts=True, generous=True) as made:
        yield made
