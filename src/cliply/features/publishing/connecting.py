"""An account is connected: its owner goes to the network's page, allows it, and comes back with a code (OAuth 2.0).

Who comes back has to be who went: the state is good once, for ten minutes, for the same person with the same browser
session or key, in the same workspace and for the same network (RFC 9700).
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from cliply.errors import Conflict, Invalid, NotAllowed, Unavailable
from cliply.features.audit import service as audit
from cliply.features.identity.access import Caller, Principal, resolve
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import plans_of
from cliply.features.publishing import channels, publications, revoking, tokens
from cliply.features.publishing.models import Channel, OAuthAttempt
from cliply.features.publishing.taking_back import take_back
from cliply.infra.sealing import open_sealer
from cliply.infra.security import new_token, token_hash
from cliply.integrations.publisher import (
    Connector,
    Grant,
    Misconfigured,
    Network,
    Profile,
    PublishFailure,
    Reconnect,
    Rejected,
)
from cliply.runtime import Runtime

LASTS = timedelta(minutes=10)
_MOST_OPEN = 20
"""Attempts of one person that wait for an answer; nobody is at more consent pages than that."""
_DENIED = "access_denied"
_PASSING = ("server_error", "temporarily_unavailable")
_APP = ("invalid_request", "invalid_scope", "unauthorized_client", "unsupported_response_type", "invalid_target")
_ASKS_FIRST = ("login_required", "consent_required", "interaction_required", "account_selection_required")


class NotBegunHere(NotAllowed):
    """Told the same whatever is wrong with it: it helps nobody but who tries."""

    def __init__(self) -> None:
        super().__init__("This was not begun here by you, was used already, or took too long. Begin again.")


class ConsentDenied(Conflict):
    def __init__(self, network: Network) -> None:
        super().__init__(f"{network.label} says that you did not allow it. Nothing was connected.")


class ConnectingFailed(Unavailable):
    def __init__(self, network: Network, why: str) -> None:
        super().__init__(f"{network.label} did not connect the account: {why} Begin again.")


class CannotConnect(Unavailable):
    """As the installation is set up; nobody's account is at fault."""


class AnotherAccount(Conflict):
    def __init__(self, channel: Channel, found: Profile) -> None:
        super().__init__(
            f"“{found.name}” was chosen, and it is “{channel.name}” that has to be connected again. Begin again and "
            "choose that one; to add another account, connect it as a new one."
        )


class TooManyAttempts(Conflict):
    def __init__(self) -> None:
        super().__init__("Too many accounts are being connected at once. Wait ten minutes, then begin again.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the network's page sent back with its owner."""

    state: str
    code: str | None = None
    error: str | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt whose owner has come back; it is used up."""

    workspace_id: UUID
    network: Network
    verifier: str
    redirect_uri: str
    channel_id: UUID | None


def begin(
    runtime: Runtime,
    session: Session,
    caller: Caller,
    network: Network,
    *,
    bound_to: bytes,
    redirect_uri: str,
    channel_id: UUID | None = None,
) -> str:
    """Where its owner has to go. `channel_id` is one that is to be connected again.

    Raises NetworkNotSetUp or CannotConnect.
    """
    caller.require(Action.MANAGE_CHANNELS)
    connector = runtime.providers.of(network).connector
    if channel_id is not None and tokens.find(session, channel_id).network is not network:
        raise tokens.NoSuchChannel
    session.execute(delete(OAuthAttempt).where(OAuthAttempt.expires_at < func.now()))
    mine = OAuthAttempt.user_id == caller.principal.user_id
    if len(session.scalars(select(OAuthAttempt.state_hash).where(mine)).all()) >= _MOST_OPEN:
        raise TooManyAttempts
    # 43 to 128 characters, RFC 7636.
    state, verifier = new_token(), secrets.token_urlsafe(64)
    state_hash = token_hash(state)
    session.add(
        OAuthAttempt(
            state_hash=state_hash,
            network=network,
            user_id=caller.principal.user_id,
            bound_to=bound_to,
            verifier_sealed=open_sealer(runtime.settings).seal(verifier, row=_row(state_hash)),
            redirect_uri=redirect_uri,
            channel_id=channel_id,
            expires_at=datetime.now(UTC) + LASTS,
        )
    )
    session.flush()
    audit.record(session, "channel.connecting", ("network", network), by=caller.actor)
    again = channel_id is not None
    try:
        return connector.consent_url(redirect_uri=redirect_uri, state=state, verifier=verifier, again=again)
    except Misconfigured as wrong:
        raise CannotConnect(str(wrong)) from None


def come_back(runtime: Runtime, principal: Principal, network: Network, *, bound_to: bytes, state: str) -> Begun:
    """Use the attempt up, whatever then comes of it. Raises NotBegunHere."""
    state_hash = token_hash(state)
    with runtime.database.system() as session:
        query = delete(OAuthAttempt).where(OAuthAttempt.state_hash == state_hash).returning(OAuthAttempt)
        attempt = session.scalars(query).one_or_none()
    if (
        attempt is None
        or attempt.expires_at < datetime.now(UTC)
        or attempt.network is not network
        or attempt.user_id != principal.user_id
        or not secrets.compare_digest(attempt.bound_to, bound_to)
        or (principal.key is not None and principal.key.workspace_id != attempt.workspace_id)
    ):
        raise NotBegunHere
    verifier = open_sealer(runtime.settings).open(attempt.verifier_sealed, row=_row(state_hash))
    return Begun(attempt.workspace_id, network, verifier, attempt.redirect_uri, attempt.channel_id)


def finish(runtime: Runtime, principal: Principal, begun: Begun, answer: Answer) -> Channel:
    """Exchange the code and keep the account. Nothing is held open while the network is asked."""
    connector = runtime.providers.of(begun.network).connector
    with runtime.database.workspace(begun.workspace_id) as session:
        # Whoever may no more gets nothing from the network either.
        _allowed(runtime, session, principal)
    grant, profile = _granted(connector, begun, answer), None
    try:
        profile = _profile(connector, begun.network, grant)
        with runtime.database.workspace(begun.workspace_id) as session:
            caller = _allowed(runtime, session, principal)
            channels.one_at_a_time(session)
            channel = _keep(runtime, session, caller, begun, grant, profile)
            if channels.health(channel, runtime.providers).can_publish:
                publications.go_on_after_reconnect(session, channel.id)
            return channel
    except Exception:
        # What is kept nowhere would be good for as long as its owner does not think of it.
        take_back(
            runtime,
            begun.network,
            grant,
            workspace_id=begun.workspace_id,
            connected_by=principal.user_id,
            external_id=None if profile is None else profile.external_id,
        )
        raise


def _allowed(runtime: Runtime, session: Session, principal: Principal) -> Caller:
    caller = resolve(session, principal, plans_of(runtime.settings))
    caller.require(Action.MANAGE_CHANNELS)
    return caller


def _granted(connector: Connector, begun: Begun, answer: Answer) -> Grant:
    if answer.issuer is not None and answer.issuer != connector.issuer:
        # Another server's code, sent to us to be tried out on this one (RFC 9207).
        raise NotBegunHere
    if answer.error == _DENIED:
        raise ConsentDenied(begun.network)
    if answer.error is not None or answer.code is None:
        raise ConnectingFailed(begun.network, _why(answer.error))
    with _in_words(begun.network):
        return connector.exchange(answer.code, redirect_uri=begun.redirect_uri, verifier=begun.verifier)


def _why(error: str | None) -> str:
    """What a network's page means by its error (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6). It comes through the
    browser, so that nothing of it is repeated but what is known."""
    if error in _PASSING:
        return "it is out of order or busy at the moment."
    if error in _APP:
        return f"it does not take what this installation's app asks for ({error}). Its operators have to check the app."
    if error in _ASKS_FIRST:
        return "it wants you to sign in and answer on its page first."
    return "it gave no reason that is known."


def _profile(connector: Connector, network: Network, grant: Grant) -> Profile:
    with _in_words(network):
        profile = connector.profile(grant)
    if not channels.is_usable(profile):
        raise ConnectingFailed(network, "it told nothing about the account that can be used.")
    return profile


@contextmanager
def _in_words(network: Network) -> Iterator[None]:
    """What a network did not do, for whoever has come back."""
    try:
        yield
    except (Rejected, Reconnect) as refused:
        raise Invalid(str(refused)) from None
    except PublishFailure as failed:
        raise ConnectingFailed(network, str(failed)) from None


def _keep(runtime: Runtime, session: Session, caller: Caller, begun: Begun, grant: Grant, profile: Profile) -> Channel:
    channel = None if begun.channel_id is None else tokens.find(session, begun.channel_id, locked=True)
    if channel is not None and channel.external_id != profile.external_id:
        raise AnotherAccount(channel, profile)
    if channel is None:
        channel = channels.of_account(session, begun.network, profile.external_id)
    before = None if channel is None else channels.state_of(channel)
    if channel is None:
        channel = channels.add(session, begun.network, profile)
    revoking.call_off(session, channel.id)
    channels.describe(channel, profile)
    channel.connected_by = caller.principal.user_id
    tokens.keep(open_sealer(runtime.settings), channel, grant)
    session.flush()
    audit.record(
        session, "channel.connected", ("channel", channel.id), by=caller.actor, before=before,
        after=channels.state_of(channel),
    )  # fmt: skip
    return channel


def _row(state_hash: bytes) -> str:
    return f"oauth_attempts/{state_hash.hex()}"
