"""Whether the service is there, whether it can work, and what is wrong though it does."""

import platform
import secrets
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import func, select
from starlette.exceptions import HTTPException

from cliply import __version__
from cliply.errors import Unavailable
from cliply.features.billing import checking as billing
from cliply.features.identity.dependencies import AdminSession, Running
from cliply.features.identity.plans import plans_of
from cliply.features.publishing import pulse
from cliply.features.usage import ledger
from cliply.features.workspaces import own_plan
from cliply.infra import metrics_page, self_audit
from cliply.infra.bodies import Answer
from cliply.infra.health import LEASE, Check, Readiness
from cliply.infra.queue.depth import live_workers, queue_depths
from cliply.infra.routing import router as new_router

router = new_router("health")


class NotReady(Unavailable):
    def __init__(self, checks: Sequence[Check]) -> None:
        failed = ", ".join(check.name for check in checks if not check.ok)
        super().__init__(f"Not ready: {failed}. Whoever runs the service sees why at /api/admin/readyz.")


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Every check by its name; what each found is for operators."""

    status: Literal["ok"] = "ok"
    checks: dict[str, bool] = Field(examples=[{"database": True, "storage": True}])


class CheckRead(Answer):
    name: str = Field(examples=["database"])
    ok: bool
    found: str = Field(examples=["PostgreSQL 18.6"])
    seconds: float = Field(examples=[0.004])


class QueueRead(Answer):
    queue: str = Field(examples=["media"])
    waiting: int = Field(examples=[12])
    scheduled: int = Field(examples=[3])
    running: int = Field(examples=[4])
    failed: int = Field(examples=[0])
    oldest: float = Field(
        description="Seconds for which the job that has waited longest could have run.", examples=[1.5]
    )
    paused: bool


class Versions(BaseModel):
    cliply: str = Field(examples=["0.1.0"])
    python: str = Field(examples=["3.11.9"])


class Pool(BaseModel):
    """Connections of this process to the database."""

    in_use: int = Field(examples=[2])
    size: int = Field(examples=[10])


class ReadyDetails(BaseModel):
    """Everything that an operator wants to know at a glance."""

    ready: bool
    checks: Sequence[CheckRead]
    versions: Versions
    pool: Pool
    workers: int = Field(description="Workers that have given a sign of life just now.", examples=[2])
    queues: Sequence[QueueRead]
    clock_skew_seconds: float = Field(
        description="By how much this process's clock is ahead of the database's.", examples=[0.01]
    )


class FindingRead(Answer):
    about: str = Field(examples=["mail"])
    severity: Literal["error", "warning"]
    told: str = Field(
        description="What is wrong, then what to do.",
        examples=["Mail is kept in a folder and not sent. Set CLIPLY_MAIL__HOST."],
    )


class SelfAudit(BaseModel):
    """What is wrong with how the installation is set up; worst first."""

    ok: bool = Field(description="Whether nothing of it is an error.")
    findings: Sequence[FindingRead]


async def _readiness(request: Request) -> Readiness:
    made: Readiness = request.app.state.readiness
    return made


Checked = Annotated[Readiness, Depends(_readiness)]


@router.get("/api/health")
async def get_health() -> Health:
    """Say that the process is there; asks nobody else."""
    return Health()


@router.get("/api/healthz")
async def get_healthz() -> Health:
    """The same as `/api/health`, under the name that orchestrators look for."""
    return Health()


@router.get("/api/readyz")
def get_readyz(readiness: Checked) -> Ready:
    """Say whether the service can work: database, tables, key, storage, queue, disk and scheduler.

    What is not ready is named in the problem. An answer is good for two seconds.
    """
    checks = readiness.checks()
    if not all(check.ok for check in checks):
        raise NotReady(checks)
    return Ready(checks={check.name: check.ok for check in checks})


@router.get("/api/admin/readyz")
def get_ready_details(runtime: Running, readiness: Checked, session: AdminSession) -> ReadyDetails:
    """Tell operators what each check found, and versions, connections, queues and clocks."""
    checks = readiness.checks()
    asked = time.time()
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    in_use, size = runtime.database.pool_use()
    return ReadyDetails(
        ready=all(check.ok for check in checks),
        checks=[CheckRead.model_validate(check) for check in checks],
        versions=Versions(cliply=__version__, python=platform.python_version()),
        pool=Pool(in_use=in_use, size=size),
        workers=live_workers(session, lease=LEASE),
        queues=[QueueRead.model_validate(depth) for depth in queue_depths(session)],
        clock_skew_seconds=round((asked + time.time()) / 2 - now.timestamp(), 3),
    )


@router.get("/api/health/audit")
def get_self_audit(runtime: Running, session: AdminSession) -> SelfAudit:
    """Tell operators what is wrong with the set-up: walls between workspaces that are down, settings that do harm."""
    plans = own_plan.findings(session, plans_of(runtime.settings))
    also = [*plans, *ledger.disagreements(session), *billing.findings(session, runtime.settings)]
    found = self_audit.findings(session, runtime.settings, also=also)
    return SelfAudit(
        ok=all(each.severity != "error" for each in found),
        findings=[FindingRead.model_validate(each) for each in found],
    )


@router.get("/metrics", include_in_schema=False)
def get_metrics(request: Request, runtime: Running) -> Response:
    """Figures for Prometheus; there is no such page unless the settings name a token for it."""
    token = runtime.settings.metrics.token
    if token is None:
        raise HTTPException(404)
    told = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not secrets.compare_digest(told.encode(), token.get_secret_value().encode()):
        raise HTTPException(401, "Send the token of CLIPLY_METRICS__TOKEN as Authorization: Bearer.")
    return Response(metrics_page.expose(runtime.database, also=[pulse.figures]), media_type=metrics_page.CONTENT_TYPE)
