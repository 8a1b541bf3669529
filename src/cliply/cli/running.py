"""Run a long piece of work so that Ctrl-C is answered at once."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from cliply.cli.progress import Reporter
from cliply.media.errors import Cancelled
from cliply.media.progress import Watch

Result = TypeVar("Result")
_PATIENCE = 1.0


def run_watched(work: Callable[[Watch], Result], show: Reporter) -> Result:
    """Run `work` in a thread and wait for it, showing its progress.

    A model can spend seconds inside one native call, where no exception reaches it. So the main thread only waits:
    on Ctrl-C it asks the work to stop, gives it a second to put its files away, and raises KeyboardInterrupt.
    Children die with this process (see `cliply.media.isolation`).
    """
    watch = Watch(show)
    outcome: Future[Result] = Future()

    def perform() -> None:
        try:
            outcome.set_result(work(watch))
        except BaseException as failure:  # noqa: BLE001 - handed to the waiting thread, whatever it is
            outcome.set_exception(failure)

    thread = threading.Thread(target=perform, name="work", daemon=True)
    thread.start()
    try:
        return outcome.result()
    except KeyboardInterrupt:
        watch.stop()
        with suppress(Cancelled, KeyboardInterrupt, Exception):
            outcome.exception(timeout=_PATIENCE)
        raise
    finally:
        show.close()
