"""How Stripe refuses: `error` with a type, and often a code and the parameter that is meant."""

from typing import Any


class Refused(Exception):
    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        lasting: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.lasting = lasting
        """Whether what was done until then stays done, as with a payment that was tried."""
        self.status = status
        self.code = code
        self.kind = kind
        self._more = {"code": code, "param": param, **more}

    def body(self) -> dict[str, Any]:
        told = {name: value for name, value in self._more.items() if value is not None}
        return {"error": {"message": str(self), "type": self.kind, **told}}


def wrong(message: str, param: str | None = None, *, code: str | None = None) -> Refused:
    return Refused(400, message, param=param, code=code)


def missing(kind: str, wanted: str, param: str) -> Refused:
    """`param` is `id` where the address of the call names it."""
    status = 404 if param == "id" else 400
    return Refused(status, f"No such {kind}: '{wanted}'", code="resource_missing", param=param)


def declined(code: str, decline_code: str | None, message: str, **more: Any) -> Refused:
    return Refused(402, message, kind="card_error", code=code, decline_code=decline_code, **more)
