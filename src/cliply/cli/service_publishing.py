"""`cliply publish`: a clip of a service goes to a network, now or at a time."""

import json as jsonlib
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cliply.cli import moments
from cliply.cli.asking import at_a_terminal
from cliply.cli.console import JsonFlag, note
from cliply.cli.remote import service
from cliply.cli.service_accounts import NetworkName, account_named, zone_of
from cliply.cli.service_names import Yes, confirm, is_id, show_one
from cliply.cli.times import listed
from cliply.errors import Conflict, Invalid, NotFound, Unavailable
from cliply.integrations.service import Service
from cliply.media.probe import printable

_LOOKS = 2.0
"""Seconds between two looks at what became of it."""
_LONG = timedelta(minutes=15)
"""Nobody is kept waiting for what goes on that much later by itself."""

Destination = Annotated[
    str,
    typer.Option(
        metavar="NETWORK[:ACCOUNT]",
        help="youtube or tiktok, and the account's name, handle or id. Default: the default account, or the only one.",
    ),
]
NetworkOptions = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="What only this network knows, like category_id=27; may be repeated."),
]
Agree = Annotated[bool, typer.Option("--agree", help="TikTok: you agree to what it wants agreed to for each post.")]


def register(app: typer.Typer) -> None:
    app.command()(publish)


def publish(
    clip: Annotated[
        str, typer.Argument(metavar="CLIP", help="Id of a clip, from `cliply clips list`.", show_default=False)
    ],
    to: Destination,
    at: Annotated[str | None, typer.Option(help=f"When it goes: {moments.HELP}. Default: at once.")] = None,
    title: Annotated[str | None, typer.Option(help="Instead of the clip's.")] = None,
    description: Annotated[str | None, typer.Option(help="Instead of the clip's.")] = None,
    hashtags: Annotated[str | None, typer.Option(help="Instead of the clip's: bees,honey")] = None,
    privacy: Annotated[
        str | None,
        typer.Option(
            help="Who may see it: on YouTube public, unlisted or private; on TikTok PUBLIC_TO_EVERYONE, "
            "FOLLOWER_OF_CREATOR, MUTUAL_FOLLOW_FRIENDS or SELF_ONLY. Default: as the account is set up."
        ),
    ] = None,
    made_for_kids: Annotated[
        bool | None, typer.Option("--made-for-kids/--not-made-for-kids", help="Instead of what the account is set to.")
    ] = None,
    synthetic: Annotated[
        bool | None,
        typer.Option("--synthetic/--not-synthetic", help="Whether it is labelled as made or altered by AI."),
    ] = None,
    cover: Annotated[bool, typer.Option("--cover/--no-cover", help="Whether the clip's cover is used.")] = True,
    public_at: Annotated[
        str | None,
        typer.Option(help="YouTube: send it now with --privacy private, and have YouTube make it public then."),
    ] = None,
    option: NetworkOptions = None,
    agree: Agree = False,
    again: Annotated[bool, typer.Option("--again", help="Though this clip was published there before.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is published, or tell why not.")] = False,
    yes: Yes = False,
    json: JsonFlag = False,
) -> None:
    """Publish a clip of a service on YouTube or TikTok, now or at a time; it goes out once, however often lines drop.

    Clips that `cliply clip` makes on this machine are not known to a service: `cliply upload` makes clips there.
    """
    check_clip(clip)
    network, account = destination(to)
    options = options_of(option or [])
    found = service()
    zone = zone_of(found)
    body = _given(
        {
            "clip_id": clip,
            "account_id": None if account is None else account_named(found, account, network.value)["id"],
            "run_at": _moment(at, zone),
            "title": title,
            "description": description,
            "hashtags": None if hashtags is None else listed(hashtags),
            "privacy": privacy,
            "made_for_kids": made_for_kids,
            "synthetic": synthetic,
            "cover": cover,
            "publish_at": _moment(public_at, zone),
            "again": again,
        }
    )
    if body.get("run_at") is not None:
        note(f"It goes out on {moments.spoken(datetime.fromisoformat(body['run_at']), zone)}.")
        if at_a_terminal():
            confirm("Is that right?", yes=yes)
    if network is NetworkName.TIKTOK:
        options = agreed(options, agree=agree)
    made = found.post(f"/api/publish/{network.value}", {**body, "options": options})
    if wait:
        made = followed(found, made["id"], zone)
    show_one(made, json, lambda each: line_of(each, zone))
    if not wait and not json:
        note(f"See what becomes of it: cliply publications show {made['id']}")


def check_clip(named: str) -> None:
    """Raises Invalid for what is no id, above all a file of `cliply clip`."""
    if is_id(named):
        return
    if Path(named).exists():
        raise Invalid(
            f"{named} is on this machine, and it is a service that publishes: it keeps the time, and takes care that "
            "nothing goes out twice. Send it the video with `cliply upload`, then name one of the clips that it makes "
            "by its id, from `cliply clips list`."
        )
    raise NotFound(f"“{printable(named)}” is no id of a clip. `cliply clips list` tells the ids.")


def destination(text: str) -> tuple[NetworkName, str | None]:
    """`youtube`, or `youtube:` and an account's name, handle or id."""
    name, _, account = text.partition(":")
    try:
        network = NetworkName(name.strip().lower())
    except ValueError:
        known = " or ".join(NetworkName)
        raise typer.BadParameter(f"“{text}” names no network. Write {known}, or {known} with :ACCOUNT.") from None
    return network, account.strip() or None


def options_of(pairs: list[str]) -> dict[str, Any]:
    """`true`, `false`, and what is written as a list or in quotes is taken as JSON; all else is text."""
    made: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"“{pair}” is no NAME=VALUE, such as category_id=27.")
        made[name.strip()] = _value(value.strip())
    return made


def agreed(options: dict[str, Any], *, agree: bool) -> dict[str, Any]:
    """With the time at which somebody was shown what TikTok wants agreed to for each post, and said yes.

    Raises Invalid where nobody is there to ask.
    """
    # What it takes from here on is loaded for TikTok only.
    from cliply.integrations import tiktok_rules as rules

    if {"consented_at", "agreed_to"} & set(options):
        return options
    try:
        chosen = rules.TikTokOptions.model_validate(options)
    except ValueError:
        # The service tells what is wrong with them.
        return options
    for told in (rules.label_notice(chosen), rules.declaration(chosen)):
        if told:
            note(told)
    for each in rules.agreements(chosen):
        note(f"  {each.document}: {each.url}")
    if not agree:
        if not at_a_terminal():
            raise Invalid("TikTok wants a person to agree to each post. Read what is above, then add --agree.")
        confirm("Do you agree, and shall it be posted?", yes=False)
    consented = datetime.now(UTC).isoformat(timespec="seconds")
    return {**options, "consented_at": consented, "agreed_to": [str(each) for each in rules.agreements(chosen)]}


def followed(found: Service, publication_id: str, zone: ZoneInfo) -> Any:
    """The publication, once it is at the network. Raises Conflict where it needs somebody, and Unavailable where it
    goes on by itself, but not soon."""
    told = ""
    while True:
        now = found.get(f"/api/publications/{publication_id}")
        said = " ".join(each for each in (state_of(now), now["error"] or now["note"] or "") if each)
        if said != told:
            told = said
            note(printable(said))
        match now["state"]:
            case "published" | "pending":
                return now
            case "rejected" | "cancelled":
                raise Conflict(f"It was {now['state']}{': ' + now['error'] if now['error'] else '.'}")
            case "intent" if now.get("schedule") == "missed":
                raise Conflict(f"{now['error']} Run: cliply schedule move {publication_id}, or cancel")
            case "needs_reconnect":
                account = f"cliply accounts reconnect {now['account_id']}"
                raise Conflict(f"{now['error'] or 'Its account is not connected.'} Run: {account}")
            case "unknown" if now["next_at"] is None:
                raise Conflict(f"{now['error']} Run: cliply publications settle {publication_id} published, or absent")
            case "parked" if (later := _much_later(now)) is not None:
                when = moments.spoken(later, zone)
                raise Unavailable(f"{now['error'] or now['note'] or 'It waits.'} It goes on by itself on {when}.")
        threading.Event().wait(_LOOKS)


_SAYS_WHY = ("published", "rejected", "needs_reconnect", "unknown")


def line_of(each: Any, zone: ZoneInfo) -> str:
    then = each["url"] or ""
    if not then and each["next_at"] is not None:
        then = f"at {moments.short(datetime.fromisoformat(each['next_at']), zone)}"
    if not then and each["state"] in _SAYS_WHY and (why := each["error"] or each["note"]):
        # Why there is no address where its network tells none, or why nothing is there.
        then = f"({why})"
    return f"{each['id']}  {each['network']:<7} {state_of(each):<15} {each['post']['title']}  {then}".rstrip()


def state_of(each: Any) -> str:
    """`planned` is what people call an intent with a time, as long as its schedule has not fired."""
    if each["state"] == "intent":
        schedule = each.get("schedule")
        return "waiting" if schedule in (None, "fired") else str(schedule)
    return str(each["state"]).replace("_", " ")


def _much_later(now: Any) -> datetime | None:
    """What was planned for a time is waited for all the same."""
    if now["next_at"] is None or now["next_at"] == now["run_at"]:
        return None
    later = datetime.fromisoformat(now["next_at"])
    return later if later > datetime.now(UTC) + _LONG else None


def _moment(text: str | None, zone: ZoneInfo) -> str | None:
    found = None if text is None else moments.moment(text, zone, datetime.now(UTC))
    return None if found is None else found.isoformat()


def _value(text: str) -> Any:
    if text in ("true", "false") or text[:1] in ("[", "{", '"'):
        try:
            return jsonlib.loads(text)
        except ValueError:
            raise typer.BadParameter(f"“{text}” looks like JSON and is none.") from None
    return text


def _given(wanted: dict[str, Any]) -> dict[str, Any]:
    """Without what was left open: that is for the clip and the account to say."""
    return {name: value for name, value in wanted.items() if value is not None}
