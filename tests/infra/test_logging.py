import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from cliply.infra.logging import CONTEXT, JsonLines, configure, current_context, log_context
from cliply.infra.queue.rows import NewJob
from cliply.infra.redaction import Redactor
from cliply.infra.settings import Mail, Settings

_log = logging.getLogger("cliply.test")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hooks = list(root.handlers), root.level, (sys.excepthook, threading.excepthook)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)


def brief(out: io.StringIO) -> None:
    configure(Settings(log_format="brief"), service="up", stream=out)


def test_brief_lines_tell_what_goes_wrong_and_nothing_else() -> None:
    out = io.StringIO()
    brief(out)
    with log_context(job_id=17, job_kind="CLIP_RENDER", request_id="r-1", workspace_id="w"):
        _log.info("job_started", extra={"attempt": 1})
        _log.warning("job_failed", extra={"error": "RenderFailed", "trace": "File one\nFile two"})
    _log.info("request_answered", extra={"status": 200})
    _log.error("request_failed", extra={"status": 500, "password": "hunter22"})
    try:
        open_what_is_not_there()
    except OSError:
        _log.exception("request_failed")
    _log.info("mail_written_to_folder", extra={"file": "/data/mail/1.eml"})
    _log.warning("word " * 1000)
    lines = out.getvalue().splitlines()
    assert [line[10:] for line in lines[:4]] == [
        "warning: job failed  job_kind=CLIP_RENDER job_id=17 error=RenderFailed",
        "error: request failed  status=500 password=***",
        "error: request failed  error=FileNotFoundError",
        "info: mail written to folder  file=/data/mail/1.eml",
    ]
    assert (len(lines), len(lines[4])) == (5, 300)


def open_what_is_not_there() -> None:
    Path("/nowhere/at/all").read_bytes()


def written(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def configured(**settings: Any) -> io.StringIO:
    out = io.StringIO()
    configure(Settings(**settings), service="test", stream=out)
    return out


def test_ten_thousand_lines_are_json_with_the_same_names() -> None:
    out = configured()
    for number in range(10_000):
        with log_context(request_id=f"r-{number}", job_id=number):
            _log.info("line_written", extra={"number": number, "text": "two\nlines \u2028 and “quotes”"})
    lines = written(out)
    assert len(lines) == 10_000
    for number, line in enumerate(lines):
        assert {"time", "level", "service", "logger", "event", *CONTEXT} <= line.keys()
        assert (line["event"], line["service"], line["number"]) == ("line_written", "test", number)
        assert (line["request_id"], line["job_id"], line["user_id"]) == (f"r-{number}", str(number), None)


def test_a_line_belongs_to_what_was_bound_around_it_and_to_nothing_afterwards() -> None:
    out = configured()
    with log_context(request_id="r-1"), log_context(workspace_id="w-1", user_id=None):
        _log.info("inside")
    _log.info("outside")
    inside, outside = written(out)
    assert (inside["request_id"], inside["workspace_id"], inside["user_id"]) == ("r-1", "w-1", None)
    assert all(outside[name] is None for name in CONTEXT)
    assert current_context() == {}


def test_a_job_carries_the_request_that_it_comes_from() -> None:
    with log_context(request_id="r-7"):
        job = NewJob(kind="ANY", queue="work")
    assert job.as_row_arguments()["request_id"] == "r-7"
    assert "request_id" not in NewJob(kind="ANY", queue="work").as_row_arguments()


def test_a_secret_reaches_no_part_of_a_line() -> None:
    out = configured(mail=Mail(password=SecretStr("a plain password")))
    try:
        int("password=hunter2-hunter2 and a plain password")
    except ValueError:
        _log.exception("asked %s with Bearer abcdefghijk", "https://me:hunter2-hunter2@example.com/", extra={
            "api_key": "hunter2-hunter2", "headers": {"Cookie": "hunter2-hunter2"}, "note": "a plain password",
        })  # fmt: skip
    (line,) = written(out)
    assert "ValueError" in line["exception"]
    for secret in ("hunter2", "abcdefghijk", "a plain password"):
        assert secret not in out.getvalue()


@pytest.mark.parametrize("rate", [0.0, 0.1, 1.0])
def test_the_sample_rate_keeps_that_share_of_requests_whole_and_every_warning(rate: float) -> None:
    out = configured(log_sample_rate=rate)
    for number in range(5_000):
        with log_context(request_id=f"request-{number}"):
            _log.info("begun")
            _log.info("ended")
    for _ in range(50):
        _log.warning("warned")
        _log.error("failed")
    lines = [line["event"] for line in written(out)]
    kept = lines.count("begun")
    assert kept == lines.count("ended")
    assert abs(kept / 5_000 - rate) < 0.01
    assert (lines.count("warned"), lines.count("failed")) == (50, 50)


def test_lines_of_no_request_are_sampled_too() -> None:
    out = configured(log_sample_rate=0.1)
    for _ in range(20_000):
        _log.info("alone")
    assert abs(len(written(out)) / 20_000 - 0.1) < 0.01


@pytest.mark.parametrize("name", ["LOG_SAMPLE_RATE", "CLIPLY_LOG_SAMPLE_RATE"])
def test_the_sample_rate_has_two_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "0.25")
    assert Settings().log_sample_rate == 0.25


def test_a_terminal_gets_plain_lines_that_no_message_can_break() -> None:
    out = Terminal()
    configure(Settings(), service="test", stream=out)
    with log_context(job_id=7):
        _log.info("name %s", "evil\n12:00:00 ERROR forged \x1b[31m", extra={"queue": "media"})
    (line,) = out.getvalue().splitlines()
    assert line.endswith("forged \\x1b[31m job_id=7 queue=media")


def test_the_level_of_the_settings_is_the_least_that_is_written() -> None:
    out = configured(log_level="warning")
    _log.info("chatter")
    _log.warning("trouble")
    assert [line["event"] for line in written(out)] == ["trouble"]


def test_arguments_that_do_not_fit_cost_no_line() -> None:
    record = logging.makeLogRecord({"msg": "of %s and %s", "args": ("one",)})
    assert json.loads(JsonLines(Redactor(), service="test").format(record))["event"] == "of %s and %s"


def test_what_nobody_catches_is_a_line_without_its_secret() -> None:
    code = """
import threading
from cliply.infra.logging import configure
from cliply.infra.redaction import Redactor
from cliply.infra.settings import Settings
configure(Settings(), service="test")
def fail(): raise ValueError("token=hunter2-hunter2")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert [json.loads(line)["event"] for line in ran.stderr.splitlines()] == ["uncaught_exception"] * 2
    assert "hunter2" not in ran.stderr
