"""Something that happens while a job stands at one of its steps."""

import threading
from collections.abc import Callable
from contextlib import suppress

from tests.features.publishing.mortal import Frozen, attempted, taken
from tests.features.publishing.stage import Stage

from cliply.infra.queue.rows import Token
from cliply.infra.queue.worker import Stopped


def lets_go(stage: Stage, token: Token, frozen: Frozen) -> None:
    with suppress(Stopped):
        attempted(stage, token, frozen.fate())


def meeting(stage: Stage, step: int | str, happens: Callable[[], object]) -> bool:
    """Something happens while the next job stands at this step; False where it has fewer steps."""
    token, frozen = taken(stage), Frozen(step)
    assert token is not None
    worker = threading.Thread(target=lets_go, args=(stage, token, frozen))
    worker.start()
    while not frozen.stands.wait(0.01) and worker.is_alive():
        pass
    stands = frozen.stands.is_set()
    if stands:
        happens()
    frozen.thawed.set()
    worker.join()
    return stands
