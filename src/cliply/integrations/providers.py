"""The networks that this installation can publish on."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cliply.errors import Unavailable
from cliply.infra.outbound import Outbound
from cliply.infra.quotas import Quotas
from cliply.infra.settings import Google, Settings, TikTok
from cliply.integrations import google_oauth, tiktok_api, tiktok_rules, youtube, youtube_rules
from cliply.integrations.demo import DemoConnector, DemoPublisher
from cliply.integrations.google_oauth import GoogleAddresses, GoogleConnector
from cliply.integrations.oauth import OAuthApp
from cliply.integrations.publisher import Concerns, Connector, Network, Publisher, TryLater
from cliply.integrations.tiktok import TikTokPublisher
from cliply.integrations.tiktok_oauth import TikTokConnector
from cliply.integrations.youtube import YouTubeAddresses, YouTubePublisher
from cliply.integrations.youtube_quota import Bucket, next_reset

log = logging.getLogger(__name__)

_NEEDED = {
    Network.YOUTUBE: "CLIPLY_GOOGLE__CLIENT_ID and CLIPLY_GOOGLE__CLIENT_SECRET",
    Network.TIKTOK: "CLIPLY_TIKTOK__CLIENT_KEY and CLIPLY_TIKTOK__CLIENT_SECRET",
}


class NetworkNotSetUp(Unavailable):
    def __init__(self, network: Network) -> None:
        super().__init__(
            f"{network.label} is not set up on this installation. Whoever runs it makes an app there and sets "
            f"{_NEEDED[network]}; docs/how-to/publish.md says how."
        )


@dataclass(frozen=True, slots=True)
class Provider:
    """One network: how accounts are connected, and how clips are put there."""

    connector: Connector
    publisher: Publisher


@dataclass(frozen=True, slots=True)
class Providers:
    by_network: Mapping[Network, Provider] = field(default_factory=dict)
    budget: "Budget | None" = None

    def of(self, network: Network) -> Provider:
        """Raises NetworkNotSetUp."""
        try:
            return self.by_network[network]
        except KeyError:
            raise NetworkNotSetUp(network) from None

    def spare(self, network: Network) -> bool:
        """Whether so much of the day's quota is left that something may be asked which can as well be asked later."""
        return self.budget is None or network is not Network.YOUTUBE or self.budget.spare(Bucket.UNITS)

    def heard(self, failed: TryLater) -> None:
        """What a network says of its quotas holds for everybody from now on."""
        if self.budget is not None and failed.bucket:
            self.budget.exhausted(failed.bucket)


@dataclass(frozen=True, slots=True)
class Budget:
    """Of the app's quotas, which all workspaces share."""

    quotas: Quotas
    most: Mapping[str, int]
    """A day, by bucket."""
    reset: Callable[[], datetime] = lambda: next_reset(datetime.now(UTC))
    """When all buckets are full again."""

    def spend(self, bucket: str, amount: int) -> None:
        """Raises TryLater where so much is not left."""
        resets_at = self.reset()
        if not self.quotas.spend(bucket, amount, most=self.most[bucket], resets_at=resets_at):
            raise TryLater(
                "What YouTube allows this installation in a day is used up; it goes on when the day is over in "
                "California.",
                "quota_spent",
                at=resets_at,
                concerns=Concerns.APP,
            )

    def exhausted(self, bucket: str) -> None:
        self.quotas.exhaust(bucket, most=self.most[bucket], resets_at=self.reset())

    def spare(self, bucket: str) -> bool:
        """The second half of a day's quota is for what publishing needs."""
        most = self.most[bucket]
        return self.quotas.left(bucket, most=most) > most // 2


def build_providers(settings: Settings, outbound: Outbound, quotas: Quotas) -> Providers:
    """Those networks that the settings name an app for; or a folder in place of all of them."""
    if settings.providers == "demo":
        return _demo(settings.data / "demo")
    budget = Budget(quotas, {Bucket.UPLOADS: settings.google.uploads_a_day, Bucket.UNITS: settings.google.units_a_day,
                             Bucket.STATISTICS: settings.google.units_a_day, Bucket.SEARCHES: 100})  # fmt: skip
    made: dict[Network, Provider] = {}
    if settings.google.client_id is not None and settings.google.client_secret is not None:
        app = OAuthApp(settings.google.client_id, settings.google.client_secret.get_secret_value())
        made[Network.YOUTUBE] = _youtube(settings.google, app, outbound, budget)
    if settings.tiktok.client_key is not None and settings.tiktok.client_secret is not None:
        app = OAuthApp(settings.tiktok.client_key, settings.tiktok.client_secret.get_secret_value())
        made[Network.TIKTOK] = _tiktok(settings.tiktok, app, outbound)
    return Providers(made, budget)


def _demo(folder: Path) -> Providers:
    # Whoever reads the log should not have to wonder why nothing arrives at a network.
    log.warning("demo_providers", extra={"folder": str(folder)})
    rules = {Network.YOUTUBE: youtube_rules.problems, Network.TIKTOK: tiktok_rules.known_problems}
    return Providers(
        {each: Provider(DemoConnector(each), DemoPublisher(each, folder, rules[each])) for each in Network}
    )


def _youtube(settings: Google, app: OAuthApp, outbound: Outbound, budget: Budget) -> Provider:
    url = settings.url
    client = outbound.client("YouTube", hosts={*google_oauth.HOSTS, *youtube.HOSTS}, url=url)
    addresses = GoogleAddresses() if url is None else GoogleAddresses.below(url)
    pages = YouTubeAddresses() if url is None else YouTubeAddresses.below(url)
    return Provider(
        GoogleConnector(client, app, addresses, spend=budget.spend),
        YouTubePublisher(client, pages, spend=budget.spend),
    )


def _tiktok(settings: TikTok, app: OAuthApp, outbound: Outbound) -> Provider:
    client = outbound.client("TikTok", hosts=tiktok_api.HOSTS, url=settings.url)
    return Provider(
        TikTokConnector(client, app, url=settings.url),
        TikTokPublisher(client, api=settings.url or tiktok_api.API),
    )
