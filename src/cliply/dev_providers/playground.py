"""Google and TikTok with a few people in them, and a Stripe account: for who wants to try Cliply out on a laptop."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp

from cliply.dev_providers import overview, tiktok
from cliply.dev_providers.clock import Clock
from cliply.dev_providers.faults import Faults
from cliply.dev_providers.google import google_app
from cliply.dev_providers.ledger import Ledger
from cliply.dev_providers.stripe_app import Stripe
from cliply.dev_providers.stripe_events import add_endpoint
from cliply.dev_providers.tiktok_app import tiktok_app
from cliply.dev_providers.tiktok_posting import Posting
from cliply.dev_providers.world import App, Channel, GooglePerson, GoogleWorld, TikTokPerson, TikTokWorld
from cliply.dev_providers.youtube import YouTube

_LOCAL = ("http://127.0.0.1:*", "http://localhost:*")
_SERVICE = "http://127.0.0.1:8000"
"""Where Cliply is unless it is said."""
_PRICES = {"pro": 2900, "premium": 9900}
"""A month, in cents."""
_LOOPBACK = "http://127.0.0.1:*/oauth"
"""Where the command line waits for whoever comes back from a page of consent."""


@dataclass(frozen=True, slots=True)
class Playground:
    """Google's and TikTok's apps share a clock and a ledger and show the same page at `/`; Stripe has its own of each,
    since its time is moved by months."""

    google: GoogleWorld
    tiktok: TikTokWorld
    youtube: YouTube
    posting: Posting
    stripe: Stripe

    def apps(self) -> tuple[ASGIApp, ASGIApp, ASGIApp]:
        """Google's, TikTok's and Stripe's, each to be served at an address of its own."""
        page = overview.routes(self.google, self.tiktok, self.posting.settle)
        return (
            google_app(self.google, self.youtube.routes(), page),
            tiktok_app(self.tiktok, tiktok.routes(self.posting), page),
            self.stripe.app(),
        )

    def settings(self, google_url: str, tiktok_url: str, stripe_url: str) -> Mapping[str, str]:
        """What Cliply is to be started with. Nothing of it is a secret: it opens nothing but this."""
        (google,), (tiktok,) = self.google.apps, self.tiktok.apps
        return {
            "CLIPLY_GOOGLE__URL": google_url,
            "CLIPLY_GOOGLE__CLIENT_ID": google.id,
            "CLIPLY_GOOGLE__CLIENT_SECRET": google.secret,
            "CLIPLY_TIKTOK__URL": tiktok_url,
            "CLIPLY_TIKTOK__CLIENT_KEY": tiktok.id,
            "CLIPLY_TIKTOK__CLIENT_SECRET": tiktok.secret,
            "CLIPLY_BILLING__URL": stripe_url,
            "CLIPLY_BILLING__SECRET_KEY": self.stripe.account.key,
            "CLIPLY_BILLING__WEBHOOK_SECRETS": json.dumps(list(self.stripe.webhook_secrets())),
        }


def playground(service: str | None = None) -> Playground:
    """`service` is where Cliply is, if that is not this machine."""
    clock = Clock()
    ledger, faults = Ledger(clock), Faults()
    google = GoogleWorld(clock, ledger, faults, [_app("google", service)], _google_people())
    tiktoks = TikTokWorld(clock, ledger, faults, [_app("tiktok", service)], _tiktok_people())
    youtube, posting = YouTube(google), Posting(tiktoks)
    youtube.library.has_audience = posting.has_audience = True
    return Playground(google, tiktoks, youtube, posting, _stripe(service))


def _stripe(service: str | None) -> Stripe:
    stripe = Stripe()
    for plan, monthly in _PRICES.items():
        stripe.add_plan(plan, monthly)
    url = (service or _SERVICE).rstrip("/") + "/api/webhooks/stripe"
    # The same each time, so that what Cliply was started with stays good.
    add_endpoint(stripe.account, url, secret="whsec_on_this_machine")  # noqa: S106 - opens nothing but this
    return stripe


def _app(provider: str, service: str | None) -> App:
    path = f"/api/oauth/{provider}/callback"
    addresses = [*_LOCAL, *([] if service is None else [service.rstrip("/")])]
    return App(
        id=f"cliply-on-this-machine.{provider}",
        secret=f"no-secret-of-{provider}",
        name="Cliply",
        redirect_uris=(*(address + path for address in addresses), _LOOPBACK),
    )


def _google_people() -> Sequence[GooglePerson]:
    return [
        GooglePerson(
            "ada@example.com",
            "Ada Lovelace",
            [
                Channel("UCada0000000000000000001", "Ada talks", "@adatalks"),
                Channel("UCada0000000000000000002", "Analytical Engines", "@engines"),
            ],
        ),
        GooglePerson(
            "bob@example.com", "Bob", [Channel("UCbob0000000000000000001", "Bob", "@bob", phone_verified=False)]
        ),
        GooglePerson("eve@example.com", "Eve, who has no channel"),
    ]


def _tiktok_people() -> Sequence[TikTokPerson]:
    return [
        TikTokPerson("-000ada", "adatalks", "Ada Lovelace"),
        TikTokPerson("-000bob", "bob", "Bob", private=True, duets_off=True, stitches_off=True),
        TikTokPerson("-000eve", "eve", "Eve, who may not post", banned=True),
    ]
