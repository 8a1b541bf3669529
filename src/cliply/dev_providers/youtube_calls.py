"""Who may call what: a token, its scopes, the app's quota and the parameters, in the order in which YouTube looks."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from cliply.dev_providers import youtube_contract as contract
from cliply.dev_providers.world import Bearer, Channel, GoogleAccount, GoogleWorld
from cliply.dev_providers.youtube_quotas import Quota, Quotas
from cliply.dev_providers.youtube_refusals import Refusal, bad_credentials, too_few_scopes, unfit


@dataclass(frozen=True, slots=True)
class Call:
    """One that may go on."""

    bearer: Bearer[GoogleAccount]
    method: contract.Method
    parameters: Mapping[str, list[str]]

    def one(self, name: str) -> str | None:
        return next(iter(self.parameters.get(name, ())), None)

    def parts(self, known: set[str]) -> tuple[str, ...]:
        """Raises Refusal."""
        asked = tuple(dict.fromkeys(self.parameters.get("part", ())))
        for part in asked:
            if part not in known:
                raise Refusal(400, "unknownPart", "youtube.part", f"'{part}'", location="part")
        return asked

    @property
    def channel(self) -> Channel:
        """Raises Refusal where there is none, or none any more."""
        person = self.bearer.account.person
        if person.closed:
            raise Refusal(403, "authenticatedUserAccountClosed", "youtube.common")
        if person.suspended:
            raise Refusal(403, "authenticatedUserAccountSuspended", "youtube.common")
        if self.bearer.account.channel is None:
            raise Refusal(401, "youtubeSignupRequired", "youtube.header", "Unauthorized", location="Authorization")
        return self.bearer.account.channel


class Calls:
    def __init__(self, world: GoogleWorld, quotas: Quotas) -> None:
        self.world = world
        self.quotas = quotas

    def bearer(self, request: Request) -> Bearer[GoogleAccount]:
        """Raises Refusal."""
        bearer = self.world.bearer(request.headers.get("authorization"))
        if bearer is None:
            raise bad_credentials()
        return bearer

    def admit(self, request: Request, method: str, quota: Quota | None, cost: int = 1) -> Call:
        """Raises Refusal. What is refused later costs all the same."""
        bearer, wanted = self.bearer(request), contract.method(method)
        if not wanted.scopes & bearer.scopes:
            raise too_few_scopes(method)
        if quota is not None:
            self.quotas.spend(bearer.app.id, quota, cost)
        given: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            given.setdefault(name, []).append(value)
        try:
            parameters = contract.checked_parameters(wanted, given)
        except contract.Misfit as misfit:
            raise unfit(misfit.path, misfit.why) from None
        return Call(bearer, wanted, parameters)

    def answer(self, method: str, body: dict[str, Any], status: int = 200) -> Response:
        """Held to the description too: a stand-in that answers otherwise would teach its users wrong things."""
        contract.check(contract.method(method).response, body)
        return JSONResponse(body, status)

    def guarded(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """A handler whose refusals are answered, and are in the ledger."""

        async def answering(request: Request) -> Response:
            try:
                return await handler(request)
            except Refusal as refusal:
                # Read to its end: who is answered while still sending may never hear it.
                with suppress(ClientDisconnect, RuntimeError):
                    async for _ in request.stream():
                        pass
                self._refused(request, refusal)
                return refusal.response()

        return answering

    def _refused(self, request: Request, refusal: Refusal) -> None:
        bearer = self.world.bearer(request.headers.get("authorization"))
        channel = None if bearer is None else bearer.account.channel
        self.world.ledger.add(
            "google",
            "youtube_refused",
            who="" if channel is None else channel.id,
            path=request.url.path,
            status=refusal.code,
            reason=refusal.reason,
        )
