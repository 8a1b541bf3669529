"""Amounts of money, as people read them."""

_WHOLE = frozenset(
    {
        "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf",
    }
)  # fmt: skip
"""Currencies that Stripe charges in and that have no smaller unit. `isk` has none either, and Stripe tells it in
hundredths all the same."""
_THOUSANDTHS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def cost(amount: int, currency: str, interval: str, every: int) -> str:
    """`29.00 EUR a month`, `75.00 EUR every 3 months`."""
    return f"{money(amount, currency)} " + (f"a {interval}" if every == 1 else f"every {every} {interval}s")


def money(amount: int, currency: str) -> str:
    """`amount` is in the currency's smallest unit, as Stripe reckons it."""
    places = 0 if currency.lower() in _WHOLE else 3 if currency.lower() in _THOUSANDTHS else 2
    return f"{amount / 10**places:,.{places}f} {currency.upper()}"
