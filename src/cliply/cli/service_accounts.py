"""`cliply accounts ...`: accounts on networks that a service publishes on."""

import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import parse_qs, urljoin, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from cliply.cli import moments
from cliply.cli.console import JsonFlag, note, print_json
from cliply.cli.loopback import Visit, way_back
from cliply.cli.service_names import WorkspaceOption, Yes, confirm, is_id, one, show, show_one, workspace
from cliply.errors import CliplyError, Invalid, NotFound, Unavailable
from cliply.integrations.service import Proof, Service, check_address
from cliply.media.probe import printable

accounts = typer.Typer(help="Accounts on YouTube and TikTok that a service publishes on: see `cliply login`.")


class NetworkName(StrEnum):
    YOUTUBE = "youtube"
    TIKTOK = "tiktok"

    @property
    def label(self) -> str:
        return {"youtube": "YouTube", "tiktok": "TikTok"}[self.value]

    @property
    def provider(self) -> str:
        """Who is asked for permission, as the service calls it."""
        return {"youtube": "google", "tiktok": "tiktok"}[self.value]


AccountName = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Its name, handle or id; youtube:NAME where two share it.")
]
_Port = Annotated[
    int | None,
    typer.Option(
        min=1024,
        max=65535,
        help="Port of this machine that the page leads back to. Default: 8765, or any other if that is taken.",
    ),
]
_Browser = Annotated[
    bool, typer.Option("--browser/--no-browser", help="Whether the page is opened, or its address only printed.")
]


@accounts.command("list")
def list_accounts(named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """List the accounts that are connected, and whether they can be published on."""
    found = workspace(named).service.get("/api/accounts")
    show(found, json, _line, "No account is connected yet. Connect one: cliply accounts connect youtube")


@accounts.command("connect")
def connect_account(
    network: Annotated[NetworkName, typer.Argument(help="Where the account is.", show_default=False)],
    browser: _Browser = True,
    port: _Port = None,
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Connect an account: its owner allows it on the network's own page, in a browser of this machine.

    The page leads back to this command, which waits for ten minutes. On a machine that you are logged in to from afar,
    bring the port over first: ssh -L 8765:127.0.0.1:8765 ...
    """
    place = workspace(named)
    _connected(place.service, network, "/api/accounts", {"network": network.value}, browser, port, json)


@accounts.command("reconnect")
def reconnect_account(
    account: AccountName,
    browser: _Browser = True,
    port: _Port = None,
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Connect an account again, where its network takes our permission no more; what waits for it goes on."""
    place = workspace(named)
    found = account_named(place.service, account)
    path = f"/api/accounts/{found['id']}/reconnect"
    _connected(place.service, NetworkName(found["network"]), path, {}, browser, port, json)


@accounts.command("show")
def show_account(account: AccountName, named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """See an account: whether it can be published on, what its owner allowed, and how it is set up."""
    place = workspace(named)
    found = place.service.get(f"/api/accounts/{account_named(place.service, account)['id']}")
    if json:
        print_json(found)
        return
    for line in _details(found, zone_of(place.service)):
        typer.echo(printable(line).rstrip())


@accounts.command("rename")
def rename_account(
    account: AccountName,
    name: Annotated[str, typer.Argument(help="What it is called here.", show_default=False)],
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Give an account another name in this workspace; nothing changes at the network."""
    place = workspace(named)
    found = account_named(place.service, account)
    show_one(place.service.patch(f"/api/accounts/{found['id']}", {"name": name}), json, _line)


@accounts.command("default")
def make_default(account: AccountName, named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """Make an account the one that is meant where none of its network is named."""
    place = workspace(named)
    found = account_named(place.service, account)
    show_one(place.service.patch(f"/api/accounts/{found['id']}", {"is_default": True}), json, _line)


@accounts.command("set-up")
def set_up_account(
    account: AccountName,
    privacy: Annotated[str | None, typer.Option(help="Who may see what is published, in the network's word.")] = None,
    category: Annotated[str | None, typer.Option(help="YouTube's number of the category.")] = None,
    daily_cap: Annotated[
        int | None, typer.Option(min=0, max=100, help="Publications a day at most; 0 for as many as the network takes.")
    ] = None,
    quiet: Annotated[
        str | None, typer.Option(metavar="FROM-TO", help="When nothing goes out, like 22:00-07:00, local time.")
    ] = None,
    spacing: Annotated[
        int | None, typer.Option(min=0, max=1440, help="Minutes between two publications at least; 0 for none.")
    ] = None,
    late: Annotated[
        int | None,
        typer.Option(
            min=0, max=10_080, help="Minutes that what was planned may be late before you are asked. Default: 180."
        ),
    ] = None,
    made_for_kids: Annotated[
        bool | None, typer.Option("--made-for-kids/--not-made-for-kids", help="Whether it is made for children.")
    ] = None,
    synthetic: Annotated[
        bool | None,
        typer.Option("--synthetic/--not-synthetic", help="Whether it is labelled as made or altered by AI."),
    ] = None,
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Say how things are published on an account; what is not named stays, and an empty text takes it back."""
    place = workspace(named)
    given = {"privacy": privacy, "category": category, "made_for_kids": made_for_kids, "synthetic": synthetic}
    change: dict[str, Any] = {
        name: (None if value == "" else value) for name, value in given.items() if value is not None
    }
    if daily_cap is not None:
        change["daily_cap"] = daily_cap or None
    if spacing is not None:
        change["spacing"] = spacing or None
    if late is not None:
        change["late"] = late
    if quiet is not None:
        change |= _quiet(quiet)
    if not change:
        raise Invalid("Say what to set, for example --privacy or --quiet 22:00-07:00.")
    found = account_named(place.service, account)
    body = {"account_id": found["id"], "settings": found["settings"] | change}
    show_one(place.service.post("/api/accounts/publish", body), json, _line)


@accounts.command("disconnect")
def disconnect_account(
    account: AccountName, named: WorkspaceOption = None, yes: Yes = False, json: JsonFlag = False
) -> None:
    """Take back what its owner allowed, at the network as well, and forget its tokens. What was published stays."""
    place = workspace(named)
    found = account_named(place.service, account)
    confirm(f"Disconnect “{found['name']}”? What is planned for it waits until it is connected again.", yes=yes)
    ended = place.service.delete(f"/api/accounts/{found['id']}")
    show_one(ended, json, lambda each: f"“{each['name']}”: {each['reason'] or each['state']}")


def account_named(found: Service, named: str, network: str | None = None) -> Any:
    """By id, name or handle, and by `network:NAME`. Raises NotFound or Conflict."""
    before, colon, after = named.partition(":")
    if colon and before.lower() in list(NetworkName):
        network, named = before.lower(), after
    there = [each for each in found.get("/api/accounts") if network in (None, each["network"])]
    if is_id(named):
        return one(there, named, "account")
    if any(each["name"].casefold() == named.casefold() for each in there):
        return one(there, named, "account")
    by_handle = [{**each, "handle": (each["handle"] or "").removeprefix("@")} for each in there]
    if any(each["handle"].casefold() == named.removeprefix("@").casefold() != "" for each in by_handle):
        found_id = one(by_handle, named.removeprefix("@"), "account", by="handle")["id"]
        return next(each for each in there if each["id"] == found_id)
    return one(there, named, "account")


def zone_of(found: Service) -> ZoneInfo:
    """The workspace's time zone."""
    there = found.get("/api/workspaces")
    mine = next((each for each in there if found.workspace in (None, each["id"])), None)
    if mine is None:
        raise NotFound("The service knows no workspace of yours. Run: cliply login")
    try:
        return ZoneInfo(mine["timezone"])
    except (ZoneInfoNotFoundError, ValueError):
        raise Unavailable(f"This machine does not know the workspace's time zone, {mine['timezone']}.") from None


def _connected(
    found: Service,
    network: NetworkName,
    path: str,
    body: dict[str, Any],
    browser: bool,
    port: int | None,
    json: bool,
) -> None:
    found, finisher = _kept_proof(found)
    with way_back(port) as back:
        begun = found.post(path, {**body, "loopback_port": back.port})
        # Only a service's own page, as that of demo mode, goes without an address of its own.
        consent = check_page(urljoin(f"{found.url}/", begun["consent_url"]))
        back.expect(_state(consent))
        _lead_to(consent, open_it=browser)
        visit = back.wait(begun["expires_in"])
        account = _finished(finisher(), network, visit)
    show_one(account, json, lambda each: f"“{each['name']}” on {network.label} is connected.")
    if not account["can_publish"]:
        note(printable(f"It cannot be published on yet: {account['reason']}"))


def _finished(found: Service, network: NetworkName, visit: Visit) -> Any:
    """Hand in what came back; the browser is shown what came of it."""
    brought = {name: visit.brought[name] for name in ("state", "code", "error", "iss") if name in visit.brought}
    try:
        # Once: the code is used up by it, whatever becomes of the answer.
        account = found.post(f"/api/oauth/{network.provider}/finish", brought, tries=1)
    except CliplyError as failed:
        visit.show(f"{network.label} is not connected", str(failed), status=400)
        raise
    missing = "" if account["can_publish"] else f" It cannot be published on yet: {account['reason']}"
    visit.show(
        f"{network.label} is connected",
        f"“{account['name']}” is connected.{missing} You can close this page and go back to the terminal.",
    )
    return account


def _kept_proof(found: Service) -> tuple[Service, Callable[[], Service]]:
    """The service, and the same as whoever has begun: nobody else may finish, be it the same person by a key."""
    used = [found.proof]
    in_person = found.in_person

    def proved() -> Proof:
        assert in_person is not None  # noqa: S101 - it is handed over only where there is one
        used.append(in_person())
        return used[-1]

    asking = found if in_person is None else replace(found, in_person=proved)
    return asking, lambda: replace(found, proof=used[-1], in_person=None)


def check_page(url: str) -> str:
    """An address that a browser may be sent to. Raises Unavailable: a service's word opens no file and runs nothing."""
    parts = urlsplit(url)
    try:
        check_address(f"{parts.scheme}://{parts.netloc}")
    except Invalid:
        raise Unavailable("The service named no page that can be opened. Is it Cliply's address?") from None
    return url


def _state(consent: str) -> str:
    states = parse_qs(urlsplit(consent).query).get("state", [])
    if len(states) != 1:
        raise Unavailable("The service named a page that does not lead back. Is it Cliply's address?")
    return states[0]


def _lead_to(page: str, *, open_it: bool) -> None:
    opened = open_it and _opened(page)
    said = "Your browser opens this page. If it does not, open it yourself:" if opened else "Open this page:"
    note(f"{said}\n\n  {page}\n\nAllow it there; this command waits for ten minutes. Stop: Ctrl-C")


def _opened(page: str) -> bool:
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    # One in text would take over the terminal, and consent pages do not work in it.
    return type(browser) is not webbrowser.GenericBrowser and browser.open(page)


def _quiet(text: str) -> dict[str, str | None]:
    """`22:00-07:00`; nothing of it takes them back."""
    if not text.strip():
        return {"quiet_from": None, "quiet_to": None}
    begin, dash, end = text.replace(" ", "").partition("-")
    if not dash or not begin or not end:
        raise typer.BadParameter(f"“{text}” are no quiet hours. Write them like 22:00-07:00.")
    return {"quiet_from": begin, "quiet_to": end}


_SETTINGS = {
    "late": "Minutes that what was planned may be late",
    "spacing": "Minutes between two publications at least",
    "daily_cap": "Publications a day at most",
}


def _details(found: Any, zone: ZoneInfo) -> Iterator[str]:
    def local(at: str) -> str:
        return moments.short(datetime.fromisoformat(at), zone)

    yield _line(found)
    yield f"  Allowed: {', '.join(each.rpartition('/')[2] for each in found['scopes']) or 'nothing'}"
    if found["refresh_expires_at"]:
        yield f"  To be allowed again by {local(found['refresh_expires_at'])}"
    if found["paused_until"]:
        yield f"  Takes nothing until {local(found['paused_until'])}: {found['paused_why']}"
    for name, value in found["settings"].items():
        if value not in (None, False):
            yield f"  {_SETTINGS.get(name, name.replace('_', ' ').capitalize())}: {value}"
    last = found["last_publication"]
    yield (
        f"  Last published: {local(last['published_at'])} {last['url'] or ''}"
        if last
        else "  Nothing was published yet."
    )


def _line(each: Any) -> str:
    handle = f" (@{each['handle'].removeprefix('@')})" if each["handle"] else ""
    default = ", default" if each["is_default"] else ""
    state = "ready" if each["can_publish"] else each["state"].replace("_", " ")
    reason = "" if each["can_publish"] else f": {each['reason']}"
    demo = ", DEMO: nothing reaches the network" if each["is_demo"] else ""
    return f"{each['id']}  {each['network']:<7} {state:<15} {each['name']}{handle}{default}{demo}{reason}"
