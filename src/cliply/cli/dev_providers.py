"""`cliply dev-providers`: Google and TikTok as they behave, on this machine, for trying publishing out."""

import shlex
import threading
from contextlib import suppress
from typing import Annotated

import typer

from cliply.cli.console import JsonFlag, note, print_json


def register(app: typer.Typer) -> None:
    app.command("dev-providers")(dev_providers)


def dev_providers(
    port: Annotated[int, typer.Option(min=1, max=65534, help="Port for Google; TikTok gets the next one.")] = 8020,
    service: Annotated[
        str | None,
        typer.Option(help="Address of Cliply, `https://clips.example.com`, if that is not this machine."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Stand in for Google, YouTube and TikTok until stopped, so that publishing can be tried without an account.

    Prints the settings that Cliply is to be started with. Both have pages of consent with made-up people, take uploads
    by the networks' own rules, and show at / what was done. Nothing is kept when they stop.
    """
    from cliply.api.server import address_of, listen
    from cliply.dev_providers.playground import playground
    from cliply.dev_providers.serve import running

    there = playground(service)
    google_app, tiktok_app = there.apps()
    with listen("127.0.0.1", port) as google, listen("127.0.0.1", port + 1) as tiktok:
        settings = there.settings(address_of(google), address_of(tiktok))
        # A signal is what ends it, as soon as there is anything to end.
        with running(google_app, google), running(tiktok_app, tiktok), suppress(KeyboardInterrupt):
            if json:
                print_json(settings)
            else:
                for name, value in settings.items():
                    typer.echo(f"export {name}={shlex.quote(value)}")
            note(f"Start Cliply with these settings: cliply up. What was done is at {address_of(google)}. Stop: Ctrl-C")
            threading.Event().wait()
