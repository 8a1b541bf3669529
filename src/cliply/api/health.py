"""Whether the service is there, and whether it can work."""

from typing import Literal

from pydantic import BaseModel
from sqlalchemy import text

from cliply.features.identity.dependencies import Running, Turn
from cliply.infra.routing import router as new_router

router = new_router("health")


class Health(BaseModel):
    status: Literal["ok"] = "ok"


@router.get("/api/health")
def get_health() -> Health:
    """Say that the process is there; asks nobody else."""
    return Health()


@router.get("/api/healthz")
def get_healthz() -> Health:
    """The same as `/api/health`, under the name that orchestrators look for."""
    return Health()


@router.get("/api/readyz", dependencies=[Turn])
def get_readyz(runtime: Running) -> Health:
    """Say whether requests can be answered: the database answers too."""
    with runtime.database.system() as session:
        session.execute(text("SELECT 1"))
    return Health()
