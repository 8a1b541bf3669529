"""The service over HTTP: every feature's routes, and what holds for all of them."""

import asyncio
import threading
from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from cliply import __version__
from cliply.api import demo, files, health, openapi, problems
from cliply.api.limits import Limits
from cliply.api.middleware import Heads, RequestContext, SecurityHeaders
from cliply.features.account import routes as account
from cliply.features.billing import routes as billing
from cliply.features.clips import routes as clips
from cliply.features.identity import routes as identity
from cliply.features.identity.bearer import open_tokens
from cliply.features.identity.plans import plans_of
from cliply.features.jobs import routes as jobs
from cliply.features.organisations import routes as organisations
from cliply.features.pipeline import routes as pipeline
from cliply.features.projects import routes as projects
from cliply.features.publishing import pulse
from cliply.features.publishing import routes as publishing
from cliply.features.publishing import schedule_routes as schedules
from cliply.features.recovery import routes as recovery
from cliply.features.usage import routes as usage
from cliply.features.usage.calls import ApiCalls
from cliply.features.workspaces import routes as workspaces
from cliply.infra.health import readiness
from cliply.infra.storage.folder import FolderStorage
from cliply.infra.storage.links import PATH as FILES
from cliply.runtime import Runtime

ROUTERS: Sequence[APIRouter] = (
    health.router,
    identity.router,
    account.router,
    recovery.router,
    workspaces.router,
    workspaces.admin_router,
    usage.router,
    organisations.router,
    projects.router,
    pipeline.router,
    clips.router,
    publishing.router,
    schedules.router,
    billing.router,
    jobs.router,
    jobs.admin_router,
)


def create_app(runtime: Runtime) -> FastAPI:
    """`runtime` stays open for as long as the app is served.

    `state.stopping` is set when the server is about to leave: whoever holds an answer open ends it then. Raises what is
    wrong with the file of plans.
    """
    plans_of(runtime.settings)
    app = FastAPI(
        title="Cliply",
        version=__version__,
        description=openapi.DESCRIPTION,
        openapi_url="/api/openapi.json",
        # They load scripts from somebody else's server.
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        separate_input_output_schemas=False,
        redirect_slashes=False,
    )
    app.state.runtime = runtime
    app.state.stopping = threading.Event()
    app.state.tokens = open_tokens(runtime.settings.oidc)
    app.state.readiness = readiness(runtime.database, runtime.settings, also={"scheduler": pulse.check})
    app.state.calls = ApiCalls(runtime.database)
    app.state.turns = asyncio.Semaphore(runtime.database.connections)
    for router in ROUTERS:
        app.include_router(router)
    if isinstance(runtime.storage, FolderStorage):
        app.include_router(files.router)
    if runtime.settings.providers == "demo":
        app.include_router(demo.router)
    openapi.complete(app)
    problems.register(app)
    # The last one added sees a request first.
    app.add_middleware(Limits, streamed=[FILES])
    app.add_middleware(Heads)
    app.add_middleware(SecurityHeaders, secure=runtime.settings.server.secure)
    app.add_middleware(RequestContext)
    return app
