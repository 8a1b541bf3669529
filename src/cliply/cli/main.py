"""The `cliply` command: every sub-command, and the one place where errors become messages and exit codes."""

import errno
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

import typer
from typer.exceptions import TyperException

from cliply import __version__
from cliply.cli import (
    bench,
    clips,
    db,
    dev_providers,
    doctor,
    login,
    looks,
    plans,
    readyz,
    service,
    service_account,
    service_accounts,
    service_admin,
    service_billing,
    service_edits,
    service_jobs,
    service_keys,
    service_members,
    service_metrics,
    service_organisations,
    service_publications,
    service_publishing,
    service_schedules,
    service_usage,
    service_watching,
    service_workspaces,
    uploading,
    users,
    words,
    worker,
)
from cliply.cli.console import settings
from cliply.cli.exit_codes import ExitCode, exit_code
from cliply.cli.start import STOPPED, leave
from cliply.cli.wrong_use import in_plain_words
from cliply.errors import CliplyError
from cliply.media.errors import Cancelled

app = typer.Typer(
    name="cliply",
    help="Turns long videos into short clips worth posting. Start with: cliply clip talk.mp4",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    clips, words, looks, doctor, readyz, service, login, uploading, service_publishing, service_metrics,
    service_usage, worker, dev_providers,
):  # fmt: skip
    module.register(app)
app.add_typer(bench.app, name="bench")
app.add_typer(db.app, name="db")
app.add_typer(users.app, name="users")
app.add_typer(plans.app, name="plans")
app.add_typer(service_watching.projects, name="projects")
app.add_typer(service_edits.clips, name="clips")
app.add_typer(service_accounts.accounts, name="accounts")
app.add_typer(service_publications.publications, name="publications")
app.add_typer(service_schedules.schedule, name="schedule")
app.add_typer(service_billing.billing, name="billing")
app.add_typer(service_jobs.jobs, name="jobs")
app.add_typer(service_workspaces.workspaces, name="workspaces")
app.add_typer(service_members.members, name="members")
app.add_typer(service_members.invitations, name="invitations")
app.add_typer(service_keys.keys, name="keys")
app.add_typer(service_organisations.organisations, name="organisations")
app.add_typer(service_account.own, name="account")
app.add_typer(service_admin.admin, name="admin")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    _version_wanted: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line and leave with a documented exit code."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        left = _run()
    except Exception as fault:
        _report(fault)
        raise
    sys.exit(left or ExitCode.DONE)


def _run() -> int | None:
    try:
        # Typer returns the code of an Exit, and of Ctrl-C, instead of raising it.
        left: int | None = app(standalone_mode=False)
    except CliplyError as error:
        leave(exit_code(error), type(error).__name__, str(error))
    except (KeyboardInterrupt, Cancelled, typer.Abort):
        left = ExitCode.STOPPED
    except TyperException as wrong:
        leave(ExitCode.WRONG_USE, "WrongUse", in_plain_words(wrong.format_message(), sys.argv[1:]))
    except BrokenPipeError:
        # The reader of our output went away (`cliply ... | head`): not an error worth a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        left = ExitCode.DONE
    except OSError as failed:
        _leave_disk(failed)
    if left == ExitCode.STOPPED:
        leave(ExitCode.STOPPED, "Stopped", STOPPED)
    return left


def _report(fault: Exception) -> None:
    """Tell the Sentry that the settings name, if they do; whatever goes wrong there hides no fault."""
    from cliply.infra import error_reports

    with suppress(CliplyError):
        error_reports.start(settings(), process="cli")
        error_reports.report(fault)


def _leave_disk(failed: OSError) -> None:
    """A disk that is full or may not be written, wherever that came up; anything else is a fault of ours."""
    where = f" at {failed.filename}" if failed.filename else ""
    if failed.errno in (errno.ENOSPC, errno.EDQUOT):
        message = f"The disk is full{where}. Make room and run the same command again: it goes on from what is done."
        leave(ExitCode.LIMIT_REACHED, "DiskFull", message)
    if failed.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        message = f"Writing is not allowed{where}. Name a folder of your own with --out, or in CLIPLY_CACHE."
        leave(ExitCode.NOT_ALLOWED, "WriteRefused", message)
    raise failed


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
