"""A service that sells, on this machine: its API, the stand-in for Stripe, and jobs that run when a test says so."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import select
from tests.api.conftest import World
from tests.dev_providers.stripe_account import PAYS, Shop, card, shop
from tests.features.jobs.attempts import attempt
from tests.infra.queue.claiming import claim, register

from cliply.api.app import create_app
from cliply.dev_providers.serve import serving
from cliply.dev_providers.stripe_events import add_endpoint, payload, signature
from cliply.features.billing import inbox
from cliply.features.billing.models import BillingCustomer, BillingEvent, BillingNotice, BillingSubscription
from cliply.features.billing.tasks import QUEUE, apply_event
from cliply.features.identity.models import Workspace
from cliply.features.jobs.kinds import REGISTRY
from cliply.infra.mail import FolderMailer
from cliply.infra.settings import Billing, Server, Settings
from cliply.infra.storage.opening import open_storage
from cliply.runtime import Runtime, payments_of

PLANS = """
[pro]
prices = ["price_pro_monthly"]
[premium]
prices = ["price_premium_monthly"]
"""


@dataclass
class Till:
    world: World
    shop: Shop
    runtime: Runtime
    address: str
    folder: Path
    browser: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=60))
    _workers: list[int] = field(default_factory=list)

    # As somebody asks the service

    def ask(self, method: str, path: str, body: Any = None, *, who: str = "owner", **headers: str) -> httpx2.Response:
        sent = {**self.world.headers(who, workspace=self.world.workspace), **headers}
        return self.browser.request(method, f"{self.address}{path}", json=body, headers=sent)

    def told(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.ask(method, path, body, **more)
        assert answer.is_success, answer.text
        return answer.json()

    @property
    def status(self) -> Any:
        return self.told("GET", "/api/billing/status")

    # As a customer does

    def checkout(self, plan: str = "pro") -> str:
        return str(self.told("POST", "/api/billing/checkout", {"plan": plan})["url"])

    def subscribe(self, plan: str = "pro", number: str = PAYS) -> None:
        """Paid on the page, told by events, carried out by jobs."""
        paid = self.browser.post(self.checkout(plan), data=card(number))
        assert paid.status_code == 303, paid.text
        self.catch_up()

    @property
    def subscription(self) -> Any:
        """At Stripe: the newest."""
        return self.shop.stripe.account.every("subscription")[0]

    # As time passes

    def catch_up(self) -> None:
        """Events are delivered, and their jobs run."""
        self.shop.stripe.deliveries.send()
        self.run()

    def later(self, **by: float) -> None:
        self.shop.later(**by)
        self.catch_up()

    def run(self) -> int:
        """Whatever is due of billing."""
        done = 0
        while self.run_one():
            done += 1
            assert done < 2000
        return done

    def run_one(self) -> bool:
        if not self._workers:
            self._workers.append(register(self.world.database))
        token = claim(self.world.database, self._workers[0], queues=[QUEUE])
        if token is None:
            return False
        attempt(self.runtime, token)
        return True

    def check(self) -> None:
        """As it is done every night."""
        with self.world.database.system() as session:
            REGISTRY.kinds["SUBSCRIPTIONS_CHECK"].start(session)
        self.run()

    # As Stripe sends

    def event(self, kind: str) -> Mapping[str, Any]:
        """The newest of this kind."""
        return next(each for each in self.shop.stripe.account.every("event") if each["type"] == kind)

    def post(self, event: Mapping[str, Any], *, at: int | None = None) -> httpx2.Response:
        endpoint = self.shop.stripe.account.every("webhook_endpoint")[0]
        body = payload(dict(event))
        now = int(self.shop.stripe.deliveries.clock.now().timestamp()) if at is None else at
        return self.browser.post(
            f"{self.address}/api/webhooks/stripe",
            content=body,
            headers={"stripe-signature": signature(endpoint, body, now)},
        )

    def take(self, event: Mapping[str, Any]) -> bool:
        """What the address does with an event, without the way there; whether it is a new one."""
        endpoint = self.shop.stripe.account.every("webhook_endpoint")[0]
        body = payload(dict(event))
        signed = signature(endpoint, body, int(self.shop.stripe.deliveries.clock.now().timestamp()))
        assert self.runtime.payments is not None
        told = self.runtime.payments.event(body, signed)
        with self.world.database.system() as session:
            is_new = inbox.receive(session, told)
            if is_new:
                apply_event.options(subject=told.id).start(session, event_id=told.id)
        return is_new

    # What is known

    def workspace(self) -> Workspace:
        with self.world.database.system() as session:
            return session.get_one(Workspace, self.world.workspace)

    def state(self) -> dict[str, Any]:
        """Everything that billing knows of the workspace, but when it was read and how often."""
        workspace = self.workspace()
        with self.world.database.system() as session:
            customers = session.scalars(select(BillingCustomer)).all()
            found = session.scalars(select(BillingSubscription).order_by(BillingSubscription.id)).all()
            told = session.scalars(select(BillingNotice)).all()
            events = session.scalars(select(BillingEvent)).all()
        columns = [each.key for each in BillingSubscription.__table__.columns if each.key != "read_at"]
        return {
            "plan": workspace.plan,
            "anchor": workspace.period_anchor,
            "ids": (workspace.stripe_customer_id, workspace.stripe_subscription_id),
            "granted": [each.granted for each in customers],
            "subscriptions": [{name: getattr(each, name) for name in columns} for each in found],
            "told": sorted((each.kind.value, each.about) for each in told),
            "waiting": [each.id for each in events if each.applied_at is None],
        }

    def letters(self) -> list[str]:
        """Kinds of those that were put in the post."""
        return [kind for kind, _about in self.state()["told"]]


@contextmanager
def till(world: World, folder: Path, **billing: Any) -> Iterator[Till]:
    """With events held back until a test has them delivered."""
    with ExitStack() as opened:
        found = opened.enter_context(shop(None))
        plans = folder / "plans.toml"
        plans.write_text(PLANS)
        account = found.stripe.account
        endpoint = add_endpoint(account, "http://127.0.0.1:9/")
        told = {
            "secret_key": account.key,
            "webhook_secrets": list(endpoint["_secrets"]),
            "url": found.address,
            **billing,
        }
        settings = Settings(
            data=folder / "data", plans=plans, plan="basic", server=Server(), billing=Billing.model_validate(told)
        )
        mailer = FolderMailer(folder / "mail", settings.mail.sender)
        runtime = Runtime(settings, world.database, open_storage(settings), mailer, payments=payments_of(settings))
        address = opened.enter_context(serving(create_app(runtime)))
        endpoint["url"] = f"{address}/api/webhooks/stripe"
        made = Till(world, found, runtime, address, folder)
        opened.enter_context(made.browser)
        yield made


def without_billing(made: Till) -> Runtime:
    return replace(
        made.runtime, settings=made.runtime.settings.model_copy(update={"billing": Billing()}), payments=None
    )


def problem(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.text)["code"]


__all__: Sequence[str] = ("PAYS", "Till", "card", "problem", "till", "without_billing")
