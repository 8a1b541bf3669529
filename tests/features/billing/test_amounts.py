"""Money as people read it."""

import pytest

from cliply.features.billing.amounts import cost, money


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [
        (2900, "eur", "29.00 EUR"),
        (123_456_789, "USD", "1,234,567.89 USD"),
        (-5, "gbp", "-0.05 GBP"),
        (2900, "jpy", "2,900 JPY"),
        (2900, "xpf", "2,900 XPF"),
        (2900, "kwd", "2.900 KWD"),
        (50_000, "isk", "500.00 ISK"),
    ],
)
def test_an_amount_is_told_in_what_the_currency_has(amount: int, currency: str, told: str) -> None:
    assert money(amount, currency) == told


def test_what_is_paid_again_and_again_says_how_often() -> None:
    assert cost(2900, "eur", "month", 1) == "29.00 EUR a month"
    assert cost(7500, "eur", "month", 3) == "75.00 EUR every 3 months"
