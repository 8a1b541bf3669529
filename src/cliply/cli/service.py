"""`cliply up` and `cliply serve`: the service on this machine, all of it or its API alone."""

import socket
import sys
from typing import Annotated

import typer

from cliply.cli.console import note, settings
from cliply.infra.settings import Settings, hand_on

_Host = Annotated[
    str, typer.Option(help="Address to serve on: 127.0.0.1 is seen by this machine alone, 0.0.0.0 by its network.")
]
_Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to serve on.")]


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(serve)


def up(
    host: _Host = "127.0.0.1",
    port: _Port = 8000,
    concurrency: Annotated[int, typer.Option(min=1, max=100, help="Jobs to run at once.")] = 2,
) -> None:
    """Run the whole service on this machine until stopped: database, files, API and worker.

    Nothing has to be set. What it keeps lies in the folder CLIPLY_DATA; with CLIPLY_DATABASE__URL and
    CLIPLY_STORAGE__BUCKET it uses a server and a bucket instead. Ctrl-C or SIGTERM lets begun work end, then stops all.
    """
    from cliply.api.server import address_of, listen
    from cliply.cli.supervising import supervise
    from cliply.features.identity.plans import plans_of
    from cliply.infra import error_reports
    from cliply.infra.logging import configure

    _speak_briefly_on_a_terminal()
    configure(settings(), service="up")
    # Told once and at once, not by each process that does not come up.
    plans_of(settings())
    error_reports.start(settings(), process="up")
    listening = listen(host, port)
    address = address_of(listening)
    note(f"Starting Cliply at {address} ...")
    supervise(
        settings(),
        {
            "api": (["serve", "--socket", str(listening.fileno())], (listening.fileno(),)),
            "worker": (["worker", "--concurrency", str(concurrency)], ()),
        },
        address,
        on_ready=lambda: note(_ready(address) + _demo(settings())),
    )


def serve(
    host: _Host = "127.0.0.1",
    port: _Port = 8000,
    inherited: Annotated[int | None, typer.Option("--socket", hidden=True)] = None,
) -> None:
    """Serve the API until stopped (SIGTERM or Ctrl-C); requests that were begun are answered first.

    Any number of these may share one database and one bucket. Jobs are run by `cliply worker`.
    """
    from cliply.api.server import address_of, listen
    from cliply.api.server import serve as run
    from cliply.infra import error_reports
    from cliply.infra.logging import configure

    configure(settings(), service="api")
    error_reports.start(settings(), process="api")
    listening = listen(host, port) if inherited is None else socket.socket(fileno=inherited)
    said = f"Cliply's API is at {address_of(listening)}/api"
    run(settings(), listening, on_ready=lambda: note(said) if inherited is None else None)


def _speak_briefly_on_a_terminal() -> None:
    """Somebody looks there at what goes wrong; lines of every request and job would hide it."""
    if settings().log_format == "auto" and sys.stderr.isatty():
        hand_on("log_format", "brief")
        settings.cache_clear()


def _ready(address: str) -> str:
    return (
        f"Cliply is ready: {address}\n"
        "  Make an account, in another terminal:  cliply users add you@example.com --name You\n"
        f"  What the service can do:               {address}/api/openapi.json\n"
        "  Stop everything:                       Ctrl-C"
    )


def _demo(settings: Settings) -> str:
    """Nobody is to wonder why nothing arrives at a network."""
    if settings.providers != "demo":
        return ""
    return f"\n  DEMO: what is published goes to no network, but to {settings.data / 'demo'}"
