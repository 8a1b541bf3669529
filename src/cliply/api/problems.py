"""What went wrong, as RFC 9457 has it: every kind of failure to one status and one shape of answer."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from cliply import errors
from cliply.errors import CliplyError, code_of
from cliply.features.clips.service import ClipChanged
from cliply.features.identity.access import Unauthenticated
from cliply.features.identity.codes import CodeOver
from cliply.features.identity.plans import NotInPlan, PlanLimit
from cliply.features.publishing.channels import WhichChannel
from cliply.features.publishing.composing import RuleBroken
from cliply.infra.idempotency import Answered
from cliply.infra.rate_limits import TooOften
from cliply.infra.storage.failures import NoSuchBytes, StorageFull, StorageNotThere, StorageRefused
from cliply.infra.workspace_guard import ForeignWorkspace

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger(__name__)


class PayloadTooLarge(errors.LimitReached):
    def __init__(self, what: str) -> None:
        super().__init__(f"The request is larger than is taken here: {what}.")


# The first that fits counts: exceptions from the six kinds stand above them.
STATUS: tuple[tuple[type[CliplyError], int], ...] = (
    (Unauthenticated, 401),
    (PlanLimit, 402),
    (CodeOver, 410),
    (ClipChanged, 412),
    (PayloadTooLarge, 413),
    (NoSuchBytes, 416),
    (TooOften, 429),
    # Nothing that the caller could do about.
    (StorageRefused, 503),
    (StorageNotThere, 503),
    (StorageFull, 507),
    (errors.NotFound, 404),
    (errors.NotAllowed, 403),
    (errors.Invalid, 422),
    (errors.Conflict, 409),
    (errors.LimitReached, 403),
    (errors.Unavailable, 503),
)


class FieldProblem(BaseModel):
    """What is wrong with one value of the request."""

    pointer: str = Field(description="Where it is: `/body/name`, `/query/limit`.", examples=["/body/name"])
    detail: str = Field(examples=["Field required"])


class Choice(BaseModel):
    id: UUID
    name: str = Field(examples=["Bees, daily"])


class Problem(BaseModel):
    """Why a request was not carried out (RFC 9457)."""

    type: str = Field(description="Names the kind of problem; ends with `code`.")
    title: str
    status: int
    detail: str = Field(description="What is wrong, and what to do; for people.")
    code: str = Field(description="Stays the same from version to version; for programs.")
    request_id: str = Field(description="Names this request in the service's logs.")
    errors: Sequence[FieldProblem] = Field((), description="Which values are wrong, where that is known.")
    choices: Sequence[Choice] = Field((), description="Which things could be meant, where one has to be named.")


class PlanProblem(Problem):
    """A problem that another plan would solve: 402 where a limit is reached, 403 where the plan has it not at all."""

    plan: str = Field(description="The workspace's plan.", examples=["basic"])
    exceeded: str = Field(
        description="What is limited, as the plan names it; `scheduling` and the like where it is not allowed at all.",
        examples=["uploads_per_day"],
    )
    limit: int = Field(description="How much the plan allows.", examples=[5])
    used: int = Field(description="How much of it is used.", examples=[5])
    wanted: int = Field(description="How much more was asked for.", examples=[1])
    resets_at: AwareDatetime | None = Field(description="From when on there is more again; null where that never is.")
    lifts: Sequence[str] = Field(
        description="Plans that allow it; none where only an operator can.", examples=[["pro"]]
    )


def problem(
    request_id: str,
    status: int,
    code: str,
    detail: str,
    *,
    fields: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    return _answer(told(request_id, status, code, detail, fields), headers)


def _answer(told: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(told.model_dump(mode="json"), told.status, headers=headers, media_type=MEDIA_TYPE)


def told(request_id: str, status: int, code: str, detail: str, fields: Sequence[FieldProblem] = ()) -> Problem:
    return Problem(
        type=f"urn:cliply:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        request_id=request_id,
        errors=fields,
    )


def status_of(error: CliplyError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def of_error(request_id: str, error: CliplyError) -> Response:
    """The answer to an error whose message was written for people."""
    headers: dict[str, str] = {}
    if isinstance(error, PlanLimit | NotInPlan):
        return _answer(of_plan(request_id, error))
    if isinstance(error, TooOften):
        headers |= {"retry-after": str(error.retry_after), **error.headers}
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="Cliply"'
    found = told(request_id, status_of(error), code_of(type(error)), str(error))
    if isinstance(error, RuleBroken):
        found.errors = [
            FieldProblem(pointer=_of_field(each["field"]), detail=each["message"]) for each in error.problems
        ]
    if isinstance(error, WhichChannel):
        found.choices = [Choice.model_validate(each) for each in error.choices]
    return _answer(found, headers)


def _of_field(name: str) -> str:
    """`options.tags`; what is wrong with the video is to be mended in the clip."""
    return "/body/" + ("clip_id" if name == "video" else name.replace(".", "/"))


def of_plan(request_id: str, error: PlanLimit | NotInPlan) -> PlanProblem:
    """A flag that the plan lacks is a limit of nothing."""
    counted: dict[str, Any] = {"limit": 0, "used": 0, "wanted": 1, "resets_at": None}
    if isinstance(error, PlanLimit):
        counted = {name: getattr(error, name) for name in counted}
    return PlanProblem(
        **told(request_id, status_of(error), code_of(type(error)), str(error)).model_dump(),
        **counted,
        exceeded=error.exceeded,
        plan=error.plan,
        lifts=error.lifts,
    )


def fault(request_id: str) -> Response:
    """The answer to a fault of ours, which tells nothing about it."""
    detail = f"Something went wrong in Cliply itself. Try again; if it stays, report it with the id {request_id}."
    return problem(request_id, 500, "fault", detail)


def register(app: FastAPI) -> None:
    app.exception_handler(CliplyError)(_cliply)
    app.exception_handler(ForeignWorkspace)(_foreign)
    app.exception_handler(Answered)(_answered)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(ResponseValidationError)(_wrong_answer)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(OperationalError)(_database)
    app.exception_handler(NoConnection)(_database)


def request_id_of(request: Request) -> str:
    return str(request.scope["state"]["request_id"])


def _cliply(request: Request, error: CliplyError) -> Response:
    return of_error(request_id_of(request), error)


def _foreign(request: Request, error: ForeignWorkspace) -> Response:
    _log.error("foreign_workspace_refused", exc_info=error)
    return fault(request_id_of(request))


def _wrong_answer(request: Request, error: ResponseValidationError) -> Response:
    # Its message repeats the whole answer.
    _log.error("answer_not_as_documented", extra={"where": [str(each["loc"]) for each in error.errors()]})
    return fault(request_id_of(request))


def _answered(_request: Request, before: Answered) -> Response:
    answer = before.answer
    return Response(answer.body, answer.status, {**answer.headers, "idempotency-replayed": "true"})


def _invalid(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        detail = "The body is no JSON, or is cut off. Send it as application/json."
        return problem(request_id_of(request), 400, "malformed_json", detail)
    # What was sent is not repeated: it may be a password.
    fields = [FieldProblem(pointer=_pointer(each["loc"]), detail=_plain(each["msg"])) for each in found]
    shown = "; ".join(f"{each.pointer.rpartition('/')[2]}: {each.detail}" for each in fields[:5])
    detail = f"The request cannot be used as it is: {shown}."
    return problem(request_id_of(request), 422, "validation_failed", detail, fields=fields)


def _pointer(location: Sequence[Any]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


_HTTP = {
    404: ("no_such_address", "There is nothing at this address. See /api/openapi.json for what there is."),
    405: ("method_not_allowed", "This address does not take that method. See /api/openapi.json for what it takes."),
    400: ("bad_request", "The request cannot be read."),
}


def _http(request: Request, error: HTTPException) -> Response:
    code, detail = _HTTP.get(error.status_code, (HTTPStatus(error.status_code).name.lower(), str(error.detail)))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(set(_methods_at(request))))
    return problem(request_id_of(request), error.status_code, code, detail, headers=headers)


def _methods_at(request: Request) -> Iterator[str]:
    """The framework names those of one route only, where several share the address."""
    for each in iter_route_contexts(request.app.routes):
        if each.path is not None and compile_path(each.path)[0].match(request.url.path):
            yield from getattr(each.original_route, "methods", None) or ()


def _database(request: Request, error: Exception) -> Response:
    _log.warning("database_unavailable", extra={"error": type(error).__name__})
    detail = "The database does not answer at the moment. Nothing was changed; try again soon."
    return problem(request_id_of(request), 503, "database_unavailable", detail, headers={"retry-after": "5"})
