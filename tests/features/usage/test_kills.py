"""Whoever is killed between two statements leaves a ledger and counters that agree: all of a step, or none of it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.features.usage.books import agree, counted
from tests.features.workspaces.conftest import Office

from cliply.features.usage.models import Metric

ROOT = Path(__file__).parents[3]
STEPS = {
    "reserve": {Metric.PROJECTS: (0, 1), Metric.SOURCE_MINUTES: (0, 20)},
    "commit": {Metric.PROJECTS: (1, 0), Metric.SOURCE_MINUTES: (20, 0), Metric.STORAGE_BYTES: (500, 0)},
    "release": {},
    "add": {Metric.API_CALLS: (7, 0)},
}


def life(url: str, office: Office, step: str, last: int) -> int:
    command = [sys.executable, "-m", "tests.features.usage.mortal", url, str(office.id), step, str(last)]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=120).returncode


def state(office: Office) -> dict[Metric, tuple[int, int]]:
    return {metric: taken for metric in Metric if (taken := counted(office, metric)) != (0, 0)}


@pytest.mark.slow
def test_a_kill_between_any_two_statements_leaves_all_of_a_step_or_none(office: Office, migrated: str) -> None:
    before: dict[Metric, tuple[int, int]] = {}
    for step, after in STEPS.items():
        for last in range(100):
            left = life(migrated, office, step, last)
            agree(office.database)
            done = state(office) == after
            assert done or state(office) == before, (step, last)
            # What was done is done once, however often it is asked for; only what is added is added each time.
            if left == 0 or (done and step == "add"):
                break
            assert left == -signal.SIGKILL
        assert done
        assert last >= 3, "there were statements to die between"
        before = after
