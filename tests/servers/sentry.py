"""A server on this machine that takes what is reported to Sentry, and keeps it."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.servers.loopback import QuietHandler, listening


@dataclass
class Sink:
    dsn: str = ""
    envelopes: list[bytes] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The errors among what came: an envelope is lines of JSON, a header before each item."""
        found = []
        for envelope in self.envelopes:
            lines = [json.loads(line) for line in envelope.splitlines() if line]
            found += [item for header, item in pairwise(lines) if header.get("type") == "event"]
        return found

    @property
    def text(self) -> str:
        return b"".join(self.envelopes).decode()


@contextmanager
def sink() -> Iterator[Sink]:
    state = Sink()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known = self.path == "/api/1/envelope/"
            if known and "sentry_key=public" in self.headers["X-Sentry-Auth"]:
                compressed = self.headers.get("Content-Encoding") == "gzip"
                state.envelopes.append(gzip.decompress(body) if compressed else body)
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    with listening(Handler) as address:
        state.dsn = address.replace("http://", "http://public@") + "/1"
        yield state
