from pathlib import Path

import pytest
from pydantic import SecretStr

from cliply.errors import Invalid, Unavailable
from cliply.infra import settings
from cliply.infra.settings import Settings
from cliply.infra.storage.folder import FolderStorage
from cliply.infra.storage.opening import check_storage, open_storage


def test_a_folder_is_used_where_no_bucket_is_named(tmp_path: Path) -> None:
    assert isinstance(open_storage(Settings(data=tmp_path)), FolderStorage)
    assert check_storage(Settings(data=tmp_path)) == f"{tmp_path / 'storage'}, can be written and read"


def test_looking_makes_no_folder(tmp_path: Path) -> None:
    assert str(tmp_path / "data" / "storage") in check_storage(Settings(data=tmp_path / "data"))
    assert list(tmp_path.iterdir()) == []


def test_looking_leaves_nothing_in_the_folder(tmp_path: Path) -> None:
    open_storage(Settings(data=tmp_path))
    check_storage(Settings(data=tmp_path))
    assert [path.name for path in tmp_path.rglob("*.*")] == []


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    open_storage(Settings(data=tmp_path))
    (tmp_path / "storage" / "unfinished").rmdir()
    (tmp_path / "storage" / "unfinished").write_text("in the way")
    with pytest.raises(Unavailable, match="storage folder"):
        check_storage(Settings(data=tmp_path))


@pytest.mark.slow
def test_a_bucket_is_written_and_read(s3: settings.Storage) -> None:
    assert check_storage(Settings(storage=s3)) == f"bucket {s3.bucket} of {s3.endpoint}, can be written and read"


@pytest.mark.parametrize(
    "endpoint",
    [
        "s3.example.com",
        "ftp://s3.example.com",
        "https://key:hidden@s3.example.com",
        "https://",
        "http://[",
        "https://x/y",
    ],
)
def test_an_endpoint_that_is_no_address_is_refused_without_repeating_it(endpoint: str) -> None:
    with pytest.raises(Invalid, match="CLIPLY_STORAGE__ENDPOINT") as told:
        open_storage(Settings(storage=settings.Storage(bucket="clips", endpoint=endpoint)))
    assert "hidden" not in str(told.value)


def test_a_key_without_its_secret_is_refused() -> None:
    with pytest.raises(Invalid, match="belong together"):
        open_storage(Settings(storage=settings.Storage(bucket="clips", key=SecretStr("hidden"))))
