"""The page that shows a person what there is at the stand-ins: people, posts, permissions and the ledger."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cliply.dev_providers import pages
from cliply.dev_providers.ledger import PUBLISHED, Entry, Ledger
from cliply.dev_providers.world import GoogleAccount, GoogleWorld, TikTokPerson, TikTokWorld

_SHOWN = 300
"""Entries of the ledger, the newest first."""
_TITLES = ("title", "caption")
_NETWORKS = {"google": "YouTube", "tiktok": "TikTok"}


def routes(google: GoogleWorld, tiktok: TikTokWorld, settle: Callable[[], None]) -> Sequence[BaseRoute]:
    """`settle` lets happen what is due by the clock."""

    def show(_request: Request) -> Response:
        settle()
        entries, names = google.ledger.entries(), _names(google, tiktok)
        return pages.page(
            "Stand-ins for Google and TikTok",
            pages.paragraph("On this machine, for trying Cliply out. Nothing that is done here reaches a network."),
            "<h2>People</h2>",
            pages.table(["At", "Name", "Account"], [*_people(google), *_tiktokers(tiktok)]),
            "<h2>Posts</h2>",
            pages.table(
                ["When", "Network", "Account", "Title", "Privacy", "Bytes", "SHA-256"], _posts(google.ledger, names)
            ),
            "<h2>Permissions</h2>",
            pages.table(["At", "Account", "App", "Scopes"], _permissions(google, tiktok)),
            f"<h2>Ledger</h2>{pages.paragraph(_how_many(len(entries)))}",
            pages.table(
                ["", "When", "Provider", "Who", "What", "Details"],
                [_row(each, names) for each in reversed(entries[-_SHOWN:])],
            ),
        )

    return [Route("/", show, methods=["GET"])]


def _people(google: GoogleWorld) -> Iterator[Sequence[object]]:
    for person in google.people:
        channels = ", ".join(f"{each.title} ({each.handle})" for each in person.channels) or "no channel"
        yield "Google", f"{person.name} <{person.email}>", channels


def _tiktokers(tiktok: TikTokWorld) -> Iterator[Sequence[object]]:
    for person in tiktok.people:
        yield "TikTok", person.name, f"@{person.username}, {'private' if person.private else 'public'}"


def _names(google: GoogleWorld, tiktok: TikTokWorld) -> Mapping[str, str]:
    """What people know accounts and apps by, by their ids."""
    channels = [channel for person in google.people for channel in person.channels]
    return {
        **{each.id: f"{each.title} ({each.handle})" for each in channels},
        **{each.open_id: f"{each.name} (@{each.username})" for each in tiktok.people},
        **{each.id: f"the app {each.name}" for each in (*google.apps, *tiktok.apps)},
    }


def _posts(ledger: Ledger, names: Mapping[str, str]) -> Iterator[Sequence[object]]:
    for entry in reversed(ledger.entries(PUBLISHED)):
        told = entry.details
        title = next((told[name] for name in _TITLES if name in told), "")
        yield (
            entry.at, _NETWORKS.get(entry.provider, entry.provider), names.get(entry.who, entry.who), title,
            told.get("privacy", ""), _grouped(told.get("size", "")), pages.Code(told.get("sha256", "")),
        )  # fmt: skip


def _permissions(google: GoogleWorld, tiktok: TikTokWorld) -> Iterator[Sequence[object]]:
    for world, at in ((google, "Google"), (tiktok, "TikTok")):
        for consent in world.tokens.consents():
            scopes = ", ".join(sorted(each.rpartition("/")[2] for each in consent.scopes))
            yield at, _name_of(consent.account), consent.app.name, scopes


def _name_of(account: GoogleAccount | TikTokPerson) -> str:
    if isinstance(account, TikTokPerson):
        return f"@{account.username}"
    return account.person.email if account.channel is None else f"{account.channel.title} ({account.channel.handle})"


def _row(entry: Entry, names: Mapping[str, str]) -> Sequence[object]:
    who = names.get(entry.who, entry.who)
    return entry.number, entry.at, entry.provider, who, entry.what, pages.told(entry.details)


def _how_many(entries: int) -> str:
    counted = "1 entry" if entries == 1 else f"{entries} entries"
    return counted + (f", the last {_SHOWN} of them:" if entries > _SHOWN else ":")


def _grouped(size: object) -> str:
    return f"{size:,}" if isinstance(size, int) else str(size)
