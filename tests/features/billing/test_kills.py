"""Whoever is killed while an event is carried out leaves what agrees, and its job comes to the same when it runs again.

Before each statement and each commit of the job, as many as there are, a process kills itself; then the sweep gives its
job to another worker. In the end every table says what it says after a run in which nobody died.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from tests import rows
from tests.dev_providers.stripe_account import FAILS_LATER, PAYS, card
from tests.features.billing.mortal import END, Workers, mortals
from tests.features.billing.till import Till
from tests.features.jobs.attempts import attempt
from tests.infra.queue.claiming import claim, fall_silent, register, sweep
from tests.rows import Kept

from cliply.features.audit.models import AuditEntry
from cliply.features.billing import checking
from cliply.features.billing.tasks import QUEUE
from cliply.features.identity.plans import BUILT_IN
from cliply.features.notifications.models import Mail
from cliply.features.usage import ledger
from cliply.features.usage.models import Metric
from cliply.infra.queue.rows import Token
from cliply.integrations.payments import Subscription


def subscribe(at: Till) -> str:
    assert at.browser.post(at.checkout("pro"), data=card(PAYS)).status_code == 303
    return "customer.subscription.created"


def be_forgotten(at: Till) -> str:
    """Somebody has paid as a customer whom we have not written down."""
    event = subscribe(at)
    with at.world.database.system() as session:
        session.execute(text("DELETE FROM billing_customers"))
    return event


def take_more(at: Till) -> str:
    at.subscribe("pro")
    item = at.subscription["items"]["data"][0]["id"]
    wanted = {"items": [{"id": item, "price": "price_premium_monthly"}], "proration_behavior": "always_invoice"}
    at.shop.client.v1.subscriptions.update(at.subscription["id"], params=wanted)
    return "customer.subscription.updated"


def cancel(at: Till) -> str:
    at.subscribe("pro")
    at.shop.client.v1.subscriptions.cancel(at.subscription["id"])
    return "customer.subscription.deleted"


def fail_to_pay(at: Till) -> str:
    at.subscribe("pro", FAILS_LATER)
    at.shop.later(days=31, hours=2)
    return "invoice.payment_failed"


def be_refunded(at: Till) -> str:
    at.subscribe("pro")
    paid = at.shop.stripe.account.every("charge", paid=True)[0]
    at.shop.client.v1.refunds.create(params={"charge": paid["id"], "amount": 100})
    return "charge.refunded"


STEPS: Mapping[Callable[[Till], str], tuple[str, list[str]]] = {
    subscribe: ("pro", []),
    be_forgotten: ("pro", []),
    take_more: ("premium", []),
    cancel: ("basic", ["ended"]),
    fail_to_pay: ("pro", ["payment_failed"]),
    be_refunded: ("pro", ["refunded"]),
}
"""What happens at Stripe; the plan and the letters afterwards."""

VARIES = {
    # How often it was looked up, and by whom.
    "billing_customers": {"asked", "used"},
    "procrastinate_jobs": {"attempts", "deaths", "worker_id", "error"},
    "procrastinate_workers": {"*"},
    # Another attempt is told, and that its worker was lost.
    "procrastinate_events": {"*"},
    "job_events": {"*"},
    "job_keys": {"job_id"},
    # What is sealed is another text each time.
    "mails": {"sealed"},
}


@dataclass
class Scene:
    """An event whose job a worker has begun, as often as it is set."""

    at: Till
    engine: Engine
    token: Token
    kept: Kept
    there: Sequence[Subscription]
    """All subscriptions at the payment service."""

    def set(self) -> None:
        rows.put_back(self.engine, self.kept)

    def stands(self) -> Mapping[str, Any]:
        """What one transaction changes: subscriptions, what the workspace's own row says of them, and the audit."""
        state = self.at.state()
        with self.at.world.database.system() as session:
            entries = session.scalar(select(func.count()).select_from(AuditEntry))
        granted = [each for each in state["granted"] if each is not None]
        return {**{name: state[name] for name in ("plan", "anchor", "ids", "subscriptions")}, "granted": granted,
                "entries": entries}  # fmt: skip

    def agrees(self) -> None:
        """At any time: counters are the ledger, who was told has a letter, and an event waits as long as its job."""
        with self.at.world.database.system() as session:
            assert list(ledger.disagreements(session)) == []
            written = session.scalar(select(func.count()).select_from(Mail))
        state = self.at.state()
        assert written == len(state["told"])
        assert (state["waiting"] == []) == (self.state() == "succeeded")

    def go_on(self) -> None:
        """Whoever was killed has said nothing for long: the job is another's, unless all of it was done."""
        database = self.at.world.database
        fall_silent(database, self.token.worker_id)
        is_over = self.state() == "succeeded"
        # Its transaction lasts until the server has seen that nobody is there any more.
        for _ in range(1000):
            if sweep(database) or is_over:
                break
            Event().wait(0.005)
        token = claim(database, register(database), queues=[QUEUE])
        if is_over:
            assert token is None, "what is done is done once"
        else:
            assert token is not None
            assert (token.job_id, attempt(self.at.runtime, token)) == (self.token.job_id, True)

    def state(self) -> str:
        query = text("SELECT status FROM procrastinate_jobs WHERE id = :id")
        with self.at.world.database.system() as session:
            return str(session.execute(query, {"id": self.token.job_id}).scalar_one())

    def ended(self) -> Mapping[str, list[str]]:
        """What there is in the end, and the letters that were sent."""
        self.agrees()
        with self.at.world.database.system() as session:
            assert checking.drifted(session, self.at.runtime.settings, self.there) == []
        assert (self.at.run(), self.state()) == (0, "succeeded")
        sent = letters(self.at)
        return {**rows.told(self.engine, self.kept, but=VARIES), "letters": sent}


def letters(at: Till) -> list[str]:
    """Sent by their jobs, and taken out of the folder."""
    worker = register(at.world.database)
    while (token := claim(at.world.database, worker, queues=["mail"])) is not None:
        assert attempt(at.runtime, token)
    sent = []
    for file in (at.folder / "mail").glob("*.eml"):
        letter = message_from_bytes(file.read_bytes(), policy=default)
        sent.append(f"{letter['To']}: {letter['Subject']}")
        file.unlink()
    return sorted(sent)


def scene(at: Till, engine: Engine, step: Callable[[Till], str]) -> Scene:
    with at.world.database.workspace(at.world.workspace) as session:
        ledger.add(session, Metric.SOURCE_MINUTES, "talk", 30)
        ledger.reserve(session, BUILT_IN.default, Metric.PROJECTS, "another talk")
    kind = step(at)
    letters(at)
    at.take(at.event(kind))
    token = claim(at.world.database, register(at.world.database), queues=[QUEUE])
    assert token is not None
    assert at.runtime.payments is not None
    return Scene(at, engine, token, rows.keep(engine), at.runtime.payments.all_subscriptions())


@pytest.fixture
def workers(at: Till, migrated: str) -> Iterator[Workers]:
    with mortals(at.runtime.settings, migrated) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_a_kill_before_any_statement_of_an_event_is_made_good_by_its_job(
    at: Till, emptying: Engine, workers: Workers, step: Callable[[Till], str]
) -> None:
    played = scene(at, emptying, step)
    before = played.stands()
    assert workers.life(played.token, 1000) is None
    after = played.stands()
    right = played.ended()
    assert (at.workspace().plan, at.letters(), len(right["letters"])) == (*STEPS[step], len(STEPS[step][1]))
    deaths = []
    for number in range(1000):
        played.set()
        if (death := workers.life(played.token, number)) is None:
            break
        deaths.append(death.before)
        try:
            played.agrees()
            assert played.stands() in (before, after)
            played.go_on()
            assert played.ended() == right, "what there is, and what there is without a kill"
        except Exception as failed:
            failed.add_note(f"It died before statement {death.number}: {death.before}")
            raise
    assert deaths[-1] == END
    assert deaths.count("COMMIT") >= 3, "there were transactions to die between"
