"""Processes that count calls, in any order, killed and unheard at any time, beside a model: what was answered."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from tests.database import as_owner
from tests.features.usage.books import agree, counted
from tests.features.usage.test_shares import CALLS, lapse, made, unheard
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import on_plan

from cliply.features.usage.calls import ApiCalls

LIMITS = (900, 1_150, 1_250, 2_000)
LARGEST_SHARE = LIMITS[-1] // 100
PROCESSES = st.integers(0, 2)


class Serving(RuleBasedStateMachine):
    """Near the point from which on there are no shares."""

    office: Office
    url: str

    def __init__(self) -> None:
        super().__init__()
        with as_owner(self.url) as connection:
            connection.execute(text("DELETE FROM usage_counters"))
        self.processes = [ApiCalls(self.office.database) for _ in range(3)]
        self.answered = self.lost = 0
        self.limit = self.highest = 1_150
        on_plan(self.office, api_calls_per_month=self.limit)

    @rule(which=PROCESSES, times=st.integers(1, 60))
    def call(self, which: int, times: int) -> None:
        used, reserved = counted(self.office, CALLS)
        taken = used + reserved
        answered = made(self.office, self.processes[which], times)
        self.answered += answered
        assert answered <= max(0, self.limit - taken) + reserved
        if taken + times <= self.limit:
            assert answered == times, "there were enough for all"

    @rule(which=PROCESSES)
    def write(self, which: int) -> None:
        self.processes[which].write()

    @rule(which=PROCESSES)
    def kill(self, which: int) -> None:
        self.processes[which] = ApiCalls(self.office.database)
        self.lost += 1

    @rule(which=PROCESSES, writes=st.booleans())
    def lose_an_answer(self, which: int, writes: bool) -> None:
        """Where one was asked for at all: done, and not heard of."""
        calls = self.processes[which]
        self.lost += 1
        with unheard(calls, self.url):
            if writes:
                calls.write()
            else:
                self.answered += made(self.office, calls)
            raise OperationalError("nothing was asked", None, ConnectionError())

    @rule(limit=st.sampled_from(LIMITS))
    def change_the_limit(self, limit: int) -> None:
        self.limit, self.highest = limit, max(self.highest, limit)
        on_plan(self.office, api_calls_per_month=limit)

    @rule()
    def let_a_minute_pass(self) -> None:
        lapse(self.office, self.url)

    @invariant()
    def what_was_answered_is_taken_and_no_limit_passed(self) -> None:
        agree(self.office.database)
        assert self.answered <= sum(counted(self.office, CALLS)) <= self.highest

    def teardown(self) -> None:
        for calls in self.processes:
            calls.write()
        lapse(self.office, self.url)
        used, reserved = counted(self.office, CALLS)
        assert reserved == 0
        assert 0 <= used - self.answered <= LARGEST_SHARE * self.lost


def whatever_happens(office: Office, url: str, examples: int) -> None:
    machine: type[RuleBasedStateMachine] = type("Here", (Serving,), {"office": office, "url": url})
    chosen = settings(
        max_examples=examples, stateful_step_count=30, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate,),
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.slow
def test_no_order_of_what_happens_passes_a_limit_or_loses_a_call(office: Office, migrated: str) -> None:
    whatever_happens(office, migrated, 12)
