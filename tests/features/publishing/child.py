"""A worker of the product in a process of its own, sending in small parts: python -m tests.features.publishing.child"""

import asyncio
from contextlib import closing

from tests.features.publishing.stage import in_parts

from cliply import worker
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.jobs.runner import handled
from cliply.features.publishing import tasks
from cliply.infra.breakers import ProcessBreakers, Rule
from cliply.infra.opening import database_url
from cliply.infra.outbound import Outbound
from cliply.infra.queue.worker import Pace, Worker
from cliply.infra.settings import Settings
from cliply.runtime import open_runtime

PACE = Pace(heartbeat=0.3, lease=3.0, sweep=0.3, poll=0.1, deaths=10_000)
"""The product's, with less patience for workers that are gone."""


def main() -> None:
    assert worker.queues()
    settings, outbound = Settings(), Outbound(ProcessBreakers(Rule(failures=10**6)), pause=0.01)
    with closing(outbound), database_url(settings) as url, open_runtime(settings) as runtime:
        kinds = [handled(kind, in_parts(runtime, outbound)) for kind in REGISTRY if kind.cron is None]
        queues = [tasks.QUEUE, tasks.CLOCK, "maintenance"]
        asyncio.run(Worker(url, kinds, queues=queues, concurrency=4, cap=100, pace=PACE).run())


if __name__ == "__main__":
    main()
