"""The app on everybody's phone: what waits in inboxes is posted there, and what was posted is deleted there."""

from collections.abc import Sequence
from functools import partial
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cliply.dev_providers.pages import TIKTOK, page, paragraph
from cliply.dev_providers.tiktok_checks import privacy_options
from cliply.dev_providers.tiktok_posting import Posting, Upload

PATH = "/phone"


def routes(posting: Posting) -> Sequence[BaseRoute]:
    return [
        Route(PATH, partial(_show, posting), methods=["GET"]),
        Route(PATH, partial(_done, posting), methods=["POST"]),
    ]


async def _show(posting: Posting, request: Request) -> Response:
    del request
    uploads = posting.uploads()
    waiting = [upload for upload in uploads if upload.delivered and upload.posted_at is None]
    posted = [upload for upload in uploads if upload.posted_at is not None and not upload.deleted]
    return page(
        "TikTok on the phone",
        "<h2>Inbox</h2>",
        *(map(_draft, waiting) if waiting else [paragraph("Nothing waits.")]),
        "<h2>Posts</h2>",
        *(map(_post, posted) if posted else [paragraph("Nothing was posted.")]),
        brand=TIKTOK,
    )


async def _done(posting: Posting, request: Request) -> Response:
    told = {name: values[0] for name, values in parse_qs((await request.body()).decode(), max_num_fields=10).items()}
    publish_id = told.get("publish_id", "")
    try:
        if told.get("do") == "delete":
            posting.delete(publish_id)
        else:
            posting.finish_draft(publish_id, privacy=told.get("privacy", ""), caption=told.get("caption", ""))
    except ValueError as wrong:
        return page("TikTok on the phone", paragraph(f"{wrong}."), status=400, brand=TIKTOK)
    return RedirectResponse(PATH, 303)


def _draft(upload: Upload) -> str:
    choices = "".join(f"<option>{escape(each)}</option>" for each in privacy_options(upload.person))
    return _form(
        upload,
        f"<legend>To {escape(upload.person.name)}: {upload.received} bytes</legend>"
        f'<label>Caption <input name="caption"></label>'
        f'<label>Who can see it <select name="privacy">{choices}</select></label>'
        '<button name="do" value="post">Post</button>',
    )


def _post(upload: Upload) -> str:
    return _form(
        upload,
        f"<legend>{escape(upload.person.name)}, {escape(upload.privacy)}</legend>"
        f"{paragraph(upload.caption or 'No caption.')}"
        '<button name="do" value="delete">Delete</button>',
    )


def _form(upload: Upload, inside: str) -> str:
    hidden = f'<input type="hidden" name="publish_id" value="{escape(upload.publish_id)}">'
    return f'<form method="post" action="{PATH}"><fieldset>{hidden}{inside}</fieldset></form>'
