"""The networks that this installation can publish on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cliply.errors import Unavailable
from cliply.integrations.publisher import Connector, Network, Publisher

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

    def of(self, network: Network) -> Provider:
        """Raises NetworkNotSetUp."""
        try:
            return self.by_network[network]
        except KeyError:
            raise NetworkNotSetUp(network) from None
