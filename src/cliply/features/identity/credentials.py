"""What a request brings to prove who sends it: a browser's session, or a program's key."""

from uuid import UUID

from sqlalchemy.orm import Session

from cliply.features.identity import api_keys, bearer, login_sessions
from cliply.features.identity.access import Principal, Unauthenticated
from cliply.features.identity.bearer import Claims
from cliply.features.identity.login_sessions import SignedOut


class WrongScheme(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("Send the header like this: Authorization: Bearer clp_live_… with an API key.")


def principal_of(
    session: Session,
    authorization: str | None,
    cookie: str | None,
    *,
    claims: Claims | None = None,
    place: UUID | None = None,
    request_id: str | None = None,
    ip: str | None = None,
) -> Principal:
    """Who sends it, in a session of the system; what is named in a header counts, and no cookie then.

    `claims` are what the header's token says, where it is one of another service's; `place` is the workspace that the
    request names, if it does.

    Raises Unauthenticated.
    """
    if claims is not None:
        return bearer.principal_of(session, claims, place=place, request_id=request_id, ip=ip)
    if authorization is not None:
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise WrongScheme
        return api_keys.principal_of(session, secret.strip(), request_id=request_id, ip=ip)
    if cookie is None:
        raise SignedOut
    seen = login_sessions.user_of(session, cookie, place=place)
    return Principal(seen.user_id, request_id=request_id, ip=ip, plan=seen.plan)
