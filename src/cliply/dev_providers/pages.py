"""The pages that people see at a provider: plain HTML, with everything escaped that anybody has chosen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from starlette.responses import HTMLResponse

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0}main{max-width:68rem;margin:2rem auto;padding:0 1rem}"
    "h1{line-height:1.2}fieldset{margin:1rem 0;border:1px solid #bbb;border-radius:.5rem}"
    "label{display:flex;gap:.6rem;align-items:baseline;padding:.3rem 0}"
    # A wide table is moved sideways by itself, and its words stay whole.
    "div{overflow-x:auto}table{border-collapse:collapse;min-width:100%}td,th{border:1px solid #ccc;padding:.3rem .5rem;"
    "text-align:left;vertical-align:top}td{max-width:28rem;overflow-wrap:break-word}"
    "time{white-space:nowrap}code{display:block;min-width:16ch;font-size:.8rem;overflow-wrap:anywhere}"
    # On a phone a row is a list of its cells, each with its column's name.
    "@media(max-width:48rem){thead{display:none}table,tbody,tr,td{display:block;border:0}"
    "tr{border-bottom:1px solid #ccc;padding:.5rem 0}td{max-width:none;padding:.1rem 0;overflow-wrap:anywhere}"
    "td[data-head]{padding-left:7rem;min-height:1.5em}td:empty{display:none}"
    "td[data-head]::before{content:attr(data-head);float:left;width:6.5rem;margin-left:-7rem;color:#555}}"
    "button{font:inherit;padding:.4rem 1.2rem;margin-right:1rem}"
    # Whose page it is, from one edge to the other.
    "header{color:#fff;padding:.6rem max(1rem,calc(50% - 34rem))}"
    "header b{font-size:1.3rem;margin-right:.8rem}"
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Brand:
    """Whom a page stands in for, in a colour of theirs on which white can be read."""

    name: str
    colour: str
    edge: str


GOOGLE = Brand("Google", "#1a5fd0", "#f9ab00")
TIKTOK = Brand("TikTok", "#121212", "#fe2c55")
STRIPE = Brand("Stripe", "#4638c2", "#0a2540")


def page(title: str, *parts: str, status: int = 200, brand: Brand | None = None) -> HTMLResponse:
    """`parts` are HTML already."""
    body = "".join(parts)
    band = "" if brand is None else _band(brand)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{band}<main><h1>{escape(title)}</h1>{body}</main></body></html>",
        status_code=status,
        headers=_HEADERS,
    )


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _band(brand: Brand) -> str:
    """So that nobody takes it for the real one, nor for another network's."""
    colours = f"background:{brand.colour};border-bottom:.4rem solid {brand.edge}"
    return f'<header style="{colours}"><b>{brand.name}</b>stand-in on your machine, not {brand.name} itself</header>'


def refusal(brand: Brand, code: str, told: str) -> HTMLResponse:
    """Instead of sending somebody back to an address that nobody has vouched for."""
    why = f"<p>Error 400: <code>{escape(code)}</code></p>"
    return page(f"{brand.name}: access blocked", paragraph(told), why, status=400, brand=brand)


def consent_form(
    action: str, visit: str, accounts: Sequence[Choice], scopes: Sequence[Choice], *, chosen: str | None = None
) -> str:
    """Which account, and what of that which is asked for; `visit` is the number of the page."""
    radios = "".join(
        f'<label><input type="radio" name="account" value="{escape(each.value)}" required'
        f"{' checked' if each.value == (chosen or accounts[0].value) else ''}><span>{escape(each.label)}</span></label>"
        for each in accounts
    )
    boxes = "".join(
        f'<label><input type="checkbox" name="scope" value="{escape(each.value)}" checked>'
        f"<span>{escape(each.label)}</span></label>"
        for each in scopes
    )
    return (
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="visit" value="{escape(visit)}">'
        f"<fieldset><legend>Account</legend>{radios}</fieldset>"
        f"<fieldset><legend>What it may do</legend>{boxes}</fieldset>"
        '<button name="answer" value="allow">Allow</button>'
        '<button name="answer" value="deny" formnovalidate>Cancel</button></form>'
    )


class Code(str):
    """What is compared letter by letter, and may be broken anywhere."""

    __slots__ = ()


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    rows = list(rows)
    if not rows:
        return paragraph("Nothing yet.")
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(map(_cell, heads, row))}</tr>" for row in rows)
    return f"<div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cell(head: str, value: object) -> str:
    named = f' data-head="{escape(head)}"' if head else ""
    match value:
        case datetime():
            shown = f"<time>{value:%Y-%m-%d %H:%M:%S}</time>"
        case Code():
            shown = f"<code>{escape(value)}</code>" if value else ""
        case _:
            shown = escape(str(value))
    return f"<td{named}>{shown}</td>"


def told(details: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {_plain(value)}" for name, value in details.items())


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
