"""An installation that is switched to demo mode for a while, and an account of it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from tests.features.publishing.stage import BOUND, HERE, Stage

from cliply.features.publishing import connecting
from cliply.features.publishing.models import Channel
from cliply.infra.breakers import ProcessBreakers
from cliply.infra.outbound import Outbound
from cliply.infra.quotas import Quotas
from cliply.integrations.demo import code_for
from cliply.integrations.providers import build_providers
from cliply.integrations.publisher import Network


@contextmanager
def in_demo_mode(stage: Stage) -> Iterator[None]:
    networks = stage.runtime
    settings = networks.settings.model_copy(update={"providers": "demo"})
    with closing(Outbound(ProcessBreakers())) as outbound:
        providers = build_providers(settings, outbound, Quotas(stage.office.database))
        stage.runtime = replace(networks, settings=settings, providers=providers)
        yield
    stage.runtime = networks


def connect_demo(stage: Stage, network: Network) -> Channel:
    """What its page of consent sends back, without the page."""
    with stage.office.entered("owner") as (session, caller):
        url = connecting.begin(stage.runtime, session, caller, network, bound_to=BOUND, redirect_uri=HERE)
    asked = parse_qs(urlsplit(url).query)
    return stage.come_back(network, {"state": asked["state"][0], "code": code_for("1", asked["challenge"][0])})
