"""Channels: listed, named, set up, disconnected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from cliply.errors import Conflict, Invalid
from cliply.features.audit import service as audit
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity.access import Caller, Principal, resolve
from cliply.features.identity.models import Workspace
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import plans_of
from cliply.features.publishing import revoking, tokens
from cliply.features.publishing.channel_settings import ChannelSettings
from cliply.features.publishing.models import Channel, ChannelState, Publication, PublicationState
from cliply.infra.sealing import WrongSealKey, open_sealer
from cliply.integrations.demo import why_not_here
from cliply.integrations.providers import Providers
from cliply.integrations.publisher import Grant, Network, Profile
from cliply.runtime import Runtime

LONGEST_NAME = 100
_LONGEST_ID = 200
_LONGEST_PICTURE = 2000
_LOCK = 7_274_061
_PLACES_LOCK = 7_274_042


class NoChannel(Conflict):
    def __init__(self, network: Network) -> None:
        super().__init__(f"No {network.label} account is connected to this workspace. Connect one first.")


class WhichChannel(Conflict):
    """Several could be meant; `choices` are their ids and names."""

    def __init__(self, network: Network, choices: Sequence[Channel]) -> None:
        self.choices = [{"id": str(each.id), "name": each.name} for each in choices]
        named = ", ".join(f"“{each.name}” ({each.id})" for each in choices)
        super().__init__(f"Several {network.label} accounts are connected: name one, or make one the default: {named}.")


class CannotPublish(Conflict):
    """As the channel is now."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a channel can be published on, and if not, why."""

    can_publish: bool
    reason: str | None


def of_workspace(session: Session, caller: Caller) -> Sequence[Channel]:
    """By network and name."""
    caller.require(Action.READ_CHANNELS)
    return session.scalars(select(Channel).order_by(Channel.network, Channel.name, Channel.id)).all()


def get(session: Session, caller: Caller, channel_id: UUID) -> Channel:
    caller.require(Action.READ_CHANNELS)
    return tokens.find(session, channel_id)


def health(channel: Channel, providers: Providers) -> Health:
    if channel.network not in providers.by_network:
        return Health(False, f"{channel.network.label} is not set up on this installation.")
    if channel.state is not ChannelState.CONNECTED:
        return Health(False, channel.problem or "It is not connected.")
    connector = providers.of(channel.network).connector
    if (elsewhere := why_not_here(channel.external_id, connector)) is not None:
        return Health(False, elsewhere)
    missing = connector.publishes_with - set(channel.scopes)
    if missing:
        named = ", ".join(sorted(each.rpartition("/")[2] for each in missing))
        told = f"It was connected without what publishing needs: {named}. Connect it again, and allow that too."
        return Health(False, told)
    return Health(True, None)


def chosen(session: Session, network: Network, channel_id: UUID | None) -> Channel:
    """The one that is named, else the default, else the only one.

    Raises NoSuchChannel, NoChannel, or WhichChannel with the choices.
    """
    if channel_id is not None:
        channel = tokens.find(session, channel_id)
        if channel.network is not network:
            raise tokens.NoSuchChannel
        return channel
    usable = (Channel.network == network, Channel.state != ChannelState.DISCONNECTED)
    found = session.scalars(select(Channel).where(*usable).order_by(Channel.name, Channel.id)).all()
    if not found:
        raise NoChannel(network)
    default = [each for each in found if each.is_default]
    if len(found) > 1 and not default:
        raise WhichChannel(network, found)
    return (default or found)[0]


def is_usable(profile: Profile) -> bool:
    """What a network tells of an account is anybody's word."""
    return 0 < len(profile.external_id) <= _LONGEST_ID and profile.external_id.isprintable()


def one_at_a_time(session: Session) -> None:
    """Until the transaction ends, nobody else adds a channel to this workspace or chooses a default."""
    wanted = {"lock": _LOCK, "workspace": str(session.info["workspace_id"])}
    session.execute(text("SELECT pg_advisory_xact_lock(:lock, hashtext(:workspace))"), wanted)


def take_turns(session: Session, channel_id: UUID) -> None:
    """Until the transaction ends, nobody else takes a place of a day, or a time, of this channel."""
    wanted = {"lock": _PLACES_LOCK, "channel": str(channel_id)}
    session.execute(text("SELECT pg_advisory_xact_lock(:lock, hashtext(:channel))"), wanted)


def of_account(session: Session, network: Network, external_id: str) -> Channel | None:
    query = select(Channel).where(Channel.network == network, Channel.external_id == external_id)
    return session.scalars(query.with_for_update()).one_or_none()


def add(session: Session, network: Network, profile: Profile) -> Channel:
    """A new one, without tokens yet; the first of its network is the default."""
    first = session.scalars(select(Channel.id).where(Channel.network == network, Channel.is_default)).first() is None
    channel = Channel(
        network=network,
        external_id=profile.external_id,
        name=_shown(profile.name)[:LONGEST_NAME].strip() or profile.external_id[:LONGEST_NAME],
        state=ChannelState.DISCONNECTED,
        scopes=[],
        is_default=first,
        settings=ChannelSettings().model_dump(mode="json"),
    )
    session.add(channel)
    session.flush()
    return channel


def describe(channel: Channel, profile: Profile) -> None:
    """As the network has it now; its name is the workspace's own."""
    channel.handle = None if profile.handle is None else _shown(profile.handle)[:LONGEST_NAME] or None
    picture = profile.picture or ""
    channel.picture = picture if 0 < len(picture) <= _LONGEST_PICTURE and picture.isprintable() else None


def change(
    session: Session, caller: Caller, channel_id: UUID, *, name: str | None = None, is_default: bool | None = None
) -> Channel:
    caller.require(Action.MANAGE_CHANNELS)
    one_at_a_time(session)
    channel = tokens.find(session, channel_id, locked=True)
    before = state_of(channel)
    if name is not None:
        channel.name = _shown(name)
        if not 0 < len(channel.name) <= LONGEST_NAME:
            raise Invalid(f"An account's name has 1 to {LONGEST_NAME} characters that can be read.")
    if is_default is not None:
        if is_default:
            same = (Channel.network == channel.network, Channel.id != channel.id)
            session.execute(update(Channel).where(*same).values(is_default=False))
        channel.is_default = is_default
    return _changed(session, caller.actor, channel, before)


def set_up(session: Session, caller: Caller, channel_id: UUID, settings: ChannelSettings) -> Channel:
    """What holds for what is published there."""
    caller.require(Action.MANAGE_CHANNELS)
    channel = tokens.find(session, channel_id, locked=True)
    before = state_of(channel)
    channel.settings = settings.model_dump(mode="json")
    return _changed(session, caller.actor, channel, before)


def settings_of(channel: Channel) -> ChannelSettings:
    return ChannelSettings.model_validate(channel.settings)


def disconnect(runtime: Runtime, principal: Principal, workspace_id: UUID, channel_id: UUID) -> Channel:
    """Forget the tokens, then take our permission back at the network.

    Nothing is held open while that is asked. Where it does not answer, or this process dies, a job goes on with it.
    """
    with runtime.database.workspace(workspace_id) as session:
        caller = resolve(session, principal, plans_of(runtime.settings))
        caller.require(Action.MANAGE_CHANNELS)
        channel = tokens.find(session, channel_id, locked=True)
        if channel.state is ChannelState.DISCONNECTED and channel.grant_sealed is None:
            return channel
        revocation_id = _forget(runtime, session, channel, by=caller.actor)
    if revocation_id is None:
        return channel
    revoking.attempt(runtime, workspace_id, revocation_id)
    with runtime.database.workspace(workspace_id) as session:
        return tokens.find(session, channel_id)


def close(runtime: Runtime, workspace_id: UUID) -> None:
    """Disconnect all of a workspace that is about to be deleted; jobs take the permissions back."""
    with runtime.database.workspace(workspace_id) as session:
        held = select(Channel).where(Channel.grant_sealed.is_not(None)).order_by(Channel.id).with_for_update()
        for channel in session.scalars(held).all():
            _forget(runtime, session, channel, by=Actor(ActorKind.SYSTEM))


def closing(session: Session) -> Sequence[UUID]:
    """Workspaces that are deleted so soon that networks have to be told now; in the system's session."""
    soon = func.now() + revoking.GIVEN_UP_AFTER
    query = select(Channel.workspace_id).join(Workspace, Workspace.id == Channel.workspace_id).distinct()
    return session.scalars(query.where(Workspace.delete_at <= soon, Channel.grant_sealed.is_not(None))).all()


def last_publication(session: Session, channel_id: UUID) -> Publication | None:
    done = (Publication.channel_id == channel_id, Publication.state == PublicationState.PUBLISHED)
    return session.scalars(select(Publication).where(*done).order_by(Publication.published_at.desc()).limit(1)).first()


def state_of(channel: Channel) -> dict[str, Any]:
    """What the audit log proves of a channel."""
    return {
        "network": channel.network, "external_id": channel.external_id, "name": channel.name, "state": channel.state,
        "is_default": channel.is_default, "scopes": sorted(channel.scopes), "settings": channel.settings,
    }  # fmt: skip


def _grant_of(runtime: Runtime, channel: Channel) -> Grant | None:
    """None where there is none, or none that can be opened."""
    if channel.grant_sealed is None:
        return None
    try:
        return tokens.opened(open_sealer(runtime.settings), channel)
    except WrongSealKey:
        return None


def _forget(runtime: Runtime, session: Session, channel: Channel, *, by: Actor) -> UUID | None:
    """It has no tokens from here on. The id of what is left to be told to its network, if anything is."""
    before, had_any = state_of(channel), channel.grant_sealed is not None
    grant = _grant_of(runtime, channel)
    revocation_id = None if grant is None else revoking.put(session, open_sealer(runtime.settings), channel, grant)
    channel.problem = revoking.begun(channel.network, had_any=had_any, opened=grant is not None)
    channel.state, channel.grant_sealed = ChannelState.DISCONNECTED, None
    channel.scopes, channel.expires_at, channel.refresh_expires_at, channel.is_default = [], None, None, False
    _changed(session, by, channel, before, "channel.disconnected")
    return revocation_id


def _changed(
    session: Session, by: Actor, channel: Channel, before: dict[str, Any], action: str = "channel.changed"
) -> Channel:
    session.flush()
    audit.record(session, action, ("channel", channel.id), by=by, before=before, after=state_of(channel))
    return channel


def _shown(name: str) -> str:
    """What can be read of it, in one line: a network's word for an account is anybody's."""
    return " ".join("".join(char if char.isprintable() else " " for char in name).split())
