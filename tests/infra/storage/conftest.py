from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.infra.storage.seaweed import seaweed

from cliply.infra import settings
from cliply.infra.settings import Settings
from cliply.infra.storage.opening import open_storage
from cliply.infra.storage.protocol import Storage


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[settings.Storage]:
    with seaweed(tmp_path_factory.mktemp("seaweed")) as found:
        yield found


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Each storage in turn, opened as the product opens it."""
    if request.param == "folder":
        return open_storage(Settings(data=tmp_path))
    return open_storage(Settings(storage=request.getfixturevalue("s3")))
