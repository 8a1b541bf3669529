"""What a disconnected account allowed is taken back at its network: at once, and by a job for as long as it takes.

The account's row has forgotten its tokens by then. What is needed is sealed in a row of its own, written in the same
transaction, which holds it until the network was told, or is given up.
"""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from cliply.features.jobs.kinds import REGISTRY
from cliply.features.publishing import tokens
from cliply.features.publishing.models import Channel, ChannelState, Revocation
from cliply.features.publishing.taking_back import TakenBack, take_back
from cliply.infra.sealing import Sealer, WrongSealKey, open_sealer
from cliply.integrations.publisher import Grant, Network, PublishFailure, Reconnect
from cliply.runtime import Runtime

KIND = "PERMISSION_TAKE_BACK"
GIVEN_UP_AFTER = timedelta(days=3)
_FIRST, _LONGEST = timedelta(minutes=1), timedelta(hours=6)
"""Between two attempts; the job's first one leaves time to whoever has disconnected it, and waits for an answer."""
_DISCONNECTED = "It was disconnected."


def put(session: Session, sealer: Sealer, channel: Channel, grant: Grant) -> UUID:
    """Have it taken back, by a job unless somebody is quicker. The job's row holds an id only."""
    revocation_id = uuid4()
    sealed = _seal(sealer, channel.workspace_id, revocation_id, grant)
    session.add(Revocation(id=revocation_id, channel_id=channel.id, connected_by=channel.connected_by, sealed=sealed))
    session.flush()
    later = datetime.now(UTC) + _FIRST
    REGISTRY.kinds[KIND].options(at=later, subject=channel.id).start(session, revocation_id=revocation_id)
    return revocation_id


def call_off(session: Session, channel_id: UUID) -> None:
    """Whoever connects an account again wants what was allowed there."""
    session.execute(delete(Revocation).where(Revocation.channel_id == channel_id))


def begun(network: Network, *, had_any: bool, opened: bool) -> str:
    """What is told of an account until its network was asked."""
    if not had_any:
        return _DISCONNECTED
    if not opened:
        return f"{_DISCONNECTED} {_by_hand(network)}"
    return f"{_DISCONNECTED} {network.label} is still being told. {_to_be_sure(network)}"


def attempt(runtime: Runtime, workspace_id: UUID, revocation_id: UUID) -> datetime | None:
    """Ask the network once. When to do so again; None where there is nothing more to do."""
    with runtime.database.workspace(workspace_id) as session:
        revocation = _find(session, revocation_id)
        if revocation is None:
            return None
        channel = tokens.find(session, revocation.channel_id)
    now = datetime.now(UTC)
    found = _taken_back(runtime, channel, revocation)
    age = now - revocation.created_at
    if found is TakenBack.UNTOLD and age < GIVEN_UP_AFTER:
        _tell(runtime, revocation, _not_yet(channel.network), over=False)
        return now + min(_LONGEST, max(_FIRST, age))
    _tell(runtime, revocation, _said(found, channel.network), over=True)
    return None


def row_of(workspace_id: UUID, revocation_id: UUID) -> str:
    """What the sealed tokens are bound to."""
    return f"revocations/{workspace_id}/{revocation_id}"


def _taken_back(runtime: Runtime, channel: Channel, revocation: Revocation) -> TakenBack:
    try:
        grant = _good(runtime, channel.network, revocation)
    except WrongSealKey:
        return TakenBack.LEFT
    except Reconnect:
        # What lets nobody in any more needs no taking back.
        return TakenBack.DONE
    except PublishFailure:
        return TakenBack.UNTOLD
    if grant is None:
        return TakenBack.DONE
    return take_back(
        runtime,
        channel.network,
        grant,
        workspace_id=revocation.workspace_id,
        connected_by=revocation.connected_by,
        external_id=channel.external_id,
    )


def _good(runtime: Runtime, network: Network, revocation: Revocation) -> Grant | None:
    """What the network takes; None where somebody else is done with it. Raises PublishFailure.

    A refresh token may be good once: what comes for it is kept before it is used, or nobody could go on with it.
    """
    sealer = open_sealer(runtime.settings)
    grant, provider = _open(sealer, revocation), runtime.providers.by_network.get(network)
    if provider is None or not provider.connector.revokes_by_access or grant.expires_at > datetime.now(UTC):
        return grant
    with runtime.database.workspace(revocation.workspace_id) as session:
        # Held while the network answers, as where a token is renewed to be used.
        now = _find(session, revocation.id, locked=True)
        if now is None:
            return None
        grant = _open(sealer, now)
        if grant.expires_at <= datetime.now(UTC) and grant.refresh_token is not None:
            grant = provider.connector.refresh(grant)
            now.sealed = _seal(sealer, now.workspace_id, now.id, grant)
    return grant


def _tell(runtime: Runtime, revocation: Revocation, told: str, *, over: bool) -> None:
    """What the account shows; and nothing is left of the tokens once it is over."""
    with runtime.database.workspace(revocation.workspace_id) as session:
        channel = None
        with suppress(tokens.NoSuchChannel):
            # Locked before the rest, as where it is connected again.
            channel = tokens.find(session, revocation.channel_id, locked=True)
        now = _find(session, revocation.id, locked=True)
        if now is None:
            return
        if channel is not None and channel.state is ChannelState.DISCONNECTED:
            channel.problem = told
        if over:
            session.delete(now)


def _find(session: Session, revocation_id: UUID, *, locked: bool = False) -> Revocation | None:
    query = select(Revocation).where(Revocation.id == revocation_id).execution_options(populate_existing=True)
    return session.scalars(query.with_for_update() if locked else query).one_or_none()


def _said(found: TakenBack, network: Network) -> str:
    match found:
        case TakenBack.DONE:
            return _DISCONNECTED
        case TakenBack.SHARED:
            # To remove it there by hand would end the others too.
            return (
                f"{_DISCONNECTED} {network.label} was not told, since that would end other accounts of the same person "
                "as well; the last of them to be disconnected takes the permission back."
            )
        case TakenBack.LEFT:
            return f"{_DISCONNECTED} {_by_hand(network)}"
        case TakenBack.UNTOLD:
            return f"It was disconnected, and {network.label} could not be told. {_by_hand(network)}"


def _not_yet(network: Network) -> str:
    days = GIVEN_UP_AFTER.days
    return (
        f"It was disconnected, and {network.label} could not be told yet; that is tried for {days} days. "
        f"{_to_be_sure(network)}"
    )


def _by_hand(network: Network) -> str:
    return f"Cliply forgot its tokens. {_to_be_sure(network)}"


def _to_be_sure(network: Network) -> str:
    return f"To be sure, remove Cliply in the settings of {network.label} as well."


def _seal(sealer: Sealer, workspace_id: UUID, revocation_id: UUID, grant: Grant) -> bytes:
    written = {"access": grant.access_token, "refresh": grant.refresh_token, "until": grant.expires_at.isoformat()}
    return sealer.seal(json.dumps(written), row=row_of(workspace_id, revocation_id))


def _open(sealer: Sealer, revocation: Revocation) -> Grant:
    """Raises WrongSealKey."""
    written = json.loads(sealer.open(revocation.sealed, row=row_of(revocation.workspace_id, revocation.id)))
    until = datetime.fromisoformat(written["until"])
    return Grant(written["access"], until, frozenset(), refresh_token=written["refresh"])
