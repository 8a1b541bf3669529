"""Where the real media lie, and what tests may not do."""

import os
from pathlib import Path

import pytest

FIXTURES = Path(os.environ.get("CLIPLY_FIXTURES", Path(__file__).parents[2] / "shared" / "fixtures"))


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of real media; tests that need it are skipped where it is absent."""
    if not FIXTURES.is_dir():
        pytest.skip(f"the real media are not at {FIXTURES}; set CLIPLY_FIXTURES")
    return FIXTURES
