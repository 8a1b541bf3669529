"""What a browser shows once it has come back from a page of Stripe's; it runs nothing and knows nobody."""

from enum import StrEnum
from html import escape

from cliply.infra.plain_page import small_page


class Outcome(StrEnum):
    DONE = "done"
    CANCELLED = "cancelled"
    BACK = "back"


_TOLD = {
    Outcome.DONE: ("Thank you", "is there as soon as Stripe has told us, mostly within seconds."),
    Outcome.CANCELLED: ("Nothing was bought", "Nothing was paid and nothing has changed."),
    Outcome.BACK: ("Back at Cliply", "What you have changed is there within seconds."),
}
_GOES_ON = {
    Outcome.DONE: (
        ("see what you have", "billing status"),
        ("see what is used of it", "usage"),
        ("make clips", "upload talk.mp4"),
    ),
    Outcome.CANCELLED: (("see what there is to buy", "billing plans"),),
    Outcome.BACK: (("see what you have", "billing status"),),
}


def returned_page(outcome: Outcome, plan: str | None) -> str:
    """`plan` is what was bought, where that is known."""
    title, told = _TOLD[outcome]
    if outcome is Outcome.DONE:
        told = f"{'Your plan' if plan is None else f'The plan <strong>{escape(plan)}</strong>'} {told}"
    commands = "".join(f"<li>to {wish}: <code>cliply {command}</code></li>" for wish, command in _GOES_ON[outcome])
    body = (
        f"<p>{told} You can close this page.</p><p>How to go on, in a terminal:</p><ul>{commands}</ul>"
        "<p>Programs ask <code>GET /api/billing/status</code>, which has the plan and its limits.</p>"
    )
    return small_page(
        f"{title} · Cliply", f"Cliply: {title[0].lower()}{title[1:]}" if outcome is not Outcome.BACK else title, body
    )
