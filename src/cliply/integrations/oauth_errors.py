"""What the refusals of a network's token server mean (RFC 6749, and what Google and TikTok add): one table. Pure.

Only what says that a permission has ended disconnects an account. What is wrong with the installation's app is told to
its operators, and what passes is tried again.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cliply.integrations.publisher import Concerns, Misconfigured, PublishFailure, Reconnect, TryLater, Unknown

_LONGEST_WAIT = 7 * 86_400.0
"""Seconds: an answer that asks for more is not believed."""
_OVER = frozenset({"invalid_grant", "access_denied", "invalid_token", "access_token_invalid", "token_expired"})
REVOKED = _OVER
"""What is said of a token that is revoked already."""
_PASSING = frozenset(
    {
        "server_error", "temporarily_unavailable", "internal_failure", "internal_error", "backend_error", "slow_down",
        "rate_limit_exceeded", "rateLimitExceeded", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL",
        "DEADLINE_EXCEEDED",
    }
)  # fmt: skip
_ADMINISTRATOR = frozenset({"admin_policy_enforced", "org_internal", "access_not_configured"})


@dataclass(frozen=True, slots=True)
class Words:
    """What a network's messages say of its own."""

    label: str
    """Who it is that answers: Google, TikTok."""
    settings: str
    """Those that name the app."""
    console: str
    """Where the app is looked after."""


@dataclass(frozen=True, slots=True)
class Told:
    error: str
    subtype: str = ""


def read(body: bytes) -> Told | None:
    """The error that an answer names, with whatever status it came; None where it names none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, Mapping):
        return None
    error = answer.get("error")
    if isinstance(error, Mapping):
        # As the rest of their APIs tell errors: Google by a status in capitals, TikTok by a code, which may be “ok”.
        error = error.get("status") or error.get("code")
        return Told(error) if isinstance(error, str) and error != "ok" else None
    return Told(error, _text(answer.get("error_subtype"))) if isinstance(error, str) and error else None


def failure(
    told: Told | None, status: int, words: Words, *, now: datetime, once: bool, asked_wait: float | None = None
) -> PublishFailure:
    """What to do about it. `once`: whether what was asked for uses something up, so that an answer that nobody can
    read leaves open whether it was done; `asked_wait` is in seconds."""
    if told is None:
        return _unreadable(status, words, now=now, once=once, asked_wait=asked_wait)
    code = shown(told.error)
    if told.error in _OVER:
        return Reconnect(_ended(told, words), shown(told.subtype) or code)
    if told.error in _ADMINISTRATOR:
        message = (
            f"The account's organisation does not allow this app at {words.label}. Its administrator can allow it."
        )
        return Reconnect(message, code)
    if told.error in _PASSING or status >= 500 or status == 429:
        return _later(f"{words.label} is out of order or busy at the moment.", code, now, asked_wait)
    return Misconfigured(_wrong_app(told.error, words), code)


def shown(code: str) -> str:
    """A code that may be shown and kept: theirs, if it looks like one."""
    return code if re.fullmatch(r"\w{1,80}", code, re.ASCII) else ""


def _ended(told: Told, words: Words) -> str:
    if told.subtype == "invalid_rapt":
        return (
            "The account's organisation wants its people to sign in again from time to time, and that time has come. "
            "Connect it again."
        )
    return f"{words.label} says that the permission has ended or was used before. Connect the account again."


def _wrong_app(error: str, words: Words) -> str:
    match error:
        case "redirect_uri_mismatch":
            wrong = "does not know the address that people are sent back to. Register it there exactly"
        case "invalid_scope":
            wrong = "does not let this app ask for what it needs. Add its products and scopes"
        case "invalid_client" | "deleted_client" | "disabled_client" | "unauthorized_client":
            wrong = "does not know this installation's app or its secret. Check the app"
        case _:
            wrong = "does not take what this installation's app asks for. Check the app"
    return f"{words.label} {wrong} in {words.console}, and {words.settings} here."


def _unreadable(status: int, words: Words, *, now: datetime, once: bool, asked_wait: float | None) -> PublishFailure:
    said = f"{words.label} gave an answer that cannot be read ({status})."
    if status == 429:
        return _later(f"{words.label} is asked too often just now.", "http_429", now, asked_wait)
    # A gateway that refuses a request has not passed it on; one that broke may have.
    if once and not 400 <= status < 500:
        return Unknown(f"{said} It is not known whether it was done.", f"http_{status}")
    return _later(said, f"http_{status}", now, asked_wait)


def _later(message: str, code: str, now: datetime, asked_wait: float | None) -> TryLater:
    at = None if not asked_wait else now + timedelta(seconds=min(asked_wait, _LONGEST_WAIT))
    return TryLater(message, code, at=at, concerns=Concerns.REQUEST)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
