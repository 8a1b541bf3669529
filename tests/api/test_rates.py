"""How often the service may be asked, and what programs are told of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.database import as_owner
from tests.infra.queue.fleet import until

from cliply.api.app import create_app
from cliply.api.server import _Server
from cliply.dev_providers.serve import address_of, listening
from cliply.runtime import Runtime

RATES = """
[unlimited.rates.read]
user = "4/hour"
key = "3/hour"
workspace = "5/hour"
address = "unlimited"
[unlimited.rates.write]
user = "2/hour"
[unlimited.rates.sign_in]
address = "2/hour"
[unlimited.rates.files]
address = "2/hour"
[unlimited.rates.unproved]
address = "2/hour"
"""

Open = Callable[..., TestClient]


@pytest.fixture
def limited(runtime: Runtime, tmp_path: Path) -> Runtime:
    (tmp_path / "plans.toml").write_text(RATES)
    return replace(runtime, settings=runtime.settings.model_copy(update={"plans": tmp_path / "plans.toml"}))


@pytest.fixture
def served(limited: Runtime) -> Iterator[Open]:
    """The service, as it is asked from an address."""
    app, opened = create_app(limited), []

    def open_(ip: str = "192.0.2.7") -> TestClient:
        opened.append(TestClient(app, base_url="http://cliply.test", client=(ip, 50_000)))
        return opened[-1]

    yield open_
    for client in opened:
        client.close()


def statuses(ask: Callable[[], Any], times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_every_answer_of_somebody_who_is_known_tells_what_is_left(served: Open, world: World) -> None:
    client, path, mine = served(), f"/api/workspaces/{world.workspace}", world.headers("owner")
    read = client.get(path, headers=mine)
    assert read.headers["ratelimit-policy"] == '"read-user";q=4;w=3600, "read-workspace";q=5;w=3600'
    assert read.headers["ratelimit"] == '"read-user";r=3;t=900, "read-workspace";r=4;t=720'
    by_key = client.get(path, headers=world.headers("owner", key=True))
    assert by_key.headers["ratelimit-policy"] == '"read-key";q=3;w=3600, "read-workspace";q=5;w=3600'
    known = client.get(path, headers=mine | {"if-none-match": read.headers["etag"]})
    wrong = client.patch(path, headers=mine, json={"timezone": "Nowhere"})
    forbidden = client.patch(path, headers=world.headers("viewer"), json={"name": "Mine"})
    assert [each.status_code for each in (known, wrong, forbidden)] == [304, 422, 403]
    assert known.headers["ratelimit"].startswith('"read-user";r=2;')
    assert '"write-user";r=1;' in wrong.headers["ratelimit"]
    assert '"write-user";r=1;' in forbidden.headers["ratelimit"]


def test_a_person_a_key_and_a_workspace_have_each_their_own(served: Open, world: World) -> None:
    client, path = served(), f"/api/workspaces/{world.workspace}"

    def ask(who: str, *, key: bool = False) -> Any:
        return client.get(path, headers=world.headers(who, key=key))

    assert statuses(lambda: ask("owner", key=True), 4) == [200, 200, 200, 429]
    assert statuses(lambda: ask("owner"), 2) == [200, 200], "who made the key has not asked"
    refused = ask("admin")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_often"), "all of them are five"
    assert refused.json()["detail"] == "Too many requests. Wait 12 minutes, then try again."
    assert 700 < int(refused.headers["retry-after"]) <= 720
    assert refused.headers["ratelimit"].startswith('"read-user";r=4;')
    assert f'"read-workspace";r=0;t={refused.headers["retry-after"]}' in refused.headers["ratelimit"]
    assert client.get("/api/me", headers=world.headers("admin")).status_code == 200, "of another place there is more"


def test_nobody_uses_up_what_is_another_workspace_s(served: Open, world: World) -> None:
    client, path = served(), f"/api/workspaces/{world.workspace}"
    assert statuses(lambda: client.get(path, headers=world.headers("stranger")), 5) == [404] * 4 + [429], (
        "their own is used up"
    )
    assert client.get(path, headers=world.headers("owner")).headers["ratelimit"].startswith('"read-user";r=3;')
    both = world.headers("owner", workspace=world.other)
    assert client.get(path, headers=both).status_code == 404, "two names are none"


def test_what_fails_counts_and_is_not_kept_for_its_key(served: Open, world: World) -> None:
    client, path = served(), f"/api/workspaces/{world.workspace}"
    mine = world.headers("owner") | {"idempotency-key": "k-1"}
    wrong = [client.patch(path, json={"timezone": "Nowhere"}, headers=mine).status_code for _ in range(2)]
    assert wrong == [422, 422]
    assert client.patch(path, json={"name": "Looms"}, headers=mine).status_code == 429
    with world.database.system() as session:
        session.execute(text("DELETE FROM rate_limits"))
    assert client.patch(path, json={"name": "Looms"}, headers=mine).status_code == 200


def test_strangers_are_counted_by_where_they_come_from(served: Open) -> None:
    body = {"email": "ada@example.com", "password": "analytical engine no. 1"}
    here, there = served(), served("198.51.100.1")
    answers = [here.post("/api/auth/sign-in", json=body) for _ in range(3)]
    assert [each.status_code for each in answers] == [401, 401, 429]
    assert answers[0].headers["ratelimit"] == '"sign-in-address";r=1;t=1800'
    assert there.post("/api/auth/sign-in", json=body).status_code == 401
    one, two = served("2001:db8:1:2::1"), served("2001:db8:1:2:ffff::9")
    asked = [client.post("/api/auth/sign-in", json=body).status_code for client in (one, two, one)]
    assert asked == [401, 401, 429], "a network is one place"


def test_what_proves_nothing_is_counted_by_where_it_comes_from(served: Open, world: World) -> None:
    client = served()
    wrong = {"authorization": f"Bearer {world.keys['owner'][:-1]}x"}
    assert statuses(lambda: client.get("/api/me", headers=wrong), 3) == [401, 401, 429]
    assert client.get("/api/me", headers=world.headers("owner")).status_code == 200, "who is known is not held up by it"


def test_files_behind_links_are_counted_too(served: Open) -> None:
    client = served()
    assert statuses(lambda: client.get("/files/a?signature=b"), 2) == [403, 403]
    assert client.put("/files/a?signature=b", content=b"part").status_code == 429


def test_all_buckets_of_a_request_are_one_question(client: TestClient, world: World, migrated: str) -> None:
    with as_owner(migrated) as owner:
        counting = "EXECUTE format('ALTER DATABASE %I SET track_functions = pl', current_database())"
        owner.execute(text(f"DO $$ BEGIN {counting}; END $$"))
    # A connection counts from its beginning, and tells at its end.
    world.database.close()
    assert client.get(f"/api/workspaces/{world.workspace}", headers=world.headers("owner")).status_code == 200
    world.database.close()

    def asked() -> int | None:
        with as_owner(migrated) as owner:
            calls = "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'spend_tokens'"
            return owner.execute(text(calls)).scalar()

    until(asked)
    assert asked() == 1


@contextmanager
def behind(runtime: Runtime, proxies: str) -> Iterator[str]:
    trusting = runtime.settings.server.model_copy(update={"trusted_proxies": proxies})
    settings = runtime.settings.model_copy(update={"server": trusting})
    ready = threading.Event()
    server = _Server(create_app(replace(runtime, settings=settings)), settings, ready.set)
    with listening() as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert ready.wait(30)
            yield address_of(listener)
        finally:
            server.should_exit = True
            thread.join(30)


@pytest.mark.parametrize(
    ("proxies", "trusted"), [("", False), ("192.0.2.1", False), ("127.0.0.1", True)], ids=["none", "another", "this"]
)
def test_only_a_trusted_proxy_says_where_a_request_comes_from(
    limited: Runtime, world: World, proxies: str, trusted: bool
) -> None:
    body = {"email": "ada@example.com", "password": "analytical engine no. 1"}
    with behind(limited, proxies) as address:
        answers = [
            httpx2.post(
                f"{address}/api/auth/sign-in", json=body,
                headers={"x-forwarded-for": f"198.51.100.{number}", "forwarded": f"for=198.51.100.{number}"},
            ).status_code
            for number in range(4)
        ]  # fmt: skip
    assert answers == ([401] * 4 if trusted else [401, 401, 429, 429])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('read.user = "often"', "basic.rates.read.user: Value error, write a rate like 100/minute"),
        ('read.user = "0/minute"', "basic.rates.read.user"),
        ("read.user = 5", "basic.rates.read.user"),
        ('read.users = "5/minute"', "basic.rates.read.users: there is no such limit"),
        ('nap.user = "5/minute"', "basic.rates.nap: there is no such limit"),
        ('read = "5/minute"', "basic.rates.read"),
        ('read.user = "9999999/second"', "at most a million a second"),
    ],
)
def test_the_service_does_not_start_with_rates_that_are_wrong(
    runtime: Runtime, tmp_path: Path, wrong: str, told: str
) -> None:
    (tmp_path / "plans.toml").write_text(f"[basic.rates]\n{wrong}\n")
    settings = runtime.settings.model_copy(update={"plans": tmp_path / "plans.toml"})
    with pytest.raises(Exception, match="CLIPLY_PLANS") as raised:
        create_app(replace(runtime, settings=settings))
    assert told in str(raised.value)


def test_the_checks_of_orchestrators_are_never_refused(served: Open) -> None:
    client = served()
    for path in ("/api/health", "/api/healthz", "/api/readyz", "/api/openapi.json"):
        assert {client.get(path).status_code for _ in range(8)} == {200}, path
