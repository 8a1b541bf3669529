"""Which tests are counted as of one unit alone."""

import sys
from types import ModuleType

import pytest
from tests import kinds

from cliply.infra.db import Database


def is_integration(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("integration") is not None


def test_a_test_of_nothing_but_code_is_of_a_unit(request: pytest.FixtureRequest) -> None:
    assert not is_integration(request)


@pytest.mark.usefixtures("database")
def test_a_test_on_the_database_is_none(request: pytest.FixtureRequest) -> None:
    assert is_integration(request)


def of(*values: object, name: str = "tests.made") -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update({f"value_{number}": value for number, value in enumerate(values)})
    return module


def test_what_has_a_server_from_anywhere_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import http.server

    class Helped:
        __module__ = "tests.made_helping"

    served = of(http.server.ThreadingHTTPServer, name="tests.made_helping")
    monkeypatch.setitem(sys.modules, "tests.made_helping", served)
    assert kinds._reaches_a_starter(of(http.server))
    assert kinds._reaches_a_starter(of(Helped))
    assert not kinds._reaches_a_starter(of(Database, name="tests.made_apart"))
