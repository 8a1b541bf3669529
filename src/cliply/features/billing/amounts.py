"""Amounts of money, as people read them."""

_WHOLE = ("clp", "jpy", "krw", "pyg", "ugx", "vnd", "xaf", "xof")
"""Currencies that Stripe charges in and that have no smaller unit."""


def money(amount: int, currency: str) -> str:
    """`amount` is in the currency's smallest unit."""
    if currency.lower() in _WHOLE:
        return f"{amount:,} {currency.upper()}"
    return f"{amount / 100:,.2f} {currency.upper()}"
