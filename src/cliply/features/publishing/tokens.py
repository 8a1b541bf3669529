"""A channel's tokens: sealed in its row, renewed when they are about to expire, by one process at a time."""

import json
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.errors import NotFound
from cliply.features.publishing import channel_letter
from cliply.features.publishing.models import Channel, ChannelState
from cliply.infra.sealing import Sealer, WrongSealKey, open_sealer
from cliply.infra.security import token_hash
from cliply.infra.settings import Settings
from cliply.integrations.publisher import Concerns, Grant, Reconnect, TryLater, Unknown
from cliply.runtime import Runtime

_MARGIN = timedelta(minutes=5)
"""A token that is used has to last for a request that takes long."""
_turns = [threading.Lock() for _ in range(64)]
"""Threads of this process wait here, without a connection: whoever renews needs some to ask the network."""


class NoSuchChannel(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such account in this workspace.")


class Refused(Reconnect):
    """A network's answer to one token, of which a hash is kept: the account may have others by the time it is noted."""

    def __init__(self, ended: Reconnect, token: str) -> None:
        super().__init__(str(ended), ended.code)
        self.token_hash = token_hash(token)


def find(session: Session, channel_id: UUID, *, locked: bool = False) -> Channel:
    """Without asking who wants it. Raises NoSuchChannel."""
    query = select(Channel).where(Channel.id == channel_id).execution_options(populate_existing=True)
    channel = session.scalars(query.with_for_update() if locked else query).one_or_none()
    if channel is None:
        raise NoSuchChannel
    return channel


def keep(sealer: Sealer, channel: Channel, grant: Grant) -> None:
    """What the network sent now. A refresh token is never replaced by nothing."""
    refresh, refresh_expires_at = grant.refresh_token, grant.refresh_expires_at
    if refresh is None and channel.grant_sealed is not None:
        # One that nobody can open is as good as none.
        with suppress(WrongSealKey):
            refresh, refresh_expires_at = opened(sealer, channel).refresh_token, channel.refresh_expires_at
    written = json.dumps({"access": grant.access_token, "refresh": refresh})
    channel.grant_sealed = sealer.seal(written, row=row_of(channel.workspace_id, channel.id))
    channel.scopes = sorted(each for each in grant.scopes if each.isprintable())
    channel.expires_at = grant.expires_at
    channel.refresh_expires_at = refresh_expires_at
    channel.state, channel.problem = ChannelState.CONNECTED, None


def opened(sealer: Sealer, channel: Channel) -> Grant:
    """Raises Reconnect where there is nothing to open, and WrongSealKey where it is not of this row."""
    if channel.grant_sealed is None:
        raise Reconnect(f"“{channel.name}” is not connected. Connect it again.")
    written = json.loads(sealer.open(channel.grant_sealed, row=row_of(channel.workspace_id, channel.id)))
    return Grant(
        access_token=written["access"],
        refresh_token=written["refresh"],
        expires_at=channel.expires_at or datetime.now(UTC),
        refresh_expires_at=channel.refresh_expires_at,
        scopes=frozenset(channel.scopes),
    )


def fresh(runtime: Runtime, workspace_id: UUID, channel_id: UUID, *, refused: str | None = None) -> str:
    """An access token that is good for some minutes; another one than the network has just `refused`.

    Raises Reconnect where its owner has to allow it again, who is told; and TryLater.
    """
    sealer = open_sealer(runtime.settings)
    with runtime.database.workspace(workspace_id) as session:
        channel = _usable(session, channel_id)
    with suppress(WrongSealKey):
        if _is_good(grant := opened(sealer, channel), refused):
            return grant.access_token
    lost: Reconnect | None = None
    with _turns[hash(channel_id) % len(_turns)], runtime.database.workspace(workspace_id) as session:
        # Held while the network answers: a refresh token that changes with each use is lost where two use it at once.
        channel = _usable(session, channel_id, locked=True)
        try:
            if _is_good(grant := _unsealed(sealer, channel), refused):
                return grant.access_token
            renewed = _renewed(runtime, channel, grant)
        except Reconnect as ended:
            lost = ended
            lose(session, channel, ended, settings=runtime.settings)
        else:
            keep(sealer, channel, renewed)
    if lost is not None:
        raise lost
    return renewed.access_token


def lose(session: Session, channel: Channel, ended: Reconnect, *, settings: Settings) -> None:
    """Nothing helps but its owner, who is told so, once."""
    if channel.state is ChannelState.CONNECTED:
        channel.state, channel.problem = ChannelState.NEEDS_RECONNECT, str(ended)
        channel_letter.send(session, channel, settings=settings)


def holds(sealer: Sealer, channel: Channel, ended: Reconnect) -> bool:
    """Whether what somebody was told of a channel, which is locked, still is so: it may have been connected again."""
    if channel.state is not ChannelState.CONNECTED:
        return True
    if not isinstance(ended, Refused):
        return False
    with suppress(WrongSealKey):
        return token_hash(opened(sealer, channel).access_token) == ended.token_hash
    return False


def _unsealed(sealer: Sealer, channel: Channel) -> Grant:
    """Raises Reconnect where there is nothing that can be opened."""
    try:
        return opened(sealer, channel)
    except WrongSealKey:
        raise Reconnect(
            f"The tokens of “{channel.name}” cannot be opened: they were sealed with a key that is not here any more, "
            "or damaged. Connect it again.",
            "sealed",
        ) from None


def _usable(session: Session, channel_id: UUID, *, locked: bool = False) -> Channel:
    channel = find(session, channel_id, locked=locked)
    if channel.state is not ChannelState.CONNECTED:
        raise Reconnect(channel.problem or f"“{channel.name}” is not connected. Connect it again.")
    return channel


def _is_good(grant: Grant, refused: str | None) -> bool:
    return grant.access_token != refused and grant.expires_at > datetime.now(UTC) + _MARGIN


def _renewed(runtime: Runtime, channel: Channel, grant: Grant) -> Grant:
    if grant.refresh_token is None or (grant.refresh_expires_at or datetime.max.replace(tzinfo=UTC)) <= datetime.now(
        UTC
    ):
        raise Reconnect(f"The permission for “{channel.name}” has run out. Connect it again.", "expired")
    try:
        return runtime.providers.of(channel.network).connector.refresh(grant)
    except Unknown as silent:
        # Where the network has taken the refresh token all the same, it says so when it is asked again.
        raise TryLater(str(silent), silent.code, at=None, concerns=Concerns.ACCOUNT) from None


def row_of(workspace_id: UUID, channel_id: UUID) -> str:
    """What a channel's tokens are bound to: moved to another row or workspace, they do not open."""
    return f"channels/{workspace_id}/{channel_id}"
