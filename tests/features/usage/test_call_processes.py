"""Real processes at a limit of calls: together they pass it by none, and who is killed is charged a share at most."""

import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from tests.features.usage.books import agree, commit, counted
from tests.features.usage.test_shares import CALLS, lapse
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import on_plan

ROOT = Path(__file__).parents[3]


def started(url: str, office: Office, what: str, number: float) -> "subprocess.Popen[str]":
    told = [url, str(office.id), str(office.people["member"]), what, str(number)]
    command = [sys.executable, "-m", "tests.features.usage.callers", *told]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def answered(url: str, office: Office, *numbers: int) -> int:
    """By so many processes at once."""
    running = [started(url, office, "make", number) for number in numbers]
    said = [each.communicate(timeout=300)[0] for each in running]
    assert [each.returncode for each in running] == [0] * len(numbers)
    return sum(int(each) for each in said)


@pytest.mark.slow
def test_of_a_hundred_calls_at_once_in_four_processes_the_last_one_is_one_s(office: Office, migrated: str) -> None:
    on_plan(office)
    commit(office, CALLS, "before", 9_999)
    assert answered(migrated, office, 25, 25, 25, 25) == 1
    assert counted(office, CALLS) == (10_000, 0)
    agree(office.database)


@pytest.mark.slow
def test_four_processes_answer_together_as_many_as_are_left(office: Office, migrated: str) -> None:
    """They begin with shares, give up what they do not use, and end with one at a time."""
    on_plan(office)
    commit(office, CALLS, "before", 8_500)
    assert answered(migrated, office, 1_000, 900, 300, 200) == 1_500
    assert counted(office, CALLS) == (10_000, 0)
    assert answered(migrated, office, 10) == 0
    agree(office.database)


@pytest.mark.slow
def test_whoever_is_killed_at_any_question_has_what_was_answered_counted_and_little_more(
    office: Office, migrated: str
) -> None:
    """Before and after each: the one that takes, and the one that closes."""
    on_plan(office)
    charged, killed = 0, 0
    for half in count():
        process = started(migrated, office, "die", half / 2)
        made = process.communicate(timeout=120)[0].count("answered")
        agree(office.database)
        lapse(office, migrated)
        agree(office.database)
        used, reserved = counted(office, CALLS)
        assert reserved == 0
        assert made <= used - charged <= made + 20, f"killed at {half / 2}"
        charged = used
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        killed += 1
    assert killed >= 10, "there were questions to die at"


@pytest.mark.slow
def test_the_killed_never_let_others_pass_the_limit(office: Office, migrated: str) -> None:
    on_plan(office, api_calls_per_month=1_200)
    made = 0
    for half in range(1, 12):
        process = started(migrated, office, "die", half / 2)
        made += process.communicate(timeout=120)[0].count("answered")
    made += answered(migrated, office, 700, 700)
    used, reserved = counted(office, CALLS)
    assert used + reserved == 1_200
    assert 1_200 - 12 * 20 <= made <= 1_200
    lapse(office, migrated)
    assert counted(office, CALLS) == (1_200, 0)
    agree(office.database)
