"""Pages that a browser shows on its way to somebody else and back: small ones, which run nothing and load nothing."""

import base64
import hashlib
import html

# Names are anybody's, and may be one long word.
_STYLE = (
    "body{margin:0;font:1.1rem/1.5 system-ui,sans-serif;color:#1b1b1f;background:#fbfbfd}"
    "main{max-width:36rem;margin:0 auto;padding:2rem 1.25rem;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem;line-height:1.25}"
    "strong{background:#ffd54a;color:#1b1b1f;padding:.1rem .5rem;border-radius:.25rem}"
    "a{display:block;margin:.75rem 0;padding:.75rem 1rem;border:1px solid #8888;border-radius:.5rem;color:inherit}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#17171a}}"
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head><body><main><h1>{heading}</h1>{body}</main></body></html>
"""
_ONLY_THIS_STYLE = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_ONLY_THIS_STYLE}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    # Its address holds a code, and nobody has to find it again.
    "cache-control": "no-store",
}


def small_page(title: str, heading: str, body: str) -> str:
    """`heading` and `body` are HTML already."""
    return _PAGE.format(title=html.escape(title), heading=heading, body=body, style=_STYLE)


def plain_page(title: str, told: str) -> str:
    """What came of it, once a browser is back."""
    return small_page(title, html.escape(title), f"<p>{html.escape(told)}</p>")
