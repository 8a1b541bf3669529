"""What a browser shows once it has come back from a page of Stripe's; it runs nothing and knows nobody."""

from enum import StrEnum


class Outcome(StrEnum):
    DONE = "done"
    CANCELLED = "cancelled"
    BACK = "back"


TOLD = {
    Outcome.DONE: (
        "Thank you",
        "The plan is there as soon as Stripe has told us, mostly within seconds. You can close this page.",
    ),
    Outcome.CANCELLED: ("Nothing was bought", "Nothing was paid and nothing has changed. You can close this page."),
    Outcome.BACK: ("Back at Cliply", "What you have changed is there within seconds. You can close this page."),
}
