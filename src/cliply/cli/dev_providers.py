"""`cliply dev-providers`: Google, TikTok and Stripe as they behave, on this machine, for trying things out."""

import shlex
import threading
from contextlib import ExitStack, suppress
from typing import Annotated

import typer

from cliply.cli.console import JsonFlag, note, print_json


def register(app: typer.Typer) -> None:
    app.command("dev-providers")(dev_providers)


def dev_providers(
    port: Annotated[
        int, typer.Option(min=1, max=65533, help="Port for Google; TikTok and Stripe get the next.")
    ] = 8020,
    service: Annotated[
        str | None,
        typer.Option(help="Address of Cliply, `https://clips.example.com`, if that is not this machine."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Stand in for Google, YouTube, TikTok and Stripe until stopped, so that all can be tried without an account.

    Prints the settings that Cliply is to be started with. The networks have pages of consent with made-up people and
    take uploads by their own rules; Stripe takes made-up cards. All show at / what was done, and keep nothing when they
    stop.
    """
    from cliply.api.server import address_of, listen
    from cliply.dev_providers.playground import playground
    from cliply.dev_providers.serve import running
    from cliply.dev_providers.stripe_events import sending

    there = playground(service)
    with ExitStack() as stack:
        listeners = [stack.enter_context(listen("127.0.0.1", port + each)) for each in range(3)]
        settings = there.settings(*map(address_of, listeners))
        # A signal is what ends it, as soon as there is anything to end.
        stack.enter_context(suppress(KeyboardInterrupt))
        for app, listener in zip(there.apps(), listeners, strict=True):
            stack.enter_context(running(app, listener))
        with sending(there.stripe.deliveries):
            if json:
                print_json(settings)
            else:
                for name, value in settings.items():
                    typer.echo(f"export {name}={shlex.quote(value)}")
            done = f"What was done is at {address_of(listeners[0])} and {address_of(listeners[2])}"
            note(f"Start Cliply with these settings: cliply up. {done}. Stop: Ctrl-C")
            threading.Event().wait()
