"""One account at Stripe: everything in it, its time, and the events that tell of each change."""

import copy
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

from cliply.dev_providers.clock import Clock
from cliply.dev_providers.faults import Faults
from cliply.dev_providers.ledger import Ledger
from cliply.dev_providers.stripe_errors import Refused, missing

VERSION = "2026-10-28.endive"
Thing: TypeAlias = dict[str, Any]
"""An object as Stripe tells it. What begins with an underscore is the stand-in's own, and never told."""
ASKED_FOR = {"checkout.session": ("line_items",), "invoice": ("payments",)}
"""What is told only where it is expanded."""
_NAMES = {"checkout.session": "checkout session", "billing_portal.session": "portal session"}


class Account:
    """`clock` is what subscriptions and invoices go by; events are signed and sent by that of the machine."""

    def __init__(self, clock: Clock, ledger: Ledger, faults: Faults, key: str) -> None:
        self.clock = clock
        self.ledger = ledger
        self.faults = faults
        self.key = key
        self.lock = threading.RLock()
        """Held by whoever reads or changes things."""
        self.address = ""
        """Where this is served: the pages that people are sent to are below it."""
        self.after_retries = "canceled"
        """What becomes of a subscription whose invoice nobody has paid: `canceled`, `unpaid` or `past_due`."""
        self.cause: tuple[str | None, str | None] = (None, None)
        """The request that is at work, and its idempotency key."""
        self.told: Callable[[Thing], None] = lambda _event: None
        """Hears of every event."""
        self._things: dict[str, Thing] = {}
        self._pinned: int | None = None

    @contextmanager
    def at(self, when: int) -> Iterator[None]:
        """Meanwhile it is then: what was due while nobody looked happens at its own time."""
        self._pinned = when
        try:
            yield
        finally:
            self._pinned = None

    def now(self, about: Thing | None = None) -> int:
        """In seconds; of a customer who is bound to a test clock, by that, as of everything that is theirs."""
        if self._pinned is not None:
            return self._pinned
        clock = None if about is None else about.get("test_clock")
        if clock is None and about is not None and isinstance(about.get("customer"), str):
            clock = self._things.get(about["customer"], {}).get("test_clock")
        return int(self._things[clock]["frozen_time"] if clock else self.clock.now().timestamp())

    def add(self, thing: Thing, *, event: str | None = None) -> Thing:
        self._things[thing["id"]] = thing
        if event:
            self.emit(event, thing)
        return thing

    def new(self, kind: str, prefix: str, about: Thing | None = None, **fields: Any) -> Thing:
        return {"id": new_id(prefix), "object": kind, "created": self.now(about), "livemode": False, **fields}

    def get(self, kind: str, wanted: Any, param: str = "id") -> Thing:
        """Raises Refused."""
        thing = self._things.get(str(wanted))
        if thing is None or thing["object"] != kind:
            raise missing(_NAMES.get(kind, kind.rpartition(".")[2]), str(wanted), param)
        return thing

    def find(self, wanted: str) -> Thing | None:
        return self._things.get(wanted)

    def every(self, kind: str, **fitting: Any) -> list[Thing]:
        """The newest first."""
        return [
            each
            for each in reversed(self._things.values())
            if each["object"] == kind and all(each.get(name) == value for name, value in fitting.items())
        ]

    def drop(self, thing: Thing) -> None:
        self._things.pop(thing["id"], None)

    @contextmanager
    def undone_on_failure(self) -> Iterator[None]:
        """What the block did is undone where it raises, unless the refusal says that it lasts."""
        # Events never change.
        before = {wanted: copy.deepcopy(each) for wanted, each in self._things.items() if each["object"] != "event"}
        told, heard = self.told, list[Thing]()
        self.told = heard.append
        try:
            yield
        except BaseException as failed:
            if isinstance(failed, Refused) and failed.lasting:
                self._tell(told, heard)
            else:
                self._undo(before, heard)
            raise
        else:
            self._tell(told, heard)
        finally:
            self.told = told

    def _tell(self, told: Callable[[Thing], None], heard: Sequence[Thing]) -> None:
        for event in heard:
            told(event)

    def _undo(self, before: Mapping[str, Thing], heard: Sequence[Thing]) -> None:
        for event in heard:
            del self._things[event["id"]]
        for wanted in [wanted for wanted, each in self._things.items() if each["object"] != "event"]:
            if wanted in before:
                self._things[wanted].clear()
                self._things[wanted].update(before[wanted])
            else:
                del self._things[wanted]

    @contextmanager
    def changing(self, thing: Thing, event: str) -> Iterator[None]:
        """An event tells of what the block changes, if it changes anything that is told."""
        before = shown(thing)
        yield
        after = shown(thing)
        previous = {name: value for name, value in before.items() if after.get(name) != value}
        previous |= {name: None for name in after if name not in before}
        if previous:
            self.emit(event, thing, previous=previous)

    def emit(self, kind: str, thing: Thing, *, previous: Mapping[str, Any] | None = None) -> Thing:
        data: Thing = {"object": shown(thing)}
        if previous is not None:
            data["previous_attributes"] = dict(previous)
        request, key = self.cause
        event: Thing = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": VERSION,
            "created": self.now(thing),
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": request, "idempotency_key": key},
            "type": kind,
        }
        self._things[event["id"]] = event
        self.ledger.add("stripe", kind, who=str(thing.get("customer") or ""), thing=thing["id"])
        self.told(event)
        return event


def shown(thing: Thing, *asked_for: str) -> Thing:
    """A copy as the API tells it."""
    hidden = [name for name in ASKED_FOR.get(thing["object"], ()) if name not in asked_for]
    return {
        name: copy.deepcopy(value) for name, value in thing.items() if not name.startswith("_") and name not in hidden
    }


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def listed(things: Sequence[Thing], url: str) -> Thing:
    """A list inside another thing."""
    return {"object": "list", "data": list(things), "has_more": False, "total_count": len(things), "url": url}


def merged(old: Mapping[str, str], said: Mapping[str, str]) -> dict[str, str]:
    """Metadata, as what was said changes it."""
    return {name: value for name, value in {**old, **said}.items() if value}
