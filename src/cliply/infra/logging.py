"""Log lines: JSON for machines, plain on a terminal; each says which request and which job it belongs to.

A message is the name of what happened, `worker_started`, and details are fields: `extra={"queues": queues}`.
"""

import json
import logging
import random
import sys
import threading
import traceback
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

from cliply.infra.redaction import Redactor, secrets_of
from cliply.infra.settings import Settings

CONTEXT = ("request_id", "workspace_id", "user_id", "job_id", "job_kind")
"""What a line can belong to; on every line of JSON, empty where it belongs to none."""

_bound: ContextVar[Mapping[str, str]] = ContextVar("log_context")
# What a record has by itself; anything else came as `extra`.
_OF_A_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_TOLD_ANYWAY = frozenset({"mail_written_to_folder"})
"""Nothing went wrong, and somebody waits for what is in that file."""
_LONGEST_BRIEF = 300
# They tell at length what is nobody's business, or arguments of calls.
_QUIET = ("alembic", "boto3", "botocore", "urllib3", "s3transfer", "httpx2", "httpcore2", "asyncio")


@contextmanager
def log_context(**ids: object) -> Iterator[None]:
    """Everything that this thread or task logs in the block belongs to these; what is None stays as it was."""
    token = _bound.set({**current_context(), **{name: str(value) for name, value in ids.items() if value is not None}})
    try:
        yield
    finally:
        _bound.reset(token)


def current_context() -> Mapping[str, str]:
    return _bound.get({})


def configure(settings: Settings, *, service: str, stream: TextIO | None = None) -> None:
    """Send all that this process logs, and what nobody catches, to `stream` (stderr)."""
    out = stream or sys.stderr
    redactor = Redactor(secrets_of(settings))
    handler = logging.StreamHandler(out)
    match settings.log_format:
        case "brief":
            handler.setFormatter(BriefLines(redactor))
            handler.addFilter(_is_worth_telling)
        case "auto" | "plain" if settings.log_format == "plain" or out.isatty():
            handler.setFormatter(PlainLines(redactor))
        case _:
            handler.setFormatter(JsonLines(redactor, service=service))
    handler.addFilter(Sampled(settings.log_sample_rate))
    root = logging.getLogger()
    for old in list(root.handlers):
        # A test runner's own handlers collect and do not write.
        if type(old) is logging.StreamHandler:
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    # Where the interpreter prints an exception by itself, nothing is taken out of it.
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


class Sampled(logging.Filter):
    """Lets a share of the lines below WARNING through; of a request or a job all of them or none."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self._rate = rate

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING or self._rate >= 1:
            return True
        context = current_context()
        whole = context.get("request_id") or context.get("job_id")
        drawn = random.random() if whole is None else zlib.crc32(whole.encode()) / 2**32  # noqa: S311 - no secret
        return drawn < self._rate


class _Lines(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def _event(self, record: logging.LogRecord) -> str:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            # Arguments that do not fit are no reason to lose the line.
            message = str(record.msg)
        return self._redactor.text(message)

    def _details(self, record: logging.LogRecord) -> dict[str, Any]:
        extra = {name: value for name, value in vars(record).items() if name not in _OF_A_RECORD}
        return {name: self._redactor.value(value, name=name) for name, value in extra.items()}

    def _trace(self, record: logging.LogRecord) -> str | None:
        if record.exc_info and record.exc_info[1] is not None:
            return self._redactor.text("".join(traceback.format_exception(record.exc_info[1]))).rstrip()
        return self._redactor.text(record.exc_text) if record.exc_text else None


class JsonLines(_Lines):
    """One object on one line, with the same names in each."""

    def __init__(self, redactor: Redactor, *, service: str) -> None:
        super().__init__(redactor)
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        context = current_context()
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "event": self._event(record),
            **{name: self._redactor.value(context.get(name)) for name in CONTEXT},
        }
        # A detail never passes itself off as one of these.
        line |= {name: value for name, value in self._details(record).items() if name not in line}
        if (trace := self._trace(record)) is not None:
            line["exception"] = trace
        return json.dumps(line, default=str)


class PlainLines(_Lines):
    """For people; a control character in a message cannot begin a line or colour a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        told = {**current_context(), **self._details(record)}
        fields = "".join(f" {name}={self._redactor.value(value)}" for name, value in told.items() if value is not None)
        line = _on_one_line(f"{at} {record.levelname:7} {self._event(record)}{fields}")
        trace = self._trace(record)
        return line if trace is None else f"{line}\n{trace}"


class BriefLines(_Lines):
    """For whoever runs the service in a terminal of theirs: what went wrong, a line each; the whole of it is told by
    the other formats."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        context = current_context()
        details = {name: value for name, value in self._details(record).items() if name != "trace"}
        whose = {name: context[name] for name in ("job_kind", "job_id", "request_id") if context.get(name)}
        if "job_id" in whose:
            # Of a job, its own number says more than who began it.
            whose.pop("request_id", None)
        if record.exc_info is not None and record.exc_info[0] is not None:
            details["error"] = record.exc_info[0].__name__
        told = {**whose, **details}
        fields = " ".join(f"{name}={self._redactor.value(value)}" for name, value in told.items() if value is not None)
        level = record.levelname.lower()
        event = self._event(record).replace("_", " ")
        line = _shortened(_on_one_line(f"{at}  {level}: {event}{'  ' if fields else ''}{fields}"))
        # What ends a process is told whole.
        trace = self._trace(record) if record.levelno >= logging.CRITICAL else None
        return line if trace is None else f"{line}\n{trace}"


def _is_worth_telling(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.msg in _TOLD_ANYWAY


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_BRIEF else f"{text[: _LONGEST_BRIEF - 1]}…"


def _on_one_line(text: str) -> str:
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def _log_uncaught(kind: type[BaseException], failed: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, failed, trace)
        return
    logging.getLogger("cliply").critical("uncaught_exception", exc_info=(kind, failed, trace))


def _log_uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and failed.exc_type is not SystemExit:
        _log_uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)
