"""What a provider allows in a day is counted once, whoever spends it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from cliply.infra.db import Database
from cliply.infra.quotas import Quotas, Used, of_today

TONIGHT = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=9)
OVER = TONIGHT - timedelta(hours=10)


@pytest.fixture
def quotas(database: Database) -> Quotas:
    return Quotas(database)


def used(database: Database) -> list[Used]:
    with database.system() as session:
        return list(of_today(session))


def test_as_many_are_let_through_as_there_are_however_many_ask_at_once(quotas: Quotas, database: Database) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: quotas.spend("uploads", 1, most=20, resets_at=TONIGHT), range(60)))
    assert found.count(True) == 20
    assert used(database) == [Used("uploads", 20, 20, TONIGHT)]


def test_what_does_not_fit_takes_nothing(quotas: Quotas) -> None:
    assert quotas.spend("units", 80, most=100, resets_at=TONIGHT)
    assert not quotas.spend("units", 50, most=100, resets_at=TONIGHT)
    assert quotas.spend("units", 20, most=100, resets_at=TONIGHT)


def test_a_bucket_is_full_again_once_its_time_has_come(quotas: Quotas, database: Database) -> None:
    quotas.spend("units", 100, most=100, resets_at=OVER)
    assert used(database)[0].used == 0
    assert quotas.spend("units", 100, most=100, resets_at=TONIGHT)
    assert not quotas.spend("units", 1, most=100, resets_at=TONIGHT)


def test_the_provider_s_word_counts_for_more_than_ours(quotas: Quotas) -> None:
    assert quotas.spend("units", 1, most=100, resets_at=TONIGHT)
    quotas.exhaust("units", most=100, resets_at=TONIGHT)
    assert not quotas.spend("units", 1, most=100, resets_at=TONIGHT)


def test_a_quota_that_was_raised_counts_from_the_next_request_on(quotas: Quotas) -> None:
    assert not quotas.spend("units", 150, most=100, resets_at=TONIGHT)
    assert quotas.spend("units", 150, most=200, resets_at=TONIGHT)


def test_what_is_left_of_a_bucket_is_known_before_and_after_it_is_full_again(quotas: Quotas) -> None:
    assert quotas.left("units", most=100) == 100
    quotas.spend("units", 30, most=100, resets_at=TONIGHT)
    assert quotas.left("units", most=100) == 70
    quotas.spend("searches", 30, most=100, resets_at=OVER)
    assert quotas.left("searches", most=100) == 100
