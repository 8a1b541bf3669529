"""Asking a network's token server, and what its answers have to hold (RFC 6749)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cliply.infra.outbound import BadReply, BreakerOpen, NoAnswer, NotReachable, ProviderClient
from cliply.integrations.oauth_errors import REVOKED, Told, Words, failure, read
from cliply.integrations.publisher import Concerns, Grant, Misconfigured, PublishFailure, TryLater, Unknown

_TOKEN = re.compile(r"[!-~]{1,4096}")
"""Opaque, and sent on in a header: visible characters only."""
_LONGEST = 20 * 366 * 86_400
"""Seconds: what is to last longer is a mistake."""


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """What the installation is known by at a network."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenServer:
    client: ProviderClient
    words: Words

    def token(self, url: str, form: Mapping[str, str], *, once: bool, kept: Grant | None = None) -> Grant:
        """A grant, for a code, or for the refresh token of the one that was `kept`: what the answer leaves out stays.

        `once`: what is sent is good once, so it is sent once; where the answer is lost, Unknown is raised.
        """
        status, told, wait, answer = self._ask(url, form, once=once)
        now = datetime.now(UTC)
        if told is not None or status != 200:
            raise failure(told, status, self.words, now=now, once=once, asked_wait=wait)
        grant = _grant(answer, now, kept)
        if grant is None:
            # Whatever it is, a refresh token that was good once may be gone.
            raise failure(None, status, self.words, now=now, once=once)
        return grant

    def revoke(self, url: str, form: Mapping[str, str]) -> None:
        """What is revoked already is no failure."""
        status, told, wait, _ = self._ask(url, form, once=False)
        if told is None and status == 200:
            return
        if told is None or told.error not in REVOKED:
            raise failure(told, status, self.words, now=datetime.now(UTC), once=False, asked_wait=wait)

    def _ask(
        self, url: str, form: Mapping[str, str], *, once: bool
    ) -> tuple[int, Told | None, float | None, Mapping[str, Any]]:
        """Status, error, wait and whatever else an answer holds."""
        try:
            reply = self.client.request("POST", url, repeatable=not once, form=form)
        except (NoAnswer, BadReply) as silent:
            lost = unheard(silent, self.words, once=once)
        else:
            try:
                answer = reply.json()
            except BadReply:
                answer = None
            return reply.status, read(reply.body), reply.retry_after, answer if isinstance(answer, dict) else {}
        raise lost


def unheard(silent: NoAnswer | BadReply, words: Words, *, once: bool) -> PublishFailure:
    """What it means that no answer came, or one that cannot be read."""
    match silent:
        case NotReachable():
            return Misconfigured(
                f"The address of {words.label} is not one of its own or not public, seen from here. Operators have to "
                "check the name server of this installation, and the address in its settings if there is one.",
                "not_reachable",
            )
        case BreakerOpen():
            return TryLater(str(silent), "left_alone", at=silent.until, concerns=Concerns.REQUEST)
        case NoAnswer(sent=False):
            return TryLater(str(silent), "no_answer", at=None, concerns=Concerns.REQUEST)
        case _ if once:
            return Unknown(f"{silent} It is not known whether it was done.", "no_answer")
        case _:
            return TryLater(str(silent), "no_answer", at=None, concerns=Concerns.REQUEST)


def split_scopes(told: str) -> frozenset[str]:
    """However they are joined."""
    return frozenset(re.split(r"[\s,]+", told.strip())) - {""}


def _grant(answer: Mapping[str, Any], now: datetime, kept: Grant | None) -> Grant | None:
    """None where it holds no grant."""
    access, lasts = _token(answer.get("access_token")), _seconds(answer.get("expires_in"))
    if access is None or lasts is None or str(answer.get("token_type", "")).lower() != "bearer":
        return None
    refresh_lasts = next(filter(None, map(_seconds, map(answer.get, _REFRESH_LASTS))), None)
    told = answer.get("scope")
    grant = Grant(
        access_token=access,
        expires_at=now + timedelta(seconds=lasts),
        # Only what is told was granted; people may have unticked any of it.
        scopes=split_scopes(told) if isinstance(told, str) else frozenset(),
        refresh_token=_token(answer.get("refresh_token")),
        refresh_expires_at=None if refresh_lasts is None else now + timedelta(seconds=refresh_lasts),
    )
    return grant if kept is None else _with(grant, kept, scopes_told=isinstance(told, str))


_REFRESH_LASTS: Collection[str] = ("refresh_expires_in", "refresh_token_expires_in")


def _with(grant: Grant, kept: Grant, *, scopes_told: bool) -> Grant:
    """A refresh token is never replaced by nothing, nor what was allowed by what is not told."""
    return replace(
        grant,
        scopes=grant.scopes if scopes_told else kept.scopes,
        refresh_token=grant.refresh_token or kept.refresh_token,
        refresh_expires_at=grant.refresh_expires_at or kept.refresh_expires_at,
    )


def _token(told: Any) -> str | None:
    return told if isinstance(told, str) and _TOKEN.fullmatch(told) else None


def _seconds(told: Any) -> int | None:
    whole = told if isinstance(told, int) and not isinstance(told, bool) else None
    if isinstance(told, str) and re.fullmatch(r"\d{1,10}", told, re.ASCII):
        whole = int(told)
    return whole if whole is not None and 0 < whole <= _LONGEST else None
