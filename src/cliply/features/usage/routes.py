"""Usage over HTTP."""

from typing import Annotated

from fastapi import Query

from cliply.features.identity.access import Caller
from cliply.features.identity.dependencies import WorkspaceSession, allowed
from cliply.features.identity.permissions import Action
from cliply.features.usage import service as usage
from cliply.features.usage.schemas import UsageRead
from cliply.infra.routing import router as new_router

router = new_router("usage")


@router.get("/api/usage")
def get_usage(
    caller: Annotated[Caller, allowed(Action.READ_WORKSPACE)],
    session: WorkspaceSession,
    periods: Annotated[int, Query(ge=0, le=usage.MOST_PERIODS, description="Of those that are over.")] = 12,
) -> UsageRead:
    """See what the workspace has used of its plan, what it will have at this pace, and what it used before."""
    return UsageRead.of(usage.summary(session, caller, periods=periods))
