"""The service as it would be if nothing were counted or limited: `python -m benchmarks.uncounted SOCKET`."""

import sys
from typing import Any

from cliply.cli import main as cliply
from cliply.features.usage import ledger
from cliply.features.usage.calls import ApiCalls


def nothing(*_asked: Any, **_named: Any) -> None:
    """Instead of a count."""


def main(listening: str) -> None:
    for name in ("reserve_all", "commit_all", "release", "now_in"):
        setattr(ledger, name, nothing)
    setattr(ApiCalls, "count", nothing)  # noqa: B010 - mypy takes an assignment for a mistake
    # As it is started otherwise, so that nothing else differs.
    sys.argv = ["cliply", "serve", "--socket", listening]
    cliply.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
