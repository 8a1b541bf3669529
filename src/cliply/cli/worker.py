"""`cliply worker`: run background jobs."""

from typing import Annotated

import typer

from cliply.cli.console import settings


def register(app: typer.Typer) -> None:
    app.command()(worker)


def worker(
    queues: Annotated[str, typer.Option(help="Queues to work on, joined by commas; all of them by default.")] = "",
    concurrency: Annotated[
        int, typer.Option(min=1, max=100, help="Jobs to run at once; where all queues are worked on, those of `media`.")
    ] = 4,
) -> None:
    """Run the service's background jobs until stopped (SIGTERM or Ctrl-C).

    Any number of workers may share one database. A worker that is stopped finishes what it runs, or gives it back
    to the others after 20 seconds; one that is killed has its jobs run again elsewhere.
    """
    from cliply.infra import error_reports
    from cliply.infra.logging import configure
    from cliply.worker import run

    configure(settings(), service="worker")
    error_reports.start(settings(), process="worker")
    run(settings(), only=[name.strip() for name in queues.split(",") if name.strip()], concurrency=concurrency)
