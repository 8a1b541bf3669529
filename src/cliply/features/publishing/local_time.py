"""Times on the clock of a zone, and the moments that they are. Pure.

The rule where clocks are changed is that of calendars (RFC 5545): a time that is left out is as much later as clocks go
forward, and of one that comes twice the first is meant, unless the second is named.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cliply.errors import Invalid


class NoSuchZone(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(f"“{name[:60]}” is no time zone. Name one of the IANA list, such as Europe/Berlin.")


class TooFarOff(Invalid):
    def __init__(self) -> None:
        super().__init__("This time lies outside of all calendars.")


@dataclass(frozen=True, slots=True)
class LocalTime:
    """As somebody chose it: what the clock shows, and where."""

    at: datetime
    """Without an offset."""
    zone: str
    second: bool = False
    """The second of two moments at which clocks there show it."""

    @classmethod
    def of(cls, moment: datetime, zone: str) -> Self:
        """What clocks there show at this moment. Raises NoSuchZone."""
        try:
            local = moment.astimezone(zone_named(zone))
        except OverflowError:
            raise TooFarOff from None
        return cls(local.replace(tzinfo=None, fold=0), zone, local.fold == 1 and _comes_twice(local))

    @property
    def moment(self) -> datetime:
        """By the rules of the zone as they are known now. Raises NoSuchZone or TooFarOff."""
        local = self.at.replace(tzinfo=zone_named(self.zone), fold=0)
        try:
            return local.replace(fold=int(self.second and _comes_twice(local))).astimezone(UTC)
        except OverflowError:
            raise TooFarOff from None

    def said(self) -> str:
        """`2026-10-25 02:30 (Europe/Berlin, UTC+02:00)`: what clocks show when it fires."""
        local = self.moment.astimezone(zone_named(self.zone))
        return f"{local:%Y-%m-%d %H:%M} ({self.zone}, UTC{local.isoformat(timespec='minutes')[-6:]})"


def zone_named(name: str) -> ZoneInfo:
    """Raises NoSuchZone."""
    if name not in _known():
        raise NoSuchZone(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise NoSuchZone(name) from None


@cache
def _known() -> frozenset[str]:
    # Only names that are one: others are files of this machine.
    return frozenset(available_timezones())


def _comes_twice(local: datetime) -> bool:
    first, second = (local.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    # Where it is left out, the offset grows.
    return first > second
