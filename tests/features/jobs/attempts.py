"""One attempt at a job, without a worker: for tests that decide what happens when."""

from typing import Any, cast
from uuid import UUID

from sqlalchemy import text
from tests.infra.queue.claiming import end

from cliply.features.jobs.kinds import REGISTRY
from cliply.features.jobs.runner import handled
from cliply.infra.db import Database
from cliply.infra.queue.rows import Token
from cliply.infra.queue.worker import Attempt, Stopped
from cliply.runtime import Runtime


def begun(database: Database, token: Token) -> Attempt:
    """A job that somebody has claimed, as its worker hands it to whoever does it."""
    with database.system() as session:
        query = text("select task_name, args, priority from procrastinate_jobs where id = :id")
        row = session.execute(query, {"id": token.job_id}).one()
    args = cast("dict[str, Any]", row.args)
    return Attempt(
        token=token,
        kind=row.task_name,
        workspace_id=UUID(args["workspace_id"]) if args.get("workspace_id") else None,
        subject=args.get("subject"),
        arguments=args.get("arguments", {}),
        priority=row.priority,
        stop=lambda: None,
    )


def attempt(runtime: Runtime, token: Token) -> bool:
    """As a worker makes it; a failure ends the job as it would with its last attempt. False where it was stopped."""
    made = begun(runtime.database, token)
    try:
        handled(REGISTRY.kinds[made.kind], runtime).run(made)
    except Stopped:
        return False
    except Exception:
        end(runtime.database, token, "failed")
        raise
    return True
