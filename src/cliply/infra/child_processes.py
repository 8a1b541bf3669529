"""Processes that end with the one that started them, however that ends."""

import ctypes
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class _DiesWithParent:
    """Between fork and exec of a child: ask the kernel to signal it when its parent ends for any reason."""

    prctl: Callable[[int, int], int]
    number: int
    parent: int

    def __call__(self) -> None:
        self.prctl(_PR_SET_PDEATHSIG, self.number)
        if os.getppid() != self.parent:
            os.kill(os.getpid(), signal.SIGKILL)


def dies_with_us(number: signal.Signals) -> Callable[[], None] | None:
    """For `preexec_fn`; None where the system cannot do it: Linux can."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    return None if prctl is None else _DiesWithParent(prctl, number, os.getpid())
