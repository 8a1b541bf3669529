"""`cliply schedule ...`: what a service is to publish, and when."""

from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from cliply.cli import moments
from cliply.cli.asking import at_a_terminal
from cliply.cli.console import JsonFlag, note
from cliply.cli.remote import service
from cliply.cli.service_accounts import NetworkName, account_named, zone_of
from cliply.cli.service_names import Yes, confirm, show, show_one
from cliply.cli.service_publishing import (
    Agree,
    Destination,
    NetworkOptions,
    agreed,
    check_clip,
    destination,
    options_of,
)
from cliply.cli.times import listed
from cliply.errors import Invalid
from cliply.integrations.service import Service

schedule = typer.Typer(help="What a service is to publish, and when; `cliply publish --at` plans as well.")


class State(StrEnum):
    PLANNED = "planned"
    PAUSED = "paused"
    MISSED = "missed"
    FIRED = "fired"
    CANCELLED = "cancelled"


ScheduleId = Annotated[UUID, typer.Argument(metavar="ID", help="Id of the schedule.", show_default=False)]
_Zone = Annotated[
    str | None,
    typer.Option(help="Whose clock is meant, such as Europe/Berlin. Default: the workspace's time zone."),
]


@schedule.command("list")
def list_schedules(
    since: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day. Default: today.")] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last day. Default: a month after the first.")
    ] = None,
    zone: _Zone = None,
    account: Annotated[str | None, typer.Option(help="Only on this account, by its name, handle or id.")] = None,
    state: Annotated[
        list[State] | None, typer.Option(help="Only in this state; may be repeated. Default: all but cancelled.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    json: JsonFlag = False,
) -> None:
    """Show the calendar: what is and was planned in a range of days, by time."""
    found = service()
    clock = _clock(found, zone)
    asked = {
        "from": _day(since),
        "to": _day(until),
        "zone": clock.key,
        "account_id": account and account_named(found, account)["id"],
        "state": [str(each) for each in state] if state else None,
    }
    listed = list(islice(found.pages("/api/schedules", limit=min(limit, 100), **asked), limit))
    show(listed, json, _line, "Nothing is planned in these days. Plan a clip: cliply schedule add --help")


@schedule.command("add")
def add_schedule(
    clip: Annotated[
        str, typer.Argument(metavar="CLIP", help="Id of a clip, from `cliply clips list`.", show_default=False)
    ],
    to: Destination,
    at: Annotated[str, typer.Option(help=f"When it goes: {moments.HELP}; or next, for the next free time.")],
    zone: _Zone = None,
    title: Annotated[str | None, typer.Option(help="Instead of the clip's.")] = None,
    description: Annotated[str | None, typer.Option(help="Instead of the clip's.")] = None,
    hashtags: Annotated[str | None, typer.Option(help="Instead of the clip's: bees,honey")] = None,
    privacy: Annotated[
        str | None, typer.Option(help="Who may see it, in the network's word. Default: as the account is set up.")
    ] = None,
    option: NetworkOptions = None,
    agree: Agree = False,
    again: Annotated[bool, typer.Option("--again", help="Though this clip is published or planned there.")] = False,
    yes: Yes = False,
    json: JsonFlag = False,
) -> None:
    """Plan to publish a clip at a time. It stays at that time on the clock, whatever becomes of the zone's rules."""
    check_clip(clip)
    network, account = destination(to)
    options = options_of(option or [])
    found = service()
    clock = _clock(found, zone)
    account_id = None if account is None else account_named(found, account, network.value)["id"]
    moment = _next(found, network, account_id, clock) if at.strip().lower() == "next" else _moment(at, clock)
    note(f"It goes out on {moments.spoken(moment, clock)}.")
    if at_a_terminal():
        confirm("Is that right?", yes=yes)
    if network is NetworkName.TIKTOK:
        options = agreed(options, agree=agree)
    given = {
        "account_id": account_id,
        "title": title,
        "description": description,
        "hashtags": None if hashtags is None else listed(hashtags),
        "privacy": privacy,
    }
    body = {name: value for name, value in given.items() if value is not None}
    body |= {"network": network.value, "clip_id": clip, "options": options, "again": again, **_at(moment, clock)}
    show_one(found.post("/api/schedules", body), json, _line)


@schedule.command("move")
def move_schedule(
    which: ScheduleId,
    at: Annotated[str, typer.Argument(metavar="TIME", help=f"now, {moments.HELP}.", show_default=False)],
    zone: _Zone = None,
    json: JsonFlag = False,
) -> None:
    """Have it go at another time, or now, as long as nothing of it was begun at the network."""
    found = service()
    clock = _clock(found, zone)
    moment = moments.moment(at, clock, datetime.now(UTC))
    body: dict[str, Any] = {"at": None} if moment is None else _at(moment, clock)
    moved = found.patch(f"/api/schedules/{which}", body)
    note("It goes out now." if moment is None else f"It goes out on {moments.spoken(moment, clock)}.")
    show_one(moved, json, _line)


@schedule.command("pause")
def pause_schedule(which: ScheduleId, json: JsonFlag = False) -> None:
    """Have it not go out until it is resumed; it keeps its time."""
    show_one(service().post(f"/api/schedules/{which}/pause"), json, _line)


@schedule.command("resume")
def resume_schedule(which: ScheduleId, json: JsonFlag = False) -> None:
    """Have it go out at its time again."""
    show_one(service().post(f"/api/schedules/{which}/resume"), json, _line)


@schedule.command("cancel")
def cancel_schedule(which: ScheduleId, json: JsonFlag = False) -> None:
    """Call it off for good, as long as nothing of it was begun at the network."""
    show_one(service().post(f"/api/schedules/{which}/cancel"), json, _line)


@schedule.command("next")
def show_next(
    to: Destination,
    after: Annotated[str | None, typer.Option(help=f"Not before: {moments.HELP}. Default: now.")] = None,
    zone: _Zone = None,
    json: JsonFlag = False,
) -> None:
    """Find the next time that is free on an account, by its quiet hours, spacing and daily cap."""
    network, account = destination(to)
    found = service()
    clock = _clock(found, zone)
    asked: dict[str, Any] = {"zone": clock.key, "network": network.value}
    if account is not None:
        asked["account_id"] = account_named(found, account, network.value)["id"]
    if after is not None:
        asked["after"] = _moment(after, clock).isoformat()
    slot = found.get("/api/schedules/next-slot", **asked)
    show_one(slot, json, lambda each: moments.spoken(datetime.fromisoformat(each["at"]), clock))


def _next(found: Service, network: NetworkName, account_id: str | None, clock: ZoneInfo) -> datetime:
    asked = {"zone": clock.key, "network": network.value} | ({} if account_id is None else {"account_id": account_id})
    return datetime.fromisoformat(found.get("/api/schedules/next-slot", **asked)["at"])


def _moment(text: str, clock: ZoneInfo) -> datetime:
    found = moments.moment(text, clock, datetime.now(UTC))
    if found is None:
        raise Invalid("What goes out now is not planned: see `cliply publish`.")
    return found


def _at(moment: datetime, clock: ZoneInfo) -> dict[str, str]:
    """With its offset, so that it is the moment that was said back, on the clock of this zone."""
    return {"at": moment.astimezone(clock).isoformat(timespec="seconds"), "zone": clock.key}


def _clock(found: Service, zone: str | None) -> ZoneInfo:
    if zone is None:
        return zone_of(found)
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise typer.BadParameter(f"“{zone}” is no time zone. Name one like Europe/Berlin.") from None


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter(f"“{text}” is no day. Write it like 2026-12-24.") from None


def _line(each: Any) -> str:
    when = f"{datetime.fromisoformat(each['at']):%Y-%m-%d %H:%M}"
    state = each["state"] if each["state"] != "fired" else each["publication"].replace("_", " ")
    return f"{each['id']}  {when}  {each['network']:<7} {state:<15} {each['title']}  {each['url'] or ''}".rstrip()
