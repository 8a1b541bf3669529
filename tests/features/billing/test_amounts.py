"""Money as people read it."""

import pytest

from cliply.features.billing.amounts import money


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
