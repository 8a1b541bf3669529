"""A process of its own that wants a token, on as many threads as it is told."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from uuid import UUID

from cliply.features.publishing import tokens
from cliply.infra.db import Database
from cliply.infra.mail import mailer
from cliply.infra.outbound import Outbound
from cliply.infra.quotas import Quotas
from cliply.infra.settings import Settings
from cliply.infra.shared_breakers import SharedBreakers
from cliply.infra.storage.opening import open_storage
from cliply.integrations.providers import build_providers
from cliply.runtime import Runtime


def renew(
    settings: Settings, url: str, workspace_id: UUID, channel_id: UUID, threads: int, begin: Any, told: Any
) -> None:
    """Waits at the barrier `begin`, and puts what it got into the queue `told`."""
    database = Database(url)
    with closing(database), closing(Outbound(SharedBreakers(database))) as outbound:
        providers = build_providers(settings, outbound, Quotas(database))
        runtime = Runtime(settings, database, open_storage(settings), mailer(settings), providers)
        begin.wait(60)
        with ThreadPoolExecutor(threads) as pool:
            told.put(list(pool.map(lambda _: tokens.fresh(runtime, workspace_id, channel_id), range(threads))))
