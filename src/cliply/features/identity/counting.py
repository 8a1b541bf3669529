"""Counts a request before anything is done for it, by the rates of whoever asks; one that fails counts as well."""

from collections.abc import Mapping
from uuid import UUID

from cliply.features.identity.access import Principal
from cliply.features.identity.plans import Plans
from cliply.features.identity.rates import Often, RateClass, limit_of
from cliply.infra.db import Database
from cliply.infra.rate_limits import bucket_of, place_of, spend_apart

_WHAT: Mapping[RateClass, str] = {
    RateClass.UPLOAD: "uploads in a short time",
    RateClass.EXPENSIVE: "things to be made in a short time",
    RateClass.PUBLISH: "publications at once",
    RateClass.UNPROVED: "requests from here that prove nothing",
}


def count(
    database: Database, plans: Plans, which: RateClass, *, by: Principal, workspace_id: UUID | None
) -> Mapping[str, str]:
    """Of somebody who is known, in the workspace that the request names, or in none.

    The rates are those of that workspace's plan, where they are a member of it, and of the plan of new workspaces
    otherwise: nobody uses up what is another's. Returns headers. Raises TooOften.
    """
    plan = plans.default if by.plan is None else plans.of(by.plan.name, by.plan.overrides)
    whose = {
        "user": None if by.key is not None else str(by.user_id),
        "key": None if by.key is None else str(by.key.id),
        "workspace": None if by.plan is None or workspace_id is None else str(workspace_id),
        "address": None if by.ip is None else place_of(by.ip),
    }
    return _spent(database, plan.terms.rates.of(which), which, whose)


def count_stranger(database: Database, plans: Plans, which: RateClass, *, ip: str | None) -> Mapping[str, str]:
    """Of somebody who is not known, by the rates of the plan of new workspaces. Returns headers. Raises TooOften."""
    whose = {"address": None if ip is None else place_of(ip)}
    return _spent(database, plans.default.terms.rates.of(which), which, whose)


def _spent(database: Database, often: Often, which: RateClass, whose: Mapping[str, str | None]) -> Mapping[str, str]:
    limits = {
        bucket_of(f"{which.replace('_', '-')}-{kind}", name): limit_of(rate)
        for kind, name in whose.items()
        if name is not None and (rate := getattr(often, kind)) is not None
    }
    return spend_apart(database, limits, what=_WHAT.get(which, "requests"))
