"""What is shown of prices: looked up seldom, and shown as it was while nobody answers."""

from dataclasses import dataclass, field

from cliply.integrations.payments import NotThere, PaymentsAway, Price
from cliply.integrations.price_list import GOOD_FOR, LEFT_ALONE, PriceList


@dataclass
class Counter:
    """A shop's, with a clock beside it."""

    now: float = 1000.0
    open: bool = True
    asked: list[str] = field(default_factory=list)
    amounts: dict[str, int] = field(default_factory=lambda: {"pro": 2900, "premium": 9900})

    def ask(self, price_id: str) -> Price:
        self.asked.append(price_id)
        if not self.open:
            raise PaymentsAway
        if price_id not in self.amounts:
            raise NotThere("gone")
        return Price(price_id, self.amounts[price_id], "eur", "month", 1, active=True)

    def list(self) -> PriceList:
        return PriceList(self.ask, clock=lambda: self.now)


def test_what_was_looked_up_is_believed_for_some_minutes() -> None:
    counter = Counter()
    prices = counter.list()
    for _ in range(3):
        assert list(prices.of(["pro", "gone", "premium"])) == ["pro", "premium"]
    assert counter.asked == ["pro", "gone", "premium"]
    counter.now += GOOD_FOR
    del counter.amounts["pro"]
    assert list(prices.of(["pro", "premium"])) == ["premium"]


def test_who_does_not_answer_is_waited_for_once_and_what_was_known_is_shown() -> None:
    counter = Counter()
    prices = counter.list()
    assert prices.of(["pro"])["pro"].amount == 2900
    counter.open = False
    counter.now += GOOD_FOR
    counter.asked.clear()
    for _ in range(3):
        assert list(prices.of(["pro", "premium"])) == ["pro"]
    assert counter.asked == ["pro"]
    counter.open = True
    counter.now += LEFT_ALONE
    assert list(prices.of(["pro", "premium"])) == ["pro", "premium"]
