"""A worker of billing that kills itself before a statement, or a commit, of a number:

python -m tests.features.billing.mortal, which reads a line of settings, then a line for each job. Each job has a
process of its own, and how that one ended is answered.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import configure_mappers
from tests.features.jobs.attempts import begun

from cliply.features.billing import tasks  # noqa: F401 - registers its kinds of jobs, and loads the rest before forks
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.jobs.runner import handled
from cliply.infra.db import Database
from cliply.infra.mail import FolderMailer
from cliply.infra.queue.rows import Token
from cliply.infra.settings import Settings
from cliply.infra.storage.opening import open_storage
from cliply.integrations.stripe_billing import build_payments
from cliply.runtime import Runtime

ROOT = Path(__file__).parents[3]
END = "the end, with all committed"


@dataclass(frozen=True)
class Death:
    number: int
    before: str
    """The statement, in one line."""


class Workers:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def life(self, token: Token, last: int) -> Death | None:
        """The job, by a worker that comes no further than to this statement; None where there are not as many."""
        assert self._process.stdout is not None
        self.say({"token": token.as_parameters(), "last": last})
        before = ended = json.loads(self._process.stdout.readline())
        if isinstance(before, str):
            ended = json.loads(self._process.stdout.readline())
        assert ended == (-signal.SIGKILL if isinstance(before, str) else 0), before
        return Death(last, before) if isinstance(before, str) else None

    def say(self, told: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        print(json.dumps(told), file=self._process.stdin, flush=True)


@contextmanager
def mortals(settings: Settings, url: str) -> Iterator[Workers]:
    billing = settings.billing
    assert billing.secret_key is not None
    told = {
        "data": str(settings.data),
        "plans": str(settings.plans),
        "plan": settings.plan,
        "billing": {
            "secret_key": billing.secret_key.get_secret_value(),
            "webhook_secrets": [each.get_secret_value() for each in billing.webhook_secrets],
            "url": billing.url,
        },
    }
    command = [sys.executable, "-m", "tests.features.billing.mortal"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        workers = Workers(process)
        workers.say({"url": url, "settings": told})
        yield workers


def main() -> None:
    told = json.loads(sys.stdin.readline())
    settings = Settings.model_validate(told["settings"])
    # Whatever is imported, or made once, when it is needed first; none of it may be open when a process divides.
    configure_mappers()
    payments = build_payments(settings.billing)
    assert payments is not None
    payments.all_subscriptions()
    for line in sys.stdin:
        wanted = json.loads(line)
        if (child := os.fork()) == 0:
            _work(told["url"], settings, Token(**wanted["token"]), wanted["last"])
            os._exit(0)
        _answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _work(url: str, settings: Settings, token: Token, last: int) -> None:
    database, count = Database(url), 0

    def reached(what: str) -> None:
        nonlocal count
        if count == last:
            _answer(" ".join(what.split()))
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1

    mailer = FolderMailer(settings.data / "mail", settings.mail.sender)
    storage, payments = open_storage(settings), build_payments(settings.billing)
    runtime = Runtime(settings, database, storage, mailer, payments=payments)
    made = begun(database, token)
    event.listen(database._engine, "before_cursor_execute", lambda *told: reached(told[2]))
    event.listen(database._engine, "commit", lambda _connection: reached("COMMIT"))
    handled(REGISTRY.kinds[made.kind], runtime).run(made)
    reached(END)


def _answer(told: str | int) -> None:
    os.write(sys.stdout.fileno(), json.dumps(told).encode() + b"\n")


if __name__ == "__main__":
    main()
