"""Every change of the whole API, asked for many times at once, again, otherwise, too late, and through a crash."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient
from tests.api import test_audit_entries as audited
from tests.api.conftest import World
from tests.api.operations import Operation, operations
from tests.api.test_audit_entries import Scene, count, forget_tries, media, ready, request_of, runtime, stage, video
from tests.database import as_owner
from tests.features.publishing.stage import Stage

from cliply.infra import idempotency
from cliply.infra.routing import SHOWN_ONCE
from cliply.runtime import Runtime

__all__ = ["media", "runtime", "stage", "video"]

ONE_BY_ONE = {
    "sign_in": "each begins a session of its own, and its answer is a secret",
    "start_recovery": "each sends a code; an earlier one is worth nothing then",
    "change_address": "each sends a code; an earlier one is worth nothing then",
    "change_password": "the old password is wrong the second time",
}
"""Without a key, since they hold a secret: what happens when they come again is theirs to say."""
ONCE_BY_ITSELF = {
    "sign_up": "an address has one account",
    "finish_recovery": "the code is used up",
    "complete_oauth": "the state is used up",
}
"""Without a key as well: what they are sent is good for one time."""

SIGNS_OUT = {"sign_out"}
"""What proved who asks is over then, so whoever asks again is told to sign in."""

FORMS = [pytest.param(4, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.soak)]


@dataclass
class Trial:
    """One request, the same each time; what is wrong with what came of it."""

    scene: Scene
    operation: Operation
    request: dict[str, Any]
    database: str
    key: str = ""
    wrong: list[str] = field(default_factory=list)

    def ask(self, *, key: bool = True, **more: Any) -> Any:
        headers = {**self.request["headers"], **({"idempotency-key": self.key} if key else {})}
        return self.scene.client.request(**{**self.request, "headers": headers, **more})

    def at_once(self, times: int, *, key: bool = True) -> list[Any]:
        forget_tries(self.scene.world)
        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(lambda _: self.ask(key=key), range(times)))

    def expect(self, holds: bool, what: str, answers: Any) -> None:
        if not holds:
            told = [(each.status_code, each.text[:160]) for each in answers]
            self.wrong.append(f"{self.operation.id}: {what}: {told[:5]}")

    @contextmanager
    def effects(self, expected: int, what: str, answers: list[Any]) -> Iterator[None]:
        """Each change has one entry in the log, so entries are counted."""
        before = count(self.scene.world)
        yield
        done = count(self.scene.world) - before
        self.expect(done == expected, f"{what}: {done} effects", answers)

    def is_keyed(self) -> bool:
        return any(each["name"] == "Idempotency-Key" for each in self.operation.document.get("parameters", ()))


def code(answer: Any) -> str:
    return str(answer.json()["code"])


def keyed(trial: Trial, times: int) -> None:
    answers: list[Any] = []
    for what, step in (("in flight", in_flight), ("crash", crashed)):
        with trial.effects(0, what, answers):
            answers[:] = step(trial)
    with trial.effects(1, "at once", answers):
        answers[:] = trial.at_once(times)
    done = [each for each in answers if each.is_success]
    late = [each for each in answers if not each.is_success]
    others = {code(each) for each in late if trial.operation.id not in SIGNS_OUT or each.status_code != 401}
    shown_once = bool(trial.operation.document.get(SHOWN_ONCE))
    trial.expect(others <= {"still_running", *(["answered_once"] if shown_once else [])}, "at once", answers)
    trial.expect(len({(each.status_code, each.content) for each in done}) == 1, "one answer", answers)
    trial.expect(sum("idempotency-replayed" not in each.headers for each in done) == 1, "done once", answers)
    if trial.operation.id in SIGNS_OUT:
        again = trial.ask()
        trial.expect(again.status_code == 401, "signed out", [again])
        return
    with trial.effects(0, "replay", answers):
        answers[:] = [trial.ask()]
    if shown_once:
        trial.expect(code(answers[0]) == "answered_once", "replay of a secret", answers)
    else:
        again = answers[0]
        same = (again.status_code, again.content) == (done[0].status_code, done[0].content) if done else False
        trial.expect(same and again.headers.get("idempotency-replayed") == "true", "replay", answers)
    with trial.effects(0, "mismatch", answers):
        answers[:] = [trial.ask(params={"other": "1"})]
    trial.expect(code(answers[0]) == "key_used_for_another", "mismatch", answers)
    expired(trial)


def in_flight(trial: Trial) -> list[Any]:
    """Somebody else is at it: whoever that is holds the lock of the key."""
    with as_owner(trial.database) as held:
        for scope in scopes(trial):
            lock = int.from_bytes(idempotency.Asked(trial.key, scope, b"").id[:8], signed=True)
            held.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
        answers = [trial.ask()]
    trial.expect(code(answers[0]) == "still_running", "in flight", answers)
    return answers


def scopes(trial: Trial) -> Iterator[tuple[str, ...]]:
    """Of the caller in the workspace that is named, or in none."""
    world, headers = trial.scene.world, trial.request["headers"]
    with world.database.system() as session:
        users = [str(each) for each in session.execute(text("SELECT id FROM users")).scalars()]
    named = headers.get("x-workspace-id"), *(part for part in trial.request["url"].split("/") if is_id(part))
    for user in users:
        what = user, "", trial.request["method"], trial.request["url"]
        yield what
        for workspace in {each for each in named if each is not None}:
            yield workspace, *what


def is_id(part: str) -> bool:
    try:
        return bool(UUID(part))
    except ValueError:
        return False


def crashed(trial: Trial) -> list[Any]:
    """The connection is killed where the change is made and the answer is to be kept."""
    with as_owner(trial.database) as owner:
        owner.execute(text(KILLING))
    try:
        answers = [trial.ask()]
    finally:
        with as_owner(trial.database) as owner:
            owner.execute(text("DROP TRIGGER kill ON idempotency_keys"))
    trial.expect(answers[0].status_code == 503, "crash", answers)
    return answers


KILLING = """
    CREATE OR REPLACE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        PERFORM pg_terminate_backend(pg_backend_pid());
        RETURN NEW;
    END $$;
    CREATE TRIGGER kill BEFORE INSERT ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION kill();
"""


def expired(trial: Trial) -> None:
    """After a day a key means nothing, so it is asked for anew; whether it can be done once more is another matter."""
    with as_owner(trial.database) as owner:
        owner.execute(text("UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'"))
    forget_tries(trial.scene.world)
    answer = trial.ask()
    fresh = "idempotency-replayed" not in answer.headers and answer.status_code < 500
    trial.expect(fresh and (answer.is_success or code(answer) != "still_running"), "expired", [answer])


def once(trial: Trial, times: int) -> None:
    answers: list[Any] = []
    with trial.effects(1, "at once", answers):
        answers[:] = trial.at_once(times, key=False)
    trial.expect(any(each.is_success for each in answers), "done", answers)
    trial.expect(all(each.status_code < 500 for each in answers), "no fault", answers)


@pytest.mark.parametrize("times", FORMS)
def test_every_change_is_made_once_however_often_it_is_asked_for(
    app: FastAPI, client: TestClient, world: World, runtime: Runtime, video: Path, stage: Stage, migrated: str,
    times: int,
) -> None:  # fmt: skip
    scene = Scene(client, world, runtime, video, stage)
    wrong: list[str] = []
    tried: dict[str, set[str]] = {"keyed": set(), "once": set(), "neither": set()}
    changing = [each for each in operations(app) if each.method != "get" and each.id not in audited.SAYS_SO_ITSELF]
    for operation in changing:
        forget_tries(world)
        asked = ready(scene, operation)
        client.cookies.clear()
        trial = Trial(scene, operation, request_of(scene, operation, asked), migrated, key=f"k-{operation.id}")
        if trial.is_keyed():
            tried["keyed"].add(operation.id)
            keyed(trial, times)
        elif operation.method in ("put", "delete") or operation.id in ONCE_BY_ITSELF:
            tried["once"].add(operation.id)
            once(trial, times)
        else:
            tried["neither"].add(operation.id)
        wrong += trial.wrong
    with as_owner(migrated) as owner:
        owner.execute(text("DROP FUNCTION IF EXISTS kill"))
    assert wrong == [], "\n".join(wrong)
    assert tried["neither"] == set(ONE_BY_ONE)
    assert len(tried["keyed"]) >= 35
