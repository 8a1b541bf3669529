"""Refusals in the form that YouTube gives them."""

from typing import Any

from starlette.responses import JSONResponse, Response

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
}


class Refusal(Exception):
    """Nothing was done."""

    def __init__(
        self,
        code: int,
        reason: str,
        domain: str = "global",
        message: str = "",
        *,
        location: str | None = None,
        info: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message or reason)
        self.code = code
        self.reason = reason
        self.domain = domain
        self.message = message or f"The request was refused: {reason}."
        self.location = location
        self.info = info

    def response(self) -> Response:
        error: dict[str, Any] = {"message": self.message, "domain": self.domain, "reason": self.reason}
        if self.location is not None:
            error |= {"location": self.location, "locationType": "header" if self.code == 401 else "other"}
        body: dict[str, Any] = {"code": self.code, "message": self.message, "errors": [error]}
        # Servers of YouTube's own leave these out; those in front of all Google APIs have them.
        if self.domain == "global":
            body["status"] = _STATUS.get(self.code, "INVALID_ARGUMENT")
            if self.info is not None:
                body["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", **self.info}]
        return JSONResponse({"error": body}, self.code)


def bad_credentials() -> Refusal:
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential."
    )
    return Refusal(401, "authError", message=message, location="Authorization")


def too_few_scopes(method: str) -> Refusal:
    info = {
        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "domain": "googleapis.com",
        "metadata": {"service": "youtube.googleapis.com", "method": method},
    }
    message = "Request had insufficient authentication scopes."
    return Refusal(403, "insufficientPermissions", message=message, info=info)


def units_spent() -> Refusal:
    message = (
        "The request cannot be completed because you have exceeded your "
        '<a href="/youtube/v3/getting-started#quota">quota</a>.'
    )
    return Refusal(403, "quotaExceeded", "youtube.quota", message)


def bucket_spent(metric: str, limit: str) -> Refusal:
    message = (
        f"Quota exceeded for quota metric '{metric}' and limit '{limit}' of service 'youtube.googleapis.com' for "
        "consumer 'project_number:100200300400'."
    )
    metadata = {"quota_limit_value": "100", "quota_unit": "1/d/{project}", "service": "youtube.googleapis.com"}
    info = {"reason": "RATE_LIMIT_EXCEEDED", "domain": "googleapis.com", "metadata": metadata}
    return Refusal(429, "rateLimitExceeded", message=message, info=info)


def unfit(path: str, why: str) -> Refusal:
    return Refusal(400, "badRequest", message=why if "Unknown name" in why else f"Invalid value at '{path}': {why}")
