"""What a request does that takes long and needs no transaction, beside all other requests."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Result = TypeVar("Result")

# Not the threads on which the steps of all requests run: none of those has to wait for a video to be read.
_THREADS = ThreadPoolExecutor(4, thread_name_prefix="aside")


async def aside(turns: asyncio.Semaphore, work: Callable[[], Result]) -> Result:
    """The result of `work`, while another request has the turn that this one has taken."""
    turns.release()
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, copy_context().run, work)
    finally:
        # Whoever took the turn gives it back once more, also where the request is broken off here.
        await asyncio.shield(turns.acquire())
