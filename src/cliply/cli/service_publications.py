"""`cliply publications ...`: what a service publishes, where, when, and what became of it."""

from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from cliply.cli import moments
from cliply.cli.console import JsonFlag, note, print_json
from cliply.cli.remote import service
from cliply.cli.service_accounts import account_named, zone_of
from cliply.cli.service_metrics import lines_of
from cliply.cli.service_names import show, show_one
from cliply.cli.service_publishing import line_of, state_of
from cliply.media.probe import printable

publications = typer.Typer(help="What a service publishes, and what became of it: see `cliply publish`.")


class State(StrEnum):
    INTENT = "intent"
    PREPARING = "preparing"
    UPLOADING = "uploading"
    PROCESSING = "processing"
    PENDING = "pending"
    PUBLISHED = "published"
    PARKED = "parked"
    NEEDS_RECONNECT = "needs_reconnect"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class Seen(StrEnum):
    LOOK = "look"
    PUBLISHED = "published"
    ABSENT = "absent"


_SAID = {"cover": "with its cover", "made_for_kids": "made for children", "synthetic": "labelled as made by AI"}
PublicationId = Annotated[UUID, typer.Argument(help="Id of the publication.", show_default=False)]


@publications.command("list")
def list_publications(
    clip: Annotated[UUID | None, typer.Option(help="Only of this clip.")] = None,
    account: Annotated[str | None, typer.Option(help="Only on this account, by its name, handle or id.")] = None,
    state: Annotated[State | None, typer.Option(help="Only in this state; `intent` is what is planned.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    json: JsonFlag = False,
) -> None:
    """List what is and will be published, newest first; times are the workspace's."""
    found = service()
    asked = {
        "clip_id": clip and str(clip),
        "account_id": account and account_named(found, account)["id"],
        "state": state and str(state),
    }
    listed = list(islice(found.pages("/api/publications", limit=min(limit, 100), **asked), limit))
    zone = ZoneInfo("UTC") if json else zone_of(found)
    show(listed, json, lambda each: line_of(each, zone), "Nothing fits. Publish a clip: cliply publish --help")


@publications.command("show")
def show_publication(publication: PublicationId, json: JsonFlag = False) -> None:
    """See a publication and everything that became of it."""
    found = service()
    told = found.get(f"/api/publications/{publication}")
    if json:
        print_json(told)
        return
    zone, post = zone_of(found), told["post"]
    lines = [
        line_of(told, zone),
        "  " + ", ".join([post["privacy"], *(word for name, word in _SAID.items() if post[name])]),
        *([f"  {' '.join('#' + each for each in post['hashtags'])}"] if post["hashtags"] else []),
        *(f"  {told[name]}" for name in ("note", "error") if told[name]),
    ]
    for event in told["events"]:
        when = moments.short(datetime.fromisoformat(event["at"]), zone)
        lines.append(f"  {when}  {event['state'].replace('_', ' '):<15} {event['said'] or ''}")
    for line in lines:
        typer.echo(printable(line).rstrip())


@publications.command("metrics")
def publication_metrics(publication: PublicationId, json: JsonFlag = False) -> None:
    """See how a publication does: what its network counted at fixed ages."""
    found = service()
    told = found.get(f"/api/publications/{publication}/metrics")
    if json:
        print_json(told)
        return
    for line in lines_of(told, zone_of(found)):
        typer.echo(printable(line))


@publications.command("cancel")
def cancel_publication(publication: PublicationId, json: JsonFlag = False) -> None:
    """Call a publication off, as long as nothing of it was begun at the network."""
    found = service()
    show_one(found.post(f"/api/publications/{publication}/cancel"), json, _short)


@publications.command("move")
def move_publication(
    publication: PublicationId,
    at: Annotated[str, typer.Argument(metavar="TIME", help=f"now, {moments.HELP}.", show_default=False)],
    json: JsonFlag = False,
) -> None:
    """Have a publication go at another time, as long as nothing of it was begun at the network."""
    found = service()
    zone = zone_of(found)
    moment = moments.moment(at, zone, datetime.now(UTC))
    moved = found.patch(f"/api/publications/{publication}", {"run_at": None if moment is None else moment.isoformat()})
    note("It goes out now." if moment is None else f"It goes out on {moments.spoken(moment, zone)}.")
    show_one(moved, json, lambda each: line_of(each, zone))


@publications.command("retry")
def retry_publication(publication: PublicationId, json: JsonFlag = False) -> None:
    """Try again what was refused, waits, or waited for its account; nothing is sent twice by it."""
    found = service()
    show_one(found.post(f"/api/publications/{publication}/retry"), json, _short)


@publications.command("settle")
def settle_publication(
    publication: PublicationId,
    seen: Annotated[
        Seen,
        typer.Argument(
            help="What you see at the network: `published`, or `absent`, and it is sent again; or `look` once more.",
            show_default=False,
        ),
    ],
    url: Annotated[str | None, typer.Option(help="Address of the post, where it is published.")] = None,
    json: JsonFlag = False,
) -> None:
    """Say what is to be seen at the network of a publication whose answer was lost."""
    found = service()
    body: dict[str, Any] = {"verdict": seen.value, "url": url}
    show_one(found.post(f"/api/publications/{publication}/settle", body), json, _short)


def _short(each: Any) -> str:
    return f"{each['id']}  {state_of(each)}  {each['post']['title']}"
