"""Prices as they are shown: looked up now and then, known for longer, and never a reason to wait long."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from cliply.errors import NotFound, Unavailable
from cliply.integrations.payments import Price

GOOD_FOR = 600.0
"""Seconds for which what was looked up is believed: an amount never changes, and whether it is sold seldom does."""
LEFT_ALONE = 30.0
"""Seconds after a failure in which nobody waits for the next one."""


class PriceList:
    """Of one process; any thread may ask. `ask` raises NotFound, or Unavailable where it does not answer."""

    def __init__(self, ask: Callable[[str], Price], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Price | None]] = {}
        self._asked_again = float("-inf")

    def of(self, ids: Sequence[str]) -> Mapping[str, Price]:
        """Those of them that are known: one that cannot be looked up is as it was, or is left out."""
        with self._lock:
            for each in ids:
                self._look_up(each)
            found = {each: self._known[each][1] for each in ids if each in self._known}
        return {each: price for each, price in found.items() if price is not None}

    def _look_up(self, price_id: str) -> None:
        now = self._clock()
        read_at, _ = self._known.get(price_id, (float("-inf"), None))
        if now - read_at < GOOD_FOR or now < self._asked_again:
            return
        try:
            self._known[price_id] = (now, self._ask(price_id))
        except NotFound:
            self._known[price_id] = (now, None)
        except Unavailable:
            self._asked_again = self._clock() + LEFT_ALONE
