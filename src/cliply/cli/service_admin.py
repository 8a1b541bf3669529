"""`cliply admin ...`: a whole installation from afar, for who runs it (`cliply users admin`) and is signed in."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from cliply.cli.console import JsonFlag, note, print_json
from cliply.cli.exit_codes import ExitCode
from cliply.cli.remote import account
from cliply.cli.service_jobs import JobNumber, KindOption, Limit, StateOption, job_line, tell_job
from cliply.cli.service_names import Yes, confirm, show, show_one
from cliply.errors import Conflict, Unavailable
from cliply.media.probe import printable

admin = typer.Typer(help="The whole installation of a service, for who runs it and is signed in.")
admin_jobs = typer.Typer(help="Jobs of all workspaces, and the queues that they wait in.")
admin.add_typer(admin_jobs, name="jobs")

_Jobs = Annotated[
    list[int], typer.Argument(metavar="JOB...", help="Numbers of the jobs, one or many.", show_default=False)
]
_Queue = Annotated[str, typer.Argument(help="Name of the queue, like media.", show_default=False)]


@admin.command("readyz")
def show_readiness(json: JsonFlag = False) -> None:
    """Check whether the service can work, and see what each check found, its queues and its clocks."""
    found = account().look("/api/admin/readyz")
    if "checks" not in found:
        raise Unavailable(str(found.get("detail", "The service does not answer at the moment. Try again soon.")))
    if json:
        print_json(found)
    else:
        _tell_readiness(found)
    if not found["ready"]:
        raise typer.Exit(ExitCode.UNAVAILABLE)


@admin.command("findings")
def show_findings(json: JsonFlag = False) -> None:
    """See what is wrong with how the installation is set up; worst first."""
    found = account().look("/api/health/audit")
    if "findings" not in found:
        raise Unavailable(str(found.get("detail", "The service does not answer at the moment. Try again soon.")))
    if json:
        print_json(found)
        return
    for each in found["findings"]:
        typer.echo(printable(f"{each['severity']:<8} {each['about']}: {each['told']}"))
    if not found["findings"]:
        typer.echo("Nothing is wrong.")


@admin_jobs.command("list")
def list_all_jobs(
    kind: KindOption = None, state: StateOption = None, limit: Limit = 20, json: JsonFlag = False
) -> None:
    """List the jobs of all workspaces and of the installation, newest first."""
    show(account().get("/api/admin/jobs", kind=kind, state=state or None, limit=limit)["items"], json, _line)


@admin_jobs.command("dead")
def list_dead_jobs(limit: Limit = 20, json: JsonFlag = False) -> None:
    """List the jobs that failed for good, newest first, with why."""
    show(account().get("/api/admin/jobs/dead", limit=limit)["items"], json, _line)


@admin_jobs.command("show")
def show_any_job(job_id: JobNumber, json: JsonFlag = False) -> None:
    """See a job of any workspace or of the installation: what it was started with, and what became of it."""
    found = account().get(f"/api/admin/jobs/{job_id}")
    arguments = ", ".join(f"{name}={value}" for name, value in found["arguments"].items())
    worker = "no worker" if found["worker_id"] is None else f"worker {found['worker_id']}"
    tell_job(
        found,
        json,
        f"of {_owner(found)}, in the queue {found['queue']}, with {worker}",
        f"with {arguments or 'no arguments'}",
        f"attempt {found['attempts']}, {found['failures']} failed, {found['deaths']} ended with their worker",
    )


@admin_jobs.command("retry")
def retry_jobs(job_ids: _Jobs, json: JsonFlag = False) -> None:
    """Run jobs again that failed or were cancelled, with all their attempts."""
    _steer("retry", job_ids, json)


@admin_jobs.command("cancel")
def cancel_jobs(job_ids: _Jobs, yes: Yes = False, json: JsonFlag = False) -> None:
    """Cancel jobs of any workspace."""
    confirm(f"Cancel {len(job_ids)} job{'' if len(job_ids) == 1 else 's'}?", yes=yes)
    _steer("cancel", job_ids, json)


@admin_jobs.command("unlock")
def unlock_jobs(job_ids: _Jobs, json: JsonFlag = False) -> None:
    """Take running jobs from their workers and queue them again; the old worker can write nothing more for them."""
    _steer("unlock", job_ids, json)


@admin_jobs.command("pause")
def pause_queue(queue: _Queue, json: JsonFlag = False) -> None:
    """Begin no more jobs of a queue; those that run go on."""
    account().post(f"/api/admin/queues/{quote(queue, safe='')}/pause")
    show_one({"queue": queue, "paused": True}, json, lambda _: f"The queue {queue} is paused.")


@admin_jobs.command("resume")
def resume_queue(queue: _Queue, json: JsonFlag = False) -> None:
    """Begin jobs of a paused queue again."""
    account().post(f"/api/admin/queues/{quote(queue, safe='')}/resume")
    show_one({"queue": queue, "paused": False}, json, lambda _: f"The queue {queue} goes on.")


def _steer(action: str, job_ids: list[int], json: bool) -> None:
    """One by its own address, many at once; those that could not be are named with why. Raises Conflict for those."""
    if len(job_ids) == 1:
        show_one(account().post(f"/api/admin/jobs/{job_ids[0]}/{action}"), json, _line)
        return
    steered = account().post("/api/admin/jobs/bulk", {"action": action, "ids": job_ids})
    left = [each for each in steered if not each["done"]]
    show(steered, json, lambda each: f"{each['id']:>7}  {'done' if each['done'] else each['error']}")
    if left and json:
        note(f"{len(left)} of {len(steered)} jobs were left alone.")
        raise typer.Exit(ExitCode.CONFLICT)
    if left:
        raise Conflict(f"{len(left)} of {len(steered)} jobs were left alone.")


def _tell_readiness(found: Any) -> None:
    for check in found["checks"]:
        typer.echo(printable(f"{'ok' if check['ok'] else 'NOT READY':10} {check['name']:12} {check['found']}"))
    for queue in found["queues"]:
        counts = ", ".join(f"{queue[name]} {name}" for name in ("waiting", "scheduled", "running", "failed"))
        typer.echo(f"{'paused' if queue['paused'] else 'open':10} {queue['queue']:12} {counts}")
    typer.echo(f"{found['workers']} workers, Cliply {found['versions']['cliply']}")


def _line(each: Any) -> str:
    error = f"  {each['error']}" if each["error"] else ""
    return f"{job_line(each)}  {each['queue']}  {_owner(each)}{error}"


def _owner(each: Any) -> str:
    return str(each["workspace_id"] or "the installation")
