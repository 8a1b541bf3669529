"""A PostgreSQL server of a benchmark's own: the bundled one, in a folder that goes with it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cliply.infra.embedded import embedded_postgres


@contextmanager
def own_postgres() -> Iterator[str]:
    """Its address, of an empty database."""
    # A socket's path has to be short, and the benchmarks' own folder is not.
    with tempfile.TemporaryDirectory(prefix="cliply-") as short:
        Path(short).chmod(0o755)
        with embedded_postgres(Path(short) / "pg") as url:
            yield url
