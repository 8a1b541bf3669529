"""A permission that nobody needs any more is taken back at its network. Nothing is held open while that is asked."""

from enum import Enum, auto
from uuid import UUID

from sqlalchemy import func, or_, select

from cliply.features.publishing.models import Channel
from cliply.integrations.publisher import Grant, Network, PublishFailure
from cliply.runtime import Runtime


class TakenBack(Enum):
    DONE = auto()
    SHARED = auto()
    """Not asked for: other channels would go with it, the last of which takes it back."""
    LEFT = auto()
    """Not asked for: the network is not set up here any more."""
    UNTOLD = auto()
    """The network could not be told."""


def take_back(
    runtime: Runtime,
    network: Network,
    grant: Grant,
    *,
    workspace_id: UUID,
    connected_by: UUID | None,
    external_id: str | None,
) -> TakenBack:
    """Of an account whose tokens are kept nowhere. `external_id` is None where the network did not say which it is."""
    provider = runtime.providers.by_network.get(network)
    if provider is None:
        return TakenBack.LEFT
    if provider.connector.revokes_all and _others(runtime, network, workspace_id, connected_by, external_id):
        return TakenBack.SHARED
    try:
        provider.connector.revoke(grant)
    except PublishFailure:
        return TakenBack.UNTOLD
    return TakenBack.DONE


def _others(
    runtime: Runtime, network: Network, workspace_id: UUID, connected_by: UUID | None, external_id: str | None
) -> bool:
    """Whether a revocation may take a channel along, anywhere. Who somebody is at the network, we do not know: it may
    be whoever has connected that one too, or who has connected the same account in another workspace."""
    same = Channel.workspace_id == workspace_id if external_id is None else Channel.external_id == external_id
    kept = (Channel.network == network, Channel.grant_sealed.is_not(None))
    with runtime.database.system() as session:
        query = select(func.count()).select_from(Channel).where(*kept, or_(Channel.connected_by == connected_by, same))
        return session.scalar(query) != 0
