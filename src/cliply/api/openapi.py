"""The document of the service: what the framework writes, and what it cannot know."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from cliply.api.openapi_examples import add_examples
from cliply.api.problems import MEDIA_TYPE, PlanProblem, Problem, of_plan, told
from cliply.features.identity import dependencies
from cliply.features.identity.dependencies import WORKSPACE_HEADER, Allowed
from cliply.features.identity.plans import BUILT_IN, Meter, PlanLimit
from cliply.infra.idempotency import LONGEST_KEY
from cliply.infra.routing import KEYED, LIMITED, TAKES_CODE, asked

DESCRIPTION = """\
Turns long videos into short clips worth posting.

Programs send `Authorization: Bearer clp_live_…` with an API key; browsers are signed in by a cookie. A workspace is
named in the path, in the header `X-Workspace-Id`, or by the key. What belongs to another workspace is not there: 404.

Everything that goes wrong is answered as `application/problem+json`: `code` stays the same from version to version,
`detail` is for people. A POST or PATCH that is sent again with the same `Idempotency-Key` is not done again.

Answers tell by `RateLimit-Policy` and `RateLimit` how often may be asked and how much of that is left; who asks too
often gets a 429 with `Retry-After`. In which rate an operation counts, it says as `x-cliply-rate`."""

READY = "/api/readyz"
ACTION = "x-cliply-action"
"""Of an operation that only some roles may do: its name in the table of permissions."""

_SECURITY = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key of a workspace."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-cliply", "description": "A signed-in browser."},
}
_ALWAYS = (413, 414, 500)
_DESCRIPTIONS = {
    304: "It is what the client knows already, by its `If-None-Match`.",
    400: "The body is no JSON.",
    401: "Nobody is signed in, or the key is wrong.",
    402: "The workspace's plan does not allow as much. Another plan may.",
    403: "The caller may not do this, or the workspace's plan does not have it; then the answer is as of a 402.",
    404: "It is not there, or belongs to another workspace.",
    409: "It does not fit what is there, or is being carried out already.",
    410: "The code was used, replaced or taken back, or is too old.",
    412: "It was changed meanwhile: `If-Match` names another version.",
    413: "The body is too large or too deeply nested, or the headers are too large.",
    414: "The address is too long.",
    422: "A value cannot be used.",
    429: "Asked too often; `Retry-After` says when to try again.",
    500: "A fault of Cliply.",
    503: "The database or the storage does not answer.",
}
_EXAMPLES = {
    400: ("malformed_json", "The body is no JSON, or is cut off. Send it as application/json."),
    401: ("unauthenticated", "Nobody is signed in. Sign in, or send an API key."),
    403: ("role_too_low", "Your role in this workspace does not allow this. Ask one of its owners."),
    404: ("no_such_project", "There is no such project."),
    409: ("job_has_ended", "Job 4711 has succeeded already, so it cannot be cancelled."),
    410: ("recovery_over", "This way back in was used already, or is too old. Ask for a new one."),
    412: ("clip_changed", "The clip was changed meanwhile. Read it again, then change it."),
    413: ("payload_too_large", "The request is larger than is taken here: a body may have 1048576 bytes."),
    414: ("address_too_long", "The address is longer than 8 kB."),
    422: ("validation_failed", "The request cannot be used as it is: name: Field required."),
    429: ("too_often", "Too many attempts to sign in. Try again in 5 seconds."),
    500: ("fault", "Something went wrong in Cliply itself. Try again; if it stays, report it with its id."),
    503: ("database_unavailable", "The database does not answer at the moment. Nothing was changed; try again soon."),
}
_TOLD_TO_WAIT = (429, 503)
_RATE_HEADERS = {
    "RateLimit-Policy": {
        "description": "The limits that this request counts in: `q` requests within `w` seconds.",
        "schema": {"type": "string"},
        "example": '"publish-workspace";q=60;w=60',
    },
    "RateLimit": {
        "description": "Of each, how many requests are left (`r`), and in how many seconds there are more (`t`).",
        "schema": {"type": "string"},
        "example": '"publish-workspace";r=0;t=1',
    },
}
_REQUEST = "0f4d6c2e9b7a4c1d8e5f3a2b1c0d9e8f"


def complete(app: FastAPI) -> None:
    """Have `app.openapi()` tell everything."""
    framework = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(app, framework())
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def routes_of(app: FastAPI) -> Iterator[tuple[str, APIRoute]]:
    """Every route with its whole path."""
    for each in iter_route_contexts(app.routes):
        if isinstance(each.original_route, APIRoute) and each.path is not None:
            yield each.path, each.original_route


def calls_of(dependant: Dependant) -> Iterator[object]:
    """What a route asks for, and what that asks for."""
    for each in dependant.dependencies:
        yield each.call
        yield from calls_of(each)


def _completed(app: FastAPI, document: dict[str, Any]) -> dict[str, Any]:
    # Wherever the document was taken from.
    document["servers"] = [{"url": "/"}]
    components = document.setdefault("components", {})
    components["securitySchemes"] = _SECURITY
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for shape in (Problem, PlanProblem):
        schema = shape.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
        schemas.update(schema.pop("$defs"))
        schemas[shape.__name__] = schema
    components["responses"] = {_name(status): _problem(status) for status in _DESCRIPTIONS if status >= 400}
    for path, route in routes_of(app):
        if route.include_in_schema:
            for method in sorted(route.methods or ()):
                _complete(document["paths"][path][method.lower()], method, path, route)
    add_examples(document)
    return document


def _complete(operation: dict[str, Any], method: str, path: str, route: APIRoute) -> None:
    calls = list(calls_of(route.dependant))
    operation["summary"] = _summary(operation)
    parameters = operation.setdefault("parameters", [])
    parameters += _parameters(method, path, calls, {each["name"] for each in parameters})
    if not parameters:
        del operation["parameters"]
    operation["security"] = [{"key": []}, {"cookie": []}] if dependencies.principal in calls else []
    for action in [each.action for each in calls if isinstance(each, Allowed)]:
        operation[ACTION] = action
    responses = operation["responses"]
    responses.pop("422", None)
    for status in _statuses(method, path, calls, operation):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{_name(status)}"})
    if method == "GET" and "application/json" in responses.get("200", {}).get("content", {}):
        responses["304"] = {"description": _DESCRIPTIONS[304]}


def _summary(operation: Mapping[str, Any]) -> str:
    """The first sentence of what the route says about itself."""
    return str(operation.get("description", "")).partition("\n")[0].rstrip(".")


def _parameters(method: str, path: str, calls: list[object], known: set[str]) -> Iterator[dict[str, Any]]:
    uuid = {"type": "string", "format": "uuid"}
    if "{workspace_id}" in path and "workspace_id" not in known:
        yield {"name": "workspace_id", "in": "path", "required": True, "schema": uuid, "description": "The workspace."}
    elif dependencies.member_of in calls or dependencies.workspace_named in calls:
        told = "The workspace, by its id; not needed with an API key, which belongs to one."
        yield {"name": WORKSPACE_HEADER, "in": "header", "required": False, "schema": uuid, "description": told}
    if method in KEYED and asked in calls:
        told = "Sent again with the same key, the request is not done again but answered as before, for 24 hours."
        schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": r"^[!#-\[\]-~]+$"}
        yield {"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema, "description": told}


def _statuses(method: str, path: str, calls: list[object], operation: Mapping[str, Any]) -> Iterator[int]:
    yield from _ALWAYS
    if dependencies.in_turn in calls or path == READY:
        yield 503
    if dependencies.principal in calls:
        yield from (401, 403, 429)
    if dependencies.same_site in calls:
        # Open to all: accounts, passwords and codes that are wrong, used up, or tried too often.
        yield from (401, 404, 429)
    yield from _by_what_it_says(operation)
    if dependencies.member_of in calls and path not in dependencies.NEVER_COUNTED:
        # By an API key, when its workspace has used its calls.
        yield 402
    if "{" in path or dependencies.member_of in calls:
        yield 404
    if "parameters" in operation or "requestBody" in operation:
        yield 422
    if method != "GET":
        yield from (403, 409)
    if "requestBody" in operation:
        yield 400
    if any(each["name"] == "if-match" for each in operation.get("parameters", ())):
        yield 412


def _by_what_it_says(operation: Mapping[str, Any]) -> Iterator[int]:
    if operation.get(LIMITED):
        yield 402
    if operation.get(TAKES_CODE):
        yield from (404, 410)


def _name(status: int) -> str:
    """`NotFound`."""
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


def _example(status: int) -> Problem:
    if status == 402:
        # A real one: an upload too many.
        basic, midnight = BUILT_IN.named("basic"), datetime(2026, 12, 2, tzinfo=UTC)
        return of_plan(_REQUEST, PlanLimit(Meter.UPLOADS_PER_DAY, limit=5, used=5, wanted=1, plan=basic, at=midnight))
    code, detail = _EXAMPLES[status]
    return told(_REQUEST, status, code, detail)


def _problem(status: int) -> dict[str, Any]:
    example = _example(status)
    schema = {"$ref": f"#/components/schemas/{type(example).__name__}"}
    problem: dict[str, Any] = {
        "description": _DESCRIPTIONS[status],
        "content": {MEDIA_TYPE: {"schema": schema, "example": example.model_dump(mode="json")}},
    }
    if status in _TOLD_TO_WAIT:
        wait = {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}, "example": 5}
        problem["headers"] = {"Retry-After": wait} | (_RATE_HEADERS if status == 429 else {})
    return problem
