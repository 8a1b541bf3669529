"""What a process of the service needs, opened once and closed together."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from cliply.infra.db import Database
from cliply.infra.mail import Mailer, mailer
from cliply.infra.opening import open_agreed
from cliply.infra.outbound import Outbound
from cliply.infra.quotas import Quotas
from cliply.infra.settings import Settings
from cliply.infra.shared_breakers import SharedBreakers
from cliply.infra.storage.opening import open_storage
from cliply.infra.storage.protocol import Storage
from cliply.integrations.payments import Payments
from cliply.integrations.providers import Providers, build_providers


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    database: Database
    storage: Storage
    mailer: Mailer
    providers: Providers = field(default_factory=Providers)
    """The networks that clips can be published on; none unless they are set up."""
    payments: Payments | None = None
    """Who takes the money; nobody unless billing is on."""


@contextmanager
def open_runtime(settings: Settings) -> Iterator[Runtime]:
    """Raises what is wrong with a setting, the database, its tables or the key, before anything is served."""
    storage = open_storage(settings)
    with open_agreed(settings) as database, closing(Outbound(SharedBreakers(database))) as outbound:
        providers = build_providers(settings, outbound, Quotas(database))
        yield Runtime(settings, database, storage, mailer(settings), providers, payments_of(settings))


def payments_of(settings: Settings) -> Payments | None:
    """Whoever sells nothing does not wait for Stripe's library, which is large."""
    if settings.billing.secret_key is None:
        return None
    from cliply.integrations.stripe_billing import build_payments

    return build_payments(settings.billing)
