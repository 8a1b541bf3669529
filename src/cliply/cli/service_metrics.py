"""`cliply metrics`: how what a service has published does."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cliply.cli import moments
from cliply.cli.console import JsonFlag, print_json
from cliply.cli.remote import service
from cliply.cli.service_accounts import account_named
from cliply.media.probe import printable

_FIGURES = ("views", "likes", "comments", "shares")
_WIDE = 9
_FIRST_AGE = timedelta(hours=1)


class On(StrEnum):
    YOUTUBE = "youtube"
    TIKTOK = "tiktok"


class By(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def register(app: typer.Typer) -> None:
    app.command("metrics")(metrics)


def metrics(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="First day. Default: 27 days before the last."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Last day. Default: today.")
    ] = None,
    on: Annotated[On | None, typer.Option(help="Only on this network.")] = None,
    account: Annotated[str | None, typer.Option(help="Only on this account, by its name, handle or id.")] = None,
    by: Annotated[By, typer.Option(help="What to tell of, by when it was published.")] = By.WEEK,
    age: Annotated[
        int | None,
        typer.Option(help="Compare at the same age: 1, 3, 6, 24, 72, 168 or 672 hours. Default: the latest figures."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """See how all that was published on some days does, and by network, account and period."""
    found = service()
    asked = {
        "since": since and f"{since:%Y-%m-%d}", "until": until and f"{until:%Y-%m-%d}", "network": on and on.value,
        "account_id": account and account_named(found, account)["id"], "period": by.value,
        "age_hours": None if age is None else str(age),
    }  # fmt: skip
    told = found.get("/api/metrics/summary", **asked)
    if json:
        print_json(told)
        return
    for line in _table(told):
        typer.echo(printable(line).rstrip())


def lines_of(told: Any, zone: ZoneInfo) -> Iterator[str]:
    """A publication's figures, for people."""
    if told["standing"] not in (None, "shown"):
        yield f"It is {told['standing']}."
    if told["problem"]:
        yield told["problem"]
    if not told["snapshots"]:
        yield from _none_yet(told, zone)
        return
    yield _line("age", [*_FIGURES, "watched", "share"])
    for each in told["snapshots"]:
        yield _line(_age(each["age_hours"]), _cells(each)) + f"  {_taken(each, zone)}"


def _none_yet(told: Any, zone: ZoneInfo) -> Iterator[str]:
    if told["problem"]:
        if told["next_at"] is not None:
            yield f"It is asked again at {moments.short(datetime.fromisoformat(told['next_at']), zone)}."
    elif told["counts_from"] is None or datetime.fromisoformat(told["counts_from"]) > datetime.now(UTC) - _FIRST_AGE:
        yield "There are no figures yet; the first are taken an hour after it was published."
    else:
        yield "There are no figures yet. Where its account has to be connected again, they come after that."


def _table(told: Any) -> Iterator[str]:
    at = "the latest figures" if told["age_hours"] is None else f"figures {_age(told['age_hours'])} after publication"
    yield f"Published from {told['since']} to {told['until']}, {at}"
    yield _row("", ["posts", *_FIGURES, "watched", "share"])
    yield _row("in all", _summed(told["total"]))
    for network in told["networks"]:
        yield _row(network["network"], _summed(network))
    for account in told["accounts"]:
        yield _row(f"{account['name']} ({account['network']})", _summed(account))
    for period in told["periods"]:
        yield _row(f"from {period['begins']}", _summed(period))


def _summed(sums: Any) -> list[str]:
    return [str(sums["publications"]), *_cells(sums)]


def _cells(figures: Any) -> list[str]:
    """What a network does not tell is a dash, and no 0."""
    watched, share = figures["watched_seconds"], figures["average_share_watched"]
    return [
        *("–" if figures[name] is None else str(figures[name]) for name in _FIGURES),
        "–" if watched is None else f"{watched / 3600:.1f} h",
        "–" if share is None else f"{share:.0%}",
    ]


def _row(name: str, cells: Sequence[str]) -> str:
    return _line(f"{name[:29]:<30}", cells)


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:<7}" + "".join(f"{cell:>{_WIDE}}" for cell in cells)


def _age(hours: int) -> str:
    return f"{hours} h" if hours < 24 else f"{hours // 24} d"


def _taken(snapshot: Any, zone: ZoneInfo) -> str:
    """Where it came late, how old the post was then."""
    at = moments.short(datetime.fromisoformat(snapshot["taken_at"]), zone)
    late = snapshot["real_age_hours"] > snapshot["age_hours"] * 1.1 + 0.1
    return f"{at}, at {snapshot['real_age_hours']:.1f} h" if late else at
