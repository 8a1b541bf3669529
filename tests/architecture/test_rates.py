"""Every route is counted, and says in which rate."""

from pathlib import Path

from fastapi.routing import APIRoute
from tests.features.jobs.working import runtime_in

from cliply.api.app import create_app
from cliply.api.openapi import calls_of, routes_of
from cliply.features.identity import dependencies
from cliply.features.identity.rates import RateClass, Rates
from cliply.infra.db import Database
from cliply.infra.routing import RATE

UNCOUNTED = {
    # Orchestrators ask them all the time, and they have to answer when the database does not.
    "/api/health",
    "/api/healthz",
    "/api/readyz",
    # Whoever has no token learns nothing, and the database is not asked.
    "/metrics",
}


def routes(folder: Path) -> list[tuple[str, APIRoute]]:
    """Of demo mode as well, and of the storage that the service keeps itself."""
    runtime = runtime_in(folder, Database("postgresql://127.0.0.1:1/nothing"))
    runtime.settings.providers = "demo"
    return list(routes_of(create_app(runtime)))


def test_every_route_that_changes_something_says_in_which_rate_it_is_counted(tmp_path: Path) -> None:
    changing = [(path, route) for path, route in routes(tmp_path) if not (route.methods or set()) <= {"GET", "HEAD"}]
    told = {f"{route.name} {path}": (route.openapi_extra or {}).get(RATE) for path, route in changing}
    assert {name for name, said in told.items() if said not in set(RateClass)} == set()
    assert len(told) > 60


def test_every_route_is_counted_by_who_asks_or_by_where_they_are(tmp_path: Path) -> None:
    counting = {dependencies.principal, dependencies.counted, dependencies._counted_in_turn}
    uncounted = {path for path, route in routes(tmp_path) if not counting & set(calls_of(route.dependant))}
    assert uncounted == UNCOUNTED


def test_whoever_is_not_known_has_a_rate_by_their_address(tmp_path: Path) -> None:
    for path, route in routes(tmp_path):
        if path not in UNCOUNTED and dependencies.principal not in set(calls_of(route.dependant)):
            said = RateClass((route.openapi_extra or {})[RATE])
            assert Rates().of(said).address is not None, path


def test_every_class_is_a_field_of_the_rates() -> None:
    assert list(RateClass) == list(Rates.model_fields)
