"""The form that a card is told in, and what is wrong with one before any bank is asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse

from cliply.dev_providers import pages
from cliply.dev_providers.stripe_cards import CARDS, Card, card_of
from cliply.dev_providers.stripe_errors import Refused, declined
from cliply.dev_providers.stripe_world import Thing

_STYLE = (
    "<style>main{max-width:32rem;margin:auto}"
    "form label{display:block;padding:.4rem 0}form input,form select{display:block;width:100%;box-sizing:border-box;"
    "font:inherit;padding:.5rem;border:1px solid #888;border-radius:.4rem}"
    ".two{display:grid;grid-template-columns:1fr 1fr;gap:.8rem}form input[type=radio]{display:inline;width:auto}"
    "button{width:100%;padding:.7rem;margin:.6rem 0;border:0;border-radius:.4rem;background:#4638c2;color:#fff}"
    "button.quiet{background:#e7e7ee;color:#222}.alert{background:#fde8e8;border-left:4px solid #b00020;padding:.6rem}"
    "details code,.whole td,td:last-child{white-space:nowrap}.sum{font-size:1.3rem;font-weight:600}</style>"
)


def page(title: str, *parts: str, status: int = 200) -> HTMLResponse:
    """One that customers see; `parts` are HTML already."""
    return pages.page(title, _STYLE, *parts, status=status, brand=pages.STRIPE)


@dataclass(frozen=True, slots=True)
class Told:
    card: Card
    month: int
    year: int
    name: str
    email: str


async def form_of(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[0].strip() for name, values in parse_qs(body, max_num_fields=30).items()}


def card_form(action: str, button: str, told: Mapping[str, str], *, asks_email: bool = False, problem: str = "") -> str:
    """With what was told before, but never a number or code."""
    email = (
        f'<label>Email <input name="email" type="email" autocomplete="email" required '
        f'value="{escape(told.get("email", ""))}"></label>'
        if asks_email
        else ""
    )
    rows = "".join(f"<li><code>{_grouped(card.number)}</code> {escape(card.told)}</li>" for card in CARDS)
    alert = f'<p class="alert" role="alert">{escape(problem)}</p>' if problem else ""
    return (
        f'{alert}<form method="post" action="{escape(action)}">{email}'
        '<label>Card number <input name="number" inputmode="numeric" autocomplete="cc-number" required '
        'placeholder="1234 1234 1234 1234"></label><div class="two">'
        '<label>Expiry <input name="expiry" inputmode="numeric" autocomplete="cc-exp" required placeholder="MM / YY">'
        '</label><label>CVC <input name="cvc" inputmode="numeric" autocomplete="cc-csc" required placeholder="CVC">'
        '</label></div><label>Name on card <input name="name" autocomplete="cc-name" required '
        f'value="{escape(told.get("name", ""))}"></label><button>{escape(button)}</button></form>'
        "<details><summary>Cards that work here</summary>"
        f"<ul>{rows}</ul><p>Any expiry date to come, and any three digits.</p></details>"
    )


def read(told: Mapping[str, str], now: datetime) -> Told:
    """Raises Refused, as Stripe does where it looks at the digits only."""
    number = "".join(told.get("number", "").split()).replace("-", "")
    if not number.isdigit() or not _luhn(number):
        raise declined("incorrect_number", None, "Your card number is invalid.")
    month, _, year = (each.strip() for each in told.get("expiry", "").partition("/"))
    if not month.isdigit() or not year.isdigit() or not 1 <= int(month) <= 12:
        raise declined("invalid_expiry_month", None, "Your card's expiration date is incomplete.")
    full = int(year) + (2000 if len(year) == 2 else 0)
    if (full, int(month)) < (now.year, now.month) or full > now.year + 50:
        raise declined("invalid_expiry_year", None, "Your card's expiration date is in the past.")
    if not (told.get("cvc", "").isdigit() and len(told["cvc"]) in (3, 4)):
        raise declined("incorrect_cvc", None, "Your card's security code is incomplete.")
    card = card_of(number)
    if card is None:
        raise declined(
            "card_declined",
            "test_mode_live_card",
            "Your card was declined. Your request was in test mode, but used a non test card.",
        )
    return Told(card, int(month), full, told.get("name", ""), told.get("email", ""))


def sum_of(amount: int, currency: str) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) / 100:.2f} {currency.upper()}"


def bank_question(action: str, amount: str) -> str:
    return (
        f"<p>Your bank asks whether you want to pay {escape(amount)}.</p>"
        f'<form method="post" action="{escape(action)}"><button name="answer" value="complete">Complete</button>'
        '<button class="quiet" name="answer" value="fail">Fail</button></form>'
    )


def asks_who_pays(refused: Refused) -> bool:
    return refused.code == "authentication_required"


def lines_of(things: list[Thing]) -> str:
    rows = "".join(
        f"<tr><td>{escape(str(each['description']))}</td>"
        f"<td>{sum_of(int(each['amount_total' if 'amount_total' in each else 'amount']), each['currency'])}</td></tr>"
        for each in things
    )
    return f"<div><table>{rows}</table></div>"


def whole(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of dates, numbers and sums, none of which is broken into lines; cells are HTML already.

    On a phone a row is a list of its cells, so that none of them is out of sight.
    """
    head = "".join(f"<th>{each}</th>" for each in heads)
    body = "".join(
        "<tr>" + "".join(f'<td data-head="{name}">{cell}</td>' for name, cell in zip(heads, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div><table class="whole"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _grouped(number: str) -> str:
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def _luhn(number: str) -> bool:
    digits = [int(each) for each in reversed(number)]
    doubled = [sum(divmod(each * 2, 10)) if place % 2 else each for place, each in enumerate(digits)]
    return 12 <= len(digits) <= 19 and sum(doubled) % 10 == 0
