"""Faults of ours, reported to the Sentry that an installation names: what went wrong, where, and ids to look for.

What a request or a job was about is not sent: no body, no header, no arguments, no values of variables. What is sent
goes through the redaction of the log.
"""

import logging
import sys
from typing import TYPE_CHECKING, cast

from cliply import __version__
from cliply.errors import CliplyError, Invalid
from cliply.infra.logging import current_context
from cliply.infra.redaction import Redactor, secrets_of
from cliply.infra.settings import Settings

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_TAGS = ("request_id", "workspace_id", "job_id", "job_kind")
"""Who it happened to is not told, only what finds it in the log."""
_FAREWELL = 2.0
"""Seconds that a process waits for its last report to be sent."""


class NotADsn(Invalid):
    def __init__(self) -> None:
        super().__init__("CLIPLY_SENTRY__DSN is no DSN. Copy it from Sentry, from the settings of your project there.")


def start(settings: Settings, *, process: str) -> None:
    """Report what this process logs as an error, and what is given to `report`; nothing where no Sentry is named.

    Does nothing the second time. Raises NotADsn.
    """
    if settings.sentry.dsn is None:
        return
    # Slow to load, and most installations name none.
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.logging import EventHandler
    from sentry_sdk.utils import BadDsn

    if sentry_sdk.is_initialized():
        return
    redactor = Redactor(secrets_of(settings))

    def clean(event: "Event", _hint: "Hint") -> "Event":
        return _cleaned(event, redactor, process)

    try:
        sentry_sdk.init(
            dsn=settings.sentry.dsn.get_secret_value(),
            environment=settings.sentry.environment,
            release=f"cliply@{__version__}",
            # Those for frameworks add what was sent, and the others what the program was called with.
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[DedupeIntegration(), AtexitIntegration(callback=lambda _waiting, _seconds: None)],
            include_local_variables=False,
            max_breadcrumbs=0,
            max_request_body_size="never",
            auto_session_tracking=False,
            send_client_reports=False,
            spotlight=False,
            shutdown_timeout=_FAREWELL,
            before_send=clean,
        )
    except BadDsn:
        raise NotADsn from None
    # Of our own loggers only: those of the libraries tell arguments.
    logging.getLogger("cliply").addHandler(EventHandler(level=logging.ERROR))


def report(failed: BaseException) -> None:
    """Report a fault that no log line tells; an error whose message is for people is none."""
    sentry = sys.modules.get("sentry_sdk")
    if sentry is not None and not isinstance(failed, CliplyError):
        sentry.capture_exception(failed)


def _cleaned(event: "Event", redactor: Redactor, process: str) -> "Event":
    told = {name: value for name, value in current_context().items() if name in _TAGS}
    event["tags"] = {"process": process, **told}
    if (entry := event.get("logentry")) is not None:
        # Arguments of a message look like no secret once they stand alone.
        event["logentry"] = {"message": entry.get("formatted") or entry.get("message")}
    if "job_id" in told:
        # As in the log: what a job's error says may be a secret, or somebody's words.
        for each in event.get("exception", {}).get("values", []):
            each.pop("value", None)
    return cast("Event", redactor.value(event))
