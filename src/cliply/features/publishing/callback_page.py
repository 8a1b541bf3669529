"""What a browser shows once it has come back from a network: what came of it, in a page that runs nothing."""

import base64
import hashlib
import html

# Names are anybody's, and may be one long word.
_STYLE = (
    "body{margin:0;font:1.1rem/1.5 system-ui,sans-serif;color:#1b1b1f;background:#fbfbfd}"
    "main{max-width:36rem;margin:0 auto;padding:2rem 1.25rem;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem;line-height:1.25}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#17171a}}"
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head><body><main><h1>{title}</h1><p>{told}</p></main></body></html>
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


def callback_page(title: str, told: str) -> str:
    return _PAGE.format(title=html.escape(title), told=html.escape(told), style=_STYLE)
