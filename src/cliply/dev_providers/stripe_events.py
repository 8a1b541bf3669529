"""Events on their way: signed, sent to every address that wants them, and again where nobody says that they came."""

import hashlib
import hmac
import http.client
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cliply.dev_providers.clock import Clock
from cliply.dev_providers.stripe_api import Call, Endpoint
from cliply.dev_providers.stripe_errors import wrong
from cliply.dev_providers.stripe_parameters import (
    Address,
    Kind,
    Many,
    Metadata,
    Text,
    Truth,
    call,
    fields,
    listing,
    one_of,
)
from cliply.dev_providers.stripe_world import VERSION, Account, Thing, merged, new_id

WAITS = (5, 60, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 24 * 3600)
"""Seconds between attempts; together a little less than the three days for which Stripe tries."""
_PATIENCE = 10
_LOOKS_EVERY = 0.5


@dataclass(slots=True)
class Delivery:
    event: Thing
    endpoint: Thing
    due: float
    attempts: list[int] = field(default_factory=list)
    """What each was answered with; 0 is no answer."""

    @property
    def done(self) -> bool:
        return bool(self.attempts) and 200 <= self.attempts[-1] < 300

    @property
    def given_up(self) -> bool:
        return not self.done and len(self.attempts) > len(WAITS)


class Deliveries:
    """`clock` is the machine's, since whoever hears of an event looks at when it was signed."""

    def __init__(self, account: Account, clock: Clock | None = None) -> None:
        self.account = account
        self.clock = clock or Clock()
        self.held = False
        """Whether events stay here, as when the network is away."""
        self._all: list[Delivery] = []
        account.told = self._event

    def _event(self, event: Thing) -> None:
        for endpoint in self.account.every("webhook_endpoint", status="enabled"):
            if {"*", event["type"]} & set(endpoint["enabled_events"]):
                event["pending_webhooks"] += 1
                self._all.append(Delivery(event, endpoint, self._now()))

    def all(self) -> Sequence[Delivery]:
        with self.account.lock:
            return list(self._all)

    def send(self) -> int:
        """Whatever is due; how many went out."""
        if self.held:
            return 0
        with self.account.lock:
            due = [each for each in self._all if not each.done and not each.given_up and each.due <= self._now()]
        for each in due:
            self._send(each)
        return len(due)

    def resend(self, delivery: Delivery) -> None:
        """As the button of the page does, whatever became of it before."""
        self._send(delivery)

    def _send(self, delivery: Delivery) -> None:
        body = payload(delivery.event)
        status = _post(delivery.endpoint["url"], body, signature(delivery.endpoint, body, int(self._now())))
        with self.account.lock:
            delivery.attempts.append(status)
            if delivery.done:
                delivery.event["pending_webhooks"] = max(0, delivery.event["pending_webhooks"] - 1)
            elif not delivery.given_up:
                delivery.due = self._now() + WAITS[len(delivery.attempts) - 1]
        self.account.ledger.add(
            "stripe", "webhook_sent", event=delivery.event["id"], type=delivery.event["type"], status=status
        )

    def _now(self) -> float:
        return self.clock.now().timestamp()


@contextmanager
def sending(deliveries: Deliveries) -> Iterator[None]:
    """A thread sends what is due while the block runs."""
    over = threading.Event()

    def send() -> None:
        while not over.wait(_LOOKS_EVERY):
            deliveries.send()

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def payload(event: Thing) -> bytes:
    return json.dumps(event, indent=2).encode()


def signature(endpoint: Thing, body: bytes, at: int) -> str:
    """One for each secret: while one is being replaced, both are good."""
    signed = b"%d.%s" % (at, body)
    marks = [f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in endpoint["_secrets"]]
    return ",".join([f"t={at}", *marks])


def _post(url: str, body: bytes, signed: str) -> int:
    """Redirections are not followed."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_PATIENCE)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signed,
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    try:
        connection.request("POST", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def add_endpoint(account: Account, url: str, events: Sequence[str] = ("*",), secret: str | None = None) -> Thing:
    return account.add(
        account.new(
            "webhook_endpoint",
            "we",
            api_version=VERSION,
            application=None,
            description=None,
            enabled_events=list(events),
            metadata={},
            status="enabled",
            url=url,
            _secrets=[secret or new_id("whsec")],
        )
    )


def roll_secret(endpoint: Thing) -> str:
    """A new one; the one before it stays good, until the next roll."""
    endpoint["_secrets"] = [new_id("whsec"), endpoint["_secrets"][0]]
    return str(endpoint["_secrets"][0])


def _create_endpoint(account: Account, asked: Call) -> Thing:
    made = add_endpoint(account, asked.get("url"), asked.get("enabled_events"))
    made |= {"description": asked.get("description"), "metadata": merged({}, asked.get("metadata", {}))}
    # The only time that the secret is told.
    return {**made, "secret": made["_secrets"][0]}


def _update_endpoint(account: Account, asked: Call) -> Thing:
    endpoint = account.get("webhook_endpoint", asked.ids["id"])
    for name in ("url", "enabled_events", "description"):
        if name in asked.params:
            endpoint[name] = asked.params[name]
    if "disabled" in asked.params:
        endpoint["status"] = "disabled" if asked.params["disabled"] else "enabled"
    endpoint["metadata"] = merged(endpoint["metadata"], asked.get("metadata", {}))
    return endpoint


def _delete_endpoint(account: Account, asked: Call) -> Thing:
    endpoint = account.get("webhook_endpoint", asked.ids["id"])
    account.drop(endpoint)
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def _events(account: Account, asked: Call) -> list[Thing]:
    found = account.every("event")
    if asked.get("type") and asked.get("types"):
        raise wrong("You may only pass one of type and types.", "types")
    kinds = asked.get("types") or ([asked.get("type")] if asked.get("type") else None)
    if kinds is not None:
        found = [each for each in found if each["type"] in kinds]
    return found


_SAID: Mapping[str, Kind] = {"description": Text(clears=True), "metadata": Metadata(), "enabled_events": Many(Text())}
_ENDPOINT = "/v1/webhook_endpoints/{id}"
ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/webhook_endpoints",
        call("url", "enabled_events", url=Address(), api_version=one_of(VERSION), **_SAID),
        _create_endpoint,
    ),
    Endpoint("GET", "/v1/webhook_endpoints", listing(), lambda at, _asked: at.every("webhook_endpoint")),
    Endpoint("GET", _ENDPOINT, call(), lambda at, asked: at.get("webhook_endpoint", asked.ids["id"])),
    Endpoint("POST", _ENDPOINT, call(url=Address(), disabled=Truth(), **_SAID), _update_endpoint),
    Endpoint("DELETE", _ENDPOINT, fields(), _delete_endpoint),
    Endpoint("GET", "/v1/events", listing(type=Text(), types=Many(Text(), 20)), _events),
    Endpoint("GET", "/v1/events/{id}", call(), lambda at, asked: at.get("event", asked.ids["id"])),
]
