"""Where the real media lie, and what tests may not do."""

import fcntl
import os
import signal
from pathlib import Path

import pytest
from tests import kinds
from tests.database import database, emptying, migrated, opened, server, short  # noqa: F401 - fixtures of every test
from tools.demo_talk.dialogue import TALK
from tools.make_demo_video import make

# A run that was started in the background ignores Ctrl-C, and so would all that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Nobody's certificates are needed on this machine, and to read those of the world takes longer than most tests.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)

_SOAK_SECONDS = 3 * 3600


# Before `-m` looks at what is marked.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    kinds.mark(items)
    for item in items:
        if item.get_closest_marker("soak") is not None:
            item.add_marker(pytest.mark.timeout(_SOAK_SECONDS))


FIXTURES = Path(os.environ.get("CLIPLY_FIXTURES", Path(__file__).parents[2] / "shared" / "fixtures"))


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of real media; tests that need it are skipped where it is absent."""
    if not FIXTURES.is_dir():
        pytest.skip(f"the real media are not at {FIXTURES}; set CLIPLY_FIXTURES")
    return FIXTURES


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made interview of about a minute, 1080p, two speakers; made once for all test processes of a run."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    out = shared / "talk.mp4"
    with (shared / "talk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.exists():
            make([*TALK[3:7], *TALK[12:16]], out)
    return out
